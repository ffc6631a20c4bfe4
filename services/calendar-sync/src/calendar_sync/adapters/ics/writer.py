"""Writes a subscribed calendar (RFC 5545, RFC 7986) from a resource's appointments."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta

from icalendar import Calendar, Event

from calendar_sync.domain import EVENT_STATUS_BY_APPOINTMENT, CalendarText, Feed, FeedEntry, FeedTitle
from slotstream_servicekit.calendars import add_time_zones, clean_text, event_times

PRODUCT_ID = "-//Slotstream//Calendar Sync//EN"
REFRESH_INTERVAL = timedelta(minutes=15)
MEDIA_TYPE = "text/calendar; charset=utf-8"


class IcsWriter:
    """The CalendarWriter of subscription feeds."""

    def validator(self, feed: Feed, entries: Sequence[FeedEntry]) -> str:
        digest = hashlib.sha256(f"{feed.name}\x00{feed.title}\x00".encode())
        for entry in entries:
            digest.update(f"{entry.appointment_id}:{entry.version}:{entry.location}\x00".encode())
        return f'"{digest.hexdigest()[:32]}"'

    def write(self, feed: Feed, entries: Sequence[FeedEntry]) -> CalendarText:
        calendar = Calendar()
        calendar.add("version", "2.0")
        calendar.add("prodid", PRODUCT_ID)
        calendar.add("method", "PUBLISH")
        calendar.add("name", clean_text(feed.name))
        calendar.add("x-wr-calname", clean_text(feed.name))
        calendar.add("refresh-interval", REFRESH_INTERVAL, parameters={"VALUE": "DURATION"})
        calendar.add("x-published-ttl", "PT15M")
        for entry in entries:
            calendar.add_component(_event(feed, entry))
        add_time_zones(calendar)
        return CalendarText(content=bytes(calendar.to_ical()), media_type=MEDIA_TYPE)


def _event(feed: Feed, entry: FeedEntry) -> Event:
    starts_at, ends_at = event_times(entry.starts_at, entry.ends_at, entry.zone)
    status = EVENT_STATUS_BY_APPOINTMENT[entry.status]
    event = Event()
    event.add("uid", entry.calendar_uid)
    event.add("sequence", entry.calendar_sequence)
    event.add("dtstamp", entry.updated_at)
    event.add("created", entry.created_at)
    event.add("last-modified", entry.updated_at)
    event.add("dtstart", starts_at)
    event.add("dtend", ends_at)
    event.add("status", status)
    event.add("summary", clean_text(entry.service_name) if feed.title is FeedTitle.SERVICE else "Busy")
    if entry.location:
        event.add("location", clean_text(entry.location))
    event.add("transp", "TRANSPARENT" if status == "CANCELLED" else "OPAQUE")
    event.add("class", "PRIVATE")
    return event
