"""What every invitation has: a calendar with a method, texts, an organizer and an attendee."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from icalendar import Calendar, Event, vCalAddress, vText

from notifications.domain.appointments import Appointment
from notifications.domain.series import Occurrence, ToldSeries
from slotstream_servicekit.calendars import clean_text

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
    sequence: int
    series: ToldSeries | None = None
    """The whole series, which is told as one."""
    occurrence: Occurrence | None = None
    """Which date of a series the appointment is, where calendars know that as one."""
    asks: bool = False
    """Whether the attendee is asked to accept, and is heard."""


def empty_calendar(method: Method) -> Calendar:
    calendar = Calendar()
    calendar.add("prodid", _PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", method)
    return calendar


def status_of(status: str) -> str:
    return _STATUS.get(status, "CONFIRMED")


def add_texts(event: Event, invitation: Invitation, *, status: str) -> None:
    is_cancel = invitation.method == "CANCEL"
    event.add("summary", clean_text(invitation.summary))
    event.add("status", status)
    event.add("transp", "TRANSPARENT" if is_cancel else "OPAQUE")
    if invitation.location:
        event.add("location", clean_text(invitation.location))
    if invitation.description and not is_cancel:
        event.add("description", clean_text(invitation.description))


def add_parties(event: Event, invitation: Invitation) -> None:
    event.add("organizer", _party(invitation.organizer))
    event.add("attendee", _guest(invitation.attendee, asks=invitation.asks))


def _guest(attendee: Party, *, asks: bool) -> vCalAddress:
    guest = _party(attendee)
    guest.params["CUTYPE"] = vText("INDIVIDUAL")
    guest.params["ROLE"] = vText("REQ-PARTICIPANT")
    guest.params["PARTSTAT"] = vText("NEEDS-ACTION" if asks else "ACCEPTED")
    guest.params["RSVP"] = vText("TRUE" if asks else "FALSE")
    return guest


def _party(party: Party) -> vCalAddress:
    address = vCalAddress(f"mailto:{party.address}")
    # Quotes and control characters cannot be written inside a parameter (RFC 5545 §3.2).
    name = "".join(character for character in party.name if character.isprintable() and character != '"')
    if name:
        address.params["CN"] = vText(name)
    return address
