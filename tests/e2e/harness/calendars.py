"""A calendar file as another program would serve it."""

from datetime import UTC, datetime, timedelta

import icalendar


def a_calendar(*, starts_at: datetime, hours: int = 1, uid: str = "dentist@example.com") -> bytes:
    """One event, in four weeks in a row."""
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//test//EN")
    calendar.add("version", "2.0")
    event = icalendar.Event()
    event.add("uid", uid)
    event.add("dtstamp", datetime(2026, 1, 1, tzinfo=UTC))
    event.add("dtstart", starts_at)
    event.add("dtend", starts_at + timedelta(hours=hours))
    event.add("summary", "Dentist")
    event.add("rrule", {"freq": "weekly", "count": 4})
    calendar.add_component(event)
    return calendar.to_ical()
