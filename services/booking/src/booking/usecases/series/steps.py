"""The steps of a changed series, each for all of its dates at once: cancel, move and book, edit."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.appointments import Appointment, changed
from booking.domain.changes import Change, Override
from booking.domain.errors import BusyBookError
from booking.domain.lifecycle import Status, Verb
from booking.domain.policy import Policy
from booking.domain.requests import BookingRequest
from booking.domain.series import Act, Occurrence, OnConflict, Series, SeriesDate, SeriesRefusedError, Step
from booking.storage.connections import connection_of
from booking.storage.contacts import lock_clients
from booking.storage.occupancy import OccupancyStore
from booking.storage.policies import PolicyCache
from booking.usecases.booking import Booking, Outcome, Predecessor, book_appointments
from booking.usecases.history import record_changes
from booking.usecases.lifecycle import Details, edit_appointment, notice_override
from booking.usecases.rescheduling import Move, moved_request
from booking.usecases.series.creating import decided, reasons_of
from booking.usecases.series.report import Changed
from slotstream_servicekit.context import Context
from slotstream_servicekit.database import Connection
from slotstream_servicekit.errors import RETRYABLE_KINDS, Reason, SlotstreamError
from slotstream_servicekit.ids import new_id

_ROUNDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesTransaction:
    """One change of one series: in which database transaction, and on whose behalf."""

    session: AsyncSession
    policies: PolicyCache
    series: Series
    context: Context

    async def policy(self) -> Policy:
        return await self.policies.current(await connection_of(self.session), self.series.organization_id)

    def told(self, changes: Sequence[tuple[Appointment, Change]]) -> list[tuple[Appointment, Change]]:
        """As part of the change of the series, which tells of them. `series` is as it is after that change."""
        version = self.series.told_version
        return [(appointment, replace(change, series_version=version)) for appointment, change in changes]


async def cancel_dates(about: SeriesTransaction, occurrences: Sequence[Occurrence], details: Details) -> list[Changed]:
    """Cancels appointments that are still to come, in a few statements."""
    policy = await about.policy()
    named = [
        (occurrence.date.occurs_on, occurrence.appointment)
        for occurrence in occurrences
        if occurrence.appointment is not None
    ]
    changes = [
        changed(
            appointment,
            verb=Verb.CANCEL,
            now=about.context.now,
            reason=details.reason,
            override=notice_override(
                policy,
                appointment,
                Verb.CANCEL,
                context=about.context,
                reason=details.override_reason or details.reason,
            ),
            status=Status.CANCELLED,
            occupies=False,
            notify_client=appointment.notify_client if details.notify is None else details.notify,
        )
        for _, appointment in named
    ]
    changes = about.told(changes)
    connection = await connection_of(about.session)
    await OccupancyStore(connection, about.series.organization_id).free_all(
        [appointment.id for _, appointment in named]
    )
    await record_changes(about.session, changes, context=about.context)
    return [Changed(occurs_on=on, result=str(Act.CANCEL), appointment_id=appointment.id) for on, appointment in named]


@dataclass(slots=True, kw_only=True)
class _Rebooking:
    """A date to be booked or moved to, and what came of it."""

    step: Step
    request: BookingRequest
    old: Appointment | None = None
    notice: Override | None = None
    outcome: Outcome | None = None
    reasons: tuple[Reason, ...] = ()


async def rebook_dates(
    about: SeriesTransaction,
    steps: Sequence[Step],
    *,
    on_conflict: OnConflict,
    override_reason: str | None,
    values: Mapping[str, Any],
    resource_ids: tuple[UUID, ...] | None,
    reason: str | None,
    duration: timedelta | None,
    notify: bool | None,
) -> dict[int, tuple[SeriesDate, Changed]]:
    """Moves and books all the dates in one set. A date that cannot move keeps its time, and is tried around.

    Old times are given up first, so that dates may take each other's place; where one cannot move after all, the
    attempt is undone and made again without it.
    """
    override = override_reason if on_conflict is OnConflict.OVERRIDE else None
    policy = await about.policy()
    rebookings: list[_Rebooking] = []
    for step in steps:
        old = step.occurrence.appointment if step.act is Act.MOVE and step.occurrence else None
        rebooking = _Rebooking(
            step=step, old=old, request=_request(about, step, old, override, values, resource_ids, duration, notify)
        )
        if old is not None:
            rebooking.notice, rebooking.reasons = _noticed(about, policy, old, reason=override or reason)
        rebookings.append(rebooking)
    await _attempt(about, rebookings, undo=on_conflict is not OnConflict.FAIL, reason=reason)
    refused = {rebooking.step.date.occurs_on: rebooking.reasons for rebooking in rebookings if rebooking.reasons}
    if refused and on_conflict is OnConflict.FAIL:
        raise SeriesRefusedError(refused, of=len(rebookings))
    await _close_old(about, rebookings, reason=reason, notify=notify)
    return {id(rebooking.step): _result(rebooking) for rebooking in rebookings}


def _request(
    about: SeriesTransaction,
    step: Step,
    old: Appointment | None,
    override: str | None,
    values: Mapping[str, Any],
    resource_ids: tuple[UUID, ...] | None,
    duration: timedelta | None,
    notify: bool | None,
) -> BookingRequest:
    series, starts_at = about.series, step.date.starts_at
    if old is None:
        request = series.request(starts_at, identity=new_id(), override_reason=override)
        return request if notify is None else replace(request, notify_client=notify)
    move = Move(
        new_id=new_id(),
        starts_at=starts_at,
        duration=duration,
        resource_ids=resource_ids,
        notify=old.notify_client if notify is None else notify,
        override_reason=override,
    )
    request = moved_request(old, move)
    known = {name: value for name, value in values.items() if name in BookingRequest.__slots__}
    return replace(request, **known)


def _noticed(
    about: SeriesTransaction, policy: Policy, old: Appointment, *, reason: str | None
) -> tuple[Override | None, tuple[Reason, ...]]:
    try:
        return notice_override(policy, old, Verb.RESCHEDULE, context=about.context, reason=reason), ()
    except SlotstreamError as error:
        return None, (Reason(error.code, error.detail),)


class _UndoneError(Exception):
    """An attempt at which some date failed that had given up its time: all of it is taken back."""


async def _attempt(
    about: SeriesTransaction, rebookings: Sequence[_Rebooking], *, undo: bool, reason: str | None
) -> None:
    """Each attempt that is undone leaves out the dates that cannot move, which then are in their old places again."""
    connection = await connection_of(about.session)
    for _ in range(_ROUNDS):
        trying = [rebooking for rebooking in rebookings if not rebooking.reasons or rebooking.old is None]
        if not trying:
            return
        with contextlib.suppress(_UndoneError):
            async with connection.transaction():
                failed = await _book(about, connection, trying, reason=reason)
                if undo and any(rebooking.old for rebooking in failed):
                    raise _UndoneError
            return
    raise BusyBookError("The dates keep getting in each other's way; change fewer at once.")


async def _book(
    about: SeriesTransaction, connection: Connection, rebookings: Sequence[_Rebooking], *, reason: str | None
) -> list[_Rebooking]:
    await _lock_entries(about, connection, rebookings)
    old_ids = [rebooking.old.id for rebooking in rebookings if rebooking.old]
    await OccupancyStore(connection, about.series.organization_id).free_all(old_ids)
    outcomes = await book_appointments(
        connection=connection,
        policies=about.policies,
        bookings=[
            Booking(
                request=replace(
                    rebooking.request, client_id=about.series.client_id, series_version=about.series.told_version
                ),
                context=about.context,
                predecessor=Predecessor(appointment=rebooking.old, reason=reason) if rebooking.old else None,
            )
            for rebooking in rebookings
        ],
        look_first=True,
    )
    for rebooking, outcome in zip(rebookings, outcomes, strict=True):
        rebooking.outcome = outcome
        rebooking.reasons = () if outcome.appointment else reasons_of(outcome.error)
    return [rebooking for rebooking in rebookings if rebooking.reasons]


async def _lock_entries(about: SeriesTransaction, connection: Connection, rebookings: Sequence[_Rebooking]) -> None:
    """Before any time is given up, where a date may come to share somebody's session: by override, or in a group."""
    series = about.series
    policy = await about.policies.of(connection, series.organization_id)
    service = policy.services.get(series.service_id) if series.service_id else None
    forced = any(rebooking.request.override_reason is not None for rebooking in rebookings)
    if not forced and (service is None or service.capacity == 1):
        return
    former = {resource.id for rebooking in rebookings if rebooking.old for resource in rebooking.old.resources}
    named = {resource_id for rebooking in rebookings for resource_id in rebooking.request.resource_ids or ()}
    await lock_clients(connection, series.organization_id, {series.client_id}, to_change=False)
    await OccupancyStore(connection, series.organization_id).lock_entries(dict.fromkeys(former | named, forced))


async def _close_old(
    about: SeriesTransaction, rebookings: Sequence[_Rebooking], *, reason: str | None, notify: bool | None
) -> None:
    changes, replacements = [], {}
    for rebooking in rebookings:
        if (
            rebooking.old is None
            or rebooking.outcome is None
            or rebooking.outcome.appointment is None
            or rebooking.reasons
        ):
            continue
        replacements[rebooking.old.id] = rebooking.outcome.snapshot
        changes.append(
            changed(
                rebooking.old,
                verb=Verb.RESCHEDULE,
                now=about.context.now,
                reason=reason,
                override=rebooking.notice,
                status=Status.RESCHEDULED,
                occupies=False,
                notify_client=rebooking.old.notify_client if notify is None else notify,
                rescheduled_to=rebooking.outcome.appointment.id,
            )
        )
    await record_changes(about.session, about.told(changes), context=about.context, replacements=replacements)


def _result(rebooking: _Rebooking) -> tuple[SeriesDate, Changed]:
    step = rebooking.step
    if rebooking.reasons or rebooking.outcome is None:
        kept = step.date if rebooking.old is None or step.occurrence is None else step.occurrence.date
        kept = replace(kept, occurs_on=step.date.occurs_on, reasons=rebooking.reasons)
        identity = rebooking.old.id if rebooking.old else None
        return kept, Changed(
            occurs_on=kept.occurs_on, result="skipped", appointment_id=identity, reasons=rebooking.reasons
        )
    date_now = decided(step.date, rebooking.outcome)
    forced = date_now.outcome == "forced"
    return date_now, Changed(
        occurs_on=step.date.occurs_on,
        result="forced" if forced else str(step.act),
        appointment_id=date_now.appointment_id,
    )


async def edit_dates(
    about: SeriesTransaction,
    occurrences: Sequence[Occurrence],
    *,
    values: Mapping[str, Any],
    resource_ids: tuple[UUID, ...] | None,
    on_conflict: OnConflict,
    override_reason: str | None,
) -> dict[date, Changed]:
    """Gives what stays where it is the new values, and other resources where they are free."""
    if resource_ids is None:
        return await _set_values(about, occurrences, values)
    override = override_reason if on_conflict is OnConflict.OVERRIDE else None
    # All dates are taken one after the other, and each keeps what it has got.
    await OccupancyStore(await connection_of(about.session), about.series.organization_id).lock_entries(
        dict.fromkeys(resource_ids, override is not None)
    )
    done: dict[date, Changed] = {}
    refused: dict[date, tuple[Reason, ...]] = {}
    for occurrence in occurrences:
        if occurrence.appointment is None:
            continue
        try:
            async with about.session.begin_nested():
                recorded = await edit_appointment(
                    session=about.session,
                    policies=about.policies,
                    context=about.context,
                    appointment_id=occurrence.appointment.id,
                    values=dict(values),
                    resource_ids=resource_ids,
                    override_reason=override,
                    series_version=about.series.told_version,
                )
        except SlotstreamError as error:
            if error.kind in RETRYABLE_KINDS:
                raise
            refused[occurrence.date.occurs_on] = reasons_of(error, tolerant=True)
            continue
        done[occurrence.date.occurs_on] = Changed(
            occurs_on=occurrence.date.occurs_on, result="edited", appointment_id=recorded.appointment.id
        )
    if refused and on_conflict is not OnConflict.SKIP:
        raise SeriesRefusedError(refused, of=len(occurrences))
    return done | {on: Changed(occurs_on=on, result="skipped", reasons=reasons) for on, reasons in refused.items()}


async def _set_values(
    about: SeriesTransaction, occurrences: Sequence[Occurrence], values: Mapping[str, Any]
) -> dict[date, Changed]:
    if not values:
        return {}
    named = await about.policy()
    new = dict(values)
    if "action_id" in new:
        new["action_name"] = named.action(new["action_id"]).name if new["action_id"] else None
    done: dict[date, Changed] = {}
    changes = []
    for occurrence in occurrences:
        if occurrence.appointment is None:
            continue
        after, change = changed(occurrence.appointment, verb=Verb.UPDATE, now=about.context.now, **new)
        if change.fields:
            changes.append((after, change))
            done[occurrence.date.occurs_on] = Changed(
                occurs_on=occurrence.date.occurs_on, result="edited", appointment_id=after.id
            )
    await record_changes(about.session, about.told(changes), context=about.context)
    return done
