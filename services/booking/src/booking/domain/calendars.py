"""What takes resources' time, kept so that one appointment sees only what is near it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from slotstream_scheduling.assignment import day_load
from slotstream_scheduling.hours import Schedule
from slotstream_scheduling.rules import Busy, ResourceCalendar, Taken
from slotstream_scheduling.spans import to_epoch, to_epoch_up
from slotstream_scheduling.wallclock import day_span, local_date

ItemT = TypeVar("ItemT")

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Held:
    """One row of occupancy: what is taken, in which session, on which seat."""

    taken: Taken
    session_id: UUID
    seat: int


@dataclass(slots=True)
class Calendars:
    """Occupancy and external busy time by resource and day."""

    _held: dict[tuple[UUID, int], list[Held]] = field(default_factory=lambda: defaultdict(list))
    _busy: dict[tuple[UUID, int], list[Busy]] = field(default_factory=lambda: defaultdict(list))
    last_taken: dict[UUID, int] = field(default_factory=dict)
    """When each resource was last taken, in microseconds: turns may follow each other within a second."""
    _newest: int = 0

    def take_turn(self, resource_id: UUID, at: int | None = None) -> None:
        """The resource was taken at that time; without one just now, after all that is known."""
        taken_at = self._newest + 1 if at is None else at
        self.last_taken[resource_id] = taken_at
        self._newest = max(self._newest, taken_at)

    def add(self, resource_id: UUID, held: Held) -> None:
        for day in _days(held.taken.blocked_from, held.taken.blocked_to):
            self._held[resource_id, day].append(held)

    def add_busy(self, resource_id: UUID, busy: Busy) -> None:
        for day in _days(busy.start, busy.end):
            self._busy[resource_id, day].append(busy)

    def near(
        self, resource_id: UUID, schedule: Schedule | None, blocked: tuple[datetime, datetime], *, name: str
    ) -> ResourceCalendar:
        """The resource's calendar on the days of `blocked`; `name` is what refusals call it."""
        days = _days(to_epoch(blocked[0]), to_epoch_up(blocked[1]))
        taken = [held.taken for day in days for held in self._held.get((resource_id, day), ())]
        busy = [busy for day in days for busy in self._busy.get((resource_id, day), ())]
        return ResourceCalendar(
            id=str(resource_id),
            schedule=schedule,
            taken=_distinct(taken, days),
            busy=_distinct(busy, days),
            name=name,
        )

    def overlapping(self, resource_id: UUID, blocked: tuple[datetime, datetime]) -> tuple[Held, ...]:
        """What is taken of the resource in that time, each once."""
        begins, ends = to_epoch(blocked[0]), to_epoch_up(blocked[1])
        days = _days(begins, ends)
        near = [held for day in days for held in self._held.get((resource_id, day), ())]
        return tuple(
            held for held in _distinct(near, days) if held.taken.blocked_from < ends and held.taken.blocked_to > begins
        )

    def session(self, resource_id: UUID, *, starts_at: int, ends_at: int, service_id: UUID) -> tuple[Held, ...]:
        """The seats taken in this very session of a group service."""
        return tuple(
            held
            for held in self._held.get((resource_id, starts_at // _DAY), ())
            if (held.taken.starts_at, held.taken.ends_at, held.taken.service_id)
            == (starts_at, ends_at, str(service_id))
        )

    def load(self, resource_id: UUID, at: int, zone: str) -> int:
        """Seconds taken of the resource on the day of `at` in the business's `zone`."""
        days = _days(*day_span(zone, local_date(at, zone)))
        taken = [held.taken for day in days for held in self._held.get((resource_id, day), ())]
        return day_load(_distinct(taken, days), zone=zone, start=at)


def _days(start: int, end: int) -> range:
    return range(start // _DAY, max(start, end - 1) // _DAY + 1)


def _distinct(items: Sequence[ItemT], days: range) -> tuple[ItemT, ...]:
    """What lies in two of the days is found in both."""
    return tuple(items if len(days) == 1 else dict.fromkeys(items))
