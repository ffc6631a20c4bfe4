"""Builders and strategies shared by the tests of this folder."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

from hypothesis import strategies as st

from slotstream_scheduling import (
    Absence,
    Busy,
    ClockInterval,
    DateOverride,
    Holiday,
    Performer,
    ResourceCalendar,
    Roster,
    Schedule,
    ServiceRules,
    Staffing,
    Taken,
    WeekdayHours,
    to_epoch,
)

Item = TypeVar("Item")

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "America/Santiago",
    "Africa/Casablanca",
    "Europe/Moscow",
    "Pacific/Apia",
    "America/Havana",
    "Asia/Beirut",
    "America/Caracas",
    "Asia/Pyongyang",
    "Africa/Cairo",
    "America/Mexico_City",
    "Antarctica/Troll",
    "Pacific/Chatham",
    "UTC",
)

# Days around which something happens: changes of law, skipped days, clock changes of both hemispheres.
EVENTFUL_DAYS = (
    date(2011, 3, 27),
    date(2011, 12, 30),
    date(2014, 10, 26),
    date(2016, 5, 1),
    date(2018, 5, 5),
    date(2022, 10, 30),
    date(2023, 3, 26),
    date(2023, 4, 28),
    date(2024, 2, 29),
    date(2026, 3, 8),
    date(2026, 3, 29),
    date(2026, 4, 5),
    date(2026, 9, 6),
    date(2026, 10, 4),
    date(2026, 10, 25),
    date(2026, 11, 1),
)

DAY = 86_400
WORK_WEEK = tuple(WeekdayHours(day, (ClockInterval.parse("09:00", "17:00"),)) for day in range(5))

zones = st.sampled_from(ZONES)
eventful_days = st.builds(
    lambda day, shift: day + timedelta(days=shift), st.sampled_from(EVENTFUL_DAYS), st.integers(-2, 2)
)
days = st.one_of(eventful_days, st.dates(date(2010, 1, 1), date(2035, 12, 31)))
# Laws that are passed change the future only: what two sets of zone rules can agree on lies in the past or near it.
agreed_days = st.one_of(eventful_days, st.dates(date(2010, 1, 1), max(EVENTFUL_DAYS)))
clock_intervals = st.builds(
    lambda start, length: ClockInterval(start * 10, (start * 10 + length * 10 - 1) % 1440 + 1),
    st.one_of(st.integers(0, 23), st.integers(0, 143)),  # the small hours are when clocks change
    st.one_of(st.integers(12, 60), st.integers(3, 144)),
)
sparse_weeks = st.lists(
    st.builds(WeekdayHours, st.integers(0, 6), st.lists(clock_intervals, max_size=2).map(tuple)), max_size=7
).map(tuple)
full_weeks = st.lists(clock_intervals, min_size=1, max_size=2).map(
    lambda intervals: tuple(WeekdayHours(day, tuple(intervals)) for day in range(7))
)
weeks = st.one_of(full_weeks, st.none(), full_weeks, sparse_weeks)


def at(text: str) -> int:
    """Epoch seconds of an RFC 3339 instant."""
    return to_epoch(datetime.fromisoformat(text))


def midnight(day: date) -> int:
    return to_epoch(datetime(day.year, day.month, day.day, tzinfo=UTC))


def minutes(count: int) -> timedelta:
    return timedelta(minutes=count)


def a_staffing(*places: Sequence[str], named: Sequence[str] = ()) -> Staffing:
    """Of a service whose places these are; everybody in them works in the business."""
    everybody = dict.fromkeys(resource_id for place in places for resource_id in place)
    return Roster(Performer(resource_id, "staff") for resource_id in everybody).staffing(places, named)


def half_open(around: date) -> st.SearchStrategy[tuple[int, int]]:
    """Intervals within some days of `around`."""
    base = midnight(around)
    return st.builds(
        lambda start, length: (base + start * 300, base + start * 300 + length * 300),
        st.integers(-300, 600),
        st.integers(1, 200),
    )


def seldom(lists: st.SearchStrategy[list[Item]]) -> st.SearchStrategy[list[Item]]:
    """An empty list half of the time, so that some of the world stays open."""
    return st.booleans().flatmap(lambda drawn: lists if drawn else st.just([]))


@st.composite
def schedules(
    draw: st.DrawFn, around: date, weekly: st.SearchStrategy[tuple[WeekdayHours, ...] | None] = weeks
) -> Schedule:
    near = st.sampled_from((0, 1, 0, -1, 2)).map(lambda shift: around + timedelta(days=shift))
    overrides = draw(seldom(st.lists(st.tuples(near, st.lists(clock_intervals, max_size=2)), max_size=2)))
    absences = draw(seldom(st.lists(half_open(around), max_size=2)))
    return Schedule(
        zone=draw(zones),
        weekly=draw(weekly),
        overrides=tuple(DateOverride(f"o{i}", on, tuple(items)) for i, (on, items) in enumerate(overrides)),
        absences=tuple(Absence(f"f{i}", start, end) for i, (start, end) in enumerate(absences)),
        holidays=tuple(Holiday(on, "Feast") for on in draw(seldom(st.lists(near, max_size=1)))),
    )


def businesses(around: date) -> st.SearchStrategy[Schedule]:
    """Schedules that are mostly open."""
    return schedules(around, st.one_of(full_weeks, full_weeks, full_weeks, weeks))


service_rules = st.builds(
    lambda duration, before, after, notice, window, interval, capacity: ServiceRules(
        duration=minutes(duration),
        buffer_before=minutes(before),
        buffer_after=minutes(after),
        minimum_notice=minutes(notice),
        booking_window_days=window,
        slot_interval=minutes(interval),
        capacity=capacity,
    ),
    st.sampled_from((15, 30, 20, 60, 95)),
    st.sampled_from((0, 10, 25)),
    st.sampled_from((0, 5, 15)),
    st.sampled_from((0, 0, 60, 1500)),
    st.sampled_from((None, None, 60, 1, 0)),
    st.sampled_from((15, 30, 45, 60)),
    st.sampled_from((1, 1, 3)),
)


@st.composite
def calendars(draw: st.DrawFn, name: str, around: date, rules: ServiceRules) -> ResourceCalendar:
    base = midnight(around)
    taken: list[Taken] = []
    for index, twelfth in enumerate(draw(st.lists(st.integers(-300, 600), max_size=6))):
        start = base + twelfth * 300 if twelfth % 2 else base + twelfth * 300 // 1800 * 1800
        length = draw(st.sampled_from((rules.duration_seconds, rules.duration_seconds, 2700)))
        low, high = rules.blocked(start)
        high += length - rules.duration_seconds
        service = draw(st.sampled_from(("svc", "svc", "other")))
        seats = draw(st.sampled_from((1, 1, 2, 3)))
        taken += [Taken(f"{name}-a{index}-{seat}", low, high, start, start + length, service) for seat in range(seats)]
    busy = draw(st.lists(half_open(around), max_size=2))
    return ResourceCalendar(
        id=name,
        schedule=draw(st.one_of(st.none(), schedules(around))),
        taken=tuple(taken),
        busy=tuple(Busy(f"{name}-b{index}", start, end) for index, (start, end) in enumerate(busy)),
    )
