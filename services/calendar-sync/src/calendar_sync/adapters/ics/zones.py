"""The zones that a calendar names: IANA's, the calendar's own, Windows', and those that spell their offset."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from calendar_sync.adapters.ics.components import Component, values_of
from calendar_sync.adapters.ics.rules import TooFrequentError, parsed_rule
from calendar_sync.adapters.ics.values import (
    Moment,
    OffsetAt,
    UnreadableValueError,
    parsed_local,
    parsed_offset,
    utc_offset,
)

_UTC_NAMES: Final = frozenset({"utc", "z", "gmt", "zulu", "tzone://microsoft/utc", "coordinated universal time"})
_SPELLED: Final = re.compile(r"\(?(?:UTC|GMT|Z)?\s*([+-]|\u2212)(\d{1,2})(?::?(\d{2}))?\)?", re.IGNORECASE)
_SPELLED_UTC: Final = re.compile(r"\((?:UTC|GMT)\)", re.IGNORECASE)
_REGIONS: Final = {
    "eastern time": "America/New_York",
    "central time": "America/Chicago",
    "mountain time": "America/Denver",
    "pacific time": "America/Los_Angeles",
    "atlantic time": "America/Halifax",
    "arizona": "America/Phoenix",
    "alaska": "America/Anchorage",
    "hawaii": "Pacific/Honolulu",
    "newfoundland": "America/St_Johns",
    "saskatchewan": "America/Regina",
    "indiana": "America/Indiana/Indianapolis",
    "central america": "America/Guatemala",
    "osaka": "Asia/Tokyo",
    "new delhi": "Asia/Kolkata",
    "beijing": "Asia/Shanghai",
    "canberra": "Australia/Sydney",
    "bern": "Europe/Zurich",
    "wellington": "Pacific/Auckland",
    "west central africa": "Africa/Lagos",
}
_WORD: Final = re.compile(r"[^,;()/&]+")
_JANUARY, _JULY = datetime(2026, 1, 15), datetime(2026, 7, 15)  # noqa: DTZ001 - local times
_MAX_CHANGES: Final = 2_000


def iana_zone(name: str) -> OffsetAt | None:
    """By the pinned rules; None where IANA knows no such zone."""
    return _offsets_of(_iana_names()[name.lower()]) if name.lower() in _iana_names() else None


class Zones:
    """Finds a zone by the TZID that a property names."""

    def __init__(self, definitions: Iterable[Component], *, until: datetime) -> None:
        """`until` is the last local time at which the calendar's own zones will be asked."""
        self._definitions: dict[str, Component] = {}
        for definition in definitions:
            for name in values_of(definition, "TZID")[:1]:
                self._definitions.setdefault(name.value.strip(), definition)
        self._until = until
        self._found: dict[str, OffsetAt | None] = {}

    def find(self, name: str) -> OffsetAt | None:
        """None where nothing says what `name` means."""
        name = name.strip()
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    def _find(self, name: str) -> OffsetAt | None:
        if (iana := _iana_names().get(name.lower())) is not None:
            return _offsets_of(iana)
        if name.lower() in _UTC_NAMES:
            return utc_offset
        if (definition := self._definitions.get(name)) is not None:
            own = _own_zone(definition, until=self._until)
            if own is not None:
                return own
        if (iana := WINDOWS_TO_OLSON.get(name)) is not None:
            return _offsets_of(iana)
        return _path_end(name) or _spelled(name)


@cache
def _iana_names() -> Mapping[str, str]:
    return {name.lower(): name for name in available_timezones()}


@cache
def _offsets_of(name: str) -> OffsetAt:
    zone = ZoneInfo(name)

    def offset_at(local: datetime) -> timedelta:
        return local.replace(tzinfo=zone).utcoffset() or timedelta()

    return offset_at


def _path_end(name: str) -> OffsetAt | None:
    """Such as `/freeassociation.sourceforge.net/Europe/Berlin`."""
    parts = name.strip("/").split("/")
    for begin in range(1, len(parts)):
        iana = _iana_names().get("/".join(parts[begin:]).lower())
        # One word alone, such as the `EST` of an unknown path, says too little.
        if iana is not None and "/" in iana:
            return _offsets_of(iana)
    return None


def _spelled(name: str) -> OffsetAt | None:
    """Such as `(UTC-05:00) Eastern Time (US & Canada)`: by its places where they fit the offset, else by the offset."""
    match = _SPELLED.match(name)
    if match is None:
        return utc_offset if _SPELLED_UTC.match(name) else None
    hours, minutes = int(match[2]), int(match[3] or 0)
    if hours > 15 or minutes > 59:
        return None
    offset = timedelta(hours=hours, minutes=minutes) * (1 if match[1] == "+" else -1)
    for place in _places(name[match.end() :]):
        offset_at = _offsets_of(place)
        if offset in (offset_at(_JANUARY), offset_at(_JULY)):
            return offset_at
    return lambda _local: offset


def _places(text: str) -> Iterable[str]:
    for word in _WORD.findall(text):
        plain = word.strip().lower()
        for region, zone in _REGIONS.items():
            if plain.startswith(region):
                yield zone
        if (zone_of_city := _cities().get(plain.replace(" ", "_").replace(".", ""))) is not None:
            yield zone_of_city


@cache
def _cities() -> Mapping[str, str]:
    """IANA zones by their last part: `Europe/Berlin` by `berlin`."""
    return {name.rpartition("/")[2].lower(): name for name in sorted(available_timezones()) if "/" in name}


def _own_zone(definition: Component, *, until: datetime) -> OffsetAt | None:
    """What a VTIMEZONE says, or None where it cannot be read: then the name alone has to do."""
    changes: list[tuple[datetime, timedelta]] = []
    before: list[tuple[datetime, timedelta]] = []
    try:
        for part in definition.parts:
            if part.name not in ("STANDARD", "DAYLIGHT"):
                continue
            offset_from = parsed_offset(_only(part, "TZOFFSETFROM"))
            offset_to = parsed_offset(_only(part, "TZOFFSETTO"))
            onsets = _onsets(part, offset_from, until)
            before.append((onsets[0], offset_from))
            changes += [(onset, offset_to) for onset in onsets]
    except (UnreadableValueError, TooFrequentError, OverflowError):
        return None
    if not changes:
        return None
    changes.sort(key=lambda change: change[0])
    first_offset = min(before, key=lambda change: change[0])[1]
    return _OwnOffsets([onset for onset, _ in changes], [first_offset, *(offset for _, offset in changes)])


class _OwnOffsets:
    """Offsets by the local onsets of their changes, each of which is told by the clock before it."""

    def __init__(self, onsets: Sequence[datetime], offsets: Sequence[timedelta]) -> None:
        self._onsets = onsets
        self._offsets = offsets

    def __call__(self, local: datetime) -> timedelta:
        position = bisect_right(self._onsets, local)
        before = self._offsets[max(position - 1, 0)]
        after = self._offsets[position]
        # Within a gap the offset before it counts, as with zones of IANA (§3.3.5).
        in_gap = position > 0 and local - self._onsets[position - 1] < after - before
        return before if in_gap else after


def _onsets(part: Component, offset_from: timedelta, until: datetime) -> list[datetime]:
    first = parsed_local(_only(part, "DTSTART"))[0]
    onsets = [first]
    for line in values_of(part, "RDATE"):
        onsets += [parsed_local(value)[0] for value in line.value.split(",")]
    for line in values_of(part, "RRULE"):
        rule = parsed_rule(line.value, Moment(local=first, offset_at=lambda _local: offset_from))
        if rule.frequency > 1:
            # Neither by the year nor by the month: no clocks are changed that often.
            raise TooFrequentError
        for onset in rule.starts(first, since=first, until=until):
            onsets.append(onset)
            if len(onsets) > _MAX_CHANGES:
                raise TooFrequentError
    return sorted(onsets)


def _only(part: Component, name: str) -> str:
    lines = values_of(part, name)
    if not lines:
        raise UnreadableValueError(name)
    return lines[0].value
