"""The verbs on an appointment that exists."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.appointments import Appointment, changed, takes_time
from booking.domain.changes import Override
from booking.domain.corrections import NO_CORRECTION, Correction
from booking.domain.erasure import ERASED
from booking.domain.errors import (
    CancelFirstError,
    ExternalIdTakenError,
    NotStartedError,
    OverrideForbiddenError,
    ReasonRequiredError,
    TooLateError,
)
from booking.domain.lifecycle import OPEN, TRANSITIONS, Status, Verb, status_after, verbs_from
from booking.domain.policy import Policy
from booking.publishers import snapshot_json
from booking.storage.appointments import AppointmentStore
from booking.storage.connections import connection_of
from booking.storage.external_ids import ExternalIdStore, ExternalKey
from booking.storage.occupancy import OccupancyStore
from booking.storage.policies import PolicyCache
from booking.usecases.correcting import correct
from booking.usecases.erased_clients import (
    ABOUT_A_PERSON,
    client_was_erased,
    is_of_erased,
    refuse_if_erased,
    refuse_text,
)
from booking.usecases.history import Recorded, record_change
from booking.usecases.limits import check_assignment
from booking.usecases.retaking import assign_resources, take_again
from slotstream_servicekit.context import Context
from slotstream_servicekit.database import Connection
from slotstream_servicekit.errors import SlotstreamError, VersionConflictError
from slotstream_servicekit.limits import beyond_limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What a verb is told beside its name. None leaves a value as it is."""

    reason: str | None = None
    notify: bool | None = None
    """Whether the client is told of what happens to it from now on, and reminded."""
    tell_client: bool | None = None
    """Whether the client is told of this change alone."""
    override_reason: str | None = None
    actual_amount: Decimal | None = None
    actual_currency: str | None = None
    internal_notes: str | None = None


async def change_status(
    *,
    session: AsyncSession,
    policies: PolicyCache,
    context: Context,
    appointment_id: UUID,
    verb: Verb,
    expected_version: int | None = None,
    details: Details = Details(),
) -> Recorded:
    """Any verb that leads from one status to another on the same appointment."""
    connection = await connection_of(session)
    old = await locked_appointment(connection, context, appointment_id, expected_version)
    if await is_of_erased(connection, old):
        details = about_erased(verb, details)
    policy = await policies.current(connection, context.organization_id)
    status, override = decide(policy, old, verb, context=context, details=details)
    occupies = takes_time(status, pending_occupies=old.occupies)
    values: dict[str, Any] = {}
    if verb is Verb.REOPEN:
        await _refuse_taken_external_id(connection, context, old)
    if TRANSITIONS[verb].rechecks_slot and occupies and not old.occupies:
        _check_override(context, details.override_reason)
        values, override = await take_again(connection, policies, context, old, override_reason=details.override_reason)
    elif old.occupies and not occupies:
        await OccupancyStore(connection, context.organization_id).free(old.id)
    new, change = changed(
        old,
        verb=verb,
        now=context.now,
        reason=details.reason,
        override=override,
        status=status,
        occupies=occupies,
        # What is open again is seen again.
        archived=old.archived and status not in OPEN,
        **values,
        **told(old, details),
    )
    if new.resources != old.resources:
        await AppointmentStore(connection, context.organization_id).replace_resources(new)
    change = replace(change, tell_client=details.tell_client)
    return await record_change(session, new, change=change, context=context)


def about_erased(verb: Verb, details: Details) -> Details:
    """What a verb is told of an erased client's appointment: no text, and the erase where it needs a reason."""
    if verb in ABOUT_A_PERSON:
        raise client_was_erased()
    refuse_text(details.reason, details.override_reason, details.internal_notes)
    return replace(details, reason=ERASED) if TRANSITIONS[verb].needs_reason else details


async def _refuse_taken_external_id(connection: Connection, context: Context, old: Appointment) -> None:
    """Cancelling set the external id free: another appointment may have it by now."""
    key = ExternalKey.of(old)
    async with beyond_limits(connection, context.limits):
        holders = await ExternalIdStore(connection, old.organization_id).holders([key] if key else [])
    if key is not None and holders.get(key, old.id) != old.id:
        raise ExternalIdTakenError(key.external_id, holders[key])


def _check_override(context: Context, override_reason: str | None) -> None:
    if override_reason and not context.actor.may_override:
        raise OverrideForbiddenError("Only a member of staff can override; an agent or a client never can.")


def decide(
    policy: Policy, old: Appointment, verb: Verb, *, context: Context, details: Details
) -> tuple[Status, Override | None]:
    """The status that the verb leads to and the notice it sets aside. Raises what forbids it; checks no slot."""
    status = status_after(verb, old.status)
    row = TRANSITIONS[verb]
    if row.needs_reason and not (details.reason or "").strip():
        raise ReasonRequiredError(f"'{verb}' needs a reason.")
    if row.only_after_start and context.now < old.starts_at:
        raise NotStartedError("A no-show is known once the start has passed.")
    reason = details.override_reason or details.reason
    return status, notice_override(policy, old, verb, context=context, reason=reason)


def told(old: Appointment, details: Details) -> dict[str, Any]:
    """What the verb says beside the status."""
    return {
        "notify_client": old.notify_client if details.notify is None else details.notify,
        "internal_notes": details.internal_notes or old.internal_notes,
        "actual_amount": old.actual_amount if details.actual_amount is None else details.actual_amount,
        "actual_currency": details.actual_currency or old.actual_currency,
    }


def verbs_now(policy: Policy, appointment: Appointment, *, context: Context, client_erased: bool) -> tuple[Verb, ...]:
    """What the caller, whose rights the edge knows, can do with the appointment as it stands. A slot that is checked
    may still be refused; a member of staff is counted as giving a reason where one is needed.
    """
    return tuple(
        verb
        for verb in verbs_from(appointment.status)
        if _is_possible(policy, appointment, verb, context=context, client_erased=client_erased)
    )


def _is_possible(
    policy: Policy, appointment: Appointment, verb: Verb, *, context: Context, client_erased: bool
) -> bool:
    if verb in {Verb.ARCHIVE, Verb.UNARCHIVE}:
        is_wanted = appointment.archived == (verb is Verb.UNARCHIVE)
        return is_wanted and (verb is Verb.UNARCHIVE or not is_to_be_seen(appointment, now=context.now))
    if client_erased and verb in ABOUT_A_PERSON:
        return False
    try:
        decide(policy, appointment, verb, context=context, details=Details(reason=str(verb)))
    except SlotstreamError:
        return False
    return True


_BOUND_BY_NOTICE: Final = frozenset({"client", "ai_agent"})


def notice_override(
    policy: Policy, old: Appointment, verb: Verb, *, context: Context, reason: str | None
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
    if not too_often and context.now <= old.starts_at - notice:
        return None
    rule = "too_many_reschedules" if too_often else "notice_passed"
    actor = context.actor
    bound = actor.type in _BOUND_BY_NOTICE or (actor.may_override and (too_often or notice > timedelta()))
    if not bound:
        return None
    if actor.may_override and reason:
        return Override(reason=reason, rules=(rule,))
    error = TooLateError(f"'{verb}' is not allowed any more: {rule.replace('_', ' ')}. Staff may, with a reason.")
    error.code = rule
    raise error


async def locked_appointment(
    connection: Connection, context: Context, appointment_id: UUID, expected_version: int | None = None
) -> Appointment:
    """The appointment, locked until the transaction ends. Raises VersionConflictError where it has another version."""
    old = await AppointmentStore(connection, context.organization_id).get(appointment_id, lock=True)
    if expected_version is not None and expected_version != old.version:
        raise VersionConflictError(old.version)
    return old


async def edit_appointment(
    *,
    session: AsyncSession,
    policies: PolicyCache,
    context: Context,
    appointment_id: UUID,
    values: dict[str, Any],
    resource_ids: Sequence[UUID] | None = None,
    correction: Correction = NO_CORRECTION,
    override_reason: str | None = None,
    expected_version: int | None = None,
    series_version: int | None = None,
    tell_client: bool | None = None,
) -> Recorded:
    """Notes, prices, action, sharing; with `resource_ids` a new assignment, which is checked like a booking.

    A `correction` of the client, the service or the length is of open appointments alone, and checked like a move.
    Notes and prices also later, once it is completed or otherwise closed. Nothing of an erased client's.
    """
    connection = await connection_of(session)
    old = await locked_appointment(connection, context, appointment_id, expected_version)
    await refuse_if_erased(connection, old)
    if not (correction.is_empty and _is_afterthought(old, values, resource_ids)):
        status_after(Verb.UPDATE, old.status)
    _check_override(context, override_reason)
    values = await _with_action_name(connection, policies, context, values)
    corrected, override = await correct(
        connection, policies, context, old, correction, resource_ids=resource_ids, override_reason=override_reason
    )
    if "resources" not in corrected:
        assigned, override = await _assign(connection, policies, context, old, resource_ids, override_reason)
        corrected |= assigned
    new, change = changed(
        old,
        verb=Verb.ASSIGN if _staffed_otherwise(old, corrected) else Verb.UPDATE,
        now=context.now,
        override=override,
        moves_calendar=_is_told_otherwise(old, corrected),
        **{**corrected, **values},
    )
    if not change.fields:
        return _unchanged(old)
    if new.resources != old.resources:
        await AppointmentStore(connection, context.organization_id).replace_resources(new)
    change = replace(change, series_version=series_version, tell_client=tell_client)
    return await record_change(session, new, change=change, context=context)


async def _assign(
    connection: Connection,
    policies: PolicyCache,
    context: Context,
    old: Appointment,
    resource_ids: Sequence[UUID] | None,
    override_reason: str | None,
) -> tuple[dict[str, Any], Override | None]:
    """The values that follow from another assignment, where one is asked for."""
    if resource_ids is None or {resource.id for resource in old.resources} == set(resource_ids):
        return {}, None
    if context.limits.is_limited:
        policy = await policies.current(connection, context.organization_id)
        check_assignment(context.limits, policy, tuple(resource_ids))
    return await assign_resources(connection, policies, context, old, resource_ids, override_reason=override_reason)


def _staffed_otherwise(old: Appointment, values: Mapping[str, Any]) -> bool:
    return {resource.id for resource in values.get("resources", old.resources)} != {
        resource.id for resource in old.resources
    }


_SHOWN_IN_CALENDARS: Final = ("service_name", "ends_at", "client_id")
"""Whom it is for as well: it leaves the former client's calendar."""


def _is_told_otherwise(old: Appointment, values: Mapping[str, Any]) -> bool:
    """Whether calendars show something of it that was corrected."""
    return any(values.get(name, getattr(old, name)) != getattr(old, name) for name in _SHOWN_IN_CALENDARS)


_LATER: Final = frozenset(
    {"notes", "internal_notes", "quoted_amount", "quoted_currency", "actual_amount", "actual_currency"}
)


def _is_afterthought(old: Appointment, values: Mapping[str, Any], resource_ids: Sequence[UUID] | None) -> bool:
    """Whether only notes and prices of what is closed change. What was moved is written about at its new time."""
    is_closed = old.status not in OPEN and old.status is not Status.RESCHEDULED
    return is_closed and resource_ids is None and values.keys() <= _LATER


async def _with_action_name(
    connection: Connection, policies: PolicyCache, context: Context, values: dict[str, Any]
) -> dict[str, Any]:
    if "action_id" not in values:
        return dict(values)
    if values["action_id"] is None:
        return {**values, "action_name": None}
    policy = await policies.current(connection, context.organization_id)
    return {**values, "action_name": policy.action(values["action_id"]).name}


def _unchanged(old: Appointment) -> Recorded:
    return Recorded(old, snapshot_json(old))


def is_to_be_seen(appointment: Appointment, *, now: datetime) -> bool:
    """Whether it is still to come about, or takes time that is not over: nobody is refused for what nobody sees."""
    return appointment.status in OPEN or (appointment.occupies and appointment.blocked[1] > now)


def refuse_to_hide(old: Appointment, *, now: datetime) -> None:
    """Raises CancelFirstError for what is to be seen."""
    if old.status in OPEN:
        raise CancelFirstError(f"The appointment is {old.status}: cancel or complete it before it is archived.")
    if is_to_be_seen(old, now=now):
        raise CancelFirstError(
            f"The appointment is {old.status} and takes its time all the same until that is over: reopen and cancel it"
            " to archive it before."
        )


async def archive_appointment(
    *,
    session: AsyncSession,
    policies: PolicyCache,
    context: Context,
    appointment_id: UUID,
    archived: bool,
    expected_version: int | None = None,
    cancel: Details | None = None,
) -> Recorded:
    """Hides an appointment from lists, or shows it again. Its history stays whole; its status is untouched.

    One that is still open, or takes time that is to come, is not hidden: nobody would see what takes it. With `cancel`
    an open one is cancelled before, a change of its own.
    """
    connection = await connection_of(session)
    old = await locked_appointment(connection, context, appointment_id, expected_version)
    if old.archived == archived:
        return _unchanged(old)
    if cancel is not None and old.status in OPEN:
        cancelled = await change_status(
            session=session,
            policies=policies,
            context=context,
            appointment_id=appointment_id,
            verb=Verb.CANCEL,
            details=cancel,
        )
        old = cancelled.appointment
    if archived:
        refuse_to_hide(old, now=context.now)
    verb = Verb.ARCHIVE if archived else Verb.UNARCHIVE
    new, change = changed(old, verb=verb, now=context.now, archived=archived)
    return await record_change(session, new, change=change, context=context)
