"""Invitations: read back by another program, they mean what was meant, in every zone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from zoneinfo import ZoneInfo, available_timezones

import icalendar
import pytest
from dateutil.tz import tzical
from hypothesis import given, settings
from hypothesis import strategies as st

from notifications.adapters.email import Invitation, Party, checked_address, write_invitation
from notifications.adapters.email.ics import Method
from notifications.adapters.templates.values import SAMPLE_APPOINTMENT
from notifications.domain.appointments import Appointment
from notifications.domain.channels import InvalidAddressError

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def written(
    appointment: Appointment = SAMPLE_APPOINTMENT,
    *,
    method: Method = "REQUEST",
    name: str = "Grace",
    summary: str = "Haircut",
    location: str = "Hauptstraße 1",
) -> bytes:
    invitation = Invitation(
        method=method,
        appointment=appointment,
        organizer=Party("Salon Nord", "no-reply@mail.example"),
        attendee=Party(name, "grace@example.com"),
        summary=summary,
        description="Line one\nline; two, three",
        location=location,
        sequence=appointment.calendar_sequence,
    )
    return write_invitation(invitation, now=NOW)


def instant_of(content: bytes, name: str) -> datetime:
    """DTSTART or DTEND as a reader finds it that knows no IANA names, only the file's own VTIMEZONE."""
    lines = content.decode().replace("\r\n ", "").split("\r\n")
    [line] = [line for line in lines if line.startswith(f"{name}") and ":" in line and line[len(name)] in ":;"][-1:]
    value = line.rpartition(":")[2]
    if value.endswith("Z"):
        return datetime.strptime(value, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    first, last = lines.index("BEGIN:VTIMEZONE"), lines.index("END:VTIMEZONE")
    zone = tzical(StringIO("\r\n".join(lines[first : last + 1]) + "\r\n")).get()
    return datetime.strptime(value, "%Y%m%dT%H%M%S").replace(tzinfo=zone).astimezone(UTC)


@settings(max_examples=150, deadline=None)
@given(
    zone=st.sampled_from(sorted(available_timezones() - {"localtime", "Factory"})),
    starts_at=st.datetimes(datetime(2000, 1, 1), datetime(2036, 12, 1)),  # noqa: DTZ001 (made aware below)
    minutes=st.integers(5, 3 * 24 * 60),
)
def test_times_come_back_as_they_were_by_the_vtimezone_alone(zone: str, starts_at: datetime, minutes: int) -> None:
    begins = starts_at.replace(tzinfo=UTC, microsecond=0)
    if (begins.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()).seconds % 60:
        return
    ends = begins + timedelta(minutes=minutes)
    content = written(replace(SAMPLE_APPOINTMENT, zone=zone, starts_at=begins, ends_at=ends))
    assert instant_of(content, "DTSTART") == begins
    assert instant_of(content, "DTEND") == ends


@pytest.mark.parametrize(
    ("zone", "starts_at", "start", "end"),
    [
        ("America/New_York", datetime(2027, 11, 7, 6, 30, tzinfo=UTC), "20271107T063000Z", "20271107T070000Z"),
        ("Europe/Berlin", datetime(2027, 10, 31, 0, 45, tzinfo=UTC), "20271031T004500Z", "20271031T011500Z"),
    ],
)
def test_a_time_in_the_repeated_hour_is_written_in_utc(zone: str, starts_at: datetime, start: str, end: str) -> None:
    appointment = replace(SAMPLE_APPOINTMENT, zone=zone, starts_at=starts_at, ends_at=starts_at + timedelta(minutes=30))
    lines = written(appointment).decode().split("\r\n")
    assert f"DTSTART:{start}" in lines
    assert f"DTEND:{end}" in lines


def test_the_zone_is_described_by_rules() -> None:
    lines = written().decode().split("\r\n")
    assert "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3" in lines
    assert not any(line.startswith("RDATE") for line in lines)


def test_control_characters_are_left_out() -> None:
    content = written(summary="Hair\x00cut\x07", location="Haupt\x1bstraße\r\n1")
    [event] = icalendar.Calendar.from_ical(content).walk("VEVENT")
    assert (str(event["SUMMARY"]), str(event["LOCATION"])) == ("Haircut", "Hauptstraße\n1")


def test_a_cancellation_says_so() -> None:
    calendar = icalendar.Calendar.from_ical(written(replace(SAMPLE_APPOINTMENT, calendar_sequence=4), method="CANCEL"))
    [event] = calendar.walk("VEVENT")
    assert (calendar["METHOD"], event["STATUS"], event["SEQUENCE"]) == ("CANCEL", "CANCELLED", 4)


def test_names_cannot_write_properties_of_their_own() -> None:
    content = written(name='Grace";X=1:mailto:evil@example.com\r\nATTENDEE:mailto:evil@example.com')
    [event] = icalendar.Calendar.from_ical(content).walk("VEVENT")
    assert event["ATTENDEE"] == "mailto:grace@example.com"


def test_lines_end_as_rfc_5545_wants_them() -> None:
    content = written()
    assert content.count(b"\n") == content.count(b"\r\n")
    assert max(len(line) for line in content.split(b"\r\n")) <= 75


@pytest.mark.parametrize(
    "address",
    ["a", "@b.de", "a@", "a b@c.de", "a@b@c.de", "ü@b.de", "<a@b.c>", "a@b.c\r\nX: y", ".a@b.c", "a@" + "b" * 300, ""],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(InvalidAddressError):
        checked_address(address)


def test_a_domain_travels_in_ascii() -> None:
    assert checked_address(" a@bücher.example ") == "a@xn--bcher-kva.example"
