"""What other services ask: checked, done once, and answered, in sets."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.lifecycle import Verb
from booking.publishers import CommandAnswer, result_record, snapshot_json, succeeded
from booking.storage.commands import await_turn, read_results, save_results
from booking.storage.connections import connection_of
from booking.storage.outbox import enqueue_records
from booking.storage.policies import PolicyCache
from booking.usecases.commands.batch_undo import undo
from booking.usecases.commands.bookings import book, check, lock_ahead
from booking.usecases.commands.outdated import refuse_changes_of_erased, refuse_expired
from booking.usecases.commands.received import ReceivedCommand, refusal
from booking.usecases.history import Recorded
from booking.usecases.lifecycle import Details, change_status, locked_appointment
from booking.usecases.portal import cancel_own, confirm_own, read_portal_client
from booking.usecases.rescheduling import Move, reschedule_appointment
from slotstream_contracts.commands import (
    BookAppointment,
    BookAppointments,
    CancelAppointment,
    CheckAppointment,
    CheckAppointments,
    Command,
    ConfirmAppointment,
    RescheduleAppointment,
    UndoAppointments,
)
from slotstream_servicekit.context import Context
from slotstream_servicekit.errors import NotFoundError, SlotstreamError


async def answer_commands(
    *, session: AsyncSession, policies: PolicyCache, commands: Sequence[ReceivedCommand], now: datetime
) -> None:
    """Answers every command; those done before get the stored answer. Keeps each organization's order.

    Organizations come in the order of their ids: a batch holds what it took of the first while it waits for the next,
    and another batch does the same meanwhile.
    """
    for organization_id in sorted({command.organization_id for command in commands}):
        own = [command for command in commands if command.organization_id == organization_id]
        await _answer(session, policies, organization_id, own, now=now)


async def _answer(
    session: AsyncSession,
    policies: PolicyCache,
    organization_id: UUID,
    commands: Sequence[ReceivedCommand],
    *,
    now: datetime,
) -> None:
    connection = await connection_of(session)
    stored = await read_results(connection, organization_id, [command.id for command in commands])
    answers = {command_id: CommandAnswer(type=kind, data=data) for command_id, (kind, data) in stored.items()}
    fresh = {command.id: command for command in commands if command.id not in answers}
    new = refuse_expired(list(fresh.values()), now=now)
    due = [command for command in fresh.values() if command.id not in new]
    runs = list(_runs(due))
    goes_on = len(runs) > 1 or any(step is _verbs and len(run) > 1 for step, run in runs)
    if due:
        await await_turn(connection, organization_id, alone=goes_on)
    if goes_on:
        await lock_ahead(connection, policies, organization_id, due)
    for step, run in runs:
        new |= await step(session, policies, run, now)
    if new:
        results = {command_id: (answer.type, answer.data) for command_id, answer in new.items()}
        await save_results(connection, organization_id, results, now=now)
    answers |= new
    await enqueue_records(
        connection,
        [
            result_record(
                answers[command.id], organization_id=organization_id, key=command.key, now=now, cause=command.cause
            )
            for command in commands
        ],
    )


Step = Callable[[AsyncSession, PolicyCache, Sequence[ReceivedCommand], datetime], Awaitable[dict[UUID, CommandAnswer]]]
"""Answers commands of one organization, by their ids."""


def _runs(commands: Sequence[ReceivedCommand]) -> Iterator[tuple[Step, list[ReceivedCommand]]]:
    """Neighbours that one set-based step can take together."""
    for step, run in groupby(commands, key=lambda command: _STEPS[type(command.command)]):
        yield step, list(run)


async def _verbs(
    session: AsyncSession, policies: PolicyCache, run: Sequence[ReceivedCommand], now: datetime
) -> dict[UUID, CommandAnswer]:
    refused = await refuse_changes_of_erased(await connection_of(session), run)
    return {command.id: refused.get(command.id) or await _verb(session, policies, command, now) for command in run}


async def _verb(session: AsyncSession, policies: PolicyCache, command: ReceivedCommand, now: datetime) -> CommandAnswer:
    try:
        async with session.begin_nested():
            recorded = await _done(session, policies, command, command.context(now))
    except SlotstreamError as error:
        return refusal(command, error)
    return succeeded(
        command_id=command.id,
        command_type=command.type,
        appointment_id=recorded.appointment.id,
        snapshot=recorded.snapshot,
    )


async def _done(session: AsyncSession, policies: PolicyCache, received: ReceivedCommand, context: Context) -> Recorded:
    command = received.command
    match command:
        case RescheduleAppointment():
            duration = command.duration_minutes
            move = Move(
                new_id=command.new_appointment_id,
                starts_at=command.starts_at,
                duration=None if duration is None else timedelta(minutes=duration),
                resource_ids=command.resource_ids,
                notify=command.notify,
            )
            new, _ = await reschedule_appointment(
                session=session,
                policies=policies,
                context=context,
                appointment_id=command.appointment_id,
                move=move,
                expected_version=command.expected_version,
            )
            return new
        case ConfirmAppointment() | CancelAppointment() if context.actor.type == "client":
            return await _done_by_client(session, policies, command, context)
        case ConfirmAppointment() | CancelAppointment():
            cancels = isinstance(command, CancelAppointment)
            return await change_status(
                session=session,
                policies=policies,
                context=context,
                appointment_id=command.appointment_id,
                verb=Verb.CANCEL if cancels else Verb.CONFIRM,
                expected_version=command.expected_version,
                details=Details(reason=command.reason, notify=command.notify)
                if isinstance(command, CancelAppointment)
                else Details(),
            )
        case _:
            raise NotFoundError(f"Booking knows no command {received.type}.")


async def _done_by_client(
    session: AsyncSession, policies: PolicyCache, command: ConfirmAppointment | CancelAppointment, context: Context
) -> Recorded:
    """What a client answered by message: as in the portal, with their own appointments alone."""
    client = await read_portal_client(
        session=session, organization_id=context.organization_id, client_id=_client_id(context.actor.id)
    )
    if command.expected_version is not None:
        await locked_appointment(
            await connection_of(session), context, command.appointment_id, command.expected_version
        )
    act = partial(cancel_own, reason=command.reason) if isinstance(command, CancelAppointment) else partial(confirm_own)
    own = await act(
        session=session,
        policies=policies,
        context=context,
        client=client,
        appointment_id=command.appointment_id,
        shown_starts_at=command.shown_starts_at,
    )
    return Recorded(own.appointment, snapshot_json(own.appointment))


def _client_id(actor_id: str) -> UUID:
    try:
        return UUID(actor_id)
    except ValueError:
        raise NotFoundError("There is no such client.") from None


_STEPS: dict[type[Command], Step] = {
    CheckAppointment: check,
    CheckAppointments: check,
    BookAppointment: book,
    BookAppointments: book,
    ConfirmAppointment: _verbs,
    CancelAppointment: _verbs,
    RescheduleAppointment: _verbs,
    UndoAppointments: undo,
}
KNOWN_COMMANDS = frozenset(str(getattr(command, "type")) for command in _STEPS)  # noqa: B009 (of subclasses)
