"""Changing and cancelling a series: one date, this and the following ones, or all that are still to come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.appointments import Appointment
from booking.domain.errors import InvalidBookingError, InvalidTransitionError, NotBookedError, ReasonRequiredError
from booking.domain.lifecycle import Verb
from booking.domain.series import (
    Act,
    Occurrence,
    OnConflict,
    Scope,
    Series,
    SeriesDate,
    Step,
    dates_of,
    follow,
    horizon,
    whole_rule,
)
from booking.publishers import SeriesCancelled, SeriesChanged, SeriesNews
from booking.storage.bookings import BookingStore
from booking.storage.connections import connection_of
from booking.storage.occupancy import OccupancyStore
from booking.storage.policies import PolicyCache
from booking.storage.series import SeriesStore
from booking.usecases.erased_clients import client_was_erased, is_series_of_erased
from booking.usecases.lifecycle import Details, about_erased, change_status, edit_appointment
from booking.usecases.limits import check_assignment, check_series
from booking.usecases.rescheduling import Move, reschedule_appointment
from booking.usecases.series.creating import EXTENDED_EVERY
from booking.usecases.series.report import Changed, SeriesReport, read_report
from booking.usecases.series.steps import SeriesTransaction, cancel_dates, edit_dates, rebook_dates
from booking.usecases.series.telling import staff_to_come, tell_series
from slotstream_scheduling.recurrence import Recurrence
from slotstream_scheduling.spans import from_epoch, to_epoch
from slotstream_scheduling.wallclock import local_date, resolve
from slotstream_servicekit.context import Context
from slotstream_servicekit.errors import NotFoundError, VersionConflictError
from slotstream_servicekit.ids import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesChange:
    """What is to be different. None keeps what is; `values` are the fields that every appointment has."""

    scope: Scope
    occurs_on: date | None = None
    local_time: time | None = None
    starts_at: datetime | None = None
    """Of one date only: any other instant."""
    duration: timedelta | None = None
    rule: Recurrence | None = None
    resource_ids: tuple[UUID, ...] | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    on_conflict: OnConflict = OnConflict.FAIL
    override_reason: str | None = None
    reason: str | None = None
    notify: bool | None = None

    @property
    def moves(self) -> bool:
        return any(value is not None for value in (self.local_time, self.starts_at, self.duration, self.rule))


async def change_series(
    *,
    session: AsyncSession,
    policies: PolicyCache,
    series_id: UUID,
    change: SeriesChange,
    context: Context,
    expected_version: int | None = None,
) -> SeriesReport:
    """Edits and moves in one transaction.

    What has begun, is closed, or was moved by itself keeps its time. A date that cannot be had stays as it is
    (skip), undoes the whole change (fail), or is taken all the same (override).
    """
    organization_id, now = context.organization_id, context.now
    series = await _locked(session, organization_id, series_id, expected_version)
    if await is_series_of_erased(await connection_of(session), series):
        raise client_was_erased()
    await _check_limits(session, policies, context, series, change)
    about = SeriesTransaction(session=session, policies=policies, series=series, context=context)
    connection = await connection_of(session)
    former_staff_ids: list[UUID] = []
    if change.scope is Scope.THIS:
        changes = await _change_one(about, change)
        series = replace(series, updated_at=now, version=series.version + 1)
        await SeriesStore(connection, organization_id).save(series)
    else:
        former_staff_ids, changes = await _change_many(about, change)
    report = await read_report(connection, organization_id, series_id, changes=changes)
    news = SeriesNews(
        event=SeriesChanged,
        scope=change.scope,
        results=_results(changes),
        notify_client=report.series.notify_client if change.notify is None else change.notify,
        former_staff_ids=former_staff_ids,
        resources_changed=change.resource_ids is not None,
    )
    await tell_series(connection, report, news, context=context)
    return report


def _results(changes: Sequence[Changed]) -> dict[date, str]:
    return {changed.occurs_on: changed.result for changed in changes}


async def cancel_series(
    *,
    session: AsyncSession,
    policies: PolicyCache,
    series_id: UUID,
    scope: Scope,
    occurs_on: date | None,
    details: Details,
    context: Context,
    expected_version: int | None = None,
) -> SeriesReport:
    """Cancels what is still to come of the scope; a series that is cancelled from a date on ends before it."""
    organization_id, now = context.organization_id, context.now
    series = await _locked(session, organization_id, series_id, expected_version)
    if await is_series_of_erased(await connection_of(session), series):
        details = about_erased(Verb.CANCEL, details)
    if not (details.reason or "").strip():
        raise ReasonRequiredError("'cancel' needs a reason.")
    if series.status != "active":
        raise InvalidTransitionError("The series is cancelled already.")
    about = SeriesTransaction(session=session, policies=policies, series=series, context=context)
    connection = await connection_of(session)
    store = SeriesStore(connection, organization_id)
    former_staff_ids: list[UUID] = []
    if scope is Scope.THIS:
        appointment = (await _one(about, occurs_on)).appointment
        changes = [Changed(occurs_on=_given(occurs_on), result=Act.CANCEL, appointment_id=_booked(appointment).id)]
        await change_status(
            session=session,
            policies=policies,
            context=context,
            appointment_id=_booked(appointment).id,
            verb=Verb.CANCEL,
            details=details,
        )
        series = replace(series, updated_at=now, version=series.version + 1)
    else:
        begins = _given(occurs_on) if scope is Scope.FOLLOWING else None
        occurrences = await store.occurrences(series_id, not_before=begins, lock=True)
        check_series(context.limits, occurrences)
        to_come = [occurrence for occurrence in occurrences if occurrence.is_to_come(now)]
        if begins is not None and not to_come and begins > (series.rule.until or date.max):
            raise InvalidTransitionError(f"The series ends before {begins} already.")
        series = _ended(series, begins, now=now)
        former_staff_ids = staff_to_come(to_come, now=now)
        changes = await cancel_dates(replace(about, series=series), to_come, details)
    await store.save(series)
    report = await read_report(connection, organization_id, series_id, changes=changes)
    news = SeriesNews(
        event=SeriesCancelled,
        scope=scope,
        results=_results(changes),
        notify_client=series.notify_client if details.notify is None else details.notify,
        former_staff_ids=former_staff_ids,
    )
    await tell_series(connection, report, news, context=context)
    return report


def _ended(series: Series, begins: date | None, *, now: datetime) -> Series:
    ended = replace(series, updated_at=now, version=series.version + 1, extend_at=None, last_failure=None)
    if begins is None or begins <= series.first.date():
        return replace(ended, status="cancelled")
    return replace(ended, rule=replace(series.rule, until=_earlier(series.rule.until, begins - timedelta(days=1))))


def _earlier(last: date | None, until: date) -> date:
    return until if last is None else min(last, until)


async def _locked(
    session: AsyncSession, organization_id: UUID, series_id: UUID, expected_version: int | None
) -> Series:
    series = await SeriesStore(await connection_of(session), organization_id).get(series_id, lock=True)
    if expected_version is not None and expected_version != series.version:
        raise VersionConflictError(series.version)
    return series


async def _check_limits(
    session: AsyncSession, policies: PolicyCache, context: Context, series: Series, change: SeriesChange
) -> None:
    if not context.limits.is_limited:
        return
    connection = await connection_of(session)
    if change.resource_ids is not None:
        policy = await policies.current(connection, context.organization_id)
        check_assignment(context.limits, policy, change.resource_ids)
    if change.scope is not Scope.THIS:
        check_series(context.limits, await SeriesStore(connection, context.organization_id).occurrences(series.id))


def _given(occurs_on: date | None) -> date:
    if occurs_on is None:
        raise InvalidBookingError("occurrence_required", "Say with occurs_on which date of the series is meant.")
    return occurs_on


async def _one(about: SeriesTransaction, occurs_on: date | None) -> Occurrence:
    store = SeriesStore(await connection_of(about.session), about.series.organization_id)
    occurrences = await store.occurrences(about.series.id, not_before=_given(occurs_on))
    if not occurrences or occurrences[0].date.occurs_on != occurs_on:
        raise NotFoundError(f"The series has no date {occurs_on}.")
    return occurrences[0]


def _booked(appointment: Appointment | None) -> Appointment:
    if appointment is None:
        raise NotBookedError("This date of the series was not booked.")
    return appointment


async def _change_one(about: SeriesTransaction, change: SeriesChange) -> list[Changed]:
    series = about.series
    appointment = _booked((await _one(about, change.occurs_on)).appointment)
    override = change.override_reason if change.on_conflict is OnConflict.OVERRIDE else None
    result = "edited"
    if change.values or (change.resource_ids and not change.moves):
        await edit_appointment(
            session=about.session,
            policies=about.policies,
            context=about.context,
            appointment_id=appointment.id,
            values=dict(change.values),
            resource_ids=None if change.moves else change.resource_ids,
            override_reason=override,
        )
    if change.moves:
        new, _ = await reschedule_appointment(
            session=about.session,
            policies=about.policies,
            context=about.context,
            appointment_id=appointment.id,
            move=Move(
                new_id=new_id(),
                starts_at=_moved_to(series, change, appointment),
                duration=change.duration,
                resource_ids=change.resource_ids,
                notify=appointment.notify_client if change.notify is None else change.notify,
                reason=change.reason,
                override_reason=override,
            ),
        )
        appointment, result = new.appointment, str(Act.MOVE)
    return [Changed(occurs_on=_given(change.occurs_on), result=result, appointment_id=appointment.id)]


def _moved_to(series: Series, change: SeriesChange, old: Appointment) -> datetime:
    if change.starts_at is not None:
        return change.starts_at
    if change.local_time is None:
        return old.starts_at
    local = datetime.combine(local_date(to_epoch(old.starts_at), series.zone), change.local_time)
    return from_epoch(resolve(local, series.zone).first)


async def _change_many(about: SeriesTransaction, change: SeriesChange) -> tuple[list[UUID], list[Changed]]:
    """Who had dates to come before the change, and what it did."""
    connection, old = await connection_of(about.session), about.series
    today = local_date(to_epoch(about.context.now), old.zone)
    if old.status != "active":
        raise InvalidTransitionError("A series that is cancelled cannot be changed.")
    if change.moves:
        await OccupancyStore(connection, old.organization_id).take_turns()
    begins = max(today, _given(change.occurs_on)) if change.scope is Scope.FOLLOWING else today
    new = await _changed_series(about, change, begins=begins)
    store = SeriesStore(connection, old.organization_id)
    occurrences = await store.occurrences(old.id, not_before=begins, lock=True)
    target = dates_of(new.rule, new.first, zone=new.zone, not_before=begins, not_after=new.extended_to)
    steps = follow(occurrences, target, rule=new.rule, now=about.context.now, duration=change.duration)
    if not change.moves:
        steps = [Step(act=Act.KEEP, date=occurrence.date, occurrence=occurrence) for occurrence in occurrences]
    former_staff_ids = staff_to_come(occurrences, now=about.context.now)
    about = replace(about, series=new)
    await store.save(new)
    done = await _take(about, change, steps)
    await store.replace_dates(new.id, [decided for _, decided, _ in done], not_before=begins)
    return former_staff_ids, [changed for _, _, changed in done]


async def _changed_series(about: SeriesTransaction, change: SeriesChange, *, begins: date) -> Series:
    """The series as it is from now on. What was not named stays, the dates that are still to be booked among it."""
    old, values = about.series, dict(change.values)
    values |= {} if change.notify is None else {"notify_client": change.notify}
    if not change.moves:
        return replace(
            old,
            **values,
            resource_ids=change.resource_ids or old.resource_ids,
            updated_at=about.context.now,
            version=old.version + 1,
        )
    rule = change.rule or old.rule
    at = change.local_time or old.first.time()
    # The anchor stays while the rhythm does, so that every other week goes on with the same weeks.
    same_rhythm = (rule.freq, rule.interval) == (old.rule.freq, old.rule.interval)
    first = datetime.combine(old.first.date() if same_rhythm else max(begins, old.first.date()), at)
    rule = whole_rule(rule, first)
    connection = await connection_of(about.session)
    client_id = await BookingStore(connection, old.organization_id).current_client(old.client_id)
    policy = await about.policies.current(connection, old.organization_id)
    service = policy.services.get(old.service_id) if old.service_id else None
    window = service.booking_window_days if service else None
    reaches = horizon(rule, zone=old.zone, now=about.context.now, window_days=window)
    return replace(
        old,
        **values,
        client_id=client_id or old.client_id,
        rule=rule,
        first=first,
        duration_minutes=_minutes(change.duration) or old.duration_minutes,
        resource_ids=change.resource_ids or old.resource_ids,
        extended_to=reaches if rule.until is not None else max(reaches, old.extended_to),
        extend_at=about.context.now + EXTENDED_EVERY if rule.until is None else None,
        last_failure=None,
        updated_at=about.context.now,
        version=old.version + 1,
    )


def _minutes(duration: timedelta | None) -> int | None:
    return None if duration is None else int(duration.total_seconds()) // 60


Done = tuple[Step, SeriesDate, Changed]


async def _take(about: SeriesTransaction, change: SeriesChange, steps: Sequence[Step]) -> list[Done]:
    """Cancels first, which frees time; then moves and books in one set; then edits what stays where it is."""
    details = Details(reason=change.reason or "The series was changed.", notify=change.notify)
    cancelled = [step.occurrence for step in steps if step.act is Act.CANCEL and step.occurrence]
    await cancel_dates(about, cancelled, details)
    rebooked = await rebook_dates(
        about,
        [step for step in steps if step.act in {Act.MOVE, Act.BOOK}],
        on_conflict=change.on_conflict,
        override_reason=change.override_reason,
        values=change.values,
        resource_ids=change.resource_ids,
        reason=change.reason,
        duration=change.duration,
        notify=change.notify,
    )
    kept = [step for step in steps if step.act is Act.KEEP or (step.act is Act.MOVE and rebooked[id(step)][1].reasons)]
    edited = await edit_dates(
        about,
        [step.occurrence for step in kept if step.occurrence and step.occurrence.is_to_come(about.context.now)],
        values=change.values,
        resource_ids=change.resource_ids,
        on_conflict=change.on_conflict,
        override_reason=change.override_reason,
    )
    return [_done(step, rebooked, edited) for step in steps]


def _done(step: Step, rebooked: Mapping[int, tuple[SeriesDate, Changed]], edited: Mapping[date, Changed]) -> Done:
    if id(step) in rebooked:
        return (step, *rebooked[id(step)])
    occurrence = step.occurrence
    if step.act is Act.KEEP and occurrence and occurrence.date.occurs_on in edited:
        return step, step.date, replace(edited[occurrence.date.occurs_on], occurs_on=step.date.occurs_on)
    appointment = occurrence.appointment if occurrence else None
    changed = Changed(
        occurs_on=step.date.occurs_on,
        result=str(step.act),
        appointment_id=appointment.id if appointment else None,
        reasons=step.date.reasons if step.act is Act.KEEP else (),
    )
    return step, step.date, changed
