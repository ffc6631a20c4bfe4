"""Creating a series and extending one that has no end: all of its dates in one set of statements."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.errors import InvalidBookingError, WorkFailedError, WorkFailure
from booking.domain.policy import Policy
from booking.domain.series import (
    OnConflict,
    Scope,
    Series,
    SeriesDate,
    SeriesRefusedError,
    dates_of,
    horizon,
    refused_dates,
)
from booking.publishers import SeriesCancelled, SeriesCreated, SeriesExtended, SeriesNews
from booking.storage.bookings import BookingStore
from booking.storage.connections import connection_of
from booking.storage.policies import PolicyCache
from booking.storage.series import SeriesStore, next_to_extend
from booking.usecases.booking import Booking, Outcome, book_appointments
from booking.usecases.limits import check_booking
from booking.usecases.series.report import SeriesReport, read_report
from booking.usecases.series.telling import tell_series
from slotstream_servicekit.context import Actor, Cause, Context
from slotstream_servicekit.database import Connection, unavailable_as_transient
from slotstream_servicekit.errors import RETRYABLE_KINDS, Reason, RefusedError, SlotstreamError
from slotstream_servicekit.ids import new_id

EXTENDED_EVERY = timedelta(days=1)
"""How often a series without an end is brought to its horizon."""

_PUT_OFF = timedelta(hours=1)

_STRETCH = timedelta(days=365)
"""How much of a horizon that is far behind is made up for in one transaction."""

_SYSTEM = Actor(type="system", id="series")


async def create_series(
    *,
    session: AsyncSession,
    policies: PolicyCache,
    series: Series,
    context: Context,
) -> SeriesReport:
    """Books every date up to the series' end or the horizon, and says of each what became of it."""
    connection = await connection_of(session)
    policy = await policies.current(connection, series.organization_id)
    resource_ids = check_booking(
        context.limits,
        policy,
        business_id=series.business_id,
        service_id=series.service_id,
        resource_ids=series.resource_ids,
    )
    series = replace(series, resource_ids=resource_ids)
    last = horizon(series.rule, zone=series.zone, now=context.now, window_days=_window(policy, series))
    dates = dates_of(series.rule, series.first, zone=series.zone, not_after=last)
    if not dates:
        raise InvalidBookingError("no_occurrences", "The rule has no date up to its end.")
    open_ended = series.rule.until is None
    series = replace(
        series,
        extended_to=last,
        extend_at=context.now + EXTENDED_EVERY if open_ended else None,
        calendar_uid=f"{series.id}@slotstream",
    )
    store = SeriesStore(connection, series.organization_id)
    await store.add(series)
    booked = await _book(connection, policies, series, dates, context=context)
    refused = refused_dates(booked)
    if refused and (series.on_conflict is OnConflict.FAIL or len(refused) == len(booked)):
        raise SeriesRefusedError(refused, of=len(booked))
    await store.replace_dates(series.id, booked)
    report = await read_report(connection, series.organization_id, series.id)
    news = SeriesNews(event=SeriesCreated, results=_results(booked), notify_client=series.notify_client)
    await tell_series(connection, report, news, context=context)
    return report


def _results(dates: Sequence[SeriesDate]) -> dict[date, str]:
    return {decided_date.occurs_on: decided_date.outcome for decided_date in dates}


async def extend_next_series(*, session: AsyncSession, policies: PolicyCache, now: datetime) -> Series | None:
    """Brings one series to its horizon; None where there is nothing to do.

    Dates, appointments and the new horizon commit together and the series is locked meanwhile, so a worker that
    dies leaves no trace and two of them never extend the same one. Raises WorkFailedError, which names the series.
    """
    connection = await connection_of(session)
    due = await next_to_extend(connection, now=now)
    if due is None:
        return None
    organization_id, series_id = due
    try:
        with unavailable_as_transient():
            return await _extend(connection, policies, SeriesStore(connection, organization_id), series_id, now=now)
    except Exception as error:
        raise WorkFailedError(organization_id, series_id) from error


async def put_off_series(*, session: AsyncSession, error: WorkFailedError, now: datetime) -> None:
    """One that cannot be extended now leaves its turn to the others and tells why; it is booked months ahead."""
    failure = WorkFailure(code=error.code, failed_at=now)
    store = SeriesStore(await connection_of(session), error.organization_id)
    await store.put_off(error.id, until=now + _PUT_OFF, failure=failure)


async def _extend(
    connection: Connection, policies: PolicyCache, store: SeriesStore, series_id: UUID, *, now: datetime
) -> Series:
    series = replace(await store.get(series_id), last_failure=None)
    client_id = await BookingStore(connection, series.organization_id).current_client(series.client_id)
    if client_id is None:
        series = _changed(series, now=now, status="cancelled", extend_at=None)
        await store.save(series)
        report = await read_report(connection, series.organization_id, series.id)
        news = SeriesNews(event=SeriesCancelled, results={}, scope=Scope.ALL, notify_client=False)
        await tell_series(connection, report, news, context=_context(series, _SYSTEM, now))
        return series
    policy = await policies.current(connection, series.organization_id)
    reaches = horizon(series.rule, zone=series.zone, now=now, window_days=_window(policy, series))
    last = max(series.extended_to, min(reaches, series.extended_to + _STRETCH))
    dates = dates_of(
        series.rule,
        series.first,
        zone=series.zone,
        not_before=series.extended_to + timedelta(days=1),
        not_after=last,
    )
    due = now if last < reaches else now + EXTENDED_EVERY
    series = replace(series, client_id=client_id, extended_to=last, extend_at=due)
    if dates:
        series = _changed(series, now=now)
    # An override stands for all the dates that its author asked for, so it is theirs here too.
    actor = series.creator if series.on_conflict is OnConflict.OVERRIDE else _SYSTEM
    context = _context(series, actor, now)
    booked = await _book(connection, policies, series, dates, context=context, tolerant=True)
    await store.save(series)
    if booked:
        await store.replace_dates(series.id, booked)
        report = await read_report(connection, series.organization_id, series.id)
        news = SeriesNews(event=SeriesExtended, results=_results(booked), notify_client=series.notify_client)
        await tell_series(connection, report, news, context=context)
    return series


def _context(series: Series, actor: Actor, now: datetime) -> Context:
    return Context(
        organization_id=series.organization_id,
        actor=actor,
        cause=Cause(correlation_id=str(new_id()), causation_id=str(series.id)),
        now=now,
    )


def _changed(series: Series, *, now: datetime, **values: Any) -> Series:
    return replace(series, **values, updated_at=now, version=series.version + 1)


def _window(policy: Policy, series: Series) -> int | None:
    service = policy.services.get(series.service_id) if series.service_id else None
    return service.booking_window_days if service else None


async def _book(
    connection: Connection,
    policies: PolicyCache,
    series: Series,
    dates: Sequence[SeriesDate],
    *,
    context: Context,
    tolerant: bool = False,
) -> list[SeriesDate]:
    overriding = series.on_conflict is OnConflict.OVERRIDE
    bookings = [
        Booking(
            request=series.request(
                date.starts_at, identity=new_id(), override_reason=series.override_reason if overriding else None
            ),
            context=context,
        )
        for date in dates
    ]
    outcomes = await book_appointments(
        connection=connection,
        policies=policies,
        bookings=bookings,
        look_first=True,
    )
    return [decided(date, outcome, tolerant=tolerant) for date, outcome in zip(dates, outcomes, strict=True)]


def decided(date: SeriesDate, outcome: Outcome, *, tolerant: bool = False) -> SeriesDate:
    """The date with what became of it. An error that is no refusal of the slot stops it all, unless `tolerant`."""
    if outcome.appointment is not None:
        forced = "forced" if outcome.override else "booked"
        return replace(date, outcome=forced, appointment_id=outcome.appointment.id, reasons=())
    return replace(date, outcome="skipped", appointment_id=None, reasons=reasons_of(outcome.error, tolerant=tolerant))


def reasons_of(error: SlotstreamError | None, *, tolerant: bool = False) -> tuple[Reason, ...]:
    if error is None:
        raise RuntimeError("a booking has neither an appointment nor an error")
    if isinstance(error, RefusedError) and error.reasons:
        return error.reasons
    if error.kind in RETRYABLE_KINDS or not tolerant:
        raise error
    return (Reason(error.code, error.detail),)
