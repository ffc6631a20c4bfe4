from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scheduling_worlds import DAY, at, days, midnight, schedules

from slotstream_scheduling import (
    Absence,
    ClockInterval,
    DateOverride,
    Holiday,
    Schedule,
    holidays_for,
    open_spans,
    schedule_from_dict,
    schedule_to_dict,
    weekly_hours,
)
from slotstream_scheduling.spans import contains, total
from slotstream_scheduling.wallclock import day_span, local_of

EVERY_DAY = range(7)


def daily(zone: str, *intervals: tuple[str, str]) -> Schedule:
    return Schedule(zone, weekly_hours(dict.fromkeys(EVERY_DAY, intervals)))


def opened(schedule: Schedule, start: str, end: str, resource: Schedule | None = None) -> list[tuple[str, str]]:
    found = open_spans(resource, schedule, at(start), at(end))
    return [(f"{local_of(a, schedule.zone):%d %H:%M}", f"{local_of(b, schedule.zone):%d %H:%M}") for a, b in found]


def test_breaks_are_the_gaps_between_intervals() -> None:
    berlin = daily("Europe/Berlin", ("09:00", "12:00"), ("13:00", "17:30"))

    assert opened(berlin, "2026-06-01T00:00+02:00", "2026-06-02T00:00+02:00") == [
        ("01 09:00", "01 12:00"),
        ("01 13:00", "01 17:30"),
    ]


@pytest.mark.parametrize(
    ("zone", "day", "interval", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 28), ("22:00", "06:00"), 7),
        ("Europe/Berlin", date(2026, 10, 24), ("22:00", "06:00"), 9),
        ("Europe/Berlin", date(2026, 3, 29), ("02:30", "05:00"), 2),
        ("Europe/Berlin", date(2026, 3, 29), ("02:00", "03:00"), 0),
        ("Europe/Berlin", date(2026, 10, 25), ("01:00", "03:00"), 3),
        ("Europe/Berlin", date(2026, 10, 25), ("00:00", "24:00"), 25),
        ("America/New_York", date(2026, 11, 1), ("00:00", "24:00"), 25),
        ("Australia/Sydney", date(2026, 10, 3), ("22:00", "06:00"), 7),
        ("Australia/Lord_Howe", date(2026, 10, 4), ("01:00", "05:00"), 3.5),
        ("Asia/Kolkata", date(2026, 3, 29), ("22:00", "06:00"), 8),
        ("Pacific/Apia", date(2011, 12, 30), ("09:00", "17:00"), 0),
    ],
)
def test_hours_across_a_clock_change_follow_the_wall(
    zone: str, day: date, interval: tuple[str, str], hours: float
) -> None:
    schedule = Schedule(zone, (), (DateOverride("o", day, (ClockInterval.parse(*interval),)),))

    assert total(open_spans(None, schedule, midnight(day) - 2 * DAY, midnight(day) + 3 * DAY)) == hours * 3600


def test_an_interval_over_midnight_belongs_to_the_date_it_starts_on() -> None:
    friday_nights = Schedule("Europe/Berlin", weekly_hours({4: [("20:00", "02:00")]}))

    assert opened(friday_nights, "2026-06-06T00:00+02:00", "2026-06-12T00:00+02:00") == [("06 00:00", "06 02:00")]


def test_hours_from_midnight_to_24_00_every_day_are_one_span() -> None:
    always = daily("Europe/Berlin", ("00:00", "24:00"))
    start, end = at("2026-10-20T00:00Z"), at("2026-10-30T00:00Z")

    assert open_spans(None, always, start, end) == ((start, end),)


def test_a_date_override_replaces_the_weekly_hours() -> None:
    berlin = daily("Europe/Berlin", ("09:00", "17:00"))
    late = DateOverride("a", date(2026, 6, 1), (ClockInterval.parse("12:00", "20:00"),))
    closed = DateOverride("b", date(2026, 6, 2))
    schedule = Schedule(berlin.zone, berlin.weekly, (late, closed))

    assert opened(schedule, "2026-06-01T00:00+02:00", "2026-06-04T00:00+02:00") == [
        ("01 12:00", "01 20:00"),
        ("03 09:00", "03 17:00"),
    ]


def test_a_resource_without_weekly_rules_follows_its_business_except_on_its_own_dates() -> None:
    berlin = daily("Europe/Berlin", ("09:00", "17:00"))
    resource = Schedule(
        "Europe/Berlin",
        overrides=(DateOverride("o", date(2026, 6, 2), (ClockInterval.parse("10:00", "11:00"),)),),
    )

    assert opened(berlin, "2026-06-01T00:00+02:00", "2026-06-03T00:00+02:00", resource) == [
        ("01 09:00", "01 17:00"),
        ("02 10:00", "02 11:00"),
    ]


def test_a_resource_keeps_its_hours_in_its_own_zone() -> None:
    berlin = daily("Europe/Berlin", ("09:00", "17:00"))
    remote = daily("America/New_York", ("09:00", "12:00"))

    assert opened(berlin, "2026-06-01T00:00+02:00", "2026-06-02T00:00+02:00", remote) == [("01 15:00", "01 18:00")]


def test_hours_that_nobody_has_set_are_closed() -> None:
    nothing = Schedule("Europe/Berlin")

    assert open_spans(None, nothing, 0, 10 * DAY) == ()
    assert open_spans(Schedule("Europe/Berlin"), nothing, 0, 10 * DAY) == ()


def test_closures_and_time_off_cut_the_hours() -> None:
    berlin = daily("Europe/Berlin", ("09:00", "17:00"))
    closed = Absence("c", at("2026-06-01T15:00+02:00"), at("2026-06-02T10:00+02:00"))
    off = Absence("t", at("2026-06-02T12:00+02:00"), at("2026-06-02T13:00+02:00"))
    business = Schedule(berlin.zone, berlin.weekly, absences=(closed,))
    resource = Schedule(berlin.zone, absences=(off,))

    assert opened(business, "2026-06-01T00:00+02:00", "2026-06-03T00:00+02:00", resource) == [
        ("01 09:00", "01 15:00"),
        ("02 10:00", "02 12:00"),
        ("02 13:00", "02 17:00"),
    ]


def test_a_public_holiday_closes_the_business_unless_it_says_that_it_opens() -> None:
    berlin = daily("Europe/Berlin", ("09:00", "17:00"))
    christmas = Holiday(date(2026, 12, 25), "Weihnachten")
    closed = Schedule(berlin.zone, berlin.weekly, holidays=(christmas,))
    opening = DateOverride("o", christmas.on, (ClockInterval.parse("10:00", "12:00"),))
    lifted = Schedule(berlin.zone, berlin.weekly, (opening,), holidays=(christmas,))
    day = ("2026-12-25T00:00+01:00", "2026-12-26T00:00+01:00")

    assert opened(closed, *day) == []
    assert opened(lifted, *day) == [("25 10:00", "25 12:00")]


def test_public_holidays_are_known_by_country_and_subdivision() -> None:
    bavaria = holidays_for("DE", "BY", (2026,))
    germany = holidays_for("DE", None, (2026,))

    assert date(2026, 1, 6) in {holiday.on for holiday in bavaria}
    assert date(2026, 1, 6) not in {holiday.on for holiday in germany}
    assert {holiday.on.year for holiday in germany} == {2026}
    assert germany[0] == Holiday(date(2026, 1, 1), "Neujahr")
    with pytest.raises(ValueError, match="XX"):
        holidays_for("XX", None, (2026,))


def test_a_schedule_reads_its_published_form() -> None:
    schedule = schedule_from_dict(
        {
            "zone": "Europe/Berlin",
            "weekly": [{"weekday": 0, "intervals": [{"from": "09:00", "to": "24:00"}]}],
            "date_overrides": [{"id": "o", "on": "2026-06-02", "intervals": []}],
            "absences": [
                {
                    "id": "a",
                    "starts_at": "2026-06-01T10:00:00.5Z",
                    "ends_at": "2026-06-01T11:00:00.5Z",
                    "reason": None,
                }
            ],
            "holidays": [{"on": "2026-12-25", "name": "Christmas"}],
        }
    )

    assert schedule.weekly == weekly_hours({0: [("09:00", "24:00")]})
    assert schedule.overrides == (DateOverride("o", date(2026, 6, 2)),)
    assert schedule.absences == (Absence("a", at("2026-06-01T10:00:00Z"), at("2026-06-01T11:00:01Z")),)
    assert schedule.holidays == (Holiday(date(2026, 12, 25), "Christmas"),)


@pytest.mark.parametrize("text", ["9:00", "24:01", "25:00", "12:60", "12", "ab:cd", "-1:00", "\uff112:00", "12:000"])
def test_what_no_clock_shows_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="HH:MM"):
        ClockInterval.parse("00:00", text)


@given(st.data(), days)
@settings(max_examples=150, deadline=None)
def test_open_time_of_a_window_is_the_open_time_of_its_parts(data: st.DataObject, day: date) -> None:
    business = data.draw(schedules(day))
    resource = data.draw(st.one_of(st.none(), schedules(day)))
    start, end = midnight(day) - DAY, midnight(day) + 3 * DAY
    middle = data.draw(st.integers(start, end))

    whole = open_spans(resource, business, start, end)
    parts = (*open_spans(resource, business, start, middle), *open_spans(resource, business, middle, end))

    assert total(whole) == total(parts)
    assert all(contains(whole, *part) for part in parts)


@given(st.data(), days)
@settings(max_examples=150, deadline=None)
def test_open_minutes_are_those_whose_wall_clock_lies_in_the_hours(data: st.DataObject, day: date) -> None:
    """Against a reading of the wall minute by minute; days with a clock change have their own examples."""
    schedule = data.draw(schedules(day))
    start, end = day_span(schedule.zone, day)
    if end - start != DAY or day_span(schedule.zone, day - timedelta(days=1))[0] != start - DAY:
        return
    found = open_spans(None, schedule, start, end)

    for moment in range(start, end, 7 * 60):
        assert contains(found, moment, moment + 1) == _reads_open(schedule, moment)


def _reads_open(schedule: Schedule, moment: int) -> bool:
    wall = local_of(moment, schedule.zone)
    today = wall.date()
    if any(absence.starts_at <= moment < absence.ends_at for absence in schedule.absences):
        return False
    opening = {override.on for override in schedule.overrides if override.intervals}
    if any(holiday.on == today and today not in opening for holiday in schedule.holidays):
        return False
    return any(
        datetime.combine(day, datetime.min.time()) + timedelta(minutes=interval.starts)
        <= wall
        < datetime.combine(day, datetime.min.time()) + timedelta(minutes=interval.closing)
        for day in (today, today - timedelta(days=1))
        for interval in _intervals_on(schedule, day)
    )


def _intervals_on(schedule: Schedule, day: date) -> tuple[ClockInterval, ...]:
    overrides = [override for override in schedule.overrides if override.on == day]
    if overrides:
        return tuple(interval for override in overrides for interval in override.intervals)
    return tuple(
        interval for hours in schedule.weekly or () if hours.weekday == day.weekday() for interval in hours.intervals
    )


@given(days.flatmap(schedules))
@settings(max_examples=50, deadline=None)
def test_a_schedule_survives_being_written_and_read(schedule: Schedule) -> None:
    assert schedule_from_dict(schedule_to_dict(schedule)) == schedule
