"""Which rows of one file stand in each other's way."""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from slotstream_servicekit.errors import Reason


@dataclass(frozen=True, slots=True)
class Span:
    """The time that one row asks for; half-open."""

    row: int
    starts_at: datetime
    ends_at: datetime
    resource_id: UUID | None


def conflicts_inside(spans: Iterable[Span], *, staff: int) -> Iterator[tuple[int, Reason]]:
    """Rows that cannot all be kept, in the order of their starts; of two that overlap the earlier one stays.

    A row without a resource needs any one of `staff`; together, overlapping rows may not need more.
    """
    by_resource: dict[UUID, Span] = {}
    busy: list[tuple[datetime, int]] = []
    for span in sorted(spans, key=lambda each: (each.starts_at, each.row)):
        while busy and busy[0][0] <= span.starts_at:
            heapq.heappop(busy)
        holder = by_resource.get(span.resource_id) if span.resource_id else None
        if holder is not None and holder.ends_at > span.starts_at:
            yield span.row, Reason("conflict_in_file", f"Row {holder.row} takes the same time", (str(holder.row),))
            continue
        if span.resource_id is None and len(busy) >= staff:
            rows = tuple(sorted(row for _, row in busy))
            detail = f"Rows {', '.join(map(str, rows[:5]))} already take everybody's time"
            yield span.row, Reason("conflict_in_file", detail, tuple(map(str, rows[:20])))
            continue
        if span.resource_id is not None:
            by_resource[span.resource_id] = span
        heapq.heappush(busy, (span.ends_at, span.row))


def conflict_with(own: Span, neighbours: Sequence[Span], *, staff: int) -> Reason | None:
    """Why `own` cannot be kept beside its neighbours, which all can be kept without it; None where it can."""
    before = {row for row, _ in conflicts_inside(neighbours, staff=staff)}
    for row, reason in conflicts_inside([*neighbours, own], staff=staff):
        if row == own.row:
            return reason
        if row not in before:
            # The later start loses among the rows of a file; here the row that was changed does.
            return Reason("conflict_in_file", f"Row {row} takes the same time", (str(row),))
    return None
