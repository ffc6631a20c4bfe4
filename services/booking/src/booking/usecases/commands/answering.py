"""What other services ask: checked, done once, and answered, in sets."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.lifecycle import Verb
from booking.publishers import CommandAnswer, result_record, succeeded
from booking.storage.commands import read_results, save_results
from booking.storage.connections import connection_of
from booking.storage.policies import PolicyCache
from booking.usecases.commands.asked import Asked, refusal
from booking.usecases.commands.bookings import book, check
from booking.usecases.lifecycle import Details, Move, change_status, reschedule_appointment
from booking.usecases.undoing import undo_batch
from slotstream_contracts.commands import (
    BookAppointment,
    BookAppointments,
    CancelAppointment,
    CheckAppointment,
    CheckAppointments,
    Command,
    ConfirmAppointment,
    RescheduleAppointment,
    UndoBatch,
)
from slotstream_servicekit.errors import NotFoundError, SlotstreamError
from slotstream_servicekit.outbox import enqueue


async def answer_commands(
    *, session: AsyncSession, policies: PolicyCache, commands: Sequence[Asked], now: datetime
) -> None:
    """Answers every command; those done before get the stored answer. Keeps each organization's order."""
    for organization_id in dict.fromkeys(one.organization_id for one in commands):
        mine = [one for one in commands if one.organization_id == organization_id]
        await _answer(session, policies, organization_id, mine, now=now)


async def _answer(
    session: AsyncSession,
    policies: PolicyCache,
    organization_id: UUID,
    commands: Sequence[Asked],
    *,
    now: datetime,
) -> None:
    connection = await connection_of(session)
    stored = await read_results(connection, organization_id, [one.id for one in commands])
    answers = {one: CommandAnswer(type=kind, data=data) for one, (kind, data) in stored.items()}
    fresh = {one.id: one for one in commands if one.id not in answers}
    new: dict[UUID, CommandAnswer] = {}
    for step, run in _runs(list(fresh.values())):
        new |= await step(session, policies, organization_id, run, now)
    if new:
        results = {one: (answer.type, answer.data) for one, answer in new.items()}
        await save_results(connection, organization_id, results, now=now)
    answers |= new
    await enqueue(
        session,
        [
            result_record(answers[one.id], organization_id=organization_id, key=one.key, now=now, cause=one.cause)
            for one in commands
        ],
    )


def _runs(commands: Sequence[Asked]) -> Iterator[tuple[Callable[..., Any], list[Asked]]]:
    """Neighbours that one set-based step can take together."""
    for step, run in groupby(commands, key=lambda one: _STEPS[type(one.command)]):
        yield step, list(run)


async def _verbs(
    session: AsyncSession, policies: PolicyCache, organization_id: UUID, run: Sequence[Asked], now: datetime
) -> dict[UUID, CommandAnswer]:
    return {one.id: await _verb(session, policies, organization_id, one, now) for one in run}


async def _verb(
    session: AsyncSession, policies: PolicyCache, organization_id: UUID, one: Asked, now: datetime
) -> CommandAnswer:
    try:
        async with session.begin_nested():
            return await _done(session, policies, organization_id, one, now)
    except SlotstreamError as error:
        return refusal(one, error)


async def _done(
    session: AsyncSession, policies: PolicyCache, organization_id: UUID, one: Asked, now: datetime
) -> CommandAnswer:
    command = one.command
    if isinstance(command, RescheduleAppointment):
        duration = command.duration_minutes
        new, _ = await reschedule_appointment(
            session=session,
            policies=policies,
            organization_id=organization_id,
            appointment_id=command.appointment_id,
            move=Move(
                new_id=command.new_appointment_id,
                starts_at=command.starts_at,
                duration=None if duration is None else timedelta(minutes=duration),
                resource_ids=command.resource_ids,
                notify=command.notify,
            ),
            actor=one.actor,
            cause=one.cause,
            now=now,
            expected_version=command.expected_version,
        )
        recorded = new
    elif isinstance(command, ConfirmAppointment | CancelAppointment):
        confirming = isinstance(command, ConfirmAppointment)
        recorded = await change_status(
            session=session,
            policies=policies,
            organization_id=organization_id,
            appointment_id=command.appointment_id,
            verb=Verb.CONFIRM if confirming else Verb.CANCEL,
            actor=one.actor,
            cause=one.cause,
            now=now,
            expected_version=command.expected_version,
            details=Details()
            if isinstance(command, ConfirmAppointment)
            else Details(reason=command.reason, notify=command.notify),
        )
    else:
        raise NotFoundError(f"Booking knows no command {one.type}.")
    return succeeded(
        command_id=one.id,
        command_type=one.type,
        appointment_id=recorded.appointment.id,
        snapshot=recorded.snapshot,
    )


async def _undo(
    session: AsyncSession, _policies: PolicyCache, organization_id: UUID, run: Sequence[Asked], now: datetime
) -> dict[UUID, CommandAnswer]:
    answers: dict[UUID, CommandAnswer] = {}
    for one in run:
        if isinstance(one.command, UndoBatch):
            undone, kept_ids = await undo_batch(
                session=session,
                organization_id=organization_id,
                batch_id=one.command.batch_id,
                reason=one.command.reason,
                actor=one.actor,
                cause=one.cause,
                now=now,
            )
            answers[one.id] = succeeded(
                command_id=one.id,
                command_type=one.type,
                batch_id=one.command.batch_id,
                affected=undone,
                kept_ids=kept_ids,
            )
    return answers


_STEPS: dict[type[Command], Callable[..., Any]] = {
    CheckAppointment: check,
    CheckAppointments: check,
    BookAppointment: book,
    BookAppointments: book,
    ConfirmAppointment: _verbs,
    CancelAppointment: _verbs,
    RescheduleAppointment: _verbs,
    UndoBatch: _undo,
}
KNOWN_COMMANDS = frozenset(str(getattr(command, "type")) for command in _STEPS)  # noqa: B009 (of subclasses)
