"""What a calendar answers to an invitation: METHOD REPLY and COUNTER of RFC 5546."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from icalendar import Calendar, Event

from notifications.domain.answers import kept_text
from notifications.domain.mail_replies import CalendarReply, Participation

MOST_BYTES: Final = 131_072
"""A calendar's answer is some hundred bytes, and its time zone some thousand."""
_MOST_EVENTS: Final = 50
_LONGEST_UID: Final = 300
_HIGHEST: Final = 2**31 - 1
_PARTICIPATIONS: Final = {
    "ACCEPTED": Participation.ACCEPTED,
    "DECLINED": Participation.DECLINED,
    "TENTATIVE": Participation.TENTATIVE,
}


def read_replies(content: str) -> Sequence[CalendarReply] | None:
    """The answers, one for each date; None where it is no answer, or cannot be read."""
    if len(content) > MOST_BYTES:
        return None
    try:
        calendar = Calendar.from_ical(content)
        method = str(calendar.get("METHOD", "")).strip().upper()
        if method not in ("REPLY", "COUNTER"):
            return None
        events = [event for event in calendar.walk("VEVENT") if isinstance(event, Event)]
        if not 0 < len(events) <= _MOST_EVENTS:
            return None
        replies = [_reply(event, counter=method == "COUNTER") for event in events]
    except Exception:  # noqa: BLE001 - what a stranger wrote makes the library fail in ways of its own
        return None
    return [reply for reply in replies if reply is not None] or None


def _reply(event: Event, *, counter: bool) -> CalendarReply | None:
    uid = str(event.get("UID", ""))
    if not uid or len(uid) > _LONGEST_UID or "\x00" in uid:
        return None
    return CalendarReply(
        uid=uid,
        participation=Participation.COUNTER if counter else _participation(event),
        sequence=_sequence(event),
        stamped_at=_instant(event, "DTSTAMP"),
        recurs_at=_instant(event, "RECURRENCE-ID"),
        starts_at=_instant(event, "DTSTART"),
        comment=kept_text(str(_first(event.get("COMMENT", "")))),
    )


def _participation(event: Event) -> Participation:
    """Of its one attendee: who says more than one thing says nothing plain."""
    attendees = event.get("ATTENDEE", [])
    said = {
        str(getattr(attendee, "params", {}).get("PARTSTAT", "")).upper()
        for attendee in (attendees if isinstance(attendees, list) else [attendees])
    }
    return _PARTICIPATIONS.get(said.pop(), Participation.OTHER) if len(said) == 1 else Participation.OTHER


def _sequence(event: Event) -> int:
    """0 where it is not said, as of a first revision (RFC 5545 §3.8.7.4)."""
    try:
        return min(max(int(_first(event.get("SEQUENCE", 0))), 0), _HIGHEST)
    except (TypeError, ValueError):
        return 0


def _instant(event: Event, name: str) -> datetime | None:
    """None for a date, and for a local time of no zone: what instant is meant is not said."""
    moment = getattr(_first(event.get(name)), "dt", None)
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        return None
    try:
        return moment.astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value
