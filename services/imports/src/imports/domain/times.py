"""When a row's appointment starts and how long it takes, from all the columns that say something about it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone

from imports.domain.clocks import Clock, read_clock, read_instant, read_minutes
from imports.domain.dates import DateOrder, split_date
from imports.domain.findings import Findings
from imports.domain.mapping import ColumnMapping, Field
from imports.domain.rows import LONGEST
from slotstream_scheduling.wallclock import LocalKind, is_zone, resolve

_YEARS = range(1970, 2200)
_MAX_MINUTES = LONGEST // timedelta(minutes=1)
_OVERNIGHT = timedelta(hours=12)
_RANGE_IN_DATETIME = re.compile(r"(?<![:\d])\d{1,2}:\d{2}-\d{2}:?\d{2}$")
_ISO_SEPARATOR = re.compile(r"\d[Tt]\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Start:
    instant: datetime
    day: date | None
    """The day on the wall; None where the cell held an instant with its offset."""
    clock: Clock | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeReader:
    """Reads the times of one row. `zone` is that of wall clocks; `usual_minutes` hold where the row says nothing."""

    mapping: ColumnMapping
    zone: str
    findings: Findings

    def read(self, values: Mapping[Field, str], *, usual_minutes: int | None) -> tuple[datetime, int] | None:
        """Start and minutes; None, with the reasons among the findings, where they cannot be told."""
        start = self._start(values)
        minutes = self._stated_minutes(values, start)
        if minutes is None:
            minutes = usual_minutes
        if start is None or minutes is None:
            return None
        if not 1 <= minutes <= _MAX_MINUTES:
            self.findings.error("invalid_duration", f"{minutes} minutes is no duration between a minute and a week")
            return None
        return start.instant, minutes

    def _start(self, values: Mapping[Field, str]) -> _Start | None:
        typed, in_time_column = values.get(Field.STARTS_AT) or "", False
        if not typed and Field.DATE in values and Field.TIME in values:
            typed, in_time_column = f"{values[Field.DATE]} {values[Field.TIME]}".strip(), True
        if not typed:
            self.findings.error("start_missing", "The start is missing")
            return None
        try:
            start = self._read_start(typed, in_time_column=in_time_column)
        except (OverflowError, ValueError):
            start = None
        if start is None:
            self.findings.error("invalid_start", f"{typed[:60]!r} is not a date and time in the order that was chosen")
        elif start.instant.year not in _YEARS:
            self.findings.error("invalid_start", f"The year {start.instant.year} is too far off to be meant")
            return None
        return start

    def _read_start(self, typed: str, *, in_time_column: bool) -> _Start | None:
        ranges = self._means_ranges(typed, in_time_column=in_time_column)
        is_range = ranges and _RANGE_IN_DATETIME.search(typed) is not None
        if not is_range and (instant := read_instant(typed)) is not None:
            return _Start(instant=instant.astimezone(UTC), day=None, clock=None)
        split = split_date(typed, self.mapping.date_order or DateOrder.YEAR_FIRST)
        clock = read_clock(split[1], ranges=ranges) if split is not None else None
        if split is None or clock is None:
            return None
        return _Start(instant=self._instant(split[0], clock.start, clock.offset), day=split[0], clock=clock)

    def _means_ranges(self, typed: str, *, in_time_column: bool) -> bool:
        """`2026-06-03T10:00-11:00` has an offset as ISO 8601 writes it; in a column of times there is none."""
        if in_time_column:
            return self.mapping.time_ranges is not False
        return bool(self.mapping.time_ranges) and _ISO_SEPARATOR.search(typed) is None

    def _instant(self, day: date, clock: time, offset: timedelta | None) -> datetime:
        wall = datetime.combine(day, clock)
        if offset is not None:
            return wall.replace(tzinfo=timezone(offset)).astimezone(UTC)
        if not is_zone(self.zone):
            self.findings.error("unknown_zone", f"{self.zone[:60]!r} is not an IANA time zone")
            return wall.replace(tzinfo=UTC)
        resolution = resolve(wall, self.zone)
        if resolution.kind is LocalKind.GAP:
            detail = f"{wall:%Y-%m-%d %H:%M} does not exist in {self.zone}: clocks go forward"
            self.findings.error("nonexistent_time", detail)
        elif resolution.kind is LocalKind.FOLD:
            first = timezone(wall - datetime.fromtimestamp(resolution.first, UTC).replace(tzinfo=None))
            detail = f"{wall:%Y-%m-%d %H:%M} happens twice in {self.zone}: the first, at {first}, is taken"
            self.findings.warn("ambiguous_time", detail)
        return datetime.fromtimestamp(resolution.first, UTC)

    def _stated_minutes(self, values: Mapping[Field, str], start: _Start | None) -> int | None:
        """What the row itself says, by duration, range and end alike; they may not contradict each other."""
        stated: list[int] = []
        if typed := values.get(Field.DURATION):
            minutes = read_minutes(typed)
            if minutes is None or not 1 <= minutes <= _MAX_MINUTES:
                detail = f"{typed[:40]!r} is not a duration between a minute and a week"
                self.findings.error("invalid_duration", detail)
            else:
                stated.append(minutes)
        if start is not None:
            stated += [self._minutes_until(start, end) for end in self._ends(values, start)]
        if len(set(stated)) > 1:
            listed = " and ".join(str(minutes) for minutes in sorted(set(stated)))
            self.findings.error(
                "contradicting_durations", f"The row says {listed} minutes: by its end and its duration"
            )
        return stated[0] if stated else None

    def _minutes_until(self, start: _Start, end: datetime) -> int:
        return int((end - start.instant).total_seconds() // 60)

    def _ends(self, values: Mapping[Field, str], start: _Start) -> list[datetime]:
        ends: list[datetime] = []
        if start.clock is not None and start.clock.end is not None and start.day is not None:
            ends += self._end_on(start, start.day, start.clock.end, start.clock.offset)
        typed = values.get(Field.ENDS_AT)
        if not typed:
            return ends
        try:
            ends += self._read_end(typed, values.get(Field.END_DATE) or "", start)
        except (OverflowError, ValueError):
            self.findings.error("invalid_end", f"{typed[:60]!r} is not a time or a date and time")
        return ends

    def _read_end(self, typed: str, day_typed: str, start: _Start) -> list[datetime]:
        """The end as a list of one; empty where it cannot be told, with the reason among the findings."""
        if (instant := read_instant(typed)) is not None:
            return self._after(start, instant.astimezone(UTC), typed)
        order = self.mapping.date_order or DateOrder.YEAR_FIRST
        if (split := split_date(typed, order)) is not None:
            day, rest = split
        elif day_typed:
            split = split_date(day_typed, order)
            if split is None:
                raise ValueError
            day, rest = split[0], typed
        elif start.day is not None:
            clock = read_clock(typed, ranges=True)
            if clock is None:
                raise ValueError
            return self._end_on(start, start.day, clock.start, clock.offset)
        else:
            raise ValueError
        clock = read_clock(rest, ranges=True)
        if clock is None:
            raise ValueError
        return self._after(start, self._instant(day, clock.start, clock.offset), typed)

    def _end_on(self, start: _Start, day: date, clock: time, offset: timedelta | None) -> list[datetime]:
        """The end on the day of the start, or, of what goes on over midnight, on the next, which the row says."""
        end = self._instant(day, clock, offset)
        if end <= start.instant:
            next_day = self._instant(day + timedelta(days=1), clock, offset)
            if end < start.instant and next_day - start.instant <= _OVERNIGHT:
                self.findings.warn("ends_next_day", f"The end, {clock:%H:%M}, is taken for the next day's")
                return [next_day]
        return self._after(start, end, f"{clock:%H:%M}")

    def _after(self, start: _Start, end: datetime, typed: str) -> list[datetime]:
        if end <= start.instant:
            self.findings.error("end_before_start", f"The end, {typed[:60]}, does not lie after the start")
            return []
        return [end]
