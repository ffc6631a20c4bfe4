"""Builders and strategies shared by the tests of this folder."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import strategies as st

from slotstream_scheduling import (
    Absence,
    Busy,
    ClockInterval,
    DateOverride,
    Holiday,
    ResourceCalendar,
    Schedule,
    ServiceRules,
    Taken,
    WeekdayHours,
    to_epoch,
)

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
    "UTC",
)

# Days around which something happens: changes of law, skipped days, clock changes of both hemispheres.
EVENTFUL_DAYS = (
    date(2011, 3, 27),
    date(2011, 12, 30),
    date(2014, 10, 26),
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
days = st.one_of(
    st.builds(lambda day, shift: day + timedelta(days=shift), st.sampled_from(EVENTFUL_DAYS), st.integers(-2, 2)),
    st.dates(date(2010, 1, 1), date(2035, 12, 31)),
)
clock_intervals = st.builds(
    lambda start, length: ClockInterval(start * 10, (start * 10 + length * 10 - 1) % 1440 + 1),
    st.integers(0, 143),
    st.integers(3, 144),
)
weeks = st.one_of(
    st.none(),
    st.lists(
        st.builds(WeekdayHours, st.integers(0, 6), st.lists(clock_intervals, max_size=2).map(tuple)),
        max_size=7,
    ).map(tuple),
)


def at(text: str) -> int:
    """Epoch seconds of an RFC 3339 instant."""
    return to_epoch(datetime.fromisoformat(text))


def midnight(day: date) -> int:
    return to_epoch(datetime(day.year, day.month, day.day, tzinfo=UTC))


def minutes(count: int) -> timedelta:
    return timedelta(minutes=count)


def half_open(around: date) -> st.SearchStrategy[tuple[int, int]]:
    """Intervals within some days of `around`."""
    base = midnight(around)
    return st.builds(
        lambda start, length: (base + start * 300, base + start * 300 + length * 300),
        st.integers(-600, 1200),
        st.integers(1, 200),
    )


@st.composite
def schedules(draw: st.DrawFn, around: date, zone: str | None = None) -> Schedule:
    near = st.integers(-3, 3).map(lambda shift: around + timedelta(days=shift))
    overrides = draw(st.lists(st.tuples(near, st.lists(clock_intervals, max_size=2)), max_size=2))
    absences = draw(st.lists(half_open(around), max_size=2))
    return Schedule(
        zone=zone or draw(zones),
        weekly=draw(weeks),
        overrides=tuple(DateOverride(f"o{i}", on, tuple(items)) for i, (on, items) in enumerate(overrides)),
        absences=tuple(Absence(f"f{i}", start, end) for i, (start, end) in enumerate(absences)),
        holidays=tuple(Holiday(on, "Feast") for on in draw(st.lists(near, max_size=1))),
    )


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
    st.sampled_from((15, 30, 60, 95)),
    st.sampled_from((0, 0, 10)),
    st.sampled_from((0, 0, 5, 15)),
    st.sampled_from((0, 60, 1500)),
    st.sampled_from((None, 0, 1, 60)),
    st.sampled_from((15, 30, 45, 60)),
    st.sampled_from((1, 1, 3)),
)


@st.composite
def calendars(draw: st.DrawFn, name: str, around: date, rules: ServiceRules) -> ResourceCalendar:
    base = midnight(around)
    taken: list[Taken] = []
    for index, quarter in enumerate(draw(st.lists(st.integers(-100, 200), max_size=6))):
        start = base + quarter * 900
        low, high = rules.blocked(start)
        service = draw(st.sampled_from(("svc", "svc", "other")))
        end = start + rules.duration_seconds
        seats = draw(st.sampled_from((1, 1, 2, 3)))
        taken += [Taken(f"{name}-a{index}-{seat}", low, high, start, end, service) for seat in range(seats)]
    busy = draw(st.lists(half_open(around), max_size=2))
    return ResourceCalendar(
        id=name,
        schedule=draw(st.one_of(st.none(), schedules(around))),
        taken=tuple(taken),
        busy=tuple(Busy(f"{name}-b{index}", start, end) for index, (start, end) in enumerate(busy)),
    )
