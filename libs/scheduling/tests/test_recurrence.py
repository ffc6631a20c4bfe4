from datetime import date, datetime, timedelta

import pytest
from dateutil import rrule
from hypothesis import given, settings
from hypothesis import strategies as st
from scheduling_worlds import at, days, zones

from slotstream_scheduling import Frequency, LocalKind, NthWeekday, Recurrence, ShortMonths, occurrences
from slotstream_scheduling.wallclock import resolve

BERLIN = "Europe/Berlin"


def on(rule: Recurrence, first: str, limit: int = 5, zone: str = BERLIN, **bounds: date) -> list[str]:
    found = occurrences(rule, first=datetime.fromisoformat(first), zone=zone, limit=limit, **bounds)
    return [one.on.isoformat() for one in found]


def test_weekly_on_a_set_of_weekdays_every_other_week() -> None:
    rule = Recurrence(freq=Frequency.WEEKLY, interval=2, weekdays=frozenset({0, 3}))

    assert on(rule, "2026-06-03T10:00") == [
        "2026-06-04",
        "2026-06-15",
        "2026-06-18",
        "2026-06-29",
        "2026-07-02",
    ]


def test_until_is_inclusive() -> None:
    rule = Recurrence(freq=Frequency.WEEKLY, until=date(2026, 6, 15))

    assert on(rule, "2026-06-01T10:00") == ["2026-06-01", "2026-06-08", "2026-06-15"]


@pytest.mark.parametrize(
    ("short", "expected"),
    [
        (ShortMonths.SKIP, ["2026-01-31", "2026-03-31", "2026-05-31"]),
        (ShortMonths.LAST, ["2026-01-31", "2026-02-28", "2026-03-31"]),
    ],
)
def test_the_31st_of_a_short_month_is_skipped_or_its_last_day(short: ShortMonths, expected: list[str]) -> None:
    assert on(Recurrence(freq=Frequency.MONTHLY, short_months=short), "2026-01-31T10:00", 3) == expected


@pytest.mark.parametrize(
    ("short", "expected"),
    [
        (ShortMonths.SKIP, ["2024-02-29", "2028-02-29", "2032-02-29"]),
        (ShortMonths.LAST, ["2024-02-29", "2025-02-28", "2026-02-28"]),
    ],
)
def test_the_29th_of_february_is_kept_in_leap_years(short: ShortMonths, expected: list[str]) -> None:
    assert on(Recurrence(freq=Frequency.YEARLY, short_months=short), "2024-02-29T10:00", 3) == expected


def test_the_nth_weekday_of_a_month() -> None:
    second_tuesday = Recurrence(freq=Frequency.MONTHLY, nth_weekday=NthWeekday(2, 1))
    last_friday = Recurrence(freq=Frequency.MONTHLY, nth_weekday=NthWeekday(-1, 4))
    fifth_monday = Recurrence(freq=Frequency.MONTHLY, nth_weekday=NthWeekday(5, 0))

    assert on(second_tuesday, "2026-01-01T10:00", 3) == ["2026-01-13", "2026-02-10", "2026-03-10"]
    assert on(last_friday, "2026-01-01T10:00", 3) == ["2026-01-30", "2026-02-27", "2026-03-27"]
    assert on(fifth_monday, "2026-01-01T10:00", 3) == ["2026-03-30", "2026-06-29", "2026-08-31"]


def test_wall_clock_time_is_kept_over_clock_changes() -> None:
    found = occurrences(
        Recurrence(freq=Frequency.WEEKLY),
        first=datetime.fromisoformat("2026-03-22T10:00"),
        zone=BERLIN,
        limit=2,
    )

    assert [one.starts_at for one in found] == [at("2026-03-22T09:00Z"), at("2026-03-29T08:00Z")]


def test_a_time_in_a_gap_moves_forward_and_one_in_a_fold_takes_the_first_pass() -> None:
    rule = Recurrence(freq=Frequency.WEEKLY)
    spring = occurrences(rule, first=datetime.fromisoformat("2026-03-29T02:30"), zone=BERLIN, limit=1)
    autumn = occurrences(rule, first=datetime.fromisoformat("2026-10-25T02:30"), zone=BERLIN, limit=1)

    assert [(one.kind, one.starts_at) for one in spring] == [(LocalKind.GAP, at("2026-03-29T03:30+02:00"))]
    assert [(one.kind, one.starts_at) for one in autumn] == [(LocalKind.FOLD, at("2026-10-25T02:30+02:00"))]


def test_what_begins_in_a_second_pass_takes_second_passes() -> None:
    first = datetime.fromisoformat("2026-10-25T02:30").replace(fold=1)
    found = occurrences(Recurrence(freq=Frequency.WEEKLY), first=first, zone=BERLIN, limit=2)

    assert [(one.kind, one.starts_at) for one in found] == [
        (LocalKind.FOLD, at("2026-10-25T02:30+01:00")),
        (LocalKind.EXACT, at("2026-11-01T02:30+01:00")),
    ]


def test_a_date_that_a_zone_skipped_does_not_double_the_next() -> None:
    rule = Recurrence(freq=Frequency.WEEKLY, weekdays=frozenset({3, 4, 5}))
    found = occurrences(rule, first=datetime.fromisoformat("2011-12-29T10:00"), zone="Pacific/Apia", limit=3)

    assert [one.starts_at for one in found] == [
        at("2011-12-29T20:00Z"),
        at("2011-12-30T20:00Z"),
        at("2012-01-04T20:00Z"),
    ]


def test_a_series_is_resumed_at_its_horizon() -> None:
    rule = Recurrence(freq=Frequency.WEEKLY, interval=2)
    whole = on(rule, "2026-01-05T10:00", 100, not_after=date(2026, 12, 31))
    first = on(rule, "2026-01-05T10:00", 100, not_after=date(2026, 6, 30))
    rest = on(rule, "2026-01-05T10:00", 100, not_before=date(2026, 7, 1), not_after=date(2026, 12, 31))

    assert first + rest == whole


def test_a_rule_that_never_matches_ends_by_itself() -> None:
    never = Recurrence(freq=Frequency.YEARLY, month_day=31)

    assert on(never, "2026-02-01T10:00") == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"interval": 0},
        {"interval": 1001},
        {"weekdays": frozenset({7})},
        {"month_day": 1},
        {"nth_weekday": NthWeekday(1, 1)},
        {"freq": Frequency.MONTHLY, "weekdays": frozenset({1})},
        {"freq": Frequency.MONTHLY, "month_day": 32},
        {"freq": Frequency.MONTHLY, "month_day": 1, "nth_weekday": NthWeekday(1, 1)},
    ],
)
def test_rules_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"rule|lie|lies|not both"):
        Recurrence(**{"freq": Frequency.WEEKLY, **wrong})


@given(
    days,
    st.tuples(st.sampled_from(list(Frequency)), st.integers(1, 5)),
    st.frozensets(st.integers(0, 6), max_size=3),
    st.sampled_from((None, 1, 2, 4, 5, -1)),
    zones,
)
@settings(max_examples=150, deadline=None)
def test_expansion_agrees_with_dateutil(
    day: date, shape: tuple[Frequency, int], weekdays: frozenset[int], nth: int | None, zone: str
) -> None:
    freq, interval = shape
    first = datetime.combine(day, datetime.min.time()) + timedelta(hours=9)
    if freq is Frequency.WEEKLY:
        rule = Recurrence(freq=freq, interval=interval, weekdays=weekdays)
        other = rrule.rrule(rrule.WEEKLY, first, interval, byweekday=sorted(weekdays) or None, count=12)
    elif nth is not None:
        rule = Recurrence(freq=freq, interval=interval, nth_weekday=NthWeekday(nth, 2))
        months = {"bymonth": day.month} if freq is Frequency.YEARLY else {}
        kind = rrule.YEARLY if freq is Frequency.YEARLY else rrule.MONTHLY
        other = rrule.rrule(kind, first, interval, byweekday=rrule.WE(nth), count=12, **months)
    else:
        rule = Recurrence(freq=freq, interval=interval)
        kind = rrule.YEARLY if freq is Frequency.YEARLY else rrule.MONTHLY
        other = rrule.rrule(kind, first, interval, count=12)
    found = occurrences(rule, first=first, zone=zone, limit=12)

    expected = list(other)
    assert [one.local for one in found if one.local in expected] == [one.local for one in found]
    assert len({resolve(local, zone).first for local in expected[: len(found)]}) == len(found)
