from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scheduling_worlds import at, days, zones

from slotstream_scheduling import wallclock
from slotstream_scheduling.wallclock import LocalKind, UnknownZoneError


@given(zones, st.integers(at("2005-01-01T00:00Z"), at("2036-01-01T00:00Z")))
@settings(max_examples=200)
def test_an_instant_read_on_the_wall_resolves_back_to_itself(zone: str, second: int) -> None:
    local = wallclock.local_of(second, zone).replace(fold=0)

    read = wallclock.resolve(local, zone)

    assert second in {read.first, read.second}
    assert read.kind is not LocalKind.GAP


@given(zones, days, st.integers(0, 2880), st.integers(0, 2880))
@settings(max_examples=300)
def test_boundaries_keep_their_order_and_agree_with_what_the_wall_reads(
    zone: str, day: date, one: int, other: int
) -> None:
    early, late = sorted((one, other))
    first, last = wallclock.instant_on(zone, day, early), wallclock.instant_on(zone, day, late)
    asked = datetime.combine(day, datetime.min.time()) + timedelta(minutes=early)

    assert first <= last
    assert wallclock.local_of(first, zone) >= asked
    assert wallclock.local_of(first - 1, zone) < asked


@pytest.mark.parametrize(
    ("zone", "local", "kind", "first", "second"),
    [
        ("Europe/Berlin", "2026-03-29T02:30", LocalKind.GAP, "2026-03-29T01:30Z", "2026-03-29T01:30Z"),
        ("Europe/Berlin", "2026-10-25T02:30", LocalKind.FOLD, "2026-10-25T00:30Z", "2026-10-25T01:30Z"),
        ("America/New_York", "2026-03-08T02:15", LocalKind.GAP, "2026-03-08T07:15Z", "2026-03-08T07:15Z"),
        ("Australia/Lord_Howe", "2026-10-04T02:10", LocalKind.GAP, "2026-10-03T15:40Z", "2026-10-03T15:40Z"),
        ("Australia/Lord_Howe", "2026-04-05T01:45", LocalKind.FOLD, "2026-04-04T14:45Z", "2026-04-04T15:15Z"),
        ("America/Santiago", "2026-09-06T00:30", LocalKind.GAP, "2026-09-06T04:30Z", "2026-09-06T04:30Z"),
        ("Asia/Kolkata", "2026-03-29T02:30", LocalKind.EXACT, "2026-03-28T21:00Z", "2026-03-28T21:00Z"),
        ("Pacific/Apia", "2011-12-30T10:00", LocalKind.GAP, "2011-12-30T20:00Z", "2011-12-30T20:00Z"),
    ],
)
def test_a_wall_time_is_exact_or_in_a_gap_or_in_a_fold(
    zone: str, local: str, kind: LocalKind, first: str, second: str
) -> None:
    read = wallclock.resolve(datetime.fromisoformat(local), zone)

    assert (read.kind, read.first, read.second) == (kind, at(first), at(second))


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Europe/Berlin", date(2026, 6, 1), 24),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("Australia/Sydney", date(2026, 4, 5), 25),
        ("Europe/Moscow", date(2014, 10, 26), 25),
        ("Europe/Moscow", date(2026, 10, 25), 24),
        ("Pacific/Apia", date(2011, 12, 30), 0),
    ],
)
def test_a_local_day_is_as_long_as_its_zone_says(zone: str, day: date, hours: float) -> None:
    start, end = wallclock.day_span(zone, day)

    assert end - start == hours * 3600


@pytest.mark.parametrize("name", ["", "Mars/Base", "../etc/passwd", "right/UTC", "posix/UTC", "localtime", "CEST"])
def test_what_iana_does_not_know_is_refused(name: str) -> None:
    assert not wallclock.is_zone(name)
    with pytest.raises(UnknownZoneError):
        wallclock.zone_of(name)
