"""The invitation that makes the recipient's calendar follow: iTIP REQUEST and CANCEL (RFC 5546)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, vCalAddress, vText

from notifications.adapters.email.vtimezone import vtimezone
from notifications.domain import Appointment

Method = Literal["REQUEST", "CANCEL"]

_PRODUCT = "-//Slotstream//notifications//EN"
_STATUS: Mapping[str, str] = {"pending": "TENTATIVE", "cancelled": "CANCELLED"}


@dataclass(frozen=True, slots=True)
class Invitation:
    """An iCalendar object and its METHOD, which the mail's calendar part names as well."""

    method: Method
    content: bytes


@dataclass(frozen=True, slots=True)
class Party:
    """The organizer or the attendee: a name and an e-mail address."""

    name: str
    address: str


def invitation_of(
    appointment: Appointment,
    *,
    method: Method,
    organizer: Party,
    attendee: Party,
    summary: str,
    description: str,
    location: str,
    now: datetime,
) -> Invitation:
    """UID and SEQUENCE are the chain's, so that calendars replace what they had. Times are in the business's zone."""
    calendar = Calendar()
    calendar.add("prodid", _PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", method)
    zone = vtimezone(appointment.zone, appointment.starts_at.year)
    if zone is not None:
        calendar.add_component(zone)
    calendar.add_component(
        _event(appointment, method, organizer, attendee, summary, description, location, now, in_utc=zone is None)
    )
    return Invitation(method, calendar.to_ical())


def _event(
    appointment: Appointment,
    method: Method,
    organizer: Party,
    attendee: Party,
    summary: str,
    description: str,
    location: str,
    now: datetime,
    *,
    in_utc: bool,
) -> Event:
    local = UTC if in_utc else ZoneInfo(appointment.zone)
    event = Event()
    event.add("uid", appointment.calendar_uid)
    event.add("sequence", appointment.calendar_sequence)
    event.add("dtstamp", now.astimezone(UTC))
    event.add("created", appointment.created_at)
    event.add("last-modified", appointment.updated_at)
    event.add("dtstart", appointment.starts_at.astimezone(local))
    event.add("dtend", appointment.ends_at.astimezone(local))
    event.add("summary", summary)
    event.add("status", "CANCELLED" if method == "CANCEL" else _STATUS.get(appointment.status, "CONFIRMED"))
    event.add("transp", "TRANSPARENT" if method == "CANCEL" else "OPAQUE")
    if location:
        event.add("location", location)
    if description and method == "REQUEST":
        event.add("description", description)
    event.add("organizer", _party(organizer))
    guest = _party(attendee)
    guest.params["CUTYPE"] = vText("INDIVIDUAL")
    guest.params["ROLE"] = vText("REQ-PARTICIPANT")
    guest.params["PARTSTAT"] = vText("ACCEPTED")
    guest.params["RSVP"] = vText("FALSE")
    event.add("attendee", guest)
    return event


def _party(party: Party) -> vCalAddress:
    address = vCalAddress(f"mailto:{party.address}")
    # Quotes and control characters cannot be written inside a parameter (RFC 5545 §3.2).
    name = "".join(character for character in party.name if character.isprintable() and character != '"')
    if name:
        address.params["CN"] = vText(name)
    return address
