"""The hour of an agenda and the day that it tells of, where clocks change."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.domain.agenda import next_agendas, span_of, told_at
from notifications.domain.users import StaffPreferences

DAY: Final = timedelta(days=1)
# A gap and a fold at 02:00, at midnight, of half an hour, and none; both sides of the date line.
CHANGING: Final = (
    "Europe/Berlin",
    "America/New_York",
    "America/Santiago",
    "Africa/Cairo",
    "Asia/Beirut",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "Asia/Kathmandu",
    "Pacific/Kiritimati",
    "Etc/GMT+12",
)


def _changing_days(zone: str) -> list[tuple[str, date]]:
    """On which the clocks of the zone change, or before midnight of the day before."""
    noons = [datetime(2024, 1, 1, 12, tzinfo=ZoneInfo(zone)) + number * DAY for number in range(5 * 365)]
    return [(zone, later.date()) for earlier, later in pairwise(noons) if earlier.utcoffset() != later.utcoffset()]


zones = st.sampled_from(CHANGING) | st.sampled_from(sorted(available_timezones() - {"localtime"}))
days = st.dates(date(2024, 1, 1), date(2036, 12, 31))
# Half of the examples lie where clocks change: of all days those are few.
places = st.tuples(zones, days) | st.sampled_from([place for zone in CHANGING for place in _changing_days(zone)])
of_the_night = st.integers(0, 6 * 30).map(lambda minutes: time(minutes // 60, minutes % 60))
clocks = of_the_night | st.times().map(lambda clock: clock.replace(second=0, microsecond=0))
instants = days.flatmap(lambda day: st.times().map(lambda clock: datetime.combine(day, clock, tzinfo=UTC)))


def chosen(clock: time | None, *, ahead: bool = False) -> StaffPreferences:
    return StaffPreferences(organization_id=UUID(int=1), user_id="u", agenda_at=clock, agenda_ahead=ahead, version=1)


@given(place=places, clock=clocks, ahead=st.booleans())
def test_the_mail_comes_when_the_clock_on_the_wall_first_shows_the_hour(
    place: tuple[str, date], clock: time, *, ahead: bool
) -> None:
    zone, day = place
    day = day + DAY if ahead else day
    due_at = told_at(day, chosen(clock, ahead=ahead), zone)
    assert due_at is not None
    local = due_at.astimezone(ZoneInfo(zone))
    wanted = datetime.combine(day - DAY if ahead else day, clock)

    shown = local.replace(tzinfo=None, fold=0)
    if shown == wanted:
        assert local.fold == 0, "of an hour that comes twice the first pass"
    else:
        # Clocks skipped it: later by no more than they skipped.
        skipped = (due_at + DAY).astimezone(ZoneInfo(zone)).utcoffset() - (due_at - DAY).astimezone(  # type: ignore[operator]
            ZoneInfo(zone)
        ).utcoffset()
        assert timedelta() < shown - wanted == skipped


@given(place=places, clock=clocks)
def test_every_day_has_its_own_mail_and_they_come_in_order(place: tuple[str, date], clock: time) -> None:
    zone, day = place[0], place[1] - 2 * DAY
    told = [told_at(day + timedelta(days=number), chosen(clock), zone) for number in range(5)]
    for earlier, later in pairwise(told):
        assert earlier is not None
        assert later is not None
        assert timedelta(hours=20) < later - earlier < timedelta(hours=28)


@given(place=places)
def test_days_follow_one_another_without_a_gap_and_without_overlap(place: tuple[str, date]) -> None:
    zone, day = place
    begins, ends = span_of(day, zone)
    assert span_of(day + DAY, zone)[0] == ends
    assert timedelta(hours=22) < ends - begins < timedelta(hours=26)
    assert begins.astimezone(ZoneInfo(zone)).date() == day
    assert (begins - timedelta(microseconds=1)).astimezone(ZoneInfo(zone)).date() == day - DAY


@given(zone=zones, clock=clocks, ahead=st.booleans(), now=instants)
def test_the_next_mail_is_never_due_already_and_at_most_two_days_away(
    zone: str, clock: time, now: datetime, *, ahead: bool
) -> None:
    coming = list(next_agendas(chosen(clock, ahead=ahead), zone=zone, now=now))
    assert coming
    assert all(due_at > now for _, due_at in coming)
    assert coming[0][1] - now <= timedelta(hours=52 if ahead else 28)
    assert [day for day, _ in coming] == [coming[0][0] + timedelta(days=number) for number in range(len(coming))]


@pytest.mark.parametrize(
    ("zone", "day", "clock", "due_at"),
    [
        # Berlin skips 02:30 on 28 March 2027, and shows it twice on 31 October.
        ("Europe/Berlin", date(2027, 3, 28), time(2, 30), datetime(2027, 3, 28, 1, 30, tzinfo=UTC)),
        ("Europe/Berlin", date(2027, 10, 31), time(2, 30), datetime(2027, 10, 31, 0, 30, tzinfo=UTC)),
        ("Europe/Berlin", date(2027, 3, 28), time(7), datetime(2027, 3, 28, 5, tzinfo=UTC)),
        ("Europe/Berlin", date(2027, 3, 27), time(7), datetime(2027, 3, 27, 6, tzinfo=UTC)),
        # Santiago skips the midnight.
        ("America/Santiago", date(2026, 9, 6), time(0, 0), datetime(2026, 9, 6, 4, tzinfo=UTC)),
    ],
)
def test_examples(zone: str, day: date, clock: time, due_at: datetime) -> None:
    assert told_at(day, chosen(clock), zone) == due_at


def test_a_date_that_the_zone_skipped_has_no_time_in_it() -> None:
    begins, ends = span_of(date(2011, 12, 30), "Pacific/Apia")
    assert begins == ends


def test_without_an_hour_there_is_no_agenda() -> None:
    assert told_at(date(2027, 1, 1), chosen(None), "Europe/Berlin") is None
    assert list(next_agendas(chosen(None), zone="Europe/Berlin", now=datetime(2027, 1, 1, tzinfo=UTC))) == []
