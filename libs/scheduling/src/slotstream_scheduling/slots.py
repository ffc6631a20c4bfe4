"""The starts that are offered.

The grid: a start is on it if the business's wall clock then reads a whole multiple of the slot interval
since midnight. It is a matter of the wall, not of elapsed time: after a clock change starts are still on the
hour, a repeated hour has its starts twice, a skipped one none. All resources share it, whenever they open.

A start is offered if and only if it is on the grid and `judge` has no reason against some choice of
resources. Per resource, the starts that work are computed as spans by shrinking the open time and widening
what is taken; the spans become bits over the grid, and any or several resources are ORs and ANDs.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from slotstream_scheduling.hours import Schedule, open_spans
from slotstream_scheduling.places import Staffing
from slotstream_scheduling.rules import (
    ResourceCalendar,
    ServiceRules,
    booking_limit,
    earliest_start,
    taken_by,
)
from slotstream_scheduling.spans import Spans, clip, contains, normalize, subtract
from slotstream_scheduling.wallclock import (
    DAY_SECONDS,
    LocalKind,
    instant_on,
    is_regular,
    local_date,
    resolve,
)


@dataclass(frozen=True, slots=True)
class Slot:
    """An offered start (epoch seconds, half-open). `free` holds the free candidates of each place.

    `seats` is how many clients can still share it with one choice of resources: 1 but for group services.
    """

    start: int
    end: int
    free: tuple[tuple[str, ...], ...]
    seats: int = 1


def grid_starts(zone: str, interval: timedelta, start: int, end: int) -> tuple[int, ...]:
    """Every start on the grid in [start, end), ascending."""
    if start >= end:
        return ()
    step = int(interval.total_seconds())
    first, last = local_date(start, zone).toordinal(), local_date(end - 1, zone).toordinal()
    # One day more on both sides: where clocks go back over midnight, a date's instants come in two pieces.
    days = [_grid_day(zone, step, ordinal) for ordinal in range(first - 1, last + 2)]
    starts = [moment for day in days for moment in day]
    if not all(is_regular(zone, ordinal) for ordinal in range(first - 1, last + 2)):
        starts = sorted(set(starts))
    return tuple(starts[bisect_left(starts, start) : bisect_left(starts, end)])


def on_grid(zone: str, interval: timedelta, start: int) -> bool:
    return bool(grid_starts(zone, interval, start, start + 1))


def bookable_window(rules: ServiceRules, now: int, zone: str, start: int, end: int) -> tuple[int, int]:
    """[start, end) cut to what notice and booking window allow at `now`; may end before it starts."""
    limit = booking_limit(rules, now, zone)
    return max(start, earliest_start(rules, now), now), end if limit is None else min(end, limit)


def start_spans(
    *,
    rules: ServiceRules,
    business: Schedule,
    calendar: ResourceCalendar,
    start: int,
    end: int,
    service_id: str | None = None,
) -> Spans:
    """The starts in [start, end) that work for one resource, as spans; notice, window and grid left aside."""
    duration = rules.duration_seconds
    open_time = open_spans(calendar.schedule, business, start, end + duration)
    starts = tuple((a, b - duration + 1) for a, b in open_time if b - a >= duration)
    before, after = -rules.blocked(0)[0], rules.blocked(0)[1]
    low, high = start - before, end + after
    ruled_out = [
        (one.start - after + 1, one.end + before)
        for one in calendar.busy
        if one.start < one.end and one.start < high and one.end > low
    ]
    ruled_out += [
        (one.blocked_from - after + 1, one.blocked_to + before)
        for one in calendar.taken
        if one.blocked_from < one.blocked_to and one.blocked_from < high and one.blocked_to > low
    ]
    free = clip(subtract(starts, normalize(ruled_out)), start, end)
    if rules.capacity == 1 or service_id is None:
        return free
    joinable = _joinable(rules, calendar, service_id, open_time)
    return normalize([*free, *((one, one + 1) for one in joinable if start <= one < end)])


def offer_starts(
    *,
    rules: ServiceRules,
    business: Schedule,
    staffing: Staffing,
    calendars: Mapping[str, ResourceCalendar],
    now: int,
    start: int,
    end: int,
    service_id: str | None = None,
) -> tuple[int, ...]:
    """The starts only, for callers that do not ask who is free."""
    board = _Board.build(
        rules=rules,
        business=business,
        staffing=staffing,
        calendars=calendars,
        now=now,
        start=start,
        end=end,
        service_id=service_id,
    )
    return tuple(board.grid[index] for index in board.offered())


def offer_slots(
    *,
    rules: ServiceRules,
    business: Schedule,
    staffing: Staffing,
    calendars: Mapping[str, ResourceCalendar],
    now: int,
    start: int,
    end: int,
    service_id: str | None = None,
) -> tuple[Slot, ...]:
    """Every offered start in [start, end) with the resources free for each place, ascending.

    `calendars` by resource id, each with all that is taken or busy in the window. Epoch seconds.
    """
    board = _Board.build(
        rules=rules,
        business=business,
        staffing=staffing,
        calendars=calendars,
        now=now,
        start=start,
        end=end,
        service_id=service_id,
    )
    duration = rules.duration_seconds
    offered = board.offered()
    free = board.free_of(offered)
    if rules.capacity == 1 or service_id is None:
        return tuple(
            Slot(board.grid[index], board.grid[index] + duration, who, rules.capacity)
            for index, who in zip(offered, free, strict=True)
        )
    seats = _Seats(rules, calendars, service_id)
    return tuple(
        Slot(at, at + duration, who, seats.left(at, who))
        for at, who in zip((board.grid[index] for index in offered), free, strict=True)
    )


def first_slot(
    *,
    rules: ServiceRules,
    business: Schedule,
    staffing: Staffing,
    calendars: Mapping[str, ResourceCalendar],
    now: int,
    start: int,
    end: int,
    service_id: str | None = None,
) -> Slot | None:
    """The first offered start in [start, end), in steps that double, so that a near one is cheap."""
    at, end = bookable_window(rules, now, business.zone, start, end)
    step = DAY_SECONDS
    while at < end:
        until = min(at + step, end)
        found = offer_slots(
            rules=rules,
            business=business,
            staffing=staffing,
            calendars=calendars,
            now=now,
            start=at,
            end=until,
            service_id=service_id,
        )
        if found:
            return found[0]
        at, step = until, min(step * 2, 32 * DAY_SECONDS)
    return None


@dataclass(frozen=True, slots=True)
class _Board:
    """The grid of a window and, for each candidate, the ranges of grid indexes at which it is free."""

    grid: tuple[int, ...]
    staffing: Staffing
    ranges: Mapping[str, tuple[tuple[int, int], ...]]

    @classmethod
    def build(
        cls,
        *,
        rules: ServiceRules,
        business: Schedule,
        staffing: Staffing,
        calendars: Mapping[str, ResourceCalendar],
        now: int,
        start: int,
        end: int,
        service_id: str | None,
    ) -> "_Board":
        start, end = bookable_window(rules, now, business.zone, start, end)
        grid = grid_starts(business.zone, rules.slot_interval, start, end)
        ranges: dict[str, tuple[tuple[int, int], ...]] = {}
        for one in staffing.candidates if grid else ():
            spans = start_spans(
                rules=rules,
                business=business,
                calendar=calendars[one],
                start=start,
                end=end,
                service_id=service_id,
            )
            ranges[one] = _index_ranges(grid, spans)
        return cls(grid, staffing, ranges)

    def offered(self) -> list[int]:
        """The grid indexes at which every place can get a resource of its own."""
        staffing = self.staffing
        if not self.grid or not staffing.places or staffing.reasons:
            return []
        mask = (1 << len(self.grid)) - 1
        bits = {one: _bits(ranges) for one, ranges in self.ranges.items()}
        for place in staffing.places:
            anyone = 0
            for one in place:
                anyone |= bits[one]
            mask &= anyone
        for one in staffing.named:
            mask &= bits[one]
        found = [index for index, bit in enumerate(bin(mask)[:1:-1]) if bit == "1"]
        if self._disjoint():
            return found
        return [index for index, free in zip(found, self.free_of(found), strict=True) if staffing.filled_by(free)]

    def free_of(self, indexes: Sequence[int]) -> list[tuple[tuple[str, ...], ...]]:
        """For each of the grid indexes, the free candidates of each place."""
        if not indexes:
            return []
        columns = [self._free_in(place, indexes) for place in self.staffing.places]
        return list(zip(*columns, strict=True))

    def _free_in(self, place: Sequence[str], indexes: Sequence[int]) -> list[tuple[str, ...]]:
        free: list[list[str]] = [[] for _ in self.grid]
        for one in place:
            for low, high in self.ranges[one]:
                for who in free[low:high]:
                    who.append(one)
        return [tuple(free[index]) for index in indexes]

    def _disjoint(self) -> bool:
        return len(self.staffing.candidates) == sum(map(len, self.staffing.places))


class _Seats:
    """How many seats are left in the sessions of a group service."""

    def __init__(self, rules: ServiceRules, calendars: Mapping[str, ResourceCalendar], service_id: str) -> None:
        self._capacity = rules.capacity
        self._used: dict[tuple[str, int], int] = {}
        for calendar in calendars.values():
            for one in calendar.taken:
                if one.service_id == service_id and one.ends_at - one.starts_at == rules.duration_seconds:
                    key = (calendar.id, one.starts_at)
                    self._used[key] = self._used.get(key, 0) + 1

    def left(self, start: int, free: Sequence[Sequence[str]]) -> int:
        best = (max(self._capacity - self._used.get((one, start), 0) for one in place) for place in free)
        return min(best)


def _joinable(
    rules: ServiceRules,
    calendar: ResourceCalendar,
    service_id: str,
    open_time: Spans,
) -> Iterator[int]:
    """The starts of sessions of the same service that still have a seat."""
    for start in {one.starts_at for one in calendar.taken if one.service_id == service_id}:
        low, high = rules.blocked(start)
        busy = any(one.start < one.end and one.start < high and one.end > low for one in calendar.busy)
        if (
            not busy
            and contains(open_time, start, start + rules.duration_seconds)
            and not taken_by(start=start, rules=rules, resource=calendar, service_id=service_id)
        ):
            yield start


def _index_ranges(grid: tuple[int, ...], spans: Spans) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    low = 0
    for start, end in spans:
        low = bisect_left(grid, start, low)
        high = bisect_left(grid, end, low)
        if low < high:
            found.append((low, high))
    return tuple(found)


def _bits(ranges: Sequence[tuple[int, int]]) -> int:
    bits = 0
    for low, high in ranges:
        bits |= ((1 << (high - low)) - 1) << low
    return bits


@lru_cache(maxsize=16_384)
def _grid_day(zone: str, step: int, ordinal: int) -> Sequence[int]:
    if is_regular(zone, ordinal):
        midnight = instant_on(zone, ordinal, 0)
        return range(midnight, midnight + DAY_SECONDS, step)
    midnight_local = datetime.fromordinal(ordinal)
    found: set[int] = set()
    for second in range(0, DAY_SECONDS, step):
        read = resolve(midnight_local + timedelta(seconds=second), zone)
        if read.kind is not LocalKind.GAP:
            found |= {read.first, read.second}
    return tuple(sorted(found))
