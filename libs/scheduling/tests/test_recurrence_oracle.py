"""Recurrences against dateutil's rules and the zones' own laws, in many worlds."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from dateutil import rrule
from hypothesis import given, settings
from hypothesis import strategies as st
from scheduling_worlds import zones

from slotstream_scheduling import (
    Frequency,
    LocalKind,
    NthWeekday,
    Occurrence,
    Recurrence,
    ShortMonths,
    from_epoch,
    local_of,
    occurrences,
    zone_of,
)

firsts = st.builds(
    lambda day, minute: datetime.combine(day, time(minute // 60, minute % 60)),
    st.dates(date(2006, 1, 1), date(2034, 12, 31)),
    st.integers(0, 1439),
)
"""Any minute of the day: also those that clock changes skip or repeat."""
HALF_HOURS_AND_NEW_LAWS = (
    "Australia/Lord_Howe",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Asia/Pyongyang",
    "America/Caracas",
    "Europe/Moscow",
    "Europe/Istanbul",
    "Africa/Casablanca",
    "Pacific/Apia",
    "Asia/Gaza",
    "America/Sao_Paulo",
)


def expanded(rule: Recurrence, first: datetime, zone: str, limit: int = 40) -> tuple[Occurrence, ...]:
    return occurrences(rule, first=first, zone=zone, limit=limit)


@given(firsts, st.integers(1, 4), st.frozensets(st.integers(0, 6), max_size=7))
@settings(max_examples=200, deadline=None)
def test_weekly_rules_are_those_of_dateutil(first: datetime, interval: int, weekdays: frozenset[int]) -> None:
    rule = Recurrence(freq=Frequency.WEEKLY, interval=interval, weekdays=weekdays)
    other = rrule.rrule(rrule.WEEKLY, first, interval, byweekday=sorted(weekdays) or None, count=40)

    assert [one.local for one in expanded(rule, first, "UTC")] == list(other)


@given(firsts, st.sampled_from((Frequency.MONTHLY, Frequency.YEARLY)), st.integers(1, 5), st.integers(1, 31))
@settings(max_examples=200, deadline=None)
def test_a_day_that_short_months_lack_is_skipped_as_dateutil_does(
    first: datetime, freq: Frequency, interval: int, day: int
) -> None:
    rule = Recurrence(freq=freq, interval=interval, month_day=day, until=date(2080, 1, 1))
    months = first.month if freq is Frequency.YEARLY else None
    kind = rrule.YEARLY if freq is Frequency.YEARLY else rrule.MONTHLY
    other = rrule.rrule(
        kind, first, interval, bymonth=months, bymonthday=day, until=datetime.combine(date(2080, 1, 1), time.max)
    )

    assert [one.local for one in expanded(rule, first, "UTC", 1_000)] == list(other)


@given(firsts, st.integers(1, 5), st.integers(28, 31))
@settings(max_examples=150, deadline=None)
def test_or_is_the_last_that_the_month_has_up_to_it(first: datetime, interval: int, day: int) -> None:
    rule = Recurrence(freq=Frequency.MONTHLY, interval=interval, month_day=day, short_months=ShortMonths.LAST)
    other = rrule.rrule(rrule.MONTHLY, first, interval, bymonthday=tuple(range(28, day + 1)), bysetpos=-1, count=40)

    assert [one.local for one in expanded(rule, first, "UTC")] == list(other)


@given(firsts, st.sampled_from((1, 2, 3, 4, 5, -1)), st.integers(0, 6), st.integers(1, 4))
@settings(max_examples=150, deadline=None)
def test_the_nth_weekday_is_that_of_dateutil(first: datetime, nth: int, weekday: int, interval: int) -> None:
    rule = Recurrence(freq=Frequency.MONTHLY, interval=interval, nth_weekday=NthWeekday(nth, weekday))
    day = (rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR, rrule.SA, rrule.SU)[weekday]
    other = rrule.rrule(rrule.MONTHLY, first, interval, byweekday=day(nth), count=40)

    assert [one.local for one in expanded(rule, first, "UTC")] == list(other)


@given(firsts, st.one_of(zones, st.sampled_from(HALF_HOURS_AND_NEW_LAWS)), st.frozensets(st.integers(0, 6)))
@settings(max_examples=300, deadline=None)
def test_every_instant_reads_on_the_wall_what_the_rule_says_unless_the_clocks_skipped_it(
    first: datetime, zone: str, weekdays: frozenset[int]
) -> None:
    found = expanded(Recurrence(freq=Frequency.WEEKLY, weekdays=weekdays), first, zone, 120)

    assert [one.starts_at for one in found] == sorted({one.starts_at for one in found})
    for one in found:
        wall = local_of(one.starts_at, zone)
        if one.kind is LocalKind.GAP:
            assert timedelta() < wall.replace(fold=0) - one.local <= timedelta(days=1)
        else:
            assert wall == one.local, "a fold's first pass has fold 0"
        law = one.local.replace(tzinfo=zone_of(zone)).astimezone(UTC)
        assert from_epoch(one.starts_at) == law


@given(firsts, zones, st.integers(0, 400), st.integers(1, 3))
@settings(max_examples=150, deadline=None)
def test_a_series_resumed_anywhere_goes_on_as_if_it_had_never_stopped(
    first: datetime, zone: str, days: int, interval: int
) -> None:
    rule = Recurrence(freq=Frequency.WEEKLY, interval=interval, weekdays=frozenset({0, 3, 5}))
    end, cut = first.date() + timedelta(days=500), first.date() + timedelta(days=days)
    bounds = {"first": first, "zone": zone, "limit": 1_000}
    whole = occurrences(rule, **bounds, not_after=end)
    before = occurrences(rule, **bounds, not_after=cut)
    after = occurrences(rule, **bounds, not_before=cut + timedelta(days=1), not_after=end)

    # A date that its zone skipped falls together with the next: known only to whoever saw both.
    skipped = {one.on for one in after[:1] if before and one.starts_at <= before[-1].starts_at}
    assert [*before, *(one for one in after if one.on not in skipped)] == list(whole)


@pytest.mark.parametrize(
    ("zone", "first", "expected"),
    [
        ("Europe/Berlin", "2026-03-22T02:30", ["2026-03-22T01:30Z", "2026-03-29T01:30Z", "2026-04-05T00:30Z"]),
        ("Australia/Sydney", "2026-03-29T10:00", ["2026-03-28T23:00Z", "2026-04-05T00:00Z", "2026-04-12T00:00Z"]),
        ("Australia/Lord_Howe", "2026-09-27T02:10", ["2026-09-26T15:40Z", "2026-10-03T15:40Z", "2026-10-10T15:10Z"]),
        ("America/Caracas", "2016-04-24T08:00", ["2016-04-24T12:30Z", "2016-05-01T12:00Z", "2016-05-08T12:00Z"]),
        ("Asia/Pyongyang", "2018-04-28T09:00", ["2018-04-28T00:30Z", "2018-05-05T00:00Z", "2018-05-12T00:00Z"]),
        ("Europe/Istanbul", "2016-10-23T10:00", ["2016-10-23T07:00Z", "2016-10-30T07:00Z", "2016-11-06T07:00Z"]),
        ("Africa/Casablanca", "2026-02-08T10:00", ["2026-02-08T09:00Z", "2026-02-15T10:00Z", "2026-02-22T10:00Z"]),
    ],
)
def test_wall_time_is_kept_whatever_a_zone_decides(zone: str, first: str, expected: list[str]) -> None:
    found = expanded(Recurrence(freq=Frequency.WEEKLY), datetime.fromisoformat(first), zone, 3)

    assert [from_epoch(one.starts_at) for one in found] == [datetime.fromisoformat(one) for one in expected]


def test_leap_days_come_every_four_years_but_not_in_2100() -> None:
    rule = Recurrence(freq=Frequency.YEARLY, month_day=29)
    found = expanded(rule, datetime.combine(date(2088, 2, 29), time(9)), "Europe/Berlin", 5)

    assert [one.on.year for one in found] == [2088, 2092, 2096, 2104, 2108]
