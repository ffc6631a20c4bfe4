"""iCalendar text: read back by a reader that knows no IANA names, every time means what was meant."""

import io
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import icalendar
import pytest
from dateutil.tz import tzical
from hypothesis import given, settings
from hypothesis import strategies as st

from slotstream_servicekit.calendars import add_time_zones, clean_text, event_times, is_repeated, time_zone

ZONES = sorted(available_timezones() - {"localtime", "Factory"})


def lines_of(zone: str, year: int) -> list[str]:
    text = time_zone(zone, first=year, last=year).to_ical().decode().replace("\r\n ", "")
    return text.rstrip("\r\n").split("\r\n")


def read_without_names(zone: str, year: int) -> object:
    """The zone as its VTIMEZONE alone describes it."""
    return tzical(io.StringIO("\r\n".join(lines_of(zone, year)) + "\r\n")).get()


@settings(max_examples=150, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    moment=st.datetimes(datetime(2000, 1, 1), datetime(2037, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_every_local_time_comes_back_by_the_vtimezone_alone(zone: str, moment: datetime) -> None:
    instant = moment.replace(microsecond=0)
    local = instant.astimezone(ZoneInfo(zone))
    if is_repeated(local) or local.utcoffset() != timedelta(minutes=(local.utcoffset() or timedelta()).seconds // 60):
        return
    naive = local.replace(tzinfo=None)
    assert naive.replace(tzinfo=read_without_names(zone, local.year)).astimezone(UTC) == instant  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "zone",
    [
        *("Europe/Berlin", "Europe/Dublin", "America/New_York", "America/Vancouver", "America/Havana", "America/Nuuk"),
        *("Africa/Cairo", "Africa/Casablanca", "Asia/Beirut", "Asia/Gaza", "Asia/Jerusalem", "Asia/Tehran"),
        *("Antarctica/Troll", "Australia/Lord_Howe", "Pacific/Chatham", "Pacific/Apia", "America/Sao_Paulo"),
    ],
)
def test_the_first_and_last_minute_around_every_change_of_2027_come_back(zone: str) -> None:
    reader = read_without_names(zone, 2027)
    local = ZoneInfo(zone)
    hour = datetime(2027, 1, 1, tzinfo=UTC)
    while hour.year == 2027:
        before, after = hour.astimezone(local), (hour + timedelta(days=1)).astimezone(local)
        if before.utcoffset() != after.utcoffset():
            for minutes in range(0, 24 * 60 + 1, 30):
                instant = hour + timedelta(minutes=minutes)
                there = instant.astimezone(local)
                if not is_repeated(there):
                    read = there.replace(tzinfo=reader).astimezone(UTC)  # type: ignore[arg-type]
                    assert read == instant, there
        hour += timedelta(days=1)


@pytest.mark.parametrize(
    ("zone", "onset", "rule"),
    [
        ("Europe/Berlin", "DTSTART:20250330T020000", "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3"),
        ("Europe/Berlin", "DTSTART:20251026T030000", "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10"),
        ("America/New_York", "DTSTART:20250309T020000", "RRULE:FREQ=YEARLY;BYDAY=2SU;BYMONTH=3"),
        ("Australia/Lord_Howe", "DTSTART:20251005T020000", "RRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=10"),
        ("Europe/Dublin", "DTSTART:20250330T010000", "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3"),
    ],
)
def test_a_change_starts_by_the_clock_before_it_and_follows_a_rule(zone: str, onset: str, rule: str) -> None:
    lines = lines_of(zone, 2026)
    assert lines[lines.index(onset) + 1] == rule
    assert not any(line.startswith("RDATE") for line in lines)


def test_summer_is_the_daylight_time_of_dublin_too() -> None:
    [daylight] = time_zone("Europe/Dublin", first=2026, last=2026).daylight
    assert (daylight["TZNAME"], daylight["TZOFFSETTO"].td) == ("IST", timedelta(hours=1))


def test_times_in_a_repeated_hour_are_written_in_utc_both_of_them() -> None:
    second = datetime(2027, 11, 7, 6, 30, tzinfo=UTC)
    assert event_times(second, second + timedelta(minutes=30), "America/New_York") == (
        second,
        second + timedelta(minutes=30),
    )
    begins, ends = event_times(
        datetime(2027, 10, 31, 0, 45, tzinfo=UTC), datetime(2027, 10, 31, 2, 15, tzinfo=UTC), "Europe/Berlin"
    )
    assert (begins.tzinfo, ends.tzinfo) == (UTC, UTC)
    begins, _ = event_times(datetime(2027, 7, 1, 8, tzinfo=UTC), datetime(2027, 7, 1, 9, tzinfo=UTC), "Europe/Berlin")
    assert begins.isoformat() == "2027-07-01T10:00:00+02:00"


def test_a_calendar_gets_each_zone_that_it_names_once() -> None:
    calendar = icalendar.Calendar()
    for zone, year in (("Europe/Berlin", 2026), ("Europe/Berlin", 2028), ("Asia/Tokyo", 2026), ("Etc/UTC", 2026)):
        begins, ends = event_times(datetime(year, 5, 1, 8, tzinfo=UTC), datetime(year, 5, 1, 9, tzinfo=UTC), zone)
        event = icalendar.Event()
        event.add("dtstart", begins)
        event.add("dtend", ends)
        calendar.add_component(event)
    day = icalendar.Event()
    day.add("dtstart", date(2026, 1, 1))
    calendar.add_component(day)
    add_time_zones(calendar)

    assert [str(component["TZID"]) for component in calendar.subcomponents[:2]] == ["Asia/Tokyo", "Europe/Berlin"]
    assert len(calendar.walk("VTIMEZONE")) == 2
    assert calendar.get_missing_tzids() == set()


def test_control_characters_are_left_out_and_line_ends_are_newlines() -> None:
    assert clean_text("a\x00b\x07c\x7f\td\r\ne\rf\x0bg\u2028h\ud800") == "abc\td\ne\nfg\nh"
