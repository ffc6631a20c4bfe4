"""The rules of planning, without a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from notifications.adapters.templates.values import SAMPLE_APPOINTMENT
from notifications.domain.appointments import Appointment
from notifications.domain.leads import Lead
from notifications.domain.messages import Channel, Draft, Kind
from notifications.domain.planning import due_reminders, suppression_reason
from notifications.domain.reminders import Reminder
from notifications.domain.retries import RetryPolicy

_T0 = datetime(2026, 3, 1, tzinfo=UTC)


def an_appointment(**changes: object) -> Appointment:
    return replace(SAMPLE_APPOINTMENT, id=uuid4(), **changes)  # type: ignore[arg-type]


def a_reminder(minutes: int, *, by_rule: bool = True, by_clock: bool = False) -> Reminder:
    return Reminder(
        organization_id=SAMPLE_APPOINTMENT.organization_id,
        id=uuid4(),
        calendar_uid=SAMPLE_APPOINTMENT.calendar_uid,
        rule_id=uuid4() if by_rule else None,
        channel=Channel.EMAIL,
        lead=Lead.of(minutes, by_clock=by_clock),
        template_id=None,
    )


def planned(chain: list[Appointment], reminders: list[Reminder]) -> list[Draft]:
    return due_reminders(chain, reminders, correlation_id="c", traceparent=None)


def a_chain(starts: list[datetime], made: list[datetime]) -> list[Appointment]:
    """An appointment and its reschedulings, in the order in which they were made."""
    chain: list[Appointment] = []
    for starts_at, created_at in zip(starts, made, strict=True):
        if chain:
            chain[-1] = replace(chain[-1], status="rescheduled")
        chain.append(
            an_appointment(
                starts_at=starts_at,
                ends_at=starts_at + timedelta(minutes=30),
                created_at=created_at,
                rescheduled_from=chain[-1].id if chain else None,
            )
        )
    return chain


_INSTANTS = st.datetimes(datetime(2026, 3, 1), datetime(2027, 3, 1), timezones=st.just(UTC))  # noqa: DTZ001
_MINUTES = st.lists(st.integers(1, 60 * 24 * 60), max_size=5)


@given(starts=st.lists(_INSTANTS, min_size=1, max_size=5), minutes=_MINUTES, shuffled=st.randoms())
def test_reminders_precede_the_last_start_of_the_chain_and_move_with_it(
    starts: list[datetime], minutes: list[int], shuffled: st.DataObject
) -> None:
    chain = a_chain(starts, [_T0] * len(starts))
    last = chain[-1]
    reminders = [a_reminder(item) for item in minutes]
    shuffled.shuffle(chain)  # type: ignore[attr-defined]
    drafts = planned(chain, reminders)

    assert {draft.appointment_id for draft in drafts} <= {last.id}
    assert len(drafts) == len(reminders)
    for draft in drafts:
        assert draft.due_at < last.starts_at
        assert draft.starts_at == last.starts_at
        assert (draft.reason is None) == (draft.due_at >= last.created_at)
    moved = replace(last, starts_at=last.starts_at + timedelta(days=3))
    for before, after in zip(drafts, planned([moved], reminders), strict=True):
        assert after.due_at - before.due_at == timedelta(days=3)
        assert after.key != before.key


@given(
    status=st.sampled_from(["cancelled", "completed", "no_show", "dismissed", "rescheduled"]),
    minutes=_MINUTES,
)
def test_nothing_is_planned_for_what_is_over(status: str, minutes: list[int]) -> None:
    assert planned([an_appointment(status=status)], [a_reminder(item) for item in minutes]) == []
    assert planned([an_appointment(archived=True)], [a_reminder(item) for item in minutes]) == []


def test_an_appointment_that_was_replaced_has_no_reminders_even_before_it_says_so() -> None:
    old = an_appointment()
    new = an_appointment(rescheduled_from=old.id)
    assert {draft.appointment_id for draft in planned([old, new], [a_reminder(10)])} == {new.id}


@given(
    kind=st.sampled_from(Kind), status=st.sampled_from(["pending", "scheduled", "confirmed", "cancelled", "completed"])
)
def test_no_message_contradicts_its_appointment(kind: Kind, status: str) -> None:
    why = suppression_reason(kind, an_appointment(status=status), resource_id=UUID(int=1))
    if kind in {Kind.CANCELLED, Kind.DECLINED}:
        assert (why is None) == (status == "cancelled")
    elif kind in {Kind.CREATED, Kind.CONFIRMED, Kind.RESCHEDULED, Kind.REMINDER}:
        assert (why is None) == (status in {"pending", "scheduled", "confirmed"})


@given(attempts=st.integers(1, 60))
def test_pauses_grow_to_a_bound_and_end(attempts: int) -> None:
    policy = RetryPolicy(most_attempts=10)
    again = policy.next_attempt(attempts=attempts, now=_T0)
    if attempts >= 10:
        assert again is None
    else:
        assert again is not None
        assert policy.first <= again - _T0 <= policy.longest


@given(starts_at=_INSTANTS, asked_at=_INSTANTS, minutes=_MINUTES)
def test_what_a_rule_gave_to_one_that_stood_already_is_sent_only_where_it_was_not_due_by_then(
    starts_at: datetime, asked_at: datetime, minutes: list[int]
) -> None:
    reminders = [replace(a_reminder(item), asked_at=asked_at) for item in minutes]
    drafts = planned(a_chain([starts_at], [_T0]), reminders)
    assert [draft.reason for draft in drafts] == [
        "too_late" if draft.due_at <= asked_at or draft.due_at < _T0 else None for draft in drafts
    ]
