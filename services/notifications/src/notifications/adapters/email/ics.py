"""The invitation that makes the recipient's calendar follow: iTIP REQUEST and CANCEL (RFC 5546)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from icalendar import Calendar, Event, vCalAddress, vText

from notifications.domain import Appointment
from slotstream_servicekit.calendars import add_time_zones, clean_text, event_times

Method = Literal["REQUEST", "CANCEL"]

_PRODUCT = "-//Slotstream//notifications//EN"
_STATUS: Mapping[str, str] = {"pending": "TENTATIVE", "cancelled": "CANCELLED"}


@dataclass(frozen=True, slots=True)
class Party:
    """The organizer or the attendee: a name and an e-mail address."""

    name: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """What one recipient's calendar is told of an appointment."""

    method: Method
    appointment: Appointment
    organizer: Party
    attendee: Party
    summary: str
    description: str
    location: str


def write_invitation(invitation: Invitation, *, now: datetime) -> bytes:
    """The iCalendar object. UID and SEQUENCE are the chain's, so that calendars replace what they had.

    Times are in the appointment's zone, or in UTC where local times would be ambiguous.
    """
    calendar = Calendar()
    calendar.add("prodid", _PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", invitation.method)
    calendar.add_component(_event(invitation, now))
    add_time_zones(calendar)
    return bytes(calendar.to_ical())


def _event(invitation: Invitation, now: datetime) -> Event:
    appointment, is_cancel = invitation.appointment, invitation.method == "CANCEL"
    starts_at, ends_at = event_times(appointment.starts_at, appointment.ends_at, appointment.zone)
    event = Event()
    event.add("uid", appointment.calendar_uid)
    event.add("sequence", appointment.calendar_sequence)
    event.add("dtstamp", now.astimezone(UTC))
    event.add("created", appointment.created_at)
    event.add("last-modified", appointment.updated_at)
    event.add("dtstart", starts_at)
    event.add("dtend", ends_at)
    event.add("summary", clean_text(invitation.summary))
    event.add("status", "CANCELLED" if is_cancel else _STATUS.get(appointment.status, "CONFIRMED"))
    event.add("transp", "TRANSPARENT" if is_cancel else "OPAQUE")
    if invitation.location:
        event.add("location", clean_text(invitation.location))
    if invitation.description and not is_cancel:
        event.add("description", clean_text(invitation.description))
    event.add("organizer", _party(invitation.organizer))
    event.add("attendee", _guest(invitation.attendee))
    return event


def _guest(attendee: Party) -> vCalAddress:
    guest = _party(attendee)
    guest.params["CUTYPE"] = vText("INDIVIDUAL")
    guest.params["ROLE"] = vText("REQ-PARTICIPANT")
    guest.params["PARTSTAT"] = vText("ACCEPTED")
    guest.params["RSVP"] = vText("FALSE")
    return guest


def _party(party: Party) -> vCalAddress:
    address = vCalAddress(f"mailto:{party.address}")
    # Quotes and control characters cannot be written inside a parameter (RFC 5545 §3.2).
    name = "".join(character for character in party.name if character.isprintable() and character != '"')
    if name:
        address.params["CN"] = vText(name)
    return address
