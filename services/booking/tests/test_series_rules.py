"""How the dates of a series follow a change of its rule: pure, so tried with many worlds."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booking.domain.errors import InvalidBookingError
from booking.domain.lifecycle import OPEN, Status
from booking.domain.series import (
    Act,
    Occurrence,
    SeriesDate,
    dates_of,
    ended_by_count,
    follow,
    horizon,
    whole_rule,
)
from slotstream_scheduling.recurrence import Frequency, Recurrence

BERLIN = "Europe/Berlin"
NOW = datetime(2027, 3, 1, 8, tzinfo=UTC)
FIRST = datetime.fromisoformat("2027-03-08T10:00")


class Booked:
    """What the rules look at of an appointment."""

    def __init__(self, starts_at: datetime, status: Status = Status.SCHEDULED) -> None:
        self.id: UUID = uuid4()
        self.starts_at, self.status, self.duration = starts_at, status, timedelta(minutes=30)


def occurrence(one: SeriesDate, *, moved: timedelta = timedelta(), status: Status = Status.SCHEDULED) -> Occurrence:
    appointment: Any = Booked(one.starts_at + moved, status)
    return Occurrence(one, appointment)


rules = st.one_of(
    st.builds(
        Recurrence,
        freq=st.just(Frequency.WEEKLY),
        interval=st.integers(1, 3),
        weekdays=st.frozensets(st.integers(0, 6), min_size=1, max_size=4),
    ),
    st.builds(Recurrence, freq=st.just(Frequency.MONTHLY), interval=st.integers(1, 2), month_day=st.integers(1, 31)),
)
fates = st.sampled_from(("stands", "moved", "cancelled", "completed", "skipped"))


@given(rules, rules, st.lists(fates, min_size=60, max_size=60), st.integers(0, 23), st.integers(0, 120))
@settings(max_examples=150, deadline=None)
def test_following_a_new_rule_loses_no_date_and_touches_nothing_that_is_closed_moved_or_begun(
    old_rule: Recurrence, new_rule: Recurrence, fate: list[str], hour: int, days_passed: int
) -> None:
    now, until = NOW + timedelta(days=days_passed), date(2027, 8, 1)
    old = dates_of(old_rule, FIRST, zone=BERLIN, not_after=until)
    stand = []
    for item, what in zip(old, fate, strict=False):
        status = {"cancelled": Status.CANCELLED, "completed": Status.COMPLETED}.get(what, Status.SCHEDULED)
        moved = timedelta(hours=1) if what == "moved" else timedelta()
        stand.append(Occurrence(item) if what == "skipped" else occurrence(item, moved=moved, status=status))
    target = dates_of(new_rule, FIRST.replace(hour=hour), zone=BERLIN, not_before=now.date(), not_after=until)

    steps = follow(stand, target, rule=new_rule, now=now)

    dates = [step.date.occurs_on for step in steps]
    assert dates == sorted(set(dates)), "each date once"
    assert {id(step.occurrence) for step in steps if step.occurrence} == {id(entry) for entry in stand}, "none is lost"
    wanted = {entry.occurs_on: entry for entry in target}
    for step in steps:
        one = step.occurrence
        if step.act in {Act.MOVE, Act.BOOK}:
            assert wanted[step.date.occurs_on].starts_at == step.date.starts_at > now
        if step.act in {Act.MOVE, Act.CANCEL}:
            assert one
            assert one.appointment
            assert one.appointment.status in OPEN
            assert one.appointment.starts_at > now
        if step.act is Act.MOVE:
            assert one
            assert not one.is_moved
        if step.act is Act.CANCEL:
            assert step.date.occurs_on not in wanted
    decided = {step.date.occurs_on for step in steps}
    assert {entry.occurs_on for entry in target if entry.starts_at > now} <= decided, (
        "no date of the new rule is missing"
    )


@given(rules, st.integers(0, 60))
@settings(max_examples=50, deadline=None)
def test_following_the_same_rule_changes_nothing(rule: Recurrence, days_passed: int) -> None:
    dates = dates_of(rule, FIRST, zone=BERLIN, not_after=date(2027, 8, 1))
    stand = [occurrence(item) for item in dates]

    steps = follow(stand, dates, rule=rule, now=NOW + timedelta(days=days_passed))

    assert {step.act for step in steps} <= {Act.KEEP}
    assert [step.date for step in steps] == list(dates)


def test_tuesdays_become_wednesdays_of_the_same_week_even_the_cancelled_one() -> None:
    tuesdays = Recurrence(freq=Frequency.WEEKLY, weekdays=frozenset({1}), until=date(2027, 3, 31))
    wednesdays = Recurrence(freq=Frequency.WEEKLY, weekdays=frozenset({2}), until=date(2027, 3, 31))
    stand = [occurrence(item) for item in dates_of(tuesdays, FIRST, zone=BERLIN)]
    stand[1] = occurrence(stand[1].date, status=Status.CANCELLED)

    steps = follow(stand, dates_of(wednesdays, FIRST, zone=BERLIN), rule=wednesdays, now=NOW)

    assert [(step.act, step.date.occurs_on.isoformat()) for step in steps] == [
        (Act.MOVE, "2027-03-10"),
        (Act.KEEP, "2027-03-17"),
        (Act.MOVE, "2027-03-24"),
        (Act.MOVE, "2027-03-31"),
    ]


def test_a_rule_says_everything_that_it_takes_from_its_first_date() -> None:
    weekly = whole_rule(Recurrence(freq=Frequency.WEEKLY), FIRST)
    monthly = whole_rule(Recurrence(freq=Frequency.MONTHLY), FIRST)

    assert (weekly.weekdays, monthly.month_day) == (frozenset({0}), 8)


def test_a_count_becomes_the_date_of_the_last() -> None:
    rule = ended_by_count(Recurrence(freq=Frequency.WEEKLY, interval=2), FIRST, zone=BERLIN, count=3)

    assert rule.until == date(2027, 4, 5)
    assert len(dates_of(rule, FIRST, zone=BERLIN)) == 3


def test_a_series_of_too_many_dates_is_refused() -> None:
    daily = Recurrence(freq=Frequency.WEEKLY, weekdays=frozenset(range(7)), until=date(2040, 1, 1))
    with pytest.raises(InvalidBookingError) as refused:
        dates_of(daily, FIRST, zone=BERLIN)

    assert refused.value.code == "too_many_occurrences"


def test_the_horizon_rolls_within_the_booking_window_and_ends_with_the_rule() -> None:
    endless = Recurrence(freq=Frequency.WEEKLY)
    ended = Recurrence(freq=Frequency.WEEKLY, until=date(2030, 1, 1))

    assert horizon(endless, zone=BERLIN, now=NOW, window_days=None) == date(2027, 8, 28)
    assert horizon(endless, zone=BERLIN, now=NOW, window_days=10) == date(2027, 3, 11)
    assert horizon(ended, zone=BERLIN, now=NOW, window_days=10) == date(2030, 1, 1)
