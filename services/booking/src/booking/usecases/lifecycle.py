"""The verbs on an appointment that exists."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.errors import (
    BusyBookError,
    NotStartedError,
    OverrideForbiddenError,
    ReasonRequiredError,
    TooLateError,
)
from booking.domain.lifecycle import TRANSITIONS, Status, Verb, status_after
from booking.domain.model import Actor, Appointment, AssignedResource, Override, changed, takes_time
from booking.domain.policy import Policy, Wanted
from booking.domain.requests import BookingRequest
from booking.domain.seating import Seat, assigned_resources, seat
from booking.publishers import Cause
from booking.storage.appointments import read_appointment, replace_resources
from booking.storage.bookings import current_client
from booking.storage.connections import connection_of
from booking.storage.occupancy import (
    Window,
    drop_expired_holds,
    free_time,
    read_calendars,
    take_time,
    takes_of,
)
from booking.storage.policies import PolicyCache
from booking.usecases.booking import Booking, Predecessor, book_appointment
from booking.usecases.overriding import force_seats
from booking.usecases.recording import Recorded, record_change
from slotstream_servicekit.errors import RefusedError, VersionConflictError

_A_DAY = timedelta(days=1)
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What a verb is told beside its name. None leaves a value as it is."""

    reason: str | None = None
    notify: bool | None = None
    override_reason: str | None = None
    actual_amount: Decimal | None = None
    actual_currency: str | None = None
    internal_notes: str | None = None


async def change_status(
    *,
    session: AsyncSession,
    policies: PolicyCache,
    organization_id: UUID,
    appointment_id: UUID,
    verb: Verb,
    actor: Actor,
    cause: Cause,
    now: datetime,
    expected_version: int | None = None,
    details: Details = Details(),
) -> Recorded:
    """Any verb that leads from one status to another on the same appointment."""
    connection = await connection_of(session)
    old = await _locked(connection, organization_id, appointment_id, expected_version)
    policy = await policies.current(connection, organization_id)
    status, override = decide(policy, old, verb, actor=actor, now=now, details=details)
    occupies = takes_time(status, pending_occupies=old.occupies)
    resources = old.resources
    if TRANSITIONS[verb].rechecks_slot and occupies and not old.occupies:
        resources, override = await _take_again(connection, policy, old, actor=actor, now=now, details=details)
    elif old.occupies and not occupies:
        await free_time(connection, organization_id=organization_id, holder_id=old.id)
    new, change = changed(
        old,
        verb=verb,
        now=now,
        reason=details.reason,
        override=override,
        status=status,
        occupies=occupies,
        resources=resources,
        **told(old, details),
    )
    if new.resources != old.resources:
        await replace_resources(connection, new)
    return await record_change(session, new, change=change, actor=actor, cause=cause)


def decide(
    policy: Policy, old: Appointment, verb: Verb, *, actor: Actor, now: datetime, details: Details
) -> tuple[Status, Override | None]:
    """The status that the verb leads to and the notice it sets aside. Raises what forbids it; checks no slot."""
    status = status_after(verb, old.status)
    row = TRANSITIONS[verb]
    if row.needs_reason and not (details.reason or "").strip():
        raise ReasonRequiredError(f"'{verb}' needs a reason.")
    if row.only_after_start and now < old.starts_at:
        raise NotStartedError("A no-show is known once the start has passed.")
    why = details.override_reason or details.reason
    return status, notice_override(policy, old, verb, actor=actor, now=now, why=why)


def told(old: Appointment, details: Details) -> dict[str, Any]:
    """What the verb says beside the status."""
    return {
        "notify_client": old.notify_client if details.notify is None else details.notify,
        "internal_notes": details.internal_notes or old.internal_notes,
        "actual_amount": old.actual_amount if details.actual_amount is None else details.actual_amount,
        "actual_currency": details.actual_currency or old.actual_currency,
    }


def notice_override(
    policy: Policy, old: Appointment, verb: Verb, *, actor: Actor, now: datetime, why: str | None
) -> Override | None:
    """Clients and agents keep to the service's notice; staff go beyond it with a reason, which is a record."""
    service = policy.services.get(old.service_id) if old.service_id else None
    if service is None or verb not in {Verb.CANCEL, Verb.RESCHEDULE}:
        return None
    notice = service.cancellation_notice if verb is Verb.CANCEL else service.reschedule_notice
    too_often = (
        verb is Verb.RESCHEDULE
        and service.max_reschedules is not None
        and old.reschedule_count >= service.max_reschedules
    )
    if not too_often and now <= old.starts_at - notice:
        return None
    rule = "too_many_reschedules" if too_often else "notice_passed"
    bound = actor.keeps_notice or (actor.may_override and (too_often or notice > timedelta()))
    if not bound:
        return None
    if actor.may_override and why:
        return Override(reason=why, rules=(rule,))
    error = TooLateError(f"'{verb}' is not allowed any more: {rule.replace('_', ' ')}. Staff may, with a reason.")
    error.code = rule
    raise error


async def _take_again(
    connection: Any, policy: Policy, old: Appointment, *, actor: Actor, now: datetime, details: Details
) -> tuple[tuple[AssignedResource, ...], Override | None]:
    """Takes the time that the appointment gave up, or says what is in the way by now. A group's seat may differ."""
    if details.override_reason and not actor.may_override:
        raise OverrideForbiddenError("Only a member of staff can override.")
    wanted = _wanted_again(policy, old)
    seats, override = await _take(connection, policy, old, wanted, now=now, override_reason=details.override_reason)
    return assigned_resources(policy, seats, limit=wanted.rules.capacity), override


def _wanted_again(policy: Policy, old: Appointment, *, resource_ids: Sequence[UUID] | None = None) -> Wanted:
    return policy.wanted(
        business_id=old.business_id,
        service_id=old.service_id,
        starts_at=old.starts_at,
        duration=old.duration,
        resource_ids=resource_ids or [each.id for each in old.resources],
    )


async def _take(
    connection: Any,
    policy: Policy,
    old: Appointment,
    wanted: Wanted,
    *,
    now: datetime,
    override_reason: str | None,
    kept: frozenset[UUID] = frozenset(),
) -> tuple[tuple[Seat, ...], Override | None]:
    """Judges and takes the resources in `wanted` beyond those `kept`; with an override where one was needed."""
    organization_id = policy.organization_id
    windows = [Window(one, wanted.blocked[0] - _A_DAY, wanted.blocked[1] + _A_DAY) for one in wanted.candidates]
    for _ in range(_ATTEMPTS):
        calendars = await read_calendars(connection, organization_id, windows)
        # A correction of what has begun or passed is not a new booking: only the slot itself is checked again.
        judged_at = min(now, old.starts_at - wanted.rules.minimum_notice)
        found = seat(policy, wanted, calendars=calendars, holder_id=old.id, now=judged_at, ignore=(old.id,))
        if found.reasons and not override_reason:
            raise RefusedError(found.reasons)
        takes = tuple(each for each in found.seats if each.resource_id not in kept)
        override = None
        if found.reasons and override_reason:
            takes, override = await force_seats(
                connection,
                organization_id=organization_id,
                holder_id=old.id,
                blocked=wanted.blocked,
                seats=takes,
                reasons=found.reasons,
                why=override_reason,
            )
        if await take_time(
            connection,
            organization_id=organization_id,
            holder_id=old.id,
            blocked=wanted.blocked,
            takes=takes,
            forced=override is not None,
        ):
            return found.seats, override
        await drop_expired_holds(connection, organization_id, windows)
    raise BusyBookError("The slot is changing hands right now; ask again.")


async def _locked(
    connection: Any, organization_id: UUID, appointment_id: UUID, expected_version: int | None
) -> Appointment:
    old = await read_appointment(connection, organization_id=organization_id, appointment_id=appointment_id, lock=True)
    if expected_version is not None and expected_version != old.version:
        raise VersionConflictError(old.version)
    return old


async def edit_appointment(
    *,
    session: AsyncSession,
    policies: PolicyCache,
    organization_id: UUID,
    appointment_id: UUID,
    actor: Actor,
    cause: Cause,
    now: datetime,
    values: dict[str, Any],
    resource_ids: Sequence[UUID] | None = None,
    override_reason: str | None = None,
    expected_version: int | None = None,
) -> Recorded:
    """Notes, prices, action, sharing; with `resource_ids` a new assignment, which is checked like a booking."""
    connection = await connection_of(session)
    old = await _locked(connection, organization_id, appointment_id, expected_version)
    status_after(Verb.UPDATE, old.status)
    policy = await policies.current(connection, organization_id)
    if values.get("action_id"):
        values["action_name"] = policy.action(values["action_id"]).name
    elif "action_id" in values:
        values["action_name"] = None
    verb, override = Verb.UPDATE, None
    if resource_ids is not None and {each.id for each in old.resources} != set(resource_ids):
        verb = Verb.ASSIGN
        values["resources"], override = await _reassign(
            connection, policy, old, resource_ids, now=now, actor=actor, override_reason=override_reason
        )
    new, change = changed(old, verb=verb, now=now, override=override, **values)
    if not change.fields:
        return _unchanged(old)
    if verb is Verb.ASSIGN:
        await replace_resources(connection, new)
    return await record_change(session, new, change=change, actor=actor, cause=cause)


def _unchanged(old: Appointment) -> Recorded:
    from booking.publishers import snapshot_json, state_json

    snapshot = snapshot_json(old)
    return Recorded(old, state_json(old, snapshot), snapshot)


async def _reassign(
    connection: Any,
    policy: Policy,
    old: Appointment,
    resource_ids: Sequence[UUID],
    *,
    now: datetime,
    actor: Actor,
    override_reason: str | None,
) -> tuple[tuple[AssignedResource, ...], Override | None]:
    if override_reason and not actor.may_override:
        raise OverrideForbiddenError("Only a member of staff can override.")
    wanted = _wanted_again(policy, old, resource_ids=resource_ids)
    had = {each.id for each in old.resources}
    # What takes no time yet is judged all the same; its approval takes the time.
    kept = frozenset(had if old.occupies else resource_ids)
    seats, override = await _take(connection, policy, old, wanted, now=now, override_reason=override_reason, kept=kept)
    given_up = sorted(had - set(resource_ids))
    await free_time(connection, organization_id=policy.organization_id, holder_id=old.id, resource_ids=given_up)
    return assigned_resources(policy, seats, limit=wanted.rules.capacity), override


async def archive_appointment(
    *,
    session: AsyncSession,
    organization_id: UUID,
    appointment_id: UUID,
    archived: bool,
    actor: Actor,
    cause: Cause,
    now: datetime,
    expected_version: int | None = None,
) -> Recorded:
    """Hides an appointment from lists, or shows it again. Its history stays whole; its status is untouched."""
    connection = await connection_of(session)
    old = await _locked(connection, organization_id, appointment_id, expected_version)
    if old.archived == archived:
        return _unchanged(old)
    verb = Verb.ARCHIVE if archived else Verb.UNARCHIVE
    new, change = changed(old, verb=verb, now=now, archived=archived)
    return await record_change(session, new, change=change, actor=actor, cause=cause)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Where an appointment is moved to. None keeps what it had."""

    new_id: UUID
    starts_at: datetime
    duration: timedelta | None = None
    resource_ids: tuple[UUID, ...] | None = None
    notify: bool = True
    reason: str | None = None
    override_reason: str | None = None
    source: str | None = None


async def reschedule_appointment(
    *,
    session: AsyncSession,
    policies: PolicyCache,
    organization_id: UUID,
    appointment_id: UUID,
    move: Move,
    actor: Actor,
    cause: Cause,
    now: datetime,
    expected_version: int | None = None,
) -> tuple[Recorded, Recorded]:
    """Old and new in one transaction, pointing at each other; the new one first."""
    connection = await connection_of(session)
    old = await _locked(connection, organization_id, appointment_id, expected_version)
    status_after(Verb.RESCHEDULE, old.status)
    policy = await policies.current(connection, organization_id)
    override = notice_override(
        policy, old, Verb.RESCHEDULE, actor=actor, now=now, why=move.override_reason or move.reason
    )
    own = await takes_of(connection, organization_id=organization_id, holder_id=old.id)
    alone = not any(shared for _, shared in own)
    if not alone:
        # In a shared session the old seat is given up first: the new time may touch its mates'.
        await free_time(connection, organization_id=organization_id, holder_id=old.id)
    outcome = await book_appointment(
        connection=connection,
        policies=policies,
        organization_id=organization_id,
        booking=Booking(
            request=moved_request(old, move),
            client_id=await current_client(connection, organization_id, old.client_id) or old.client_id,
            actor=actor,
            cause=cause,
            predecessor=Predecessor(appointment=old, seats=tuple(each for each, _ in own) if alone else ()),
            ignore=(old.id,),
        ),
        now=now,
    )
    if outcome.error or outcome.appointment is None:
        raise outcome.error or BusyBookError("The slot is changing hands right now; ask again.")
    await free_time(connection, organization_id=organization_id, holder_id=old.id)
    closed, change = changed(
        old,
        verb=Verb.RESCHEDULE,
        now=now,
        reason=move.reason,
        override=override,
        status=Status.RESCHEDULED,
        occupies=False,
        notify_client=move.notify,
        rescheduled_to=outcome.appointment.id,
    )
    recorded = await record_change(
        session, closed, change=change, actor=actor, cause=cause, replacement=outcome.snapshot
    )
    return Recorded(outcome.appointment, outcome.state, outcome.snapshot), recorded


def moved_request(old: Appointment, move: Move) -> BookingRequest:
    """The request for what replaces `old`: everything of it, at another time."""
    service_id = old.service_id
    return BookingRequest(
        id=move.new_id,
        business_id=old.business_id,
        starts_at=move.starts_at,
        source=move.source or old.source,
        service_id=service_id,
        service_name=None if service_id else old.service_name,
        client_id=old.client_id,
        duration=move.duration or old.duration,
        resource_ids=move.resource_ids or tuple(each.id for each in old.resources),
        action_id=old.action_id,
        origin_kind=old.origin_kind,
        origin_reference_id=old.origin_reference_id,
        origin_url=old.origin_url,
        notes=old.notes,
        internal_notes=old.internal_notes,
        share_with_client=old.share_with_client,
        notify_client=move.notify,
        quoted_amount=old.quoted_amount,
        quoted_currency=old.quoted_currency,
        external_id=old.external_id,
        batch_id=old.batch_id,
        series_id=old.series_id,
        override_reason=move.override_reason,
    )
