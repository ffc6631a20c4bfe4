"""The starts that work for one resource, as spans of seconds: open time shrunk, taken time widened."""

from collections.abc import Iterator

from slotstream_scheduling.hours import Schedule, open_spans
from slotstream_scheduling.rules import (
    ResourceCalendar,
    ServiceRules,
    booking_limit,
    earliest_start,
    taken_by,
)
from slotstream_scheduling.spans import Spans, clip, contains, normalize, subtract


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
        (busy.start - after + 1, busy.end + before)
        for busy in calendar.busy
        if busy.start < busy.end and busy.start < high and busy.end > low
    ]
    ruled_out += [
        (taken.blocked_from - after + 1, taken.blocked_to + before)
        for taken in calendar.taken
        if taken.blocked_from < taken.blocked_to and taken.blocked_from < high and taken.blocked_to > low
    ]
    free = clip(subtract(starts, normalize(ruled_out)), start, end)
    if rules.capacity == 1 or service_id is None:
        return free
    joinable = _joinable(rules, calendar, service_id, open_time)
    return normalize([*free, *((joined, joined + 1) for joined in joinable if start <= joined < end)])


def _joinable(
    rules: ServiceRules,
    calendar: ResourceCalendar,
    service_id: str,
    open_time: Spans,
) -> Iterator[int]:
    """The starts of sessions of the same service that still have a seat."""
    for start in {taken.starts_at for taken in calendar.taken if taken.service_id == service_id}:
        low, high = rules.blocked(start)
        busy = any(event.start < event.end and event.start < high and event.end > low for event in calendar.busy)
        if (
            not busy
            and contains(open_time, start, start + rules.duration_seconds)
            and not taken_by(start=start, rules=rules, resource=calendar, service_id=service_id)
        ):
            yield start
