"""What every iCalendar text that Slotstream writes needs (RFC 5545): time zones by rule, unambiguous times, clean text.

Needs the extra `calendars`. icalendar's own generator lists every change as an RDATE and dates it by the clock after
the change, where §3.6.5 wants the clock before it; a reader without a zone database is then an hour off on that day.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from icalendar import Calendar, Timezone, TimezoneDaylight, TimezoneStandard, vRecur

_DAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(days=7)
_SECOND: Final = timedelta(seconds=1)
_CYCLE: Final = 28
"""Years after which dates fall on the same weekdays again: a rule that holds so long holds on."""
_WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_MONTH_LENGTHS: Final = {2: 28, 4: 30, 6: 30, 9: 30, 11: 30}
_UTC_NAMES: Final = frozenset({"UTC", "UCT", "Zulu", "Universal", *("Etc/UTC", "Etc/UCT", "Etc/Zulu", "Etc/Universal")})
# RFC 5545 §3.1: CONTROL is not allowed in a value. A lone surrogate cannot be encoded.
_NOT_TEXT: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_LINE_ENDS: Final = re.compile(r"\r\n?|[\x85\u2028\u2029]")


def clean_text(value: str) -> str:
    """`value` without what a TEXT may not hold; every kind of line end becomes a newline."""
    return _NOT_TEXT.sub("", _LINE_ENDS.sub("\n", value))


def event_times(starts_at: datetime, ends_at: datetime, zone: str) -> tuple[datetime, datetime]:
    """The two instants as an event should say them: in `zone`, or both in UTC.

    In UTC where one of them lies in an hour that the zone's clocks show twice: a local time would mean the first
    (§3.3.5).
    """
    local = starts_at.astimezone(ZoneInfo(zone)), ends_at.astimezone(ZoneInfo(zone))
    if zone in _UTC_NAMES or any(is_repeated(moment) for moment in local):
        return starts_at.astimezone(UTC), ends_at.astimezone(UTC)
    return local


def is_repeated(moment: datetime) -> bool:
    """Whether clocks show this local time twice, before and after they are put back."""
    return moment.replace(fold=0).utcoffset() != moment.replace(fold=1).utcoffset()


def add_time_zones(calendar: Calendar, *, until: date | None = None) -> None:
    """Adds a VTIMEZONE for each zone that the calendar's events name, for the years that they lie in.

    `until`: the last date of those that recur.
    """
    dates: dict[str, list[date]] = {}
    for event in calendar.walk("VEVENT"):
        for name in ("DTSTART", "DTEND", "RECURRENCE-ID"):
            moment = getattr(event.get(name), "dt", None)
            if isinstance(moment, datetime) and isinstance(moment.tzinfo, ZoneInfo) and moment.tzinfo.key:
                dates.setdefault(moment.tzinfo.key, []).append(moment.date())
    components = [
        time_zone(zone, first=min(days).year, last=max([*days, *([until] if until else [])]).year)
        for zone, days in sorted(dates.items())
    ]
    calendar.subcomponents[:0] = components


@lru_cache(maxsize=512)
def time_zone(zone: str, *, first: int, last: int) -> Timezone:
    """The VTIMEZONE of `zone`, right at least from the year `first` to `last`; where clocks follow a rule, for ever.

    The component is shared: do not change it.
    """
    local = ZoneInfo(zone)
    begins = datetime(first - 1, 1, 1, tzinfo=UTC)
    ends = datetime(last + _CYCLE + 2, 1, 1, tzinfo=UTC)
    changes = list(_changes(local, begins, ends))
    component = Timezone()
    component.add("tzid", zone)
    if not changes or changes[0].instant >= datetime(first, 1, 1, tzinfo=UTC) - _DAY:
        component.add_component(_Run([_change(begins - _SECOND, begins, local)]).observance(last_year=ends.year))
    for run in _runs(changes):
        if run.changes[0].onset.year <= last + 1:
            component.add_component(run.observance(last_year=ends.year - 1))
    return component


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """A change of offset or name. `onset` is the local time that the clocks before it would show."""

    instant: datetime
    onset: datetime
    offset_from: timedelta
    offset_to: timedelta
    name: str
    is_daylight: bool

    @property
    def kind(self) -> tuple[object, ...]:
        """Equal for changes that one yearly rule may describe."""
        when = self.onset.month, self.onset.weekday(), self.onset.time()
        return self.offset_from, self.offset_to, self.name, self.is_daylight, when


@dataclass(slots=True)
class _Run:
    """Changes of one kind in consecutive years."""

    changes: list[_Change] = field(default_factory=list)

    def takes(self, change: _Change) -> bool:
        days = [other.onset.day for other in (*self.changes, change)]
        return self.changes[-1].onset.year + 1 == change.onset.year and max(days) - min(days) < len(_WEEKDAYS)

    def observance(self, *, last_year: int) -> TimezoneStandard | TimezoneDaylight:
        first, last = self.changes[0], self.changes[-1]
        component = TimezoneDaylight() if first.is_daylight else TimezoneStandard()
        component.add("dtstart", first.onset)
        component.add("tzoffsetfrom", first.offset_from)
        component.add("tzoffsetto", first.offset_to)
        component.add("tzname", first.name)
        if len(self.changes) > 1:
            goes_on = last.onset.year == last_year and len(self.changes) >= _CYCLE
            # A day more than the last onset: some readers take UNTIL for local time, and would leave that one out.
            component.add("rrule", self._rule(until=None if goes_on else last.instant + _DAY))
        return component

    def _rule(self, *, until: datetime | None) -> vRecur:
        days = [change.onset.day for change in self.changes]
        month, weekday = self.changes[0].onset.month, _WEEKDAYS[self.changes[0].onset.weekday()]
        rule: dict[str, object] = {"FREQ": "YEARLY", "BYMONTH": month}
        month_length = _MONTH_LENGTHS.get(month, 31)
        week = next((n for n in range(1, 5) if all(7 * n - 6 <= day <= 7 * n for day in days)), None)
        if min(days) > month_length - 7 and (week is None or max(days) > 28):
            rule["BYDAY"] = f"-1{weekday}"
        elif week is not None:
            rule["BYDAY"] = f"{week}{weekday}"
        else:
            # Such as "the Friday before the last Sunday": a weekday among seven days of the month.
            rule |= {"BYDAY": weekday, "BYMONTHDAY": list(range(max(days) - 6, max(days) + 1))}
        if until is not None:
            rule["UNTIL"] = until
        return vRecur(rule)


def _runs(changes: list[_Change]) -> list[_Run]:
    runs: list[_Run] = []
    latest: dict[tuple[object, ...], _Run] = {}
    for change in changes:
        run = latest.get(change.kind)
        if run is not None and run.takes(change):
            run.changes.append(change)
        else:
            latest[change.kind] = run = _Run([change])
            runs.append(run)
    return runs


def _changes(local: ZoneInfo, begins: datetime, ends: datetime) -> Iterator[_Change]:
    """Every change in between, in order; found by halving the week in which it lies."""
    week, reading = begins, _reading(begins, local)
    while week < ends:
        before, after = week, week + _WEEK
        week, old, reading = after, reading, _reading(after, local)
        if old == reading:
            continue
        while after - before > _SECOND:
            middle = before + timedelta(seconds=int((after - before).total_seconds()) // 2)
            before, after = (middle, after) if _reading(middle, local) == old else (before, middle)
        if after < ends:
            yield _change(before, after, local)


def _reading(instant: datetime, local: ZoneInfo) -> tuple[timedelta | None, str | None, bool]:
    moment = instant.astimezone(local)
    return moment.utcoffset(), moment.tzname(), bool(moment.dst())


def _change(before: datetime, after: datetime, local: ZoneInfo) -> _Change:
    old, new = before.astimezone(local), after.astimezone(local)
    offset_from, offset_to = old.utcoffset() or timedelta(), new.utcoffset() or timedelta()
    nothing = timedelta()
    return _Change(
        instant=after,
        onset=(after + offset_from).replace(tzinfo=None),
        offset_from=offset_from,
        offset_to=offset_to,
        name=new.tzname() or str(local),
        # Dublin and Casablanca call their winter the exception: its end begins the summer.
        is_daylight=(new.dst() or nothing) > nothing or (old.dst() or nothing) < nothing,
    )
