"""The daily agenda: one mail with what a user has on one day, at the hour that they chose.

A day is one of the calendar where the user is. It is told once: a user who moves the hour is not told it again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from notifications.domain.appointments import Appointment
from notifications.domain.messages import Draft, Kind, draft_to_user
from notifications.domain.users import StaffPreferences
from notifications.domain.wall_clock import instant_at

MOST_ENTRIES: Final = 100
"""Of one mail; the rest is counted."""
_DAY: Final = timedelta(days=1)
_DAYS_TRIED: Final = 4
"""More than can be told already: the day that is being told, and the next where the hour has been moved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgendaEntry:
    """`appointment` with the name that was typed for it. `client_name` is empty for a client who was erased."""

    appointment: Appointment
    client_name: str
    business_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Agenda:
    """What is told of one day in `zone`. `left_out` counts the entries that there is no room for."""

    day: date
    zone: str
    entries: tuple[AgendaEntry, ...]
    left_out: int = 0


def told_at(day: date, preferences: StaffPreferences, zone: str) -> datetime | None:
    """When the agenda of `day` is due; None where there is none.

    An hour that clocks skip comes later by as much as they skip, one that they show twice is its first pass.
    """
    if preferences.agenda_at is None:
        return None
    return instant_at(day - _DAY if preferences.agenda_ahead else day, preferences.agenda_at, zone)


def span_of(day: date, zone: str) -> tuple[datetime, datetime]:
    """From midnight to midnight where the user is: 23, 24 or 25 hours, none for a date that the zone skipped."""
    return instant_at(day, time(), zone), instant_at(day + _DAY, time(), zone)


def next_agendas(preferences: StaffPreferences, *, zone: str, now: datetime) -> Iterator[tuple[date, datetime]]:
    """The next days whose agenda is not due yet, and when each is."""
    today = now.astimezone(ZoneInfo(zone)).date()
    for days in range(_DAYS_TRIED):
        day = today + timedelta(days=days)
        due_at = told_at(day, preferences, zone)
        if due_at is not None and due_at > now:
            yield day, due_at


def agenda_key(user_id: str, day: date) -> str:
    """Of the message in the ledger: at most one for each day and user."""
    return f"{Kind.AGENDA}:{user_id}:{day.isoformat()}"


def day_of(key: str) -> date:
    return date.fromisoformat(key.rpartition(":")[2])


def agenda_draft(
    preferences: StaffPreferences, day: date, due_at: datetime, *, message_id: UUID, correlation_id: str
) -> Draft:
    return draft_to_user(
        organization_id=preferences.organization_id,
        user_id=preferences.user_id,
        message_id=message_id,
        key=agenda_key(preferences.user_id, day),
        kind=Kind.AGENDA,
        due_at=due_at,
        correlation_id=correlation_id,
    )
