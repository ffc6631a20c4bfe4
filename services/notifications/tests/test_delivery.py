"""Once, in time, or honestly unknown: deliveries under faults."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from notifications_salon import Salon
from sqlalchemy import text

from notifications.adapters.email import EmailChannel
from notifications.domain.channels import OutcomeUnknownError, Outgoing, Receipt
from notifications.domain.messages import Channel, Kind, Message
from notifications.main import create_sender
from notifications.storage.delivery import CLAIM
from notifications.usecases import judging
from notifications.usecases.delivery import claim_messages, recover_claims
from notifications.worker.sender import OLDEST_UNSENT, UNKNOWN

pytestmark = pytest.mark.service

MayHandOver = Callable[[], Awaitable[bool]]


async def test_the_same_event_twice_sends_one_mail(salon: Salon) -> None:
    event = salon.created(salon.snapshot())
    await salon.receive(event)
    await salon.receive(event, event)
    await salon.send()
    await salon.receive(event)

    await salon.send()
    assert len(salon.mailbox.mails) == 1
    assert len(await salon.ledger()) == 1


async def test_the_same_event_twice_in_one_batch_sends_one_mail(salon: Salon) -> None:
    event = salon.created(salon.snapshot())
    await salon.receive(event, event)
    assert len(await salon.send()) == 1


async def test_a_worker_that_died_before_the_attempt_is_taken_over_within_a_minute(salon: Salon) -> None:
    await salon.receive(salon.created(salon.snapshot()))
    claimed = await claim_messages(
        database=salon.database,
        channels=salon.sender.channels,
        now=salon.now,
        lease=timedelta(seconds=30),
        limit=10,
        retries=salon.sender.retries,
    )
    assert len(claimed) == 1
    assert await salon.send() == []

    salon.now += timedelta(seconds=35)
    assert await recover_claims(database=salon.database, now=salon.now) == 1
    assert len(await salon.send()) == 1


async def test_a_worker_that_died_with_the_mail_handed_over_leaves_it_unknown(salon: Salon) -> None:
    await salon.receive(salon.created(salon.snapshot()))

    class DyingChannel(EmailChannel):
        async def send(self, outgoing: Outgoing, *, may_hand_over: MayHandOver) -> Receipt:
            assert await may_hand_over()
            raise asyncio.CancelledError

    salon.use_channels(DyingChannel(salon.gateway, sender_address="no-reply@mail.example"))
    await salon.sender.send_due()
    salon.now += timedelta(minutes=10)
    assert await recover_claims(database=salon.database, now=salon.now) == 0

    assert await salon.outcomes() == [("created", "unknown", "worker_died")]
    assert await salon.published() == [("planned", "created"), ("unknown", "created")]


async def test_a_claim_taken_over_by_another_hands_nothing_over(salon: Salon) -> None:
    await salon.receive(salon.created(salon.snapshot()))

    class SlowChannel(EmailChannel):
        handed_over = True

        async def send(self, outgoing: Outgoing, *, may_hand_over: MayHandOver) -> Receipt:
            salon.now += timedelta(seconds=40)
            await recover_claims(database=salon.database, now=salon.now)
            self.handed_over = await may_hand_over()
            raise OutcomeUnknownError("x", "not to be recorded")

    email, slow = salon.email, SlowChannel(salon.gateway, sender_address="no-reply@mail.example")
    salon.use_channels(slow)
    await salon.sender.send_due()
    assert not slow.handed_over
    assert (await salon.outcomes())[0][1] == "planned"

    salon.use_channels(email)
    assert len(await salon.send()) == 1


async def test_a_passing_refusal_is_tried_again_and_a_lasting_one_is_not(salon: Salon) -> None:
    await salon.receive(salon.created(salon.snapshot()))
    salon.mailbox.at_recipient = ["450 greylisted"]
    assert await salon.send() == []
    assert await salon.send() == []
    salon.now += timedelta(seconds=11)
    assert len(await salon.send()) == 1

    await salon.receive(salon.created(salon.snapshot()))
    salon.mailbox.answers = ["550 no such user"]
    assert await salon.send() == []
    salon.now += timedelta(days=1)
    assert await salon.send() == []
    assert (await salon.outcomes())[1] == ("created", "failed", "smtp_550")


async def test_a_server_that_keeps_refusing_is_given_up(salon: Salon) -> None:
    await salon.receive(salon.created(salon.snapshot()))
    salon.mailbox.answers = ["451 later"] * 9
    for _ in range(5):
        await salon.send()
        salon.now += timedelta(hours=1)

    assert await salon.outcomes() == [("created", "failed", "smtp_451")]
    assert len(salon.mailbox.answers) == 6


async def test_no_answer_after_the_content_is_unknown_and_never_sent_again(salon: Salon, until: Any) -> None:
    await salon.receive(salon.created(salon.snapshot()))
    gateway = salon.gateway
    usual, gateway.server = gateway.server, replace(gateway.server, data_seconds=0.5)
    salon.mailbox.silent = True
    await salon.send()
    await until(lambda: salon.mailbox.mails, what="the content to arrive")
    salon.mailbox.silent = False
    gateway.server = usual
    salon.now += timedelta(hours=1)
    await recover_claims(database=salon.database, now=salon.now)

    assert await salon.send() == []
    assert await salon.outcomes() == [("created", "unknown", "no_answer_after_data")]
    assert len(salon.mailbox.mails) == 1


async def test_a_server_that_is_not_there_is_tried_again(salon: Salon) -> None:
    await salon.receive(salon.created(salon.snapshot()))
    gateway = salon.gateway
    usual, gateway.server = gateway.server, replace(gateway.server, port=1)
    await salon.send()
    assert await salon.outcomes() == [("created", "planned", "smtp_unreachable")]

    gateway.server = usual
    salon.now += timedelta(minutes=1)
    assert len(await salon.send()) == 1


async def test_connections_are_kept_and_a_broken_one_is_replaced(salon: Salon) -> None:
    for _ in range(3):
        await salon.receive(salon.created(salon.snapshot()))
        await salon.send()
    assert salon.mailbox.connections == 1

    salon.gateway._idle[0].client.transport.abort()
    await salon.receive(salon.created(salon.snapshot()))
    assert len(await salon.send()) == 1
    assert salon.mailbox.connections == 2


async def test_an_event_before_its_client_waits_and_is_sent_when_the_client_arrives(salon: Salon) -> None:
    late = uuid4()
    await salon.receive(salon.created(salon.snapshot(client_id=late)))
    assert await salon.send() == []
    salon.sender.wake.clear()
    salon.handlers.wake = salon.sender.wake
    await salon.receive_states(salon.client(id=late))

    assert salon.sender.wake.is_set()
    assert len(await salon.send()) == 1


async def test_an_event_whose_client_never_comes_fails_with_a_clear_code(salon: Salon) -> None:
    await salon.receive(salon.created(salon.snapshot(client_id=uuid4())))
    for _ in range(40):
        await salon.send()
        salon.now += timedelta(seconds=30)

    assert await salon.outcomes() == [("created", "failed", "client_unknown")]


async def test_news_that_a_cancellation_overtook_is_not_told(salon: Salon) -> None:
    first = salon.snapshot()
    await salon.receive(salon.created(first), salon.cancelled(first))

    [mail] = await salon.send()
    assert str(mail["Subject"]).startswith("Cancelled")
    assert ("created", "suppressed", "appointment_cancelled") in await salon.outcomes()


async def test_events_out_of_order_give_the_newest_truth(salon: Salon) -> None:
    first = salon.snapshot()
    await salon.receive(salon.cancelled(first))
    await salon.receive(salon.created(first))

    assert [str(item["Subject"]).partition(":")[0] for item in await salon.send()] == ["Cancelled"]
    assert ("created", "suppressed", "appointment_cancelled") in await salon.outcomes()


async def test_two_senders_send_each_message_once(salon: Salon) -> None:
    await salon.receive(*[salon.created(salon.snapshot()) for _ in range(40)])
    other = create_sender(salon.settings, database=salon.database, channels=salon.sender.channels, clock=salon.clock)
    for _ in range(10):
        await asyncio.gather(salon.sender.send_due(), other.send_due())
        # Together they have claimed more than one domain is sent at once.
        salon.now += timedelta(seconds=1)

    assert len(salon.mailbox.mails) == 40
    assert len({str(item["Message-ID"]) for item in salon.mailbox.mails}) == 40


async def test_the_sender_sends_at_once_what_was_planned_in_its_process(salon: Salon, until: Any) -> None:
    salon.handlers.wake = salon.sender.wake
    salon.sender.poll_every = timedelta(hours=1)
    stop = asyncio.Event()
    running = asyncio.create_task(salon.sender.run(stop))
    polled_at = salon.sender._polled_at
    await until(lambda: salon.sender._polled_at > polled_at, what="the first poll")
    for number in range(1, 6):
        await salon.receive(salon.created(salon.snapshot()))
        await until(lambda count=number: len(salon.mailbox.mails) == count, what="it to be woken, long before a poll")
    stop.set()
    await asyncio.wait_for(running, 30)


async def test_what_falls_due_while_the_sender_looks_is_not_slept_through(salon: Salon, until: Any) -> None:
    await salon.receive(salon.created(salon.snapshot()))
    sender, due_at, moment = salon.sender, salon.now, timedelta(seconds=0.1)
    sender.poll_every = timedelta(hours=1)
    # The first claim is made just before the message is due, the look ahead just after.
    sender.clock = lambda: due_at - moment if sender._claimed_at is None else due_at + moment
    stop = asyncio.Event()
    running = asyncio.create_task(sender.run(stop))

    await until(lambda: salon.mailbox.mails, what="the mail, although nobody has woken the sender")
    stop.set()
    await asyncio.wait_for(running, 30)


async def test_a_stop_finishes_what_is_in_flight(salon: Salon, until: Any) -> None:
    await salon.receive(*[salon.created(salon.snapshot()) for _ in range(10)])
    stop = asyncio.Event()
    running = asyncio.create_task(salon.sender.run(stop))
    await until(lambda: salon.sender._in_flight or salon.mailbox.mails)
    stop.set()
    await asyncio.wait_for(running, 30)

    statuses = {status for _, status, _ in await salon.outcomes()}
    assert statuses <= {"sent", "planned"}


async def test_a_template_that_breaks_does_not_keep_the_news_back(salon: Salon) -> None:
    answer = await salon.http.post(
        "/v1/templates", json={"kind": "created", "locale": "en", "subject": "Mine", "text": "{{ client.name }}"}
    )
    assert answer.status_code == 201, answer.text
    await salon.execute("UPDATE templates SET text = '{{ ''a'' * 10**9 }}'")
    await salon.receive(salon.created(salon.snapshot()))

    [mail] = await salon.send()
    assert str(mail["Subject"]).startswith("Your appointment")


async def test_a_message_that_breaks_whoever_judges_it_fails_alone(
    salon: Salon, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, sound = salon.snapshot(), salon.snapshot()
    await salon.receive(salon.created(broken), salon.created(sound))
    judge = judging.judge_message

    def judge_message(message: Message, *arguments: Any, **options: Any) -> Any:
        if message.appointment_id == broken.id:
            raise RuntimeError("a bug")
        return judge(message, *arguments, **options)

    monkeypatch.setattr(judging, "judge_message", judge_message)
    assert len(await salon.send()) == 1
    assert sorted(await salon.outcomes()) == [("created", "failed", "judging_failed"), ("created", "sent", None)]


async def test_a_row_that_makes_no_message_is_taken_out_of_the_queue(salon: Salon) -> None:
    broken, sound = salon.snapshot(), salon.snapshot()
    await salon.receive(salon.created(broken), salon.created(sound))
    await salon.execute(f"UPDATE messages SET audience = 'nobody' WHERE appointment_id = '{broken.id}'")

    assert len(await salon.send()) == 1
    assert await salon.send() == []
    await salon.execute(f"UPDATE messages SET audience = 'client' WHERE appointment_id = '{broken.id}'")
    assert ("created", "failed", "unreadable") in await salon.outcomes()


async def test_a_claim_that_cannot_be_recovered_holds_up_no_other(salon: Salon) -> None:
    broken, sound = salon.snapshot(), salon.snapshot()
    await salon.receive(salon.created(broken), salon.created(sound))
    await _claim_all(salon)
    await salon.execute(f"UPDATE messages SET audience = 'nobody' WHERE appointment_id = '{broken.id}'")
    salon.now += timedelta(seconds=31)

    assert await recover_claims(database=salon.database, now=salon.now) == 1
    assert len(await salon.send()) == 1
    await salon.execute(f"UPDATE messages SET audience = 'client' WHERE appointment_id = '{broken.id}'")
    assert ("created", "failed", "unreadable") in await salon.outcomes()


@pytest.mark.parametrize("column", ["kind", "channel"])
async def test_what_only_a_newer_version_can_send_is_left_for_it(salon: Salon, column: str) -> None:
    newer, sound = salon.snapshot(), salon.snapshot()
    await salon.receive(salon.created(newer), salon.created(sound))
    await _make_newer(salon, newer.id, column)

    assert len(await salon.send()) == 1
    assert [row["appointment_id"] for row in await salon.ledger()] == [str(sound.id)]
    assert await salon.sender.measure() == 0
    await _make_known(salon, newer.id)
    assert len(await salon.send()) == 1


async def test_a_claim_of_a_newer_version_that_died_is_left_for_another_of_it(salon: Salon) -> None:
    newer = salon.snapshot()
    await salon.receive(salon.created(newer))
    await _claim_all(salon)
    await _make_newer(salon, newer.id)
    salon.now += timedelta(minutes=1)

    assert await recover_claims(database=salon.database, now=salon.now) == 0
    await _make_known(salon, newer.id)
    assert await recover_claims(database=salon.database, now=salon.now) == 1
    assert len(await salon.send()) == 1


async def test_messages_that_no_version_takes_for_minutes_are_counted(salon: Salon) -> None:
    waiting, claimed = salon.snapshot(), salon.snapshot()
    await salon.receive(salon.created(claimed))
    await _claim_all(salon)
    await salon.receive(salon.created(waiting))
    for each in (waiting, claimed):
        await _make_newer(salon, each.id)

    await salon.sender.measure()
    assert UNKNOWN._value.get() == 0
    salon.now += timedelta(minutes=6)
    assert await salon.sender.measure() == 360
    assert UNKNOWN._value.get() == 2
    for each in (waiting, claimed):
        await _make_known(salon, each.id)
    await salon.sender.measure()
    assert UNKNOWN._value.get() == 0


async def test_what_is_a_newer_versions_stops_neither_a_cancellation_nor_an_erase(salon: Salon) -> None:
    newer = salon.snapshot()
    await salon.receive(salon.created(newer))
    await _make_newer(salon, newer.id, "channel")

    await salon.receive(salon.cancelled(newer))
    await salon.erase(salon.client_id)

    await _make_known(salon, newer.id)
    assert ("created", "suppressed", "appointment_cancelled") in await salon.outcomes()


async def test_due_messages_are_found_by_their_index_however_many_there_are(salon: Salon) -> None:
    await salon.receive(salon.created(salon.snapshot()))
    await salon.execute(
        """
        INSERT INTO messages SELECT (jsonb_populate_record(m, jsonb_build_object('id', gen_random_uuid(),
            'key', 'copy-' || n, 'next_attempt_at', m.next_attempt_at + n * interval '1 minute'))).*
        FROM messages m, generate_series(1, 5000) n
        """
    )
    async with salon.database.system_transaction() as session:
        values = {"now": salon.now + timedelta(days=30), "claim": uuid4(), "lease": timedelta(seconds=30), "limit": 16}
        known = {"kinds": sorted(Kind), "channels": sorted(Channel), "agreed": ["scheduled"]}
        full = {"full_ids": [uuid4()], "full_channels": [Channel.EMAIL]}
        plan = (await session.execute(text(f"EXPLAIN {CLAIM.text}"), {**values, **known, **full})).scalars().all()

    assert any("messages_due_idx" in line for line in plan), plan


async def _claim_all(salon: Salon) -> None:
    """As a worker does that dies then."""
    await claim_messages(
        database=salon.database,
        channels=salon.sender.channels,
        now=salon.now,
        lease=timedelta(seconds=30),
        limit=10,
        retries=salon.sender.retries,
    )


async def _make_newer(salon: Salon, appointment_id: UUID, column: str = "kind") -> None:
    await salon.execute(f"UPDATE messages SET {column} = 'of_the_future' WHERE appointment_id = '{appointment_id}'")


async def _make_known(salon: Salon, appointment_id: UUID) -> None:
    await salon.execute(
        f"UPDATE messages SET channel = 'email', kind = CASE kind WHEN 'of_the_future' THEN 'created' ELSE kind END "
        f"WHERE appointment_id = '{appointment_id}'"
    )


async def test_no_error_of_the_database_ends_the_sender(
    salon: Salon, monkeypatch: pytest.MonkeyPatch, until: Any
) -> None:
    failures = 0

    async def failing_at_first(**arguments: Any) -> Any:
        nonlocal failures
        failures += 1
        if failures < 3:
            raise RuntimeError("nobody foresaw this")
        return await claim_messages(**arguments)

    monkeypatch.setattr("notifications.worker.sender.claim_messages", failing_at_first)
    salon.sender.poll_every = timedelta(milliseconds=10)
    await salon.receive(salon.created(salon.snapshot()))
    stop = asyncio.Event()
    running = asyncio.create_task(salon.sender.run(stop))
    await until(lambda: salon.mailbox.mails, what="the mail that two failed rounds held up")
    stop.set()
    await asyncio.wait_for(running, 30)
    assert failures > 2


async def test_the_gauge_tells_how_long_the_oldest_message_waits(salon: Salon) -> None:
    assert await salon.sender.measure() == 0
    await salon.receive(salon.created(salon.snapshot()))
    salon.now += timedelta(seconds=90)
    assert await salon.sender.measure() == 90
    assert OLDEST_UNSENT._value.get() == 90

    await salon.send()
    assert await salon.sender.measure() == 0


async def test_a_servers_reply_is_kept_without_the_recipients_address_and_published_nowhere(salon: Salon) -> None:
    salon.mailbox.answers = ["250 2.0.0 <grace@example.com> accepted as 4711"]
    await salon.receive(salon.created(salon.snapshot()))
    await salon.send()

    [_, sent] = await salon.take_published()
    assert sent["data"].get("provider_id") is None
    async with salon.database.system_transaction() as session:
        kept = (await session.execute(text("SELECT provider_id FROM messages"))).scalar_one()
    assert kept == "2.0.0 (address) accepted as 4711"
