"""Invitations: read back by another program, they mean what was meant, in every zone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import icalendar
import pytest
from dateutil.tz import tzical
from hypothesis import given, settings
from hypothesis import strategies as st

from notifications.adapters.email import InvalidAddressError, checked_address, invitation_of
from notifications.adapters.email.ics import Method, Party
from notifications.adapters.wording.facts import _SAMPLE
from notifications.domain import Appointment

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def written(appointment: Appointment = _SAMPLE, *, method: Method = "REQUEST", name: str = "Grace") -> bytes:
    return invitation_of(
        appointment,
        method=method,
        organizer=Party("Salon Nord", "no-reply@mail.example"),
        attendee=Party(name, "grace@example.com"),
        summary="Haircut",
        description="Line one\nline; two, three",
        location="Hauptstraße 1",
        now=NOW,
    ).content


@settings(max_examples=150, deadline=None)
@given(
    zone=st.sampled_from(sorted(available_timezones() - {"localtime", "Factory"})),
    starts_at=st.datetimes(datetime(2000, 1, 1), datetime(2036, 12, 1)),  # noqa: DTZ001 (made aware below)
    minutes=st.integers(5, 3 * 24 * 60),
)
def test_times_come_back_as_they_were_by_the_vtimezone_alone(zone: str, starts_at: datetime, minutes: int) -> None:
    begins = starts_at.replace(tzinfo=UTC, microsecond=0)
    ends = begins + timedelta(minutes=minutes)
    content = written(replace(_SAMPLE, zone=zone, starts_at=begins, ends_at=ends))
    [event] = icalendar.Calendar.from_ical(content).walk("VEVENT")

    assert event["DTSTART"].dt.utcoffset() == begins.astimezone(ZoneInfo(zone)).utcoffset() or _is_folded(begins, zone)
    assert event["DTSTART"].dt.astimezone(UTC) == begins or _is_folded(begins, zone)
    [vtimezone] = icalendar.Calendar.from_ical(content).walk("VTIMEZONE") or [None]
    if vtimezone is not None and not _is_folded(begins, zone):
        import io

        rule = tzical(io.StringIO(_unfolded(content))).get()
        naive = begins.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        assert naive.replace(tzinfo=rule).astimezone(UTC) == begins


def _unfolded(content: bytes) -> str:
    """Only the zone, in the form that dateutil reads: one date per RDATE, no comments."""
    lines = content.decode().replace("\r\n ", "").split("\r\n")
    first, last = lines.index("BEGIN:VTIMEZONE"), lines.index("END:VTIMEZONE")
    return "\r\n".join(lines[first : last + 1]) + "\r\n"


def _is_folded(instant: datetime, zone: str) -> bool:
    """The hour that a clock shows twice: iCalendar cannot tell which is meant."""
    local = instant.astimezone(ZoneInfo(zone))
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


@pytest.mark.parametrize(
    ("zone", "changes"),
    [
        ("Europe/Berlin", {("20260329T020000", "+0200"), ("20261025T030000", "+0100")}),
        ("America/New_York", {("20260308T020000", "-0400"), ("20261101T020000", "-0500")}),
        ("Australia/Lord_Howe", {("20260405T020000", "+1030"), ("20261004T020000", "+1100")}),
        ("Asia/Kolkata", set()),
    ],
)
def test_the_clocks_change_when_they_should(zone: str, changes: set[tuple[str, str]]) -> None:
    [vtimezone] = icalendar.Calendar.from_ical(written(replace(_SAMPLE, zone=zone))).walk("VTIMEZONE")
    found = {
        (each["DTSTART"].to_ical().decode(), each["TZOFFSETTO"].to_ical())
        for each in vtimezone.subcomponents
        if each["DTSTART"].dt.year == 2026
    }
    assert found == changes


def test_a_cancellation_says_so() -> None:
    calendar = icalendar.Calendar.from_ical(written(replace(_SAMPLE, calendar_sequence=4), method="CANCEL"))
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
