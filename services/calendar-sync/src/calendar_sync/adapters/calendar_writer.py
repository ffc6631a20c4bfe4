"""Writes a subscribed calendar (RFC 5545, RFC 7986) from a resource's appointments."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event

from calendar_sync.domain import EVENT_STATUS_BY_APPOINTMENT, Feed, FeedEntry, FeedTitle

PRODUCT_ID = "-//Slotstream//Calendar Sync//EN"
REFRESH_INTERVAL = timedelta(minutes=15)


def calendar_etag(feed: Feed, entries: Sequence[FeedEntry]) -> str:
    """A strong validator over everything that the text depends on; cheaper than writing it."""
    digest = hashlib.sha256(f"{feed.name}\x00{feed.title}\x00".encode())
    for entry in entries:
        digest.update(f"{entry.appointment_id}:{entry.version};".encode())
    return f'"{digest.hexdigest()[:32]}"'


def write_calendar(feed: Feed, entries: Sequence[FeedEntry]) -> bytes:
    """The feed's text: the same entries always give the same bytes."""
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", PRODUCT_ID)
    calendar.add("method", "PUBLISH")
    calendar.add("name", feed.name)
    calendar.add("x-wr-calname", feed.name)
    calendar.add("refresh-interval", REFRESH_INTERVAL, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT15M")
    for entry in entries:
        calendar.add_component(_event(feed, entry))
    calendar.add_missing_timezones()
    return bytes(calendar.to_ical())


def _event(feed: Feed, entry: FeedEntry) -> Event:
    zone = ZoneInfo(entry.zone)
    event = Event()
    event.add("uid", entry.calendar_uid)
    event.add("sequence", entry.calendar_sequence)
    event.add("dtstamp", entry.updated_at)
    event.add("created", entry.created_at)
    event.add("last-modified", entry.updated_at)
    event.add("dtstart", entry.starts_at.astimezone(zone))
    event.add("dtend", entry.ends_at.astimezone(zone))
    event.add("status", EVENT_STATUS_BY_APPOINTMENT[entry.status])
    event.add("summary", entry.service_name if feed.title is FeedTitle.SERVICE else "Busy")
    event.add("transp", "TRANSPARENT" if EVENT_STATUS_BY_APPOINTMENT[entry.status] == "CANCELLED" else "OPAQUE")
    event.add("class", "PRIVATE")
    return event
