"""A feed, read back by a reader that knows nothing but the file: no IANA names, no zone database."""

import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import icalendar
import pytest
from dateutil import tz

from calendar_sync.adapters.ics.writer import IcsWriter
from calendar_sync.domain import Feed, FeedEntry, FeedId, FeedTitle, ResourceId

NOW = datetime(2026, 11, 28, tzinfo=UTC)
FEED = Feed(
    id=FeedId(uuid4()),
    organization_id=UUID(int=1),
    resource_id=ResourceId(uuid4()),
    name="Ada\x1b's \x0bday",
    title=FeedTitle.SERVICE,
    rotation=1,
    created_at=NOW,
    updated_at=NOW,
    version=1,
)


def an_entry(starts_at: datetime, zone: str, *, name: str = "Haircut", location: str | None = None) -> FeedEntry:
    return FeedEntry(
        appointment_id=uuid4(),
        calendar_uid=f"{uuid4()}@slotstream",
        calendar_sequence=0,
        service_name=name,
        location=location,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=45),
        zone=zone,
        status="scheduled",
        created_at=NOW,
        updated_at=NOW,
        version=1,
    )


def instants_by_the_file_alone(text: bytes) -> dict[str, tuple[datetime, datetime]]:
    """Start and end of each event by UID, in UTC, with zones from the file's VTIMEZONEs only."""
    unfolded = text.decode().replace("\r\n ", "")
    zones = tz.tzical(io.StringIO(unfolded)) if "BEGIN:VTIMEZONE" in unfolded else None
    events = {}
    for event in re.findall(r"BEGIN:VEVENT\r\n(.*?)END:VEVENT", unfolded, re.DOTALL):
        [uid] = re.findall(r"^UID:(.*)\r$", event, re.MULTILINE)
        moments = []
        for name in ("DTSTART", "DTEND"):
            [(zone, value, z)] = re.findall(rf"^{name}(?:;TZID=([^:]+))?:(\d{{8}}T\d{{6}})(Z?)\r$", event, re.MULTILINE)
            local = datetime.strptime(value, "%Y%m%dT%H%M%S")  # noqa: DTZ007 - its zone comes next
            if z:
                moments.append(local.replace(tzinfo=UTC))
                continue
            assert zones is not None
            moments.append(local.replace(tzinfo=zones.get(zone)).astimezone(UTC))
        events[uid] = (moments[0], moments[1])
    return events


@pytest.mark.parametrize(
    "zone",
    ["Europe/Berlin", "Europe/Dublin", "America/New_York", "America/Vancouver", "America/Havana", "Africa/Casablanca",
     "Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo", "Etc/UTC"],
)  # fmt: skip
def test_every_hour_around_the_changes_of_clocks_is_read_back(zone: str) -> None:
    days = [datetime(2026, 10, day, tzinfo=UTC) for day in (3, 4, 25, 26)]
    days += [datetime(2026, 11, 1, tzinfo=UTC), datetime(2027, 2, 7, tzinfo=UTC), datetime(2027, 3, 14, tzinfo=UTC)]
    days += [datetime(2027, 3, 27, tzinfo=UTC), datetime(2027, 3, 28, tzinfo=UTC), datetime(2027, 7, 1, tzinfo=UTC)]
    entries = [an_entry(day + timedelta(hours=hour), zone) for day in days for hour in range(24)]

    read = instants_by_the_file_alone(IcsWriter().write(FEED, entries).content)

    assert read == {entry.calendar_uid: (entry.starts_at, entry.ends_at) for entry in entries}


def test_the_onset_of_summer_time_is_told_by_the_clock_before_it() -> None:
    text = IcsWriter().write(FEED, [an_entry(NOW, "Europe/Berlin")]).content.decode()

    daylight = text.split("BEGIN:DAYLIGHT")[1].split("END:DAYLIGHT")[0]
    assert "T020000\r\n" in daylight
    assert "TZOFFSETFROM:+0100" in daylight
    assert "RRULE:FREQ=YEARLY" in daylight
    assert "RDATE" not in text


def test_control_characters_are_left_out_of_every_text() -> None:
    entry = an_entry(NOW, "Europe/Berlin", name="Cut\x1b[31m \x0b\x7f& dry\r\nline", location="Room\x00 2")

    text = IcsWriter().write(FEED, [entry]).content

    assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", text)
    [event] = icalendar.Calendar.from_ical(text).walk("VEVENT")
    assert str(event["SUMMARY"]) == "Cut[31m & dry\nline"
    assert str(event["LOCATION"]) == "Room 2"


def test_the_feed_that_was_served_once_is_wrong_by_this_reader() -> None:
    """So that the reader of these tests can fail: it finds the fault that was in feeds."""
    served = (Path(__file__).parent / "calendars" / "feed-vtimezone-as-served.ics").read_text()
    [daylight] = re.findall(r"BEGIN:DAYLIGHT(.*?)END:DAYLIGHT", served, re.DOTALL)[:1]

    assert "T030000" in daylight
    assert "TZOFFSETFROM:+0100" in daylight
