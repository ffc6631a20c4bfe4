"""A second channel, which planning, the ledger and the sender have never heard of, works like the first."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from notifications_salon import Salon

from notifications.domain.channels import (
    NotHandedOverError,
    Notification,
    OutcomeUnknownError,
    Outgoing,
    Receipt,
    RefusedForGoodError,
    RefusedForNowError,
)
from notifications.domain.contacts import Contact
from notifications.domain.messages import Channel
from notifications.usecases.delivery import claim_messages, recover_claims
from notifications.usecases.eligibility import Sendable
from slotstream_contracts.base import Actor
from slotstream_contracts.messages import SendMessage

pytestmark = pytest.mark.service


@dataclass
class FakePushChannel:
    """Pushes to everybody who has a telephone. `answers` are raised, in turn, after the content was handed over."""

    name: Channel = Channel.PUSH
    longest_hand_over: timedelta = timedelta(seconds=20)
    sent: list[Outgoing] = field(default_factory=list)
    answers: list[Exception] = field(default_factory=list)
    stuck: asyncio.Event | None = None
    """Each message waits for it when it was handed over."""
    waiting: int = 0

    def address_of(self, contact: Contact) -> str | None:
        return f"push:{contact.phone}" if contact.phone else None

    def compose(self, notification: Notification, *, now: datetime) -> Outgoing:
        content = f"{notification.text.subject}|{notification.text.text}".encode()
        return Outgoing(address=notification.address, reference=str(notification.message.id), content=content)

    async def send(self, outgoing: Outgoing, *, may_hand_over: Callable[[], Awaitable[bool]]) -> Receipt:
        if not await may_hand_over():
            raise NotHandedOverError
        if self.stuck is not None:
            self.waiting += 1
            await self.stuck.wait()
        if self.answers:
            raise self.answers.pop(0)
        self.sent.append(outgoing)
        return Receipt(provider_id=f"p-{len(self.sent)}")

    async def aclose(self) -> None:
        return None


async def with_push(salon: Salon) -> FakePushChannel:
    push = FakePushChannel()
    salon.use_channels(salon.email, push)
    await salon.receive_states(salon.client(phone="+4930123456", version=2))
    return push


async def test_news_goes_out_on_both_channels_each_with_a_row_of_its_own(salon: Salon) -> None:
    push = await with_push(salon)
    await salon.receive(salon.created(salon.snapshot()))
    mails = await salon.send()

    assert len(mails) == len(push.sent) == 1
    assert push.sent[0].address == "push:+4930123456"
    assert push.sent[0].content.startswith(b"Booked: Tuesday")
    rows = [(row["channel"], row["status"], row["address"]) for row in await salon.ledger()]
    assert sorted(rows) == [("email", "sent", "grace@example.com"), ("push", "sent", "push:+4930123456")]
    assert {message["data"]["channel"] for message in await salon.take_published()} == {"email", "push"}


async def test_a_reminder_by_push_is_sent_once_when_it_is_due_and_not_after_a_cancellation(salon: Salon) -> None:
    push = await with_push(salon)
    answer = await salon.http.post("/v1/reminder-rules", json={"minutes_before": 60, "channel": "push"})
    assert answer.status_code == 201, answer.text
    kept, cancelled = salon.snapshot(), salon.snapshot()
    await salon.receive(salon.created(kept), salon.created(cancelled))
    await salon.send()
    push.sent.clear()
    await salon.receive(salon.cancelled(cancelled, notify_client=False))
    salon.now = kept.starts_at - timedelta(minutes=60, microseconds=1)
    await salon.send()
    assert push.sent == []

    salon.now += timedelta(microseconds=1)
    await salon.send()
    await salon.send()
    assert [outgoing.content.partition(b":")[0] for outgoing in push.sent] == [b"Reminder"]


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (RefusedForNowError("busy", "try later"), "planned", "busy"),
        (RefusedForGoodError("gone", "no such subscription"), "failed", "gone"),
        (OutcomeUnknownError("timeout", "no answer"), "unknown", None),
    ],
)
async def test_its_outcomes_mean_to_the_ledger_what_a_mails_mean(
    salon: Salon, answer: Exception, status: str, code: str | None
) -> None:
    push = await with_push(salon)
    salon.use_channels(push)
    push.answers = [answer]
    await salon.receive(salon.created(salon.snapshot()))
    await salon.send()

    [row] = await salon.ledger()
    assert row["status"] == status
    assert code in (None, row["code"])
    salon.now += timedelta(hours=1)
    await salon.send()
    assert len(push.sent) == (1 if status == "planned" else 0)


async def test_its_claim_lasts_as_long_as_the_channel_needs(salon: Salon) -> None:
    push = await with_push(salon)
    salon.use_channels(push)
    push.answers = [SystemExit()]  # type: ignore[list-item]  # the worker dies
    await salon.receive(salon.created(salon.snapshot()))
    with pytest.raises(SystemExit):
        await salon.sender._deliver((await _claimed(salon))[0])
    salon.now += timedelta(seconds=19)
    await recover_claims(database=salon.database, now=salon.now)
    assert (await salon.outcomes())[0][1] == "claimed"
    salon.now += timedelta(seconds=2)
    await recover_claims(database=salon.database, now=salon.now)
    assert (await salon.outcomes())[0][1] == "unknown"


async def _claimed(salon: Salon) -> list[Sendable]:
    return await claim_messages(
        database=salon.database,
        channels=salon.sender.channels,
        now=salon.now,
        lease=timedelta(seconds=30),
        limit=1,
        retries=salon.sender.retries,
    )


async def test_a_text_written_by_hand_goes_out_on_a_channel_that_is_there(salon: Salon) -> None:
    push = await with_push(salon)
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    await salon.send()
    push.sent.clear()
    command = SendMessage(
        actor=Actor(type="user", id="u-1"),
        message_id=uuid4(),
        appointment_id=appointment.id,
        client_id=appointment.client_id,
        channel="push",
        text="We are running late.",
    )
    await salon.request(command)
    await salon.request(command)
    await salon.send()

    assert [outgoing.content for outgoing in push.sent] == [b"Salon Nord|We are running late.\n"]


async def test_a_channel_that_is_stuck_holds_up_no_other(salon: Salon, until: Any) -> None:
    push = await with_push(salon)
    push.stuck = asyncio.Event()
    salon.sender.concurrency = 3
    stop = asyncio.Event()
    running = asyncio.create_task(salon.sender.run(stop))
    await salon.receive(*[salon.created(salon.snapshot()) for _ in range(12)])
    salon.sender.wake.set()
    await until(lambda: len(salon.mailbox.mails) == 12, what="all mails, although three pushes are stuck")
    assert (push.waiting, push.sent) == (3, [])

    push.stuck.set()
    await until(lambda: len(push.sent) == 12, what="the pushes")
    stop.set()
    await asyncio.wait_for(running, 30)
    assert {status for _, status, _ in await salon.outcomes()} == {"sent"}


@pytest.mark.parametrize("channel", ["sms", "voice", "push"])
async def test_a_channel_that_is_not_configured_is_refused_where_it_is_asked_for(salon: Salon, channel: str) -> None:
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    template = {"kind": "created", "locale": "de", "subject": "Termin!", "text": "Hallo"}
    for path, body in (
        ("/v1/reminder-rules", {"minutes_before": 60}),
        (f"/v1/appointments/{appointment.id}/reminders", {"minutes_before": 60}),
        ("/v1/templates", template),
    ):
        answer = await salon.http.post(path, json={**body, "channel": channel})
        assert (answer.status_code, answer.json()["code"]) == (409, "channel_unavailable"), answer.text
        assert "email" in answer.json()["detail"]
    assert (await salon.http.get("/v1/reminder-rules")).json()["items"] == []
