"""Which rows of one file stand in each other's way.

Booking is asked for the rows that name a resource first, and for those that take anybody once the former are booked,
each by their start. So they are compared in that order here: a row for any staff never takes the person whom another
row names. Once booking has said who is free in the book, a row for anybody can have only those.
"""

from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from imports.domain.catalogue import Catalogue, OfferedService
from imports.domain.rows import Span
from slotstream_scheduling.assignment import Assignment, assign
from slotstream_scheduling.places import Places
from slotstream_servicekit.errors import Reason

_NAMED_ROWS = 5
_MOST_ROWS = 20


@dataclass(slots=True)
class _Timeline:
    """What one resource is taken for: intervals that never overlap, in order."""

    taken: list[tuple[datetime, datetime, int]] = field(default_factory=list)

    def rows_between(self, start: datetime, end: datetime) -> list[int]:
        """The rows that take a part of the time."""
        place = bisect_right(self.taken, start, key=lambda interval: interval[0])
        rows: list[int] = []
        if place and self.taken[place - 1][1] > start:
            rows.append(self.taken[place - 1][2])
        while place < len(self.taken) and self.taken[place][0] < end:
            rows.append(self.taken[place][2])
            place += 1
        return rows


Session = tuple[UUID, datetime, str]
"""A group's appointment: service, start, resource."""


@dataclass(slots=True)
class _Plan:
    """The rows that can be kept so far, and what they take. Resources are called as the library of rules does."""

    catalogue: Catalogue
    services: Mapping[UUID, OfferedService] = field(init=False)
    timelines: dict[str, _Timeline] = field(default_factory=dict)
    seats: dict[Session, int] = field(default_factory=dict)
    staffings: dict[tuple[UUID, UUID | None], tuple[Places, tuple[str, ...]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.services = self.catalogue.services_by_id

    def add(self, span: Span) -> Reason | None:
        """Takes what the row asks for; where it cannot have it, the reason."""
        service = self.services.get(span.service_id)
        places, named = self._staffing(span, service)
        if span.free_ids:
            in_book = {str(resource_id) for resource_id in span.free_ids}
            places = tuple(tuple(resource_id for resource_id in place if resource_id in in_book) for place in places)
        if not places or self._joins_session(span, places[0]):
            return None
        free = [[resource_id for resource_id in place if not self._rows_in(resource_id, span)] for place in places]
        if len(free) == 1:
            chosen: tuple[str, ...] | None = (free[0][0],) if free[0] else None
        else:
            chosen = assign(policy=Assignment.PRIORITY, free=free, named=named)
        if chosen is None:
            return self._conflict(span, places, free)
        for resource_id in chosen:
            timeline = self.timelines.setdefault(resource_id, _Timeline())
            insort(timeline.taken, (span.blocked_from, span.blocked_to, span.row))
        if service is not None and service.capacity > 1:
            self.seats[span.service_id, span.starts_at, chosen[0]] = service.capacity - 1
        return None

    def _staffing(self, span: Span, service: OfferedService | None) -> tuple[Places, tuple[str, ...]]:
        """Who may fill which place of the row's appointment, and who has to."""
        key = span.service_id, span.resource_id
        if key not in self.staffings:
            named = () if span.resource_id is None else (str(span.resource_id),)
            staffing = self.catalogue.roster.staffing(service.requires if service else (), named)
            # A resource that cannot perform the service is booking's to refuse; its time is taken all the same.
            places = staffing.places if not staffing.reasons else tuple((resource_id,) for resource_id in named)
            self.staffings[key] = places, named
        return self.staffings[key]

    def _joins_session(self, span: Span, place: Sequence[str]) -> bool:
        """Takes a seat in a group that is there already, where one is left."""
        for resource_id in place:
            session = (span.service_id, span.starts_at, resource_id)
            if self.seats.get(session, 0) > 0:
                self.seats[session] -= 1
                return True
        return False

    def _rows_in(self, resource_id: str, span: Span) -> list[int]:
        timeline = self.timelines.get(resource_id)
        return timeline.rows_between(span.blocked_from, span.blocked_to) if timeline is not None else []

    def _conflict(self, span: Span, places: Places, free: Sequence[Sequence[str]]) -> Reason | None:
        """The rows in the way. None where there are none: what lacks is the business's, and booking's to say."""
        full = [place for place, left in zip(places, free, strict=True) if not left] or list(places)
        holders = {row for place in full for resource_id in place for row in self._rows_in(resource_id, span)}
        rows = tuple(str(row) for row in sorted(holders)[:_MOST_ROWS])
        if not rows:
            return None
        if len(rows) == 1:
            return Reason("conflict_in_file", f"Row {rows[0]} takes the same time", rows)
        return Reason("conflict_in_file", f"Rows {', '.join(rows[:_NAMED_ROWS])} take the same time", rows)


def conflicts_inside(spans: Iterable[Span], *, catalogue: Catalogue) -> Iterator[tuple[int, Reason]]:
    """Rows that cannot all be kept; of two that name one resource the earlier start stays."""
    plan = _Plan(catalogue)
    for span in sorted(spans, key=lambda span: (span.resource_id is None, span.starts_at, span.row)):
        reason = plan.add(span)
        if reason is not None:
            yield span.row, reason


def conflict_with(own: Span, neighbours: Sequence[Span], *, catalogue: Catalogue) -> Reason | None:
    """Why `own` cannot be kept beside its neighbours, which all can be kept without it; None where it can."""
    before = {row for row, _ in conflicts_inside(neighbours, catalogue=catalogue)}
    for row, reason in conflicts_inside([*neighbours, own], catalogue=catalogue):
        if row == own.row:
            return reason
        if row not in before:
            # The later start loses among the rows of a file; here the row that was changed does.
            return Reason("conflict_in_file", f"Row {row} takes the same time", (str(row),))
    return None
