"""What a decision makes of a message, and of which messages it can be taken."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from test_planning import an_appointment

from notifications.domain.decisions import ON_A_PERSONS_WORD, decided, still_reminds
from notifications.domain.errors import MessageNotUnknownError
from notifications.domain.messages import Audience, Channel, Decision, Kind, Message, Status

NOW = datetime(2027, 5, 10, 12, tzinfo=UTC)
ATTEMPTED_AT = NOW - timedelta(hours=1)


def a_message(**more: object) -> Message:
    values: dict[str, object] = {
        "organization_id": UUID(int=1),
        "id": UUID(int=2),
        "appointment_id": UUID(int=3),
        "appointment_version": 1,
        "calendar_uid": "3@slotstream",
        "starts_at": NOW + timedelta(hours=3),
        "client_id": UUID(int=4),
        "resource_id": None,
        "audience": Audience.CLIENT,
        "channel": Channel.SMS,
        "kind": Kind.REMINDER,
        "status": Status.UNKNOWN,
        "reason": None,
        "code": "twilio_no_answer",
        "detail": "cut",
        "due_at": ATTEMPTED_AT,
        "next_attempt_at": ATTEMPTED_AT,
        "tries": 2,
        "attempts": 3,
        "attempted_at": ATTEMPTED_AT,
        **dict.fromkeys(("claim", "reminder_id", "template_id", "previous_starts_at", "previous_ends_at", "text")),
        **dict.fromkeys(("recipient_name", "address", "provider_id", "sent_at", "causation_id", "traceparent")),
        "correlation_id": "c",
        "created_at": ATTEMPTED_AT,
        "updated_at": ATTEMPTED_AT,
        "version": 2,
    }
    return Message(**{**values, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize("decision", Decision)
def test_a_decision_is_kept_with_who_took_it_and_when(decision: Decision) -> None:
    taken = decided(a_message(), decision, by="u-1", now=NOW)
    assert (taken.decision, taken.decided_by, taken.decided_at, taken.updated_at) == (decision, "u-1", NOW, NOW)
    assert (taken.version, taken.attempts) == (3, 3)


def test_what_was_sent_was_sent_when_it_was_handed_over() -> None:
    taken = decided(a_message(), Decision.CONFIRM_SENT, by="u-1", now=NOW)
    assert (taken.status, taken.sent_at, taken.code in ON_A_PERSONS_WORD) == (Status.SENT, ATTEMPTED_AT, True)


def test_what_was_not_sent_has_failed() -> None:
    taken = decided(a_message(), Decision.GIVE_UP, by="u-1", now=NOW)
    assert (taken.status, taken.sent_at, taken.code in ON_A_PERSONS_WORD) == (Status.FAILED, None, True)


def test_what_is_sent_again_is_due_now_and_may_be_tried_as_often_as_a_new_one() -> None:
    taken = decided(a_message(), Decision.SEND_AGAIN, by="u-1", now=NOW)
    assert (taken.status, taken.due_at, taken.next_attempt_at, taken.tries) == (Status.PLANNED, NOW, NOW, 0)
    assert (taken.attempted_at, taken.code, taken.detail) == (None, None, None)


@pytest.mark.parametrize("decision", Decision)
@pytest.mark.parametrize("status", sorted(set(Status) - {Status.UNKNOWN}))
def test_nothing_is_decided_where_it_is_known_what_became_of_it(status: Status, decision: Decision) -> None:
    with pytest.raises(MessageNotUnknownError):
        decided(a_message(status=status), decision, by="u-1", now=NOW)


def test_a_reminder_is_of_use_while_its_appointment_stands_as_planned_and_lies_ahead() -> None:
    appointment = an_appointment()
    reminder = a_message(starts_at=appointment.starts_at)
    before = appointment.starts_at - timedelta(minutes=1)
    assert still_reminds(reminder, appointment, now=before)
    assert not still_reminds(reminder, appointment, now=appointment.starts_at)
    assert not still_reminds(reminder, replace(appointment, status="pending"), now=before)
    assert not still_reminds(replace(reminder, starts_at=before), appointment, now=before)
    assert still_reminds(replace(reminder, kind=Kind.CREATED), appointment, now=appointment.starts_at)
