"""Deciding about a message of which nobody knows whether it went out: it is sent again on a person's word alone."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from notifications.domain.appointments import AGREED_STATUSES, Appointment
from notifications.domain.errors import MessageNotUnknownError
from notifications.domain.messages import Decision, Kind, Message, Status

SAID_SENT: Final = "said_sent"
SAID_NOT_SENT: Final = "said_not_sent"
ON_A_PERSONS_WORD: Final = frozenset({SAID_SENT, SAID_NOT_SENT})
"""Codes of messages whose state is what somebody has said: what the provider says later stands above it."""
_REMINDERS: Final = frozenset({Kind.REMINDER, Kind.STAFF_REMINDER})


def decided(message: Message, decision: Decision, *, by: str, now: datetime) -> Message:
    """The message as the user `by` has decided. Raises MessageNotUnknownError where there is nothing to decide.

    What is sent again is due now, with as many tries as a new one has; that it was attempted stays counted.
    """
    if message.status is not Status.UNKNOWN:
        raise MessageNotUnknownError(f"Message {message.id} is {message.status}: there is nothing to decide")
    taken = replace(
        message,
        decision=decision,
        decided_by=by,
        decided_at=now,
        updated_at=now,
        code=None,
        detail=None,
        version=message.version + 1,
    )
    match decision:
        case Decision.CONFIRM_SENT:
            return replace(taken, status=Status.SENT, code=SAID_SENT, sent_at=message.attempted_at or now)
        case Decision.GIVE_UP:
            said = "a member of staff says that it was not sent"
            return replace(taken, status=Status.FAILED, code=SAID_NOT_SENT, detail=said)
        case Decision.SEND_AGAIN:
            return replace(taken, status=Status.PLANNED, due_at=now, next_attempt_at=now, attempted_at=None, tries=0)


def still_reminds(message: Message, appointment: Appointment, *, now: datetime) -> bool:
    """Whether a reminder is of any use: its appointment stands as it did when it was planned, and lies ahead."""
    return message.kind not in _REMINDERS or (
        appointment.status in AGREED_STATUSES
        and appointment.starts_at == message.starts_at
        and appointment.starts_at > now
    )
