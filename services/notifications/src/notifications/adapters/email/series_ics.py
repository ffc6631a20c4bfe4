"""A series as one entry that the recipient's calendar follows: one UID in all its VEVENTs (RFC 5546 §3.2.2)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import Final
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from icalendar import Event, vRecur

from notifications.adapters.email.parts import Invitation, add_parties, add_texts, empty_calendar, status_of
from notifications.domain.series import ToldDate, ToldSeries
from slotstream_servicekit.calendars import add_time_zones, event_times, is_repeated

_MOST_DATES: Final = 4_000
"""That a rule is followed for: beyond, the dates are listed."""


def write_series(invitation: Invitation, series: ToldSeries, *, now: datetime) -> bytes:
    """The iCalendar object: the whole series, with what its rule does not say about single dates; or its end."""
    calendar = empty_calendar(invitation.method)
    if invitation.method == "CANCEL" or not series.dates:
        calendar.add_component(_event(invitation, series.listed[0], series, now, status="CANCELLED"))
        add_time_zones(calendar)
        return bytes(calendar.to_ical())
    dates = sorted(series.dates, key=lambda date: date.recurs_at)
    lasts = _usual_length(dates)
    first = _planned(dates[0], lasts)
    master = _event(invitation, first, series, now, status=_status(dates))
    if _crosses_a_clock_change(first, series.zone) or _ends_in_a_repeated_hour(first, series.zone):
        _end_by_duration(master, first, series.zone)
    _add_recurrence(master, series, dates)
    calendar.add_component(master)
    for date in dates:
        if date != _planned(date, lasts) or _crosses_a_clock_change(date, series.zone):
            # The text is said once, however many dates there are.
            by_itself = replace(invitation, description="")
            exception = _event(by_itself, date, series, now, status=status_of(date.status))
            exception.add("recurrence-id", _moment(date.recurs_at, series.zone))
            calendar.add_component(exception)
    add_time_zones(calendar, until=dates[-1].recurs_at.date())
    return bytes(calendar.to_ical())


def _usual_length(dates: Sequence[ToldDate]) -> timedelta:
    usual = [date for date in dates if date.starts_at == date.recurs_at] or dates
    return Counter(date.ends_at - date.starts_at for date in usual).most_common(1)[0][0]


def _planned(date: ToldDate, lasts: timedelta) -> ToldDate:
    """The date as the series has it by its rule, with the status of its own."""
    return ToldDate(
        recurs_at=date.recurs_at, starts_at=date.recurs_at, ends_at=date.recurs_at + lasts, status=date.status
    )


def _status(dates: Sequence[ToldDate]) -> str:
    return "TENTATIVE" if all(date.status == "pending" for date in dates) else "CONFIRMED"


def _crosses_a_clock_change(date: ToldDate, zone: str) -> bool:
    """Then readers disagree on when the date ends, unless it says so by itself."""
    local = ZoneInfo(zone)
    return date.starts_at.astimezone(local).utcoffset() != date.ends_at.astimezone(local).utcoffset()


def _ends_in_a_repeated_hour(date: ToldDate, zone: str) -> bool:
    return is_repeated(date.ends_at.astimezone(ZoneInfo(zone)))


def _end_by_duration(master: Event, first: ToldDate, zone: str) -> None:
    """The first date's start is where its rule starts, so it is told in the zone; and the time from its start to its
    end is how long every date lasts, so it may not depend on the clock of one night.
    """
    del master["dtstart"], master["dtend"]
    master.add("dtstart", _moment(first.starts_at, zone))
    master.add("duration", first.ends_at - first.starts_at)


def _add_recurrence(master: Event, series: ToldSeries, dates: Sequence[ToldDate]) -> None:
    """RRULE with EXDATE where the rule says just these dates, else all of them as RDATE."""
    left_out = _left_out_of_the_rule(series, [date.recurs_at for date in dates])
    if left_out is None:
        moments = [_moment(date.recurs_at, series.zone) for date in dates]
        for utc in (False, True):
            listed = [moment for moment in moments if (moment.tzinfo is UTC) is utc]
            if listed:
                master.add("rdate", listed)
        return
    rule = vRecur.from_ical(series.rrule)
    if not series.goes_on:
        rule["UNTIL"] = dates[-1].recurs_at.astimezone(UTC)
    master.add("rrule", rule)
    if left_out:
        master.add("exdate", left_out)


def _left_out_of_the_rule(series: ToldSeries, starts: Sequence[datetime]) -> list[datetime] | None:
    """The starts up to the last date that the rule has and the series has not; None where the rule cannot say it.

    The rule is not trusted but expanded, by another library than booking's. A wall time that clocks show twice or
    never is read in different ways by different programs: a series with one goes without a rule.
    """
    local = ZoneInfo(series.zone)
    wanted = {start.astimezone(local).replace(tzinfo=None, fold=0) for start in starts}
    first, last = min(wanted), max(wanted)
    try:
        found = takewhile(lambda moment: moment <= last, rrulestr(series.rrule, dtstart=first))
        by_rule = set(islice(found, _MOST_DATES))
    except (ValueError, IndexError):
        # Of a ninety-ninth Monday the library says nothing before it looks for one.
        return None
    if not wanted <= by_rule or len(by_rule) == _MOST_DATES:
        return None
    if any(not _is_plain(moment.replace(tzinfo=local)) for moment in by_rule):
        return None
    return [_moment(moment.replace(tzinfo=local), series.zone) for moment in sorted(by_rule - wanted)]


def _is_plain(moment: datetime) -> bool:
    """Whether clocks show this local time once."""
    is_skipped = moment.astimezone(UTC).astimezone(moment.tzinfo).replace(tzinfo=None) != moment.replace(tzinfo=None)
    return not is_skipped and not is_repeated(moment)


def _moment(instant: datetime, zone: str) -> datetime:
    """In the zone, or in UTC, as the event that starts then says it."""
    return event_times(instant, instant, zone)[0]


def _event(invitation: Invitation, date: ToldDate, series: ToldSeries, now: datetime, *, status: str) -> Event:
    event = Event()
    event.add("uid", series.calendar_uid)
    event.add("sequence", invitation.sequence)
    event.add("dtstamp", now.astimezone(UTC))
    starts_at, ends_at = event_times(date.starts_at, date.ends_at, series.zone)
    event.add("dtstart", starts_at)
    event.add("dtend", ends_at)
    add_texts(event, invitation, status=status)
    add_parties(event, invitation)
    return event
