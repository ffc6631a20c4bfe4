"""What a calendar's text means: zones, DST, recurrence, and rules made to hurt."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendar_sync.adapters.ics.expansion import expand
from calendar_sync.adapters.ics.process import ExpansionProcess
from calendar_sync.domain import BusyInstance, Expansion, ReadingFailedError, Window

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ZONE = "Europe/Berlin"


def a_calendar(*events: str, zones: str = "") -> bytes:
    body = "".join(f"BEGIN:VEVENT\n{event.strip()}\nEND:VEVENT\n" for event in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:test\n{zones}{body}END:VCALENDAR\n".replace("\n", "\r\n").encode()


def expanded(*events: str, zone: str = ZONE, now: datetime = NOW, zones: str = "") -> Expansion:
    return expand(a_calendar(*events, zones=zones), zone=zone, window=Window.around(now))


def spans(expansion: Expansion) -> list[tuple[str, str]]:
    return [(f"{it.starts_at:%m-%d %H:%M}", f"{it.ends_at:%m-%d %H:%M}") for it in expansion.instances]


def test_a_single_event_takes_its_time() -> None:
    found = expanded("UID:a\nDTSTART:20260310T100000Z\nDTEND:20260310T113000Z")

    assert found.instances == (
        BusyInstance(
            uid="a",
            recurrence="",
            starts_at=datetime(2026, 3, 10, 10, tzinfo=UTC),
            ends_at=datetime(2026, 3, 10, 11, 30, tzinfo=UTC),
        ),
    )


@pytest.mark.parametrize("line", ["TRANSP:TRANSPARENT", "STATUS:CANCELLED"])
def test_transparent_and_cancelled_events_take_no_time(line: str) -> None:
    assert expanded(f"UID:a\n{line}\nDTSTART:20260310T100000Z\nDTEND:20260310T110000Z").instances == ()


def test_a_cancelled_instance_of_a_series_takes_no_time() -> None:
    found = expanded(
        "UID:a\nDTSTART:20260310T100000Z\nDTEND:20260310T110000Z\nRRULE:FREQ=DAILY;COUNT=3",
        "UID:a\nRECURRENCE-ID:20260311T100000Z\nDTSTART:20260311T100000Z\nDTEND:20260311T110000Z\nSTATUS:CANCELLED",
    )

    assert [it.recurrence for it in found.instances] == ["2026-03-10T10:00:00Z", "2026-03-12T10:00:00Z"]


def test_a_moved_instance_keeps_its_identity() -> None:
    found = expanded(
        "UID:a\nDTSTART:20260310T100000Z\nDTEND:20260310T110000Z\nRRULE:FREQ=DAILY;COUNT=2",
        "UID:a\nRECURRENCE-ID:20260311T100000Z\nDTSTART:20260311T150000Z\nDTEND:20260311T160000Z",
    )

    assert {it.recurrence: f"{it.starts_at:%d %H}" for it in found.instances} == {
        "2026-03-10T10:00:00Z": "10 10",
        "2026-03-11T10:00:00Z": "11 15",
    }


def test_moving_this_and_future_keeps_the_identity_of_each() -> None:
    found = expanded(
        "UID:a\nDTSTART:20260310T100000Z\nDTEND:20260310T110000Z\nRRULE:FREQ=DAILY;COUNT=3",
        "UID:a\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260311T100000Z\nDTSTART:20260311T120000Z\nDTEND:20260311T130000Z",
    )

    assert {it.recurrence: f"{it.starts_at:%d %H}" for it in found.instances} == {
        "2026-03-10T10:00:00Z": "10 10",
        "2026-03-11T10:00:00Z": "11 12",
        "2026-03-12T10:00:00Z": "12 12",
    }


def test_all_day_events_are_days_of_the_resources_zone() -> None:
    found = expanded("UID:a\nDTSTART;VALUE=DATE:20260329\nDTEND;VALUE=DATE:20260330")

    assert spans(found) == [("03-28 23:00", "03-29 22:00")]  # 23 hours: the clocks go forward


def test_floating_times_are_read_in_the_resources_zone_with_a_warning() -> None:
    found = expanded("UID:a\nDTSTART:20260310T100000\nDTEND:20260310T110000", zone="America/New_York")

    assert spans(found) == [("03-10 14:00", "03-10 15:00")]
    assert found.warnings == {"floating_time": 1}


@pytest.mark.parametrize("at_the_end", [False, True])
def test_floating_times_are_read_in_the_zone_that_the_calendar_names(at_the_end: bool) -> None:
    text = a_calendar("UID:a\nDTSTART:20260310T100000\nDTEND:20260310T110000").decode()
    named = "X-WR-TIMEZONE:America/New_York\r\n"
    text = (
        text.replace("END:VCALENDAR", named + "END:VCALENDAR")
        if at_the_end
        else text.replace("PRODID", named + "PRODID")
    )

    found = expand(text.encode(), zone=ZONE, window=Window.around(NOW))

    assert spans(found) == [("03-10 14:00", "03-10 15:00")]
    assert found.warnings == {}


def test_a_calendars_zone_moves_neither_days_nor_times_that_name_their_own() -> None:
    found = expanded(
        "UID:a\nDTSTART;VALUE=DATE:20260310\nDTEND;VALUE=DATE:20260311",
        "UID:b\nDTSTART;TZID=Europe/Berlin:20260312T100000\nDURATION:PT1H",
        "UID:c\nDTSTART:20260313T100000Z\nDURATION:PT1H",
        zones="X-WR-TIMEZONE:America/New_York\n",
    )

    assert spans(found) == [
        ("03-09 23:00", "03-10 23:00"),
        ("03-12 09:00", "03-12 10:00"),
        ("03-13 10:00", "03-13 11:00"),
    ]


def test_each_calendar_of_a_text_has_its_own_zone_and_an_unknown_one_is_doubtful() -> None:
    event = "UID:{0}\nDTSTART:20260310T100000\nDTEND:20260310T110000"
    text = b"".join(
        a_calendar(event.format(zone), zones=f"X-WR-TIMEZONE:{zone}\n")
        for zone in ("America/New_York", "Asia/Tokyo", "Nowhere/Land")
    )

    found = expand(text, zone=ZONE, window=Window.around(NOW))

    assert sorted(spans(found)) == [
        ("03-10 01:00", "03-10 02:00"),
        ("03-10 09:00", "03-10 10:00"),
        ("03-10 14:00", "03-10 15:00"),
    ]
    assert found.warnings == {"floating_time": 1}


def test_working_hours_take_no_time_and_that_is_told() -> None:
    hours = (
        "BEGIN:VAVAILABILITY\nUID:w\nDTSTART:20260302T000000Z\nBEGIN:AVAILABLE\nUID:x\n"
        "DTSTART:20260302T090000Z\nDTEND:20260302T170000Z\nRRULE:FREQ=DAILY\nEND:AVAILABLE\nEND:VAVAILABILITY\n"
    )

    found = expanded("UID:a\nDTSTART:20260310T100000Z\nDTEND:20260310T110000Z", zones=hours)

    assert spans(found) == [("03-10 10:00", "03-10 11:00")]
    assert found.warnings == {"availability_ignored": 1}
    assert found.unread == 0


def test_an_unknown_zone_is_read_in_the_resources_zone_with_a_warning() -> None:
    found = expanded("UID:a\nDTSTART;TZID=Nowhere/Land:20260310T100000\nDTEND;TZID=Nowhere/Land:20260310T110000")

    assert spans(found) == [("03-10 09:00", "03-10 10:00")]
    assert found.warnings == {"unknown_time_zone": 1}


def test_a_zone_that_the_calendar_defines_itself_is_honoured() -> None:
    zones = (
        "BEGIN:VTIMEZONE\nTZID:Own\nBEGIN:STANDARD\nDTSTART:19700101T000000\n"
        "TZOFFSETFROM:+0300\nTZOFFSETTO:+0300\nEND:STANDARD\nEND:VTIMEZONE\n"
    )
    found = expanded("UID:a\nDTSTART;TZID=Own:20260310T100000\nDTEND;TZID=Own:20260310T110000", zones=zones)

    assert spans(found) == [("03-10 07:00", "03-10 08:00")]
    assert not found.warnings


BERLIN = "UID:a\nDTSTART;TZID=Europe/Berlin:"


def test_a_series_keeps_its_wall_clock_over_dst() -> None:
    found = expanded(f"{BERLIN}20260328T100000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=2")

    assert spans(found) == [("03-28 09:00", "03-28 10:00"), ("03-29 08:00", "03-29 09:00")]


@pytest.mark.parametrize("length", ["DTEND;TZID=Europe/Berlin:20260328T033000", "DURATION:PT1H"])
def test_an_hour_in_the_gap_stays_an_hour(length: str) -> None:
    found = expanded(f"{BERLIN}20260328T023000\n{length}\nRRULE:FREQ=DAILY;COUNT=2")

    assert spans(found)[1] == ("03-29 01:30", "03-29 02:30")


def test_over_the_fold_dtend_is_exact_and_a_duration_of_a_day_is_nominal() -> None:
    autumn = datetime(2026, 10, 1, tzinfo=UTC)
    by_end = expanded(
        f"{BERLIN}20261023T220000\nDTEND;TZID=Europe/Berlin:20261024T220000\nRRULE:FREQ=DAILY;COUNT=2", now=autumn
    )
    by_duration = expanded(f"{BERLIN}20261023T220000\nDURATION:P1D\nRRULE:FREQ=DAILY;COUNT=2", now=autumn)

    assert spans(by_end)[1] == ("10-24 20:00", "10-25 20:00")
    assert spans(by_duration)[1] == ("10-24 20:00", "10-25 21:00")


def test_a_duration_in_hours_is_exact_over_the_fold() -> None:
    found = expanded(f"{BERLIN}20261025T010000\nDURATION:PT3H", now=datetime(2026, 10, 1, tzinfo=UTC))

    assert spans(found) == [("10-24 23:00", "10-25 02:00")]


def test_excluded_dates_take_no_time() -> None:
    found = expanded(
        f"{BERLIN}20260310T100000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE;TZID=Europe/Berlin:20260311T100000"
    )

    assert [f"{it.starts_at:%d}" for it in found.instances] == ["10", "12"]


def test_only_the_window_is_expanded() -> None:
    found = expanded("UID:a\nDTSTART:20200101T100000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY")

    window = Window.around(NOW)
    assert len(found.instances) in (25, 26)
    assert all(it.ends_at > window.starts_at and it.starts_at < window.ends_at for it in found.instances)


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY",
        "FREQ=MINUTELY",
        "FREQ=DAILY;INTERVAL=0",
        "INTERVAL=00;FREQ=DAILY",
        "FREQ=HOURLY;BYMINUTE=0,1,2,3,4,5,6,7,8,9",
        "FREQ=HOURLY;BYMONTHDAY=31;BYMONTH=2",
    ],
)
def test_a_hostile_rule_is_refused_in_time_and_spoils_no_other_event(rule: str) -> None:
    began = time.process_time()
    found = expanded(
        f"UID:evil\nDTSTART:19000101T000000Z\nDURATION:PT1S\nRRULE:{rule}",
        "UID:good\nDTSTART:20260310T100000Z\nDTEND:20260310T110000Z",
    )

    assert time.process_time() - began < 5
    assert [it.uid for it in found.instances] == ["good"]
    assert found.unreadable_uids == {"evil"}
    assert sum(found.warnings.values()) == 1
    assert [(warning.line, warning.uid) for warning in found.examples] == [(4, "evil")]


@pytest.mark.parametrize(
    "line",
    [
        "RRULE:FREQ=SECONDLY",
        "RRULE:FREQ=DAILY",
        "TZOFFSETTO:+9900",
        "DTSTART:never",
        "RDATE:x",
        "RRULE:FREQ=YEARLY;BYMONTH=99",
    ],
)
def test_a_time_zone_that_cannot_be_used_costs_no_event(line: str) -> None:
    zones = (
        f"BEGIN:VTIMEZONE\nTZID:Own\nBEGIN:STANDARD\n{line}\nDTSTART:19700101T000000\n"
        "TZOFFSETFROM:+0300\nTZOFFSETTO:+0300\nEND:STANDARD\nEND:VTIMEZONE\n"
    )
    found = expanded("UID:a\nDTSTART;TZID=Own:20260310T100000\nDURATION:PT1H", zones=zones)

    assert spans(found) == [("03-10 09:00", "03-10 10:00")]
    assert found.warnings == {"unknown_time_zone": 1}


@pytest.mark.parametrize(
    "event",
    [
        "UID:a",
        "UID:a\nDTSTART:garbage",
        "UID:a\nDTSTART:20260310T100000Z\nDTEND:garbage",
        "UID:a\nDTSTART:20260310T100000Z\nRRULE:FREQ=NEVER",
    ],
)
def test_an_event_that_cannot_be_read_is_named_as_such(event: str) -> None:
    found = expanded(event)

    assert found.unreadable_uids == {"a"}
    assert found.warnings == {"unreadable_event": 1}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", "not_a_calendar"),
        (b"<html>busy</html>", "not_a_calendar"),
        (b"\xff\xfe\x00", "not_a_calendar"),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:a\r\n", "truncated_calendar"),
    ],
)
def test_what_is_no_complete_calendar_is_refused(text: bytes, code: str) -> None:
    with pytest.raises(ReadingFailedError) as refused:
        expand(text, zone=ZONE, window=Window.around(NOW))
    assert refused.value.code == code


async def test_the_child_process_answers_as_the_function_does() -> None:
    text = a_calendar(f"{BERLIN}20260310T100000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3", "UID:b")
    window = Window.around(NOW)

    found = await ExpansionProcess(seconds=60).expand(text, zone=ZONE, window=window)

    assert found == expand(text, zone=ZONE, window=window)


def test_many_hostile_rules_together_cost_little_more_than_one() -> None:
    hostile = (f"UID:{n}\nDTSTART:19000101T000000Z\nRRULE:FREQ=HOURLY;BYMONTHDAY=31;BYMONTH=2" for n in range(60))
    began = time.process_time()

    found = expanded(*hostile, "UID:good\nDTSTART:20260310T100000Z\nDTEND:20260310T110000Z")

    assert time.process_time() - began < 12
    assert [it.uid for it in found.instances] == ["good"]
    assert found.warnings == {"rule_too_slow": 60}
    assert len(found.examples) == 10


async def test_the_child_process_is_killed_when_its_time_is_up() -> None:
    text = a_calendar(
        *(f"UID:{n}\nDTSTART:19000101T000000Z\nRRULE:FREQ=HOURLY;BYMONTHDAY=31;BYMONTH=2" for n in range(200))
    )
    began = asyncio.get_running_loop().time()

    with pytest.raises(ReadingFailedError, match="expansion_timed_out"):
        await ExpansionProcess(seconds=1.5).expand(text, zone=ZONE, window=Window.around(NOW))

    assert asyncio.get_running_loop().time() - began < 60


@given(
    start=st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2026, 12, 31)),  # noqa: DTZ001 - wall clock
    minutes=st.integers(min_value=1, max_value=60 * 30),
    frequency=st.sampled_from(["DAILY", "WEEKLY", "MONTHLY"]),
    interval=st.integers(min_value=1, max_value=5),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]),
)
def test_every_instance_of_a_dtend_series_lasts_exactly_as_long_as_the_first(
    start: datetime, minutes: int, frequency: str, interval: int, zone: str
) -> None:
    first = start.replace(microsecond=0, second=0)
    begins = datetime.fromisoformat(f"{first:%Y-%m-%dT%H:%M:%S}").astimezone(UTC)
    found = expanded(
        f"UID:a\nDTSTART;TZID={zone}:{first:%Y%m%dT%H%M%S}\nDTEND:{_end_in_utc(first, zone, minutes):%Y%m%dT%H%M%SZ}\n"
        f"RRULE:FREQ={frequency};INTERVAL={interval}",
        now=begins,
    )

    assert found.instances
    assert {it.ends_at - it.starts_at for it in found.instances} == {timedelta(minutes=minutes)}
    assert len({it.recurrence for it in found.instances}) == len(found.instances)


def _end_in_utc(first: datetime, zone: str, minutes: int) -> datetime:
    return first.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) + timedelta(minutes=minutes)
