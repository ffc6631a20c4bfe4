"""Reminders: never early, never for what is over, moved and stopped with their appointment."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from notifications_salon import Salon
from sqlalchemy import text

from notifications.adapters.email import EmailChannel
from notifications.domain.channels import Outgoing, Receipt
from notifications.domain.retries import RetryPolicy
from notifications.main import create_sender
from notifications.storage import PLANNED_CHANNEL
from notifications.usecases.delivery import claim_messages
from slotstream_servicekit.notify import Listener

pytestmark = pytest.mark.service


async def a_rule(salon: Salon, **body: Any) -> dict[str, Any]:
    answer = await salon.http.post("/v1/reminder-rules", json={"minutes_before": 60, **body})
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def reminders(salon: Salon, appointment_id: object) -> list[dict[str, Any]]:
    answer = await salon.http.get(f"/v1/appointments/{appointment_id}/reminders")
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]  # type: ignore[no-any-return]


async def due(salon: Salon, appointment_id: object) -> list[tuple[str, datetime]]:
    found = await reminders(salon, appointment_id)
    return [(item["status"], datetime.fromisoformat(item["due_at"])) for item in found]


def told_start(mail: EmailMessage) -> datetime:
    """As the subject has it, by the clock in Berlin."""
    told = str(mail["Subject"]).partition("Haircut, ")[2]
    return datetime.strptime(told, "%A, %d %B %Y, %H:%M").replace(tzinfo=ZoneInfo("Europe/Berlin"))


async def test_a_reminder_is_sent_when_it_is_due_and_not_before(salon: Salon) -> None:
    await a_rule(salon)
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    await salon.send()

    salon.now = appointment.starts_at - timedelta(minutes=60, microseconds=1)
    assert await salon.send() == []
    salon.now += timedelta(microseconds=1)
    [mail] = await salon.send()
    assert str(mail["Subject"]).startswith("Reminder: Haircut")
    assert await salon.send() == []


async def test_an_idle_sender_sleeps_until_a_reminder_is_due_and_is_told_of_an_earlier_one(
    salon: Salon, until: Callable[..., Awaitable[Any]]
) -> None:
    await a_rule(salon)
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    await salon.send()
    salon.mailbox.mails.clear()
    salon.now = appointment.starts_at - timedelta(minutes=90, seconds=2)
    began = time.monotonic()
    sender = salon.sender
    sender.clock = lambda: salon.now + timedelta(seconds=time.monotonic() - began)
    sender.poll_every = timedelta(hours=1)
    stop = asyncio.Event()
    listener = Listener(salon.database, PLANNED_CHANNEL, wake=sender.wake)
    running = [asyncio.create_task(listener.run(stop)), asyncio.create_task(sender.run(stop))]
    idle_since = sender._polled_at
    await until(lambda: sender._polled_at > idle_since, what="the sender has looked, and sleeps for half an hour")

    path = f"/v1/appointments/{appointment.id}/reminders"
    assert (await salon.http.post(path, json={"minutes_before": 90})).status_code == 201

    await until(lambda: salon.mailbox.mails, what="the reminder that another process planned")
    assert sender.clock() >= appointment.starts_at - timedelta(minutes=90)
    stop.set()
    await asyncio.gather(*running)


async def test_a_rescheduling_moves_the_reminders(salon: Salon) -> None:
    await a_rule(salon)
    first = salon.snapshot()
    await salon.receive(salon.created(first))
    later = first.starts_at + timedelta(days=1)
    old, new = salon.rescheduled(first, later)
    await salon.receive(old)
    await salon.receive(new)

    assert [status for status, _ in await due(salon, first.id)] == ["suppressed"]
    assert await due(salon, new.data.appointment.id) == [("planned", later - timedelta(hours=1))]


async def test_however_the_events_of_a_rescheduling_are_ordered_one_reminder_is_left(salon: Salon) -> None:
    await a_rule(salon)
    first = salon.snapshot()
    created = salon.created(first)
    later = first.starts_at + timedelta(days=1)
    old, new = salon.rescheduled(first, later)
    for order in ([new, created, old], [old, new, created], [new, old, created]):
        await salon.execute("DELETE FROM messages")
        await salon.execute("DELETE FROM appointments")
        await salon.execute("DELETE FROM reminders")
        for event in order:
            await salon.receive(event)
        assert [item for item in await due(salon, first.id) if item[0] != "suppressed"] == []
        assert await due(salon, new.data.appointment.id) == [("planned", later - timedelta(hours=1))]


async def test_a_cancellation_stops_the_reminders_and_reopening_brings_them_back(salon: Salon) -> None:
    await a_rule(salon)
    first = salon.snapshot()
    await salon.receive(salon.created(first))
    cancelled = salon.cancelled(first)
    await salon.receive(cancelled)
    assert [(item["status"], item["reason"]) for item in await reminders(salon, first.id)] == [
        ("suppressed", "appointment_cancelled")
    ]

    await salon.receive(salon.reopened(cancelled.data.appointment))
    assert [status for status, _ in await due(salon, first.id)] == ["planned"]
    salon.now = first.starts_at - timedelta(minutes=30)
    assert "Reminder" in [str(item["Subject"]).partition(":")[0] for item in await salon.send()]


async def test_a_cancellation_between_claim_and_hand_over_stops_the_reminder(salon: Salon) -> None:
    await a_rule(salon)
    first = salon.snapshot()
    await salon.receive(salon.created(first))
    await salon.send()
    salon.now = first.starts_at - timedelta(minutes=30)

    class CancellingChannel(EmailChannel):
        async def send(self, outgoing: Outgoing, *, may_hand_over: Callable[[], Awaitable[bool]]) -> Receipt:
            await salon.receive(salon.cancelled(first, notify_client=False))
            return await super().send(outgoing, may_hand_over=may_hand_over)

    salon.use_channels(CancellingChannel(salon.gateway, sender_address="no-reply@mail.example"))
    assert await salon.send() == []
    assert (await reminders(salon, first.id))[0]["reason"] == "appointment_cancelled"


async def test_no_reminder_is_sent_after_the_start(salon: Salon) -> None:
    await a_rule(salon)
    first = salon.snapshot()
    await salon.receive(salon.created(first))
    await salon.send()
    salon.now = first.starts_at

    assert await salon.send() == []
    assert [(item["status"], item["reason"]) for item in await reminders(salon, first.id)] == [
        ("suppressed", "too_late")
    ]


async def test_after_downtime_what_was_due_first_goes_first_and_once_and_nothing_of_what_has_begun(
    salon: Salon,
) -> None:
    """Two workers catch up, a message at a time, so that the order of their claims is the order in the mailbox."""
    for minutes in (24 * 60, 60):
        await a_rule(salon, minutes_before=minutes)
    noon = datetime(2026, 3, 10, 12, tzinfo=UTC)
    begun = [salon.snapshot(starts_at=noon - timedelta(minutes=20 * number)) for number in range(15)]
    ahead = [salon.snapshot(starts_at=noon + timedelta(minutes=minutes)) for minutes in (22 * 60, 45, 30, 3 * 24 * 60)]
    await salon.receive(*[salon.created(appointment) for appointment in (*begun, *ahead)])
    while await salon.send():
        salon.now += timedelta(seconds=1)
    before = len(salon.mailbox.mails)

    salon.now = noon
    workers = [
        create_sender(salon.settings, database=salon.database, channels=salon.sender.channels, clock=salon.clock)
        for _ in range(2)
    ]
    for worker in workers:
        worker.concurrency = 1
    while [await worker.send_due() for worker in workers] != [0, 0]:
        pass

    tomorrow, later, soon, _ = (appointment.starts_at for appointment in ahead)
    # A day before, for half past twelve, a quarter to one and tomorrow at ten; then an hour before, for today's.
    assert [told_start(mail) for mail in salon.mailbox.mails[before:]] == [soon, later, tomorrow, soon, later]
    for appointment in begun:
        shown = await reminders(salon, appointment.id)
        assert [(item["status"], item["reason"]) for item in shown] == [("suppressed", "too_late")] * 2
    assert {status for status, _ in await due(salon, ahead[3].id)} == {"planned"}
    salon.now += timedelta(minutes=1)
    assert await salon.send() == []


async def test_a_reminder_already_due_when_the_appointment_is_made_is_not_sent(salon: Salon) -> None:
    await a_rule(salon, minutes_before=120)
    first = salon.snapshot(starts_at=salon.now + timedelta(hours=1))
    await salon.receive(salon.created(first))

    assert [(item["status"], item["reason"]) for item in await reminders(salon, first.id)] == [
        ("suppressed", "too_late")
    ]


async def test_the_closest_level_that_has_rules_decides(salon: Salon) -> None:
    await a_rule(salon, minutes_before=1)
    await a_rule(salon, minutes_before=2, business_id=str(salon.business_id))
    other_service = salon.snapshot(service_id=None)
    await salon.receive(salon.created(other_service))
    await a_rule(salon, minutes_before=3, service_id=str(salon.service_id))
    await a_rule(salon, minutes_before=4, service_id=str(salon.service_id), enabled=False)
    first = salon.snapshot()
    await salon.receive(salon.created(first))

    assert [item["minutes_before"] for item in await reminders(salon, other_service.id)] == [2]
    assert [item["minutes_before"] for item in await reminders(salon, first.id)] == [3]


async def test_a_reminder_can_be_added_moved_and_removed_by_hand(salon: Salon) -> None:
    first = salon.snapshot()
    await salon.receive(salon.created(first))
    path = f"/v1/appointments/{first.id}/reminders"
    added = await salon.http.post(path, json={"minutes_before": 30})
    assert added.status_code == 201, added.text
    old, new = salon.rescheduled(first, first.starts_at + timedelta(days=1))
    await salon.receive(old, new)
    moved = new.data.appointment
    assert await due(salon, moved.id) == [("planned", moved.starts_at - timedelta(minutes=30))]

    gone = await salon.http.delete(f"/v1/appointments/{moved.id}/reminders/{added.json()['id']}")
    assert gone.status_code == 204, gone.text
    assert [(item["status"], item["reason"]) for item in await reminders(salon, moved.id)] == [
        ("suppressed", "removed")
    ]


@pytest.mark.parametrize(
    ("minutes", "status", "code"),
    [
        (60 * 24 * 30, 409, "reminder_in_the_past"),
        (0, 422, None),
        (-5, 422, None),
        (10**9, 422, None),
        ("5", 422, None),
        (None, 422, None),
    ],
)
async def test_a_senseless_reminder_is_refused(salon: Salon, minutes: Any, status: int, code: str | None) -> None:
    first = salon.snapshot()
    await salon.receive(salon.created(first))
    answer = await salon.http.post(f"/v1/appointments/{first.id}/reminders", json={"minutes_before": minutes})

    assert answer.status_code == status, answer.text
    assert code in (None, answer.json()["code"])
    assert await reminders(salon, first.id) == []


async def test_an_imported_appointment_is_not_reminded_of_unless_asked(salon: Salon) -> None:
    await a_rule(salon)
    first = salon.snapshot(notify_client=False, source="import")
    await salon.receive(salon.created(first))
    asked = await salon.http.post(f"/v1/appointments/{first.id}/reminders", json={"minutes_before": 30})

    assert asked.status_code == 201
    assert [item["status"] for item in await reminders(salon, first.id)] == ["suppressed", "planned"]


async def test_a_reminder_of_an_unknown_appointment_is_not_found(salon: Salon) -> None:
    answer = await salon.http.post(f"/v1/appointments/{uuid4()}/reminders", json={"minutes_before": 30})
    assert answer.status_code == 404


async def test_a_rule_can_have_a_text_of_its_own(salon: Salon) -> None:
    template = await salon.http.post(
        "/v1/templates",
        json={
            "kind": "reminder",
            "locale": "en",
            "subject": "Bring your towel",
            "text": "See you, {{ client.name }}!",
            "is_default": False,
        },
    )
    assert template.status_code == 201, template.text
    await a_rule(salon, template_id=template.json()["id"])
    first = salon.snapshot()
    await salon.receive(salon.created(first))
    await salon.send()
    salon.now = first.starts_at - timedelta(minutes=60)

    [mail] = await salon.send()
    assert mail["Subject"] == "Bring your towel"


async def test_a_request_gets_no_reminder_until_it_is_approved(salon: Salon) -> None:
    await a_rule(salon)
    request = salon.snapshot(status="pending")
    await salon.receive(salon.created(request))
    assert [(row["status"], row["reason"]) for row in await reminders(salon, request.id)] == [
        ("suppressed", "appointment_pending")
    ]

    await salon.receive(salon.approved(request))
    assert await due(salon, request.id) == [("planned", request.starts_at - timedelta(minutes=60))]


async def test_no_reminder_of_a_request_goes_out_and_none_late_once_it_is_approved(salon: Salon) -> None:
    await a_rule(salon)
    request = salon.snapshot(status="pending")
    await salon.receive(salon.created(request))
    salon.now = request.starts_at - timedelta(minutes=30)
    await salon.send()
    await salon.receive(salon.approved(request))

    assert "Reminder" not in [str(mail["Subject"]).partition(":")[0] for mail in await salon.send()]
    assert [row["status"] for row in await reminders(salon, request.id)] == ["suppressed"]


async def test_the_same_reminder_twice_is_refused(salon: Salon) -> None:
    rule = await a_rule(salon)
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    path = f"/v1/appointments/{appointment.id}/reminders"
    by_hand_as_by_rule = await salon.http.post(path, json={"minutes_before": 60})
    assert (by_hand_as_by_rule.status_code, by_hand_as_by_rule.json()["code"]) == (409, "duplicate_reminder")

    added = await salon.http.post(path, json={"minutes_before": 30})
    again = await salon.http.post(path, json={"minutes_before": 30})
    assert (again.status_code, again.json()["code"]) == (409, "duplicate_reminder")
    assert added.json()["id"] in again.json()["detail"]
    assert (await salon.http.delete(f"{path}/{added.json()['id']}")).status_code == 204
    assert (await salon.http.post(path, json={"minutes_before": 30})).status_code == 201

    same_rule = await salon.http.post("/v1/reminder-rules", json={"minutes_before": 60})
    assert (same_rule.status_code, same_rule.json()["code"]) == (409, "duplicate_reminder")
    other = await a_rule(salon, minutes_before=61)
    changed = await salon.http.patch(f"/v1/reminder-rules/{other['id']}", json={"minutes_before": 60})
    assert (changed.status_code, changed.json()["code"]) == (409, "duplicate_reminder")
    assert rule["id"] in changed.json()["detail"]
    elsewhere = await salon.http.post(
        "/v1/reminder-rules", json={"minutes_before": 60, "business_id": str(salon.business_id)}
    )
    assert elsewhere.status_code == 201


# Clocks in Berlin go forward at 2:00 on 29 March 2026: this Sunday's noon is 23 hours after Saturday's.
SUNDAY_NOON = datetime(2026, 3, 29, 10, tzinfo=UTC)
DAY_BEFORE = {"minutes_before": 1440, "by_clock": True}


async def test_a_day_before_comes_at_the_same_time_of_day_and_24_hours_before_do_not(salon: Salon) -> None:
    rule = await a_rule(salon, **DAY_BEFORE)
    await a_rule(salon, minutes_before=1440)
    appointment = salon.snapshot(starts_at=SUNDAY_NOON, ends_at=SUNDAY_NOON + timedelta(minutes=30))
    await salon.receive(salon.created(appointment))
    await salon.send()
    assert (rule["minutes_before"], rule["by_clock"]) == (1440, True)
    shown = [
        (item["minutes_before"], item["by_clock"], datetime.fromisoformat(item["due_at"]))
        for item in await reminders(salon, appointment.id)
    ]
    saturday = datetime(2026, 3, 28, tzinfo=UTC)
    assert shown == [(1440, False, saturday.replace(hour=10)), (1440, True, saturday.replace(hour=11))]
    for hour in (10, 11):
        salon.now = saturday.replace(hour=hour) - timedelta(microseconds=1)
        assert await salon.send() == []
        salon.now = saturday.replace(hour=hour)
        assert len(await salon.send()) == 1


async def test_a_reminder_by_the_clock_keeps_it_where_the_appointment_moves_over_a_change_of_clocks(
    salon: Salon,
) -> None:
    first = salon.snapshot(starts_at=SUNDAY_NOON - timedelta(days=2), ends_at=SUNDAY_NOON - timedelta(days=2, hours=-1))
    await salon.receive(salon.created(first))
    path = f"/v1/appointments/{first.id}/reminders"
    added = await salon.http.post(path, json=DAY_BEFORE)
    assert (added.status_code, added.json()["by_clock"]) == (201, True)
    old, new = salon.rescheduled(first, SUNDAY_NOON)
    await salon.receive(old, new)
    assert await due(salon, new.data.appointment.id) == [("planned", datetime(2026, 3, 28, 11, tzinfo=UTC))]


@pytest.mark.parametrize("by_hand", [True, False])
async def test_a_day_and_24_hours_are_two_reminders_and_one_message_where_they_come_at_once(
    salon: Salon, *, by_hand: bool
) -> None:
    appointment = salon.snapshot()
    path = f"/v1/appointments/{appointment.id}/reminders" if by_hand else "/v1/reminder-rules"
    if by_hand:
        await salon.receive(salon.created(appointment))
    for body in (DAY_BEFORE, {"minutes_before": 1440}):
        assert (await salon.http.post(path, json=body)).status_code == 201
        again = await salon.http.post(path, json=body)
        assert (again.status_code, again.json()["code"]) == (409, "duplicate_reminder")
    if not by_hand:
        await salon.receive(salon.created(appointment))
    await salon.send()
    salon.now = appointment.starts_at - timedelta(days=1)
    assert len(await salon.send()) == 1
    assert await salon.send() == []
    found = await reminders(salon, appointment.id)
    assert sorted((item["status"], item["reason"]) for item in found) == [("sent", None), ("suppressed", "same_time")]


async def test_of_two_at_the_same_time_the_other_one_comes_where_the_first_is_taken_away(salon: Salon) -> None:
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    path = f"/v1/appointments/{appointment.id}/reminders"
    first = await salon.http.post(path, json=DAY_BEFORE)
    await salon.http.post(path, json={"minutes_before": 1440})
    await salon.send()
    await salon.http.delete(f"{path}/{first.json()['id']}")
    salon.now = appointment.starts_at - timedelta(days=1)
    assert len(await salon.send()) == 1


async def test_two_at_the_same_time_that_are_sent_one_by_one_are_one_message(salon: Salon) -> None:
    """As by two workers, each of which has claimed one."""
    await a_rule(salon, **DAY_BEFORE)
    await a_rule(salon, minutes_before=1440)
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    await salon.send()
    salon.now = appointment.starts_at - timedelta(days=1)
    claimed = [
        await claim_messages(
            database=salon.database,
            channels=salon.sender.channels,
            now=salon.now,
            lease=timedelta(seconds=30),
            limit=1,
            retries=RetryPolicy(),
        )
        for _ in range(2)
    ]
    assert sorted(map(len, claimed)) == [0, 1]


@pytest.mark.parametrize(
    ("minutes", "change"),
    [(60, None), (1441, None), (60, {"by_clock": True}), (60, {**DAY_BEFORE, "minutes_before": 90})],
)
async def test_by_the_clock_are_whole_days_alone(salon: Salon, minutes: int, change: dict[str, Any] | None) -> None:
    path, body = "/v1/reminder-rules", {"minutes_before": minutes, "by_clock": True}
    if change is None:
        answer = await salon.http.post(path, json=body)
    else:
        rule = await a_rule(salon)
        answer = await salon.http.patch(f"{path}/{rule['id']}", json=change)
    assert answer.status_code == 422
    assert [error["code"] for error in answer.json()["errors"]] == ["not_whole_days"]


async def test_a_rule_becomes_one_of_days_and_one_of_hours_again(salon: Salon) -> None:
    rule = await a_rule(salon, minutes_before=1440)
    path = f"/v1/reminder-rules/{rule['id']}"
    by_clock = (await salon.http.patch(path, json=DAY_BEFORE)).json()
    assert (by_clock["minutes_before"], by_clock["by_clock"], by_clock["version"]) == (1440, True, 2)
    switched = (await salon.http.patch(path, json={"enabled": False})).json()
    assert (switched["minutes_before"], switched["by_clock"]) == (1440, True)
    # Who knows nothing of days means minutes.
    elapsed = (await salon.http.patch(path, json={"minutes_before": 1440})).json()
    assert (elapsed["minutes_before"], elapsed["by_clock"]) == (1440, False)


async def test_a_repeated_request_is_answered_as_the_first_was_and_adds_nothing(salon: Salon) -> None:
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    for path in ("/v1/reminder-rules", f"/v1/appointments/{appointment.id}/reminders"):
        first, second = [
            await salon.http.post(path, json={"minutes_before": 45}, headers={"Idempotency-Key": path})
            for _ in range(2)
        ]
        assert (first.status_code, second.status_code) == (201, 201)
        assert (second.json(), second.headers["idempotency-replayed"]) == (first.json(), "true")
    assert len(await reminders(salon, appointment.id)) == 1


async def test_of_several_who_add_the_same_at_once_one_does(salon: Salon) -> None:
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    for path in ("/v1/reminder-rules", f"/v1/appointments/{appointment.id}/reminders"):
        answers = await asyncio.gather(*(salon.http.post(path, json={"minutes_before": 45}) for _ in range(5)))
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
        assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"duplicate_reminder"}


@pytest.mark.parametrize("way", ["create", "patch"])
async def test_a_rule_like_one_that_is_just_being_made_waits_for_it_and_is_refused(
    salon: Salon, until: Callable[..., Awaitable[Any]], way: str
) -> None:
    other = await a_rule(salon, minutes_before=61)
    like_it = """
    INSERT INTO reminder_rules (organization_id, id, channel, minutes_before, enabled, created_at, updated_at, version)
    SELECT organization_id, gen_random_uuid(), channel, 60, enabled, created_at, updated_at, version
    FROM reminder_rules
    """
    waiting = """
    SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname = current_database()
    """
    async with salon.database.system_transaction() as session:
        await session.execute(text(like_it))

        async def waits() -> bool:
            return bool((await session.execute(text(waiting))).scalar())

        asking = asyncio.create_task(
            salon.http.post("/v1/reminder-rules", json={"minutes_before": 60})
            if way == "create"
            else salon.http.patch(f"/v1/reminder-rules/{other['id']}", json={"minutes_before": 60})
        )
        await until(waits, what="it waits for the one that is being made")
    answer = await asking
    assert (answer.status_code, answer.json()["code"]) == (409, "duplicate_reminder")


async def _somebody(salon: Salon) -> UUID:
    right = salon.client(id=uuid4(), name="Ada Lovelace", email="lovelace@example.com")
    await salon.receive_states(right)
    return right.id


async def _reminded(salon: Salon) -> list[tuple[str, str]]:
    return [(row["status"], row["client_id"]) for row in await salon.ledger() if row["kind"] == "reminder"]


async def test_whom_an_appointment_is_for_in_truth_is_told_and_reminded_and_the_former_client_is_not(
    salon: Salon,
) -> None:
    await a_rule(salon)
    first, right = salon.snapshot(), await _somebody(salon)
    await salon.receive(salon.created(first))
    corrected = salon.corrected(first, right)
    await salon.receive(corrected)
    await salon.receive(corrected)

    assert await _reminded(salon) == [("planned", str(right))]
    mails = await salon.send()
    salon.now = first.starts_at - timedelta(minutes=30)
    mails += await salon.send()

    assert [str(mail["To"]) for mail in mails] == ["Ada Lovelace <lovelace@example.com>"] * 2
    assert str(mails[1]["Subject"]).startswith("Reminder")
    assert ("created", "suppressed", "client_changed") in await salon.outcomes()


async def test_a_correction_that_arrives_before_the_creation_tells_the_right_client_alone(salon: Salon) -> None:
    await a_rule(salon)
    first, right = salon.snapshot(), await _somebody(salon)
    created, corrected = salon.created(first), salon.corrected(first, right)
    for order in ([corrected, created], [created, corrected]):
        for table in ("messages", "appointments", "reminders"):
            await salon.execute(f"DELETE FROM {table}")
        async with salon.database.system_transaction() as session:
            await salon.handlers.on_appointments(session, [salon.received(event) for event in order])
        left = [row for row in await salon.ledger() if row["status"] == "planned" and row["resource_id"] is None]
        # The former client's is judged when it is due: they have heard of nothing.
        assert sorted((row["kind"], row["client_id"]) for row in left) == [
            ("created", str(right)),
            ("reminder", str(right)),
            ("withdrawn", str(salon.client_id)),
        ]
        await salon.send()
        assert ("withdrawn", "suppressed", "never_told") in await salon.outcomes()


async def test_reminders_follow_although_the_former_client_was_erased_meanwhile(salon: Salon) -> None:
    """Their tombstone is on another topic, and may be read first."""
    await a_rule(salon)
    first, right = salon.snapshot(), await _somebody(salon)
    await salon.receive(salon.created(first))
    await salon.erase(salon.client_id)
    await salon.receive(salon.corrected(first, right))
    assert await _reminded(salon) == [("planned", str(right))]


async def test_a_reminder_that_was_due_already_is_not_sent_late_to_the_right_client(salon: Salon) -> None:
    await a_rule(salon)
    await salon.receive_states(salon.client(version=2, consent=()))
    first, right = salon.snapshot(), await _somebody(salon)
    await salon.receive(salon.created(first))
    salon.now = first.starts_at - timedelta(minutes=30)
    await salon.send()
    await salon.receive(salon.corrected(first, right))
    assert "Reminder" not in [str(mail["Subject"]).partition(":")[0] for mail in await salon.send()]


async def test_an_appointment_is_given_reminders_in_place_of_the_default_ones(salon: Salon) -> None:
    await a_rule(salon)
    await a_rule(salon, minutes_before=120)
    appointment = salon.snapshot(starts_at=salon.now + timedelta(days=3))
    await salon.receive(salon.created(appointment))
    kept = {item["minutes_before"]: item for item in await reminders(salon, appointment.id)}[60]

    wanted = {"items": [{"minutes_before": 60}, {"minutes_before": 1440, "by_clock": True}]}
    at = f"/v1/appointments/{appointment.id}/reminders"
    answer = await salon.http.put(at, json=wanted)
    assert answer.status_code == 200, answer.text
    found = {item["minutes_before"]: item for item in answer.json()["items"]}
    assert {minutes: item["status"] for minutes, item in found.items()} == {
        60: "planned",
        120: "suppressed",
        1440: "planned",
    }
    assert found[60]["id"] == kept["id"]

    again = await salon.http.put(at, json=wanted)
    assert [item["id"] for item in again.json()["items"]] == [item["id"] for item in answer.json()["items"]]


async def test_a_reminder_that_is_given_another_text_has_that_text(salon: Salon) -> None:
    await a_rule(salon)
    appointment = salon.snapshot(starts_at=salon.now + timedelta(days=3))
    await salon.receive(salon.created(appointment))
    body = {"kind": "reminder", "locale": "en", "subject": "Soon", "text": "See you!", "is_default": False}
    template = await salon.http.post("/v1/templates", json=body)
    assert template.status_code == 201, template.text

    at = f"/v1/appointments/{appointment.id}/reminders"
    items = [{"minutes_before": 60, "template_id": template.json()["id"]}]
    answer = await salon.http.put(at, json={"items": items})

    assert answer.status_code == 200, answer.text
    assert sorted(item["status"] for item in answer.json()["items"]) == ["planned", "suppressed"]
    salon.now = appointment.starts_at - timedelta(minutes=60)
    assert [str(mail["Subject"]) for mail in await salon.send() if "Soon" in str(mail["Subject"])] == ["Soon"]


async def test_reminders_that_cannot_be_given_change_nothing(salon: Salon) -> None:
    await a_rule(salon)
    appointment = salon.snapshot(starts_at=salon.now + timedelta(hours=5))
    await salon.receive(salon.created(appointment))
    at = f"/v1/appointments/{appointment.id}/reminders"
    for items, status, code in (
        ([{"minutes_before": 1440, "by_clock": True}], 409, "reminder_in_the_past"),
        ([{"minutes_before": 30}, {"minutes_before": 30}], 409, "duplicate_reminder"),
        ([{"minutes_before": 30, "channel": "voice"}], 409, "channel_unavailable"),
    ):
        answer = await salon.http.put(at, json={"items": items})
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await salon.viewer.put(at, json={"items": []})).status_code == 403
    assert (await salon.stranger.put(at, json={"items": []})).status_code == 404
    assert [item["status"] for item in await reminders(salon, appointment.id)] == ["planned"]


async def test_reminders_of_an_appointment_that_is_just_arriving_are_waited_for(salon: Salon) -> None:
    appointment = salon.snapshot(starts_at=salon.now + timedelta(days=3))
    at = f"/v1/appointments/{appointment.id}/reminders"
    asked = asyncio.create_task(salon.http.put(at, json={"items": [{"minutes_before": 60}]}))
    await salon.receive(salon.created(appointment))
    answer = await asked
    assert (answer.status_code, len(answer.json()["items"])) == (200, 1)
