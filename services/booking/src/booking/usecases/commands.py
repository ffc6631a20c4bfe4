"""What other services ask: checked, done once, and answered, in sets."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain import requests as domain
from booking.domain.clients import normal_email, normal_phone
from booking.domain.errors import AlreadyExistsError, InvalidBookingError
from booking.domain.lifecycle import Verb
from booking.domain.model import Actor
from booking.publishers import (
    Cause,
    CommandAnswer,
    refused,
    result_record,
    snapshot_json,
    succeeded,
)
from booking.storage.appointments import read_appointments
from booking.storage.commands import read_results, save_results
from booking.storage.connections import connection_of
from booking.storage.policies import PolicyCache
from booking.usecases.booking import Booking, Outcome, book_appointments, check_appointments
from booking.usecases.clients import find_or_create_clients
from booking.usecases.lifecycle import Details, Move, change_status, reschedule_appointment
from booking.usecases.undoing import undo_batch
from slotstream_contracts.commands import (
    BookAppointment,
    BookingRequest,
    CancelAppointment,
    CheckAppointment,
    Command,
    ConfirmAppointment,
    RescheduleAppointment,
    UndoBatch,
)
from slotstream_servicekit.errors import RETRYABLE_KINDS, NotFoundError, RefusedError, SlotstreamError
from slotstream_servicekit.outbox import enqueue


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One command with its envelope's facts."""

    id: UUID
    type: str
    organization_id: UUID
    key: str
    command: Command
    cause: Cause

    @property
    def actor(self) -> Actor:
        said = self.command.actor
        return Actor(type=said.type, id=said.id, call_id=said.call_id, on_behalf_of=said.on_behalf_of)


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
    for run in _runs(list(fresh.values())):
        new |= await _RUNS[type(run[0].command)](session, policies, organization_id, run, now)
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


def _runs(commands: Sequence[Asked]) -> Iterator[list[Asked]]:
    """Neighbours of one kind, which one set-based step can take together."""
    run: list[Asked] = []
    for one in commands:
        if run and type(run[0].command) is not type(one.command):
            yield run
            run = []
        run.append(one)
    if run:
        yield run


def _refusal(one: Asked, error: SlotstreamError, *, verb: Verb | None = None) -> CommandAnswer:
    if error.kind in RETRYABLE_KINDS:
        raise error
    return refused(
        command_id=one.id,
        command_type=one.type,
        code=error.code,
        detail=error.detail,
        reasons=error.reasons,
        appointment_id=getattr(one.command, "appointment_id", None),
        batch_id=_batch_of(one.command),
        verb=verb,
    )


def _batch_of(command: Any) -> UUID | None:
    request = getattr(command, "request", None)
    found: UUID | None = request.batch_id if request else getattr(command, "batch_id", None)
    return found


def _request_of(asked: BookingRequest, *, identity: UUID) -> domain.BookingRequest:
    price, client = asked.quoted_price, asked.client
    return domain.BookingRequest(
        id=identity,
        business_id=asked.business_id,
        starts_at=asked.starts_at,
        source=asked.source,
        service_id=asked.service_id,
        service_name=asked.service_name,
        client_id=asked.client_id,
        client=domain.ClientDetails(name=client.name, phone=client.phone, email=client.email) if client else None,
        duration=None if asked.duration_minutes is None else timedelta(minutes=asked.duration_minutes),
        resource_ids=asked.resource_ids or None,
        action_id=asked.action_id,
        origin_kind=asked.origin.kind,
        origin_reference_id=asked.origin.reference_id,
        origin_url=asked.origin.url,
        notes=asked.notes,
        internal_notes=asked.internal_notes,
        share_with_client=asked.share_with_client,
        notify_client=asked.notify,
        quoted_amount=price.amount if price else None,
        quoted_currency=price.currency if price else None,
        external_id=asked.external_id,
        batch_id=asked.batch_id,
        override_reason=asked.override.reason if asked.override else None,
    )


async def _check(
    session: AsyncSession, policies: PolicyCache, organization_id: UUID, run: Sequence[Asked], now: datetime
) -> dict[UUID, CommandAnswer]:
    asked = [
        (_request_of(one.command.request, identity=one.id), one.actor)
        for one in run
        if isinstance(one.command, CheckAppointment)
    ]
    found = await check_appointments(
        connection=await connection_of(session),
        policies=policies,
        organization_id=organization_id,
        requests=asked,
        now=now,
    )
    answers: dict[UUID, CommandAnswer] = {}
    for one, judged in zip(run, found, strict=True):
        if isinstance(judged, SlotstreamError):
            answers[one.id] = _refusal(one, judged)
        elif judged:
            answers[one.id] = _refusal(one, RefusedError(judged))
        else:
            answers[one.id] = succeeded(
                command_id=one.id,
                command_type=one.type,
                batch_id=_batch_of(one.command),
                outcome="bookable",
                affected=0,
            )
    return answers


async def _book(
    session: AsyncSession, policies: PolicyCache, organization_id: UUID, run: Sequence[Asked], now: datetime
) -> dict[UUID, CommandAnswer]:
    requests = {
        one.id: _request_of(one.command.request, identity=one.command.appointment_id)
        for one in run
        if isinstance(one.command, BookAppointment)
    }
    connection = await connection_of(session)
    # An appointment that exists is in its own way: judged again, it would be refused as taken.
    existing = await _existing(connection, organization_id, [request.id for request in requests.values()])
    done = {one.id: existing[requests[one.id].id] for one in run if requests[one.id].id in existing}
    answers = {one.id: _done_before(one, done[one.id]) for one in run if one.id in done}
    fresh = [one for one in run if one.id not in done]
    if fresh:
        answers |= await _book_new(session, policies, organization_id, fresh, requests, now)
    return answers


async def _book_new(
    session: AsyncSession,
    policies: PolicyCache,
    organization_id: UUID,
    run: Sequence[Asked],
    requests: dict[UUID, domain.BookingRequest],
    now: datetime,
) -> dict[UUID, CommandAnswer]:
    client_ids, answers = await _clients(session, policies, organization_id, run, requests, now)
    bookings: dict[UUID, Booking] = {}
    for one in run:
        if one.id not in answers:
            # Of several commands that name one appointment, the first books it.
            request = requests[one.id]
            new = Booking(request=request, client_id=client_ids[one.id], actor=one.actor, cause=one.cause)
            bookings.setdefault(request.id, new)
    connection = await connection_of(session)
    outcomes = await book_appointments(
        connection=connection,
        policies=policies,
        organization_id=organization_id,
        bookings=list(bookings.values()),
        now=now,
    )
    by_appointment = {each.booking.request.id: each for each in outcomes}
    beaten = [identity for identity, each in by_appointment.items() if isinstance(each.error, AlreadyExistsError)]
    done = await _existing(connection, organization_id, beaten)
    for one in run:
        if one.id not in answers:
            outcome = by_appointment[requests[one.id].id]
            answers[one.id] = _booked(one, outcome, done)
            if outcome.error is None:
                done[outcome.booking.request.id] = outcome.snapshot
    return answers


async def _existing(connection: Any, organization_id: UUID, ids: Sequence[UUID]) -> dict[UUID, bytes]:
    """Snapshots of appointments that a command names although they exist: done already, by another command."""
    if not ids:
        return {}
    found = await read_appointments(connection, organization_id=organization_id, ids=ids)
    return {identity: snapshot_json(one) for identity, one in found.items()}


def _done_before(one: Asked, snapshot: bytes) -> CommandAnswer:
    return succeeded(
        command_id=one.id,
        command_type=one.type,
        appointment_id=getattr(one.command, "appointment_id", None),
        batch_id=_batch_of(one.command),
        outcome="already_done",
        snapshot=snapshot,
    )


def _booked(one: Asked, outcome: Outcome, existing: dict[UUID, bytes]) -> CommandAnswer:
    identity = outcome.booking.request.id
    if identity in existing:
        return _done_before(one, existing[identity])
    if outcome.error is not None:
        return _refusal(one, outcome.error, verb=Verb.CREATE)
    return succeeded(
        command_id=one.id,
        command_type=one.type,
        appointment_id=identity,
        batch_id=_batch_of(one.command),
        outcome="done",
        snapshot=outcome.snapshot,
    )


async def _clients(
    session: AsyncSession,
    policies: PolicyCache,
    organization_id: UUID,
    run: Sequence[Asked],
    requests: dict[UUID, domain.BookingRequest],
    now: datetime,
) -> tuple[dict[UUID, UUID], dict[UUID, CommandAnswer]]:
    """Whom each command is for, and the refusals of those that do not say it rightly."""
    policy = await policies.current(await connection_of(session), organization_id)
    client_ids: dict[UUID, UUID] = {}
    refusals: dict[UUID, CommandAnswer] = {}
    details: dict[UUID, tuple[domain.ClientDetails, str | None]] = {}
    for one in run:
        request = requests[one.id]
        try:
            region = policy.business(request.business_id).phone_region
            if request.client_id is not None:
                client_ids[one.id] = request.client_id
            elif request.client is None:
                raise InvalidBookingError("client_required", "Give one of client_id and client.")
            else:
                normal_phone(request.client.phone, region=region)
                normal_email(request.client.email)
                details[one.id] = (request.client, region)
        except SlotstreamError as error:
            refusals[one.id] = _refusal(one, error, verb=Verb.CREATE)
    if details:
        found = await find_or_create_clients(
            session=session,
            organization_id=organization_id,
            wanted=list(details.values()),
            cause=run[0].cause,
            now=now,
        )
        client_ids |= dict(zip(details, found, strict=True))
    return client_ids, refusals


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
        return _refusal(one, error)


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


_RUNS: dict[type[Command], Callable[..., Any]] = {
    CheckAppointment: _check,
    BookAppointment: _book,
    ConfirmAppointment: _verbs,
    CancelAppointment: _verbs,
    RescheduleAppointment: _verbs,
    UndoBatch: _undo,
}
KNOWN_COMMANDS = frozenset(str(getattr(command, "type")) for command in _RUNS)  # noqa: B009 (of subclasses)
