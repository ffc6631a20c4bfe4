"""VTIMEZONE (RFC 5545 §3.6.5) from the zone database, with the changes around one year."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard

_UTC_NAMES = frozenset(
    {"UTC", "UCT", "Zulu", "Universal", "Etc/UTC", "Etc/UCT", "Etc/Zulu", "Etc/Universal"},
)
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


@lru_cache(maxsize=256)
def vtimezone(zone: str, year: int) -> Timezone | None:
    """The zone from the year before `year` to the year after; None where local time is UTC."""
    if zone in _UTC_NAMES:
        return None
    local = ZoneInfo(zone)
    begins = datetime(year - 1, 1, 1, tzinfo=UTC)
    component = Timezone()
    component.add("tzid", zone)
    component.add_component(_observance(begins - _SECOND, begins, local))
    for before, after in _changes(local, begins, datetime(year + 2, 1, 1, tzinfo=UTC)):
        component.add_component(_observance(before, after, local))
    return component


def _changes(local: ZoneInfo, begins: datetime, ends: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The last second before and the first second of every change of offset, name or daylight saving."""
    day = begins
    while day < ends:
        if _rule(day, local) != _rule(day + _DAY, local):
            before, after = day, day + _DAY
            while after - before > _SECOND:
                middle = before + timedelta(seconds=int((after - before).total_seconds()) // 2)
                before, after = (middle, after) if _rule(middle, local) == _rule(day, local) else (before, middle)
            yield before, after
        day += _DAY


def _rule(instant: datetime, local: ZoneInfo) -> tuple[object, ...]:
    there = instant.astimezone(local)
    return there.utcoffset(), there.tzname(), bool(there.dst())


def _observance(before: datetime, after: datetime, local: ZoneInfo) -> TimezoneStandard | TimezoneDaylight:
    """What holds from `after` on. Its DTSTART is the local time that the clocks before it would show (§3.6.5)."""
    old, new = before.astimezone(local), after.astimezone(local)
    offset_before, offset = old.utcoffset() or timedelta(), new.utcoffset() or timedelta()
    observance = TimezoneDaylight() if new.dst() else TimezoneStandard()
    observance.add("dtstart", (after + offset_before).replace(tzinfo=None))
    observance.add("tzoffsetfrom", offset_before)
    observance.add("tzoffsetto", offset)
    observance.add("tzname", new.tzname() or str(local))
    return observance
