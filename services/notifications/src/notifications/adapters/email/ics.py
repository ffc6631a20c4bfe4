"""The invitation that makes the recipient's calendar follow: iTIP REQUEST and CANCEL (RFC 5546)."""

from datetime import UTC, datetime

from icalendar import Event

from notifications.adapters.email.parts import (
    Invitation,
    Method,
    Party,
    add_parties,
    add_texts,
    empty_calendar,
    status_of,
)
from notifications.adapters.email.series_ics import write_series
from slotstream_servicekit.calendars import add_time_zones, event_times

__all__ = ["Invitation", "Method", "Party", "write_invitation"]


def write_invitation(invitation: Invitation, *, now: datetime) -> bytes:
    """The iCalendar object. UID and SEQUENCE are the chain's, so that calendars replace what they had; of one date of
    a series they are the series', and RECURRENCE-ID says which date.

    Times are in the appointment's zone, or in UTC where local times would be ambiguous.
    """
    if invitation.series is not None:
        return write_series(invitation, invitation.series, now=now)
    calendar = empty_calendar(invitation.method)
    calendar.add_component(_event(invitation, now))
    add_time_zones(calendar)
    return bytes(calendar.to_ical())


def _event(invitation: Invitation, now: datetime) -> Event:
    appointment, occurrence = invitation.appointment, invitation.occurrence
    starts_at, ends_at = event_times(appointment.starts_at, appointment.ends_at, appointment.zone)
    event = Event()
    event.add("uid", appointment.calendar_uid if occurrence is None else occurrence.calendar_uid)
    if occurrence is not None:
        event.add("recurrence-id", event_times(occurrence.recurs_at, occurrence.recurs_at, appointment.zone)[0])
    event.add("sequence", invitation.sequence)
    event.add("dtstamp", now.astimezone(UTC))
    event.add("created", appointment.created_at)
    event.add("last-modified", appointment.updated_at)
    event.add("dtstart", starts_at)
    event.add("dtend", ends_at)
    add_texts(event, invitation, status="CANCELLED" if invitation.method == "CANCEL" else status_of(appointment.status))
    add_parties(event, invitation)
    return event
