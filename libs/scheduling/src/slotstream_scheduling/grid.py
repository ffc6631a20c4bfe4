"""The grid of starts.

A start is on it if the business's wall clock then reads a whole multiple of the slot interval since midnight. It is a
matter of the wall, not of elapsed time: after a clock change starts are still on the hour, a repeated hour has its
starts twice, a skipped one none. All resources share it, whenever they open.
"""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache

from slotstream_scheduling.wallclock import (
    DAY_SECONDS,
    LocalKind,
    instant_on,
    is_regular,
    local_date,
    resolve,
)


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


@lru_cache(maxsize=16_384)
def _grid_day(zone: str, step: int, ordinal: int) -> Sequence[int]:
    if is_regular(zone, ordinal):
        midnight = instant_on(zone, ordinal, 0)
        return range(midnight, midnight + DAY_SECONDS, step)
    midnight_local = datetime.fromordinal(ordinal)
    starts: set[int] = set()
    for second in range(0, DAY_SECONDS, step):
        read = resolve(midnight_local + timedelta(seconds=second), zone)
        if read.kind is not LocalKind.GAP:
            starts |= {read.first, read.second}
    return tuple(sorted(starts))
