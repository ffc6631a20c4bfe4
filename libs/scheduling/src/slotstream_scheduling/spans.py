"""Sets of time as sorted, disjoint, half-open spans of whole epoch seconds.

A `Spans` value is normal: sorted, non-empty spans that neither overlap nor touch. Every function here takes
normal sets (except `normalize`, which makes them) and returns normal sets in linear time.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import UTC, datetime
from operator import itemgetter
from typing import TypeAlias

Span: TypeAlias = tuple[int, int]
Spans: TypeAlias = tuple[Span, ...]

EMPTY: Spans = ()


def to_epoch(moment: datetime) -> int:
    """The whole second that `moment` (aware) lies in."""
    return int(moment.timestamp() // 1)


def to_epoch_up(moment: datetime) -> int:
    """The first whole second not before `moment`: the safe end of a taken time."""
    return -int(-moment.timestamp() // 1)


def from_epoch(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def normalize(spans: Iterable[Span]) -> Spans:
    """Any spans, in any order, overlapping, touching or empty, as a normal set."""
    ordered = sorted(span for span in spans if span[0] < span[1])
    if not ordered:
        return EMPTY
    merged: list[Span] = []
    current = ordered[0]
    last_start, last_end = current
    for span in ordered:
        start, end = span
        if start > last_end:
            merged.append(current)
            current = span
            last_start, last_end = span
        elif end > last_end:
            last_end = end
            current = (last_start, end)
    merged.append(current)
    return tuple(merged)


def union(*sets: Spans) -> Spans:
    return normalize(span for spans in sets for span in spans)


def intersect(left: Spans, right: Spans) -> Spans:
    spans: list[Span] = []
    i = j = 0
    while i < len(left) and j < len(right):
        start = max(left[i][0], right[j][0])
        end = min(left[i][1], right[j][1])
        if start < end:
            spans.append((start, end))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return tuple(spans)


def subtract(base: Spans, removed: Spans) -> Spans:
    """What is in `base` and not in `removed`."""
    if not removed or not base:
        return base
    left: list[Span] = []
    j = 0
    count = len(removed)
    for start, end in base:
        at = start
        while j < count and removed[j][1] <= at:
            j += 1
        k = j
        while k < count and removed[k][0] < end:
            cut_from, cut_to = removed[k]
            if at < cut_from:
                left.append((at, cut_from))
            at = cut_to
            k += 1
        if at < end:
            left.append((at, end))
        j = max(j, k - 1)
    return tuple(left)


def clip(spans: Spans, start: int, end: int) -> Spans:
    """The part of the set in [start, end)."""
    if start >= end:
        return EMPTY
    low = bisect_right(spans, start, key=_end_of)
    high = bisect_left(spans, end, key=_start_of)
    if low >= high:
        return EMPTY
    if spans[low][0] >= start and spans[high - 1][1] <= end:
        return spans[low:high]
    inner = list(spans[low:high])
    inner[0] = (max(inner[0][0], start), inner[0][1])
    inner[-1] = (inner[-1][0], min(inner[-1][1], end))
    return tuple(inner)


def contains(spans: Spans, start: int, end: int) -> bool:
    """Whether every second of [start, end) is in the set."""
    if start >= end:
        return True
    at = bisect_right(spans, start, key=_start_of) - 1
    return at >= 0 and spans[at][1] >= end


def overlaps(spans: Spans, start: int, end: int) -> bool:
    """Whether any second of [start, end) is in the set."""
    if start >= end:
        return False
    at = bisect_left(spans, end, key=_start_of) - 1
    return at >= 0 and spans[at][1] > start


def total(spans: Spans) -> int:
    """The seconds in the set."""
    return sum(end - start for start, end in spans)


_start_of = itemgetter(0)
_end_of = itemgetter(1)
