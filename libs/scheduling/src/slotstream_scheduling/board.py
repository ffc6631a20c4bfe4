"""Who is free at which start of a window: bits over the grid, one row of them for each candidate.

Any or several resources are ORs and ANDs of rows. After a change only the rows of those whose time changed are made
again, which is what makes a query after a booking cheap.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from slotstream_scheduling.grid import grid_starts
from slotstream_scheduling.hours import Schedule
from slotstream_scheduling.places import Staffing
from slotstream_scheduling.rules import ResourceCalendar, ServiceRules
from slotstream_scheduling.spans import Spans
from slotstream_scheduling.starts import start_spans


@dataclass(frozen=True, slots=True)
class Slot:
    """An offered start (epoch seconds, half-open). `free` holds the free candidates of each place.

    `seats` is how many clients can still share it with one choice of resources: 1 but for group services.
    """

    start: int
    end: int
    free: tuple[tuple[str, ...], ...]
    seats: int = 1


class Board:
    """The grid of [start, end), notice and booking window left aside, and who is free when.

    Nobody is free until `put` has told of their calendar.
    """

    def __init__(
        self,
        *,
        rules: ServiceRules,
        business: Schedule,
        staffing: Staffing,
        start: int,
        end: int,
        service_id: str | None = None,
    ) -> None:
        self.staffing = staffing
        self.grid = grid_starts(business.zone, rules.slot_interval, start, end)
        self._rules, self._business, self._service_id = rules, business, service_id
        self._start, self._end = start, end
        self._free: dict[str, int] = dict.fromkeys(staffing.candidates, 0)
        self._used: dict[str, dict[int, int]] = {}
        self._are_shared = rules.capacity > 1 and service_id is not None
        self._are_apart = len(self._free) == sum(map(len, staffing.places))

    def put(self, calendar: ResourceCalendar) -> int:
        """Takes on what is known of one candidate; the bits of the starts at which that changed anything."""
        if not self.grid:
            return 0
        spans = start_spans(
            rules=self._rules,
            business=self._business,
            calendar=calendar,
            start=self._start,
            end=self._end,
            service_id=self._service_id,
        )
        bits = _bits(self.grid, spans)
        changed = self._free[calendar.id] ^ bits
        self._free[calendar.id] = bits
        return changed | self._put_seats(calendar) if self._are_shared else changed

    def _put_seats(self, calendar: ResourceCalendar) -> int:
        used: dict[int, int] = {}
        for taken in calendar.taken:
            if (
                taken.service_id == self._service_id
                and taken.ends_at - taken.starts_at == self._rules.duration_seconds
                and (at := bisect_left(self.grid, taken.starts_at)) < len(self.grid)
                and self.grid[at] == taken.starts_at
            ):
                used[at] = used.get(at, 0) + 1
        before = self._used.get(calendar.id, {})
        self._used[calendar.id] = used
        return sum(1 << at for at in before.keys() | used.keys() if before.get(at) != used.get(at))

    def between(self, start: int, end: int) -> range:
        """The indexes of the starts in [start, end)."""
        return range(bisect_left(self.grid, start), bisect_left(self.grid, end))

    def offered(self, part: range) -> list[int]:
        """The indexes in `part` at which every place can get a resource of its own."""
        staffing = self.staffing
        if not part or not staffing.places or staffing.reasons:
            return []
        mask = (1 << len(part)) - 1
        for place in staffing.places:
            anyone = 0
            for candidate in place:
                anyone |= self._free[candidate] >> part.start
            mask &= anyone
        for candidate in staffing.named:
            mask &= self._free[candidate] >> part.start
        indexes = [part.start + index for index in _indexes(mask)]
        if self._are_apart:
            return indexes
        return [
            index
            for index, free in zip(indexes, self._free_places(part, indexes), strict=True)
            if staffing.filled_by(free)
        ]

    def slots(self, part: range) -> list[Slot]:
        """What is offered in `part`, ascending."""
        offered = self.offered(part)
        duration = self._rules.duration_seconds
        return [
            Slot(self.grid[index], self.grid[index] + duration, free, self._seats_at(index, free))
            for index, free in zip(offered, self._free_places(part, offered), strict=True)
        ]

    def counts(self, part: range) -> list[tuple[int, int]]:
        """The offered indexes of `part`, each with how many candidates are free; for services without seats to share.

        The rows are added up as binary numbers that stand upright: `planes[n]` holds digit n of every sum at once.
        """
        planes: list[int] = []
        for bits in self._free.values():
            carry = bits >> part.start
            for digit, plane in enumerate(planes):
                planes[digit], carry = plane ^ carry, plane & carry
                if not carry:
                    break
            else:
                planes.append(carry)
        return [
            (index, sum((plane >> (index - part.start) & 1) << digit for digit, plane in enumerate(planes)))
            for index in self.offered(part)
        ]

    def _free_places(self, part: range, indexes: Sequence[int]) -> list[tuple[tuple[str, ...], ...]]:
        columns = [self._free_in(place, part, indexes) for place in self.staffing.places]
        return list(zip(*columns, strict=True))

    def _free_in(self, place: Sequence[str], part: range, indexes: Sequence[int]) -> list[tuple[str, ...]]:
        free: list[list[str]] = [[] for _ in part]
        mask = (1 << len(part)) - 1
        for candidate in place:
            for index in _indexes(self._free[candidate] >> part.start & mask):
                free[index].append(candidate)
        return [tuple(free[index - part.start]) for index in indexes]

    def _seats_at(self, index: int, free: Sequence[Sequence[str]]) -> int:
        if not self._are_shared:
            return self._rules.capacity
        left = (
            max(self._rules.capacity - self._used.get(candidate, {}).get(index, 0) for candidate in place)
            for place in free
        )
        return min(left)


def _indexes(bits: int) -> Iterator[int]:
    """Where `bits` has ones, ascending."""
    return (index for index, bit in enumerate(bin(bits)[:1:-1]) if bit == "1")


def _bits(grid: tuple[int, ...], spans: Spans) -> int:
    bits = low = 0
    for start, end in spans:
        low = bisect_left(grid, start, low)
        high = bisect_left(grid, end, low)
        bits |= ((1 << (high - low)) - 1) << low
    return bits
