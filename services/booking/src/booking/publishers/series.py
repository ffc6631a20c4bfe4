"""Series: the event of each change, with the whole series after it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from booking.domain.appointments import Appointment
from booking.domain.series import Occurrence, Scope, Series
from booking.publishers.states import state_record
from slotstream_contracts import base
from slotstream_contracts.series import (
    NthWeekday,
    SeriesAppointment,
    SeriesCancelled,
    SeriesChange,
    SeriesChanged,
    SeriesCreated,
    SeriesDate,
    SeriesEvent,
    SeriesExtended,
    SeriesRule,
    SeriesSnapshot,
)
from slotstream_scheduling.recurrence import Recurrence
from slotstream_servicekit.context import Context
from slotstream_servicekit.outbox import OutboxRecord

MOST_DATES: Final = 1_000
"""In one event. A series without an end may have gone on for longer; its earliest dates are left out then."""

__all__ = [
    "MOST_DATES",
    "SeriesCancelled",
    "SeriesChanged",
    "SeriesCreated",
    "SeriesExtended",
    "SeriesNews",
    "series_record",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesNews:
    """What became of a series: which event, of which scope, and what it did to each date."""

    event: type[SeriesEvent]
    results: Mapping[date, str]
    scope: Scope | None = None
    notify_client: bool = True
    former_staff_ids: Sequence[UUID] = ()
    resources_changed: bool = False


def series_record(
    series: Series, calendar_uid: str, occurrences: Sequence[Occurrence], news: SeriesNews, context: Context
) -> OutboxRecord:
    event = news.event(
        series=SeriesSnapshot(
            id=series.id,
            organization_id=series.organization_id,
            business_id=series.business_id,
            zone=series.zone,
            client_id=series.client_id,
            service_id=series.service_id,
            status="cancelled" if series.status == "cancelled" else "active",
            calendar_uid=calendar_uid,
            rule=_rule(series.rule),
            notify_client=series.notify_client,
            dates=tuple(_date(occurrence, news.results) for occurrence in occurrences[-MOST_DATES:]),
            created_at=series.created_at,
            updated_at=series.updated_at,
            version=series.version,
        ),
        change=SeriesChange(
            scope=None if news.scope is None else news.scope.value,
            notify_client=news.notify_client,
            former_staff_ids=tuple(news.former_staff_ids),
            resources_changed=news.resources_changed,
        ),
        actor=base.Actor(
            type=context.actor.type,
            id=context.actor.id,
            call_id=context.actor.call_id,
            on_behalf_of=context.actor.on_behalf_of,
        ),
    )
    return state_record(
        event,
        "series",
        series.organization_id,
        str(series.id),
        None,
        series.version,
        series.updated_at,
        context.cause,
    )


def _rule(rule: Recurrence) -> SeriesRule:
    nth = rule.nth_weekday
    return SeriesRule(
        freq=rule.freq.value,
        interval=rule.interval,
        weekdays=tuple(sorted(rule.weekdays)),
        month_day=rule.month_day,
        short_months=rule.short_months.value,
        nth_weekday=NthWeekday(nth=nth.nth, weekday=nth.weekday) if nth else None,
        until=rule.until,
    )


def _date(occurrence: Occurrence, results: Mapping[date, str]) -> SeriesDate:
    said = occurrence.date
    return SeriesDate.model_validate(
        {
            "occurs_on": said.occurs_on,
            "starts_at": said.starts_at,
            "outcome": said.outcome,
            "result": results.get(said.occurs_on),
            "appointment": None if occurrence.appointment is None else _appointment(occurrence.appointment),
        }
    )


def _appointment(appointment: Appointment) -> SeriesAppointment:
    return SeriesAppointment(
        id=appointment.id,
        calendar_uid=appointment.calendar_uid,
        starts_at=appointment.starts_at,
        ends_at=appointment.ends_at,
        status=appointment.status.value,
        staff_ids=tuple(resource.id for resource in appointment.resources if resource.kind == "staff"),
        version=appointment.version,
    )
