"""Events of series, read: contract → domain."""

from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from notifications.domain.series import Series, SeriesAppointment, SeriesDate
from notifications.domain.series_planning import SeriesNews
from slotstream_contracts import series as contract
from slotstream_contracts.envelope import Envelope

_VERBS: Final = {
    contract.SeriesCreated.type: "create",
    contract.SeriesExtended.type: "extend",
    contract.SeriesChanged.type: "change",
    contract.SeriesCancelled.type: "cancel",
}
_WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_IN_EVERY_MONTH: Final = 28


def news_of(envelope: Envelope[Any]) -> SeriesNews:
    data = cast("contract.SeriesEvent", envelope.data)
    return SeriesNews(
        series=_series(data.series),
        verb=_VERBS[envelope.type],
        scope=data.change.scope,
        notify_client=data.change.notify_client,
        former_staff_ids=data.change.former_staff_ids,
        resources_changed=data.change.resources_changed,
        actor_id=data.actor.id,
        time=envelope.time,
        event_id=envelope.id,
        correlation_id=envelope.correlationid,
        traceparent=envelope.traceparent,
    )


def rrule_of(rule: contract.SeriesRule, *, month: int) -> str:
    """The rule as an RRULE (RFC 5545 §3.3.10) without its end. `month`: that of its first date."""
    parts = [f"FREQ={rule.freq.upper()}", f"INTERVAL={rule.interval}", "WKST=MO"]
    if rule.freq == "yearly":
        parts.append(f"BYMONTH={month}")
    if rule.weekdays:
        parts.append(f"BYDAY={','.join(_WEEKDAYS[weekday] for weekday in rule.weekdays)}")
    if rule.nth_weekday is not None:
        parts.append(f"BYDAY={rule.nth_weekday.nth}{_WEEKDAYS[rule.nth_weekday.weekday]}")
    elif rule.month_day is not None and rule.month_day > _IN_EVERY_MONTH and rule.short_months == "last":
        # The last of these days that the month has.
        days = range(_IN_EVERY_MONTH, rule.month_day + 1)
        parts += [f"BYMONTHDAY={','.join(str(day) for day in days)}", "BYSETPOS=-1"]
    elif rule.month_day is not None:
        parts.append(f"BYMONTHDAY={rule.month_day}")
    return ";".join(parts)


def _series(state: contract.SeriesSnapshot) -> Series:
    ends = [date.appointment.ends_at for date in state.dates if date.appointment is not None]
    month = state.dates[0].starts_at.astimezone(ZoneInfo(state.zone)).month if state.dates else 1
    return Series(
        organization_id=state.organization_id,
        id=state.id,
        business_id=state.business_id,
        zone=state.zone,
        client_id=state.client_id,
        calendar_uid=state.calendar_uid,
        rrule=rrule_of(state.rule, month=month),
        goes_on=state.rule.until is None and state.status == "active",
        dates=tuple(_date(date) for date in state.dates),
        ends_at=max(ends, default=state.updated_at),
        version=state.version,
    )


def _date(date: contract.SeriesDate) -> SeriesDate:
    told = date.appointment
    return SeriesDate(
        recurs_at=date.starts_at,
        outcome=date.outcome,
        result=date.result,
        appointment=None
        if told is None
        else SeriesAppointment(
            id=told.id,
            calendar_uid=told.calendar_uid,
            starts_at=told.starts_at,
            ends_at=told.ends_at,
            status=told.status,
            staff_ids=told.staff_ids,
            version=told.version,
        ),
    )
