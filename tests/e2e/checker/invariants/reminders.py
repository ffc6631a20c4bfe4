"""Reminders come when they are due, once, and of nothing that does not take place.

What arrived is judged by booking's times and by what was asked for, not by what the ledger says of itself. In flight is
what notifications had in hand when it learned of an end: a reminder counts against it from the moment on at which it
knew, and had none of that appointment claimed.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from checker.evidence.model import Arrival, Evidence, PlannedReminder
from checker.history import History
from checker.invariants.model import Broken, Invariant

IN_FLIGHT = timedelta(minutes=1)
"""What was handed over before the start may arrive after it."""
GONE = frozenset({"sent", "delivered", "unknown"})
"""How what has been handed over may stand in the ledger."""
REASONS = frozenset({"too_late", "no_address", "opted_out", "quiet_hours", "landline", "same_time", "removed"})
"""Why a reminder of what takes place may stay away, as the documents say."""


def _arrived(evidence: Evidence) -> Iterator[tuple[Arrival, PlannedReminder]]:
    for arrival in evidence.arrivals:
        reminder = evidence.reminders.get(arrival.message)
        if reminder is not None and reminder.appointment in evidence.appointments:
            yield arrival, reminder


def early(_: History, evidence: Evidence) -> Broken:
    for arrival, reminder in _arrived(evidence):
        due_at = evidence.appointments[reminder.appointment].starts_at - timedelta(minutes=reminder.minutes)
        if arrival.at < due_at:
            yield f"{reminder.channel} {reminder.id} was due at {due_at} and came {due_at - arrival.at} before"


def of_nothing(history: History, evidence: Evidence) -> Broken:
    for arrival, reminder in _arrived(evidence):
        at = arrival.at
        ended = _last(history.ended, reminder.appointment, before=at)
        resumed = _last(history.resumed, reminder.appointment, before=at)
        if ended is not None and (resumed is None or resumed < ended):
            yield f"{reminder.channel} {reminder.id} came {at - ended} after {reminder.appointment} was off"
        elif at > evidence.appointments[reminder.appointment].starts_at + IN_FLIGHT:
            yield f"{reminder.channel} {reminder.id} came after the start of {reminder.appointment}"


def _last(happened: Sequence[tuple[str, datetime]], appointment: str, *, before: datetime) -> datetime | None:
    return max((at for each, at in happened if each == appointment and at < before), default=None)


def twice(_: History, evidence: Evidence) -> Broken:
    times = Counter((reminder.appointment, reminder.reminder) for _, reminder in _arrived(evidence))
    for (appointment, reminder), count in times.items():
        if count > 1:
            yield f"reminder {reminder} of {appointment} came {count} times"


def unsaid(history: History, evidence: Evidence) -> Broken:
    """What was due came, or the ledger says why it did not; and what the ledger says is so."""
    came = {arrival.message for arrival in evidence.arrivals}
    for reminder in evidence.reminders.values():
        what = f"{reminder.channel} {reminder.id} of {reminder.appointment}"
        if reminder.id in came and reminder.status not in GONE:
            yield f"{what} came, and is {reminder.status} ({reminder.reason or reminder.code})"
        elif reminder.status in ("sent", "delivered") and reminder.id not in came:
            yield f"{what} is {reminder.status}, and came nowhere"
        elif reminder.is_in_hand:
            yield f"{what} was due and is {reminder.status} still"
        elif reminder.status in ("failed", "suppressed") and not (reminder.code or reminder.reason):
            yield f"{what} is {reminder.status} without a reason"
        elif _was_left_out(history, evidence, reminder):
            yield f"{what} takes place, and was not reminded of: {reminder.reason}"
    planned = {(reminder.reminder, reminder.channel, reminder.minutes) for reminder in evidence.reminders.values()}
    for identity, asked in history.reminders.items():
        if (identity, asked.channel, asked.minutes) not in planned:
            yield f"the reminder {identity} by {asked.channel} of {asked.appointment} is planned nowhere"


def _was_left_out(history: History, evidence: Evidence, reminder: PlannedReminder) -> bool:
    """Whether nobody was reminded of what takes place, and for no good reason."""
    appointment = evidence.appointments.get(reminder.appointment)
    if appointment is None or appointment.archived or appointment.status not in ("scheduled", "confirmed"):
        return False
    due_at = appointment.starts_at - timedelta(minutes=reminder.minutes)
    ended = max((at for each, at in history.ended if each == reminder.appointment), default=None)
    resumed = _last(history.resumed, reminder.appointment, before=due_at)
    was_off = ended is not None and (resumed is None or resumed < ended)
    return reminder.status == "suppressed" and reminder.reason not in REASONS and reminder.is_due and not was_off


def unanswered(_: History, evidence: Evidence) -> Broken:
    """Nobody knows what became of it, so nobody says that it was sent, or that it was not."""
    for arrival, reminder in _arrived(evidence):
        if not arrival.answered and reminder.status != "unknown":
            yield f"{reminder.channel} {reminder.id} was handed over and not answered: it is {reminder.status}"


INVARIANTS = (
    Invariant("P12", "no reminder comes early", early),
    Invariant("P12", "nobody is reminded of what does not take place", of_nothing),
    Invariant("P12", "no reminder comes twice", twice),
    Invariant("P12", "what was due came, or it is said why not", unsaid),
    Invariant("P12", "what nobody has answered is unknown", unanswered),
)
