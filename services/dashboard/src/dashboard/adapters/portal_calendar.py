"""An appointment for the client's own calendar: as a file (RFC 5545), and as links to two calendars on the web."""

from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

from dashboard.domain.portal import PortalAppointment

_LINE_BYTES: Final = 75
_FORM: Final = "%Y%m%dT%H%M%SZ"


def calendar_file(appointment: PortalAppointment) -> bytes:
    """One event, which replaces an earlier one of the same appointment."""
    uid, sequence, recurrence = appointment.calendar_uid, appointment.calendar_sequence, list[str]()
    if appointment.series_calendar_uid is not None and appointment.recurs_at is not None:
        # As invitations name it, so that it is no second entry beside theirs; their revisions count for all of the
        # series, and none is older than this.
        uid, sequence = appointment.series_calendar_uid, 0
        recurrence = [f"RECURRENCE-ID:{_stamp(appointment.recurs_at)}"]
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Slotstream//Portal//EN",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        f"UID:{_escaped(uid)}",
        *recurrence,
        f"SEQUENCE:{sequence}",
        f"DTSTAMP:{_stamp(appointment.updated_at)}",
        f"DTSTART:{_stamp(appointment.starts_at)}",
        f"DTEND:{_stamp(appointment.ends_at)}",
        f"SUMMARY:{_escaped(_title(appointment))}",
        *([f"LOCATION:{_escaped(appointment.location)}"] if appointment.location else []),
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return b"".join(_folded(line) for line in lines)


def google_address(appointment: PortalAppointment) -> str:
    dates = f"{_stamp(appointment.starts_at)}/{_stamp(appointment.ends_at)}"
    query = {"action": "TEMPLATE", "text": _title(appointment), "dates": dates, "location": appointment.location}
    return "https://calendar.google.com/calendar/render?" + urlencode(query)


def outlook_address(appointment: PortalAppointment) -> str:
    query = {
        "path": "/calendar/action/compose",
        "rru": "addevent",
        "subject": _title(appointment),
        "startdt": appointment.starts_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "enddt": appointment.ends_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "location": appointment.location,
    }
    return "https://outlook.live.com/calendar/0/deeplink/compose?" + urlencode(query)


def _title(appointment: PortalAppointment) -> str:
    return f"{appointment.service_name}, {appointment.business.name}"


def _stamp(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime(_FORM)


def _escaped(text: str) -> str:
    """Without control characters, which RFC 5545 does not allow in a value."""
    for character, escape in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n")):
        text = text.replace(character, escape)
    return "".join(character for character in text if character.isprintable())


def _folded(line: str) -> bytes:
    """At most 75 bytes a line; a character is not torn apart."""
    folded, width = bytearray(), 0
    for character in line:
        encoded = character.encode()
        if width + len(encoded) > _LINE_BYTES:
            folded += b"\r\n "
            width = 1
        folded += encoded
        width += len(encoded)
    return bytes(folded) + b"\r\n"
