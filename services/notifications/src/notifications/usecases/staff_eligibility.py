"""Whether a member of staff is still to be told of an appointment: as they have chosen, and within their limits."""

from datetime import datetime
from typing import Final

from notifications.domain.appointments import Appointment
from notifications.domain.messages import OF_SERIES, Kind, Message, Status
from notifications.domain.staff_choices import NOT_PERMITTED, SWITCHED_OFF, event_of
from notifications.domain.users import StaffPreferences, User
from notifications.storage import Settlement

_OF_OTHERS: Final = OF_SERIES | {Kind.AD_HOC, Kind.UNASSIGNED}
"""What tells of appointments that may not be in the user's calendar any more, or of several."""


def judge_choice(
    message: Message, user: User, preferences: StaffPreferences | None, appointment: Appointment, *, now: datetime
) -> Settlement | None:
    """What becomes of a message that the user may not be told of, or does not want; None where it goes."""
    chosen = preferences or StaffPreferences(organization_id=user.organization_id, user_id=user.id)
    is_allowed = user.works_at(appointment.business_id) if message.kind in _OF_OTHERS else user.may_see(appointment)
    if not is_allowed:
        return _suppressed(NOT_PERMITTED)
    event = event_of(message.kind)
    if event is not None and message.channel not in chosen.channels_of(event):
        return _suppressed(SWITCHED_OFF)
    return _judge_lead(message, chosen, appointment, now) if message.kind is Kind.STAFF_REMINDER else None


def _judge_lead(
    message: Message, chosen: StaffPreferences, appointment: Appointment, now: datetime
) -> Settlement | None:
    """Who wants to be reminded later by now is, though the message has not been moved yet."""
    lead = chosen.reminders.get(message.channel)
    if lead is None:
        return _suppressed(SWITCHED_OFF)
    due_at = lead.due_at(appointment.starts_at, appointment.zone)
    return Settlement(status=Status.PLANNED, next_attempt_at=due_at, due_at=due_at) if due_at > now else None


def _suppressed(reason: str) -> Settlement:
    return Settlement(status=Status.SUPPRESSED, reason=reason)
