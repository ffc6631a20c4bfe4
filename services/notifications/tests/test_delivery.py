"""Once, in time, or honestly unknown: deliveries under faults."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from notifications.domain import Mail, OutcomeUnknownError
from notifications.usecases.delivering import claim_messages, recover_claims

pytestmark = pytest.mark.service


async def test_the_same_event_twice_sends_one_mail(world: Any) -> None:
    event = world.created(world.snapshot())
    await world.hear(event)
    await world.hear(event, event)
    await world.send()
    await world.hear(event)

    await world.send()
    assert len(world.mailbox.mails) == 1
    assert len(await world.ledger()) == 1


async def test_a_worker_that_died_before_the_attempt_is_taken_over_within_a_minute(world: Any) -> None:
    await world.hear(world.created(world.snapshot()))
    claimed = await claim_messages(
        world.database, now=world.now, lease=timedelta(seconds=30), limit=10, retries=world.sender.retries
    )
    assert len(claimed) == 1
    assert await world.send() == []

    world.now += timedelta(seconds=35)
    assert await recover_claims(world.database, now=world.now) == 1
    assert len(await world.send()) == 1


async def test_a_worker_that_died_with_the_mail_handed_over_leaves_it_unknown(world: Any) -> None:
    await world.hear(world.created(world.snapshot()))

    class DyingGateway:
        async def send(self, mail: Mail, *, may_hand_over: Any) -> str:
            assert await may_hand_over()
            raise asyncio.CancelledError

    world.sender.gateway = DyingGateway()
    await world.sender.send_due()
    world.now += timedelta(minutes=10)
    assert await recover_claims(world.database, now=world.now) == 0

    assert await world.outcomes() == [("created", "unknown", "worker_died")]
    assert await world.said() == [("planned", "created"), ("unknown", "created")]


async def test_a_claim_taken_over_by_another_hands_nothing_over(world: Any) -> None:
    await world.hear(world.created(world.snapshot()))

    class SlowGateway:
        handed_over = True

        async def send(self, mail: Mail, *, may_hand_over: Any) -> str:
            world.now += timedelta(seconds=40)
            await recover_claims(world.database, now=world.now)
            self.handed_over = await may_hand_over()
            raise OutcomeUnknownError("x", "not to be recorded")

    gateway, world.sender.gateway = world.sender.gateway, SlowGateway()
    await world.sender.send_due()
    assert not world.sender.gateway.handed_over
    assert (await world.outcomes())[0][1] == "planned"

    world.sender.gateway = gateway
    assert len(await world.send()) == 1


async def test_a_passing_refusal_is_tried_again_and_a_lasting_one_is_not(world: Any) -> None:
    await world.hear(world.created(world.snapshot()))
    world.mailbox.at_recipient = ["450 greylisted"]
    assert await world.send() == []
    assert await world.send() == []
    world.now += timedelta(seconds=11)
    assert len(await world.send()) == 1

    await world.hear(world.created(world.snapshot()))
    world.mailbox.answers = ["550 no such user"]
    assert await world.send() == []
    world.now += timedelta(days=1)
    assert await world.send() == []
    assert (await world.outcomes())[1] == ("created", "failed", "smtp_550")


async def test_a_server_that_keeps_refusing_is_given_up(world: Any) -> None:
    await world.hear(world.created(world.snapshot()))
    world.mailbox.answers = ["451 later"] * 9
    for _ in range(5):
        await world.send()
        world.now += timedelta(hours=1)

    assert await world.outcomes() == [("created", "failed", "smtp_451")]
    assert len(world.mailbox.answers) == 6


async def test_no_answer_after_the_content_is_unknown_and_never_sent_again(world: Any, until: Any) -> None:
    await world.hear(world.created(world.snapshot()))
    gateway = world.sender.gateway
    patient, gateway._server = gateway._server, replace(gateway._server, data_seconds=0.5)
    world.mailbox.silent = True
    await world.send()
    await until(lambda: world.mailbox.mails, what="the content to arrive")
    world.mailbox.silent = False
    gateway._server = patient
    world.now += timedelta(hours=1)
    await recover_claims(world.database, now=world.now)

    assert await world.send() == []
    assert await world.outcomes() == [("created", "unknown", "no_answer_after_data")]
    assert len(world.mailbox.mails) == 1


async def test_a_server_that_is_not_there_is_tried_again(world: Any) -> None:
    await world.hear(world.created(world.snapshot()))
    gateway = world.sender.gateway
    port, gateway._server = gateway._server, gateway._server.__class__(host="127.0.0.1", port=1)
    await world.send()
    assert await world.outcomes() == [("created", "planned", "smtp_unreachable")]

    gateway._server = port
    world.now += timedelta(minutes=1)
    assert len(await world.send()) == 1


async def test_connections_are_kept_and_a_broken_one_is_replaced(world: Any) -> None:
    for _ in range(3):
        await world.hear(world.created(world.snapshot()))
        await world.send()
    assert world.mailbox.connections == 1

    world.sender.gateway._idle[0].client.transport.abort()
    await world.hear(world.created(world.snapshot()))
    assert len(await world.send()) == 1
    assert world.mailbox.connections == 2


async def test_an_event_before_its_client_waits_and_is_sent_when_the_client_arrives(world: Any) -> None:
    late = uuid4()
    await world.hear(world.created(world.snapshot(client_id=late)))
    assert await world.send() == []
    world.sender.wake.clear()
    world.hearing.wake = world.sender.wake
    await world.know(world.client(id=late))

    assert world.sender.wake.is_set()
    assert len(await world.send()) == 1


async def test_an_event_whose_client_never_comes_fails_with_a_clear_code(world: Any) -> None:
    await world.hear(world.created(world.snapshot(client_id=uuid4())))
    for _ in range(40):
        await world.send()
        world.now += timedelta(seconds=30)

    assert await world.outcomes() == [("created", "failed", "client_unknown")]


async def test_news_that_a_cancellation_overtook_is_not_told(world: Any) -> None:
    first = world.snapshot()
    await world.hear(world.created(first), world.cancelled(first))

    [mail] = await world.send()
    assert str(mail["Subject"]).startswith("Cancelled")
    assert ("created", "suppressed", "appointment_cancelled") in await world.outcomes()


async def test_events_out_of_order_give_the_newest_truth(world: Any) -> None:
    first = world.snapshot()
    await world.hear(world.cancelled(first))
    await world.hear(world.created(first))

    assert [str(each["Subject"]).partition(":")[0] for each in await world.send()] == ["Cancelled"]
    assert ("created", "suppressed", "appointment_cancelled") in await world.outcomes()


async def test_two_senders_send_each_message_once(world: Any) -> None:
    await world.hear(*[world.created(world.snapshot()) for _ in range(40)])
    other = type(world.sender)(
        database=world.database,
        gateway=world.sender.gateway,
        clock=world.clock,
        sender_address=world.sender.sender_address,
        retries=world.sender.retries,
    )
    while await asyncio.gather(world.sender.send_due(), other.send_due()) != [0, 0]:
        pass

    assert len(world.mailbox.mails) == 40
    assert len({str(each["Message-ID"]) for each in world.mailbox.mails}) == 40


async def test_the_sender_sends_at_once_what_was_planned_in_its_process(world: Any, until: Any) -> None:
    world.hearing.wake = world.sender.wake
    world.sender.poll_every = timedelta(hours=1)
    stop = asyncio.Event()
    running = asyncio.create_task(world.sender.run(stop))
    await asyncio.sleep(0.3)
    for number in range(1, 6):
        await world.hear(world.created(world.snapshot()))
        await until(lambda count=number: len(world.mailbox.mails) == count, what="it to be woken, long before a poll")
    stop.set()
    await asyncio.wait_for(running, 30)


async def test_a_stop_finishes_what_is_in_flight(world: Any, until: Any) -> None:
    await world.hear(*[world.created(world.snapshot()) for _ in range(10)])
    stop = asyncio.Event()
    running = asyncio.create_task(world.sender.run(stop))
    await until(lambda: world.sender._in_flight or world.mailbox.mails)
    stop.set()
    await asyncio.wait_for(running, 30)

    statuses = {status for _, status, _ in await world.outcomes()}
    assert statuses <= {"sent", "planned"}


async def test_a_template_that_breaks_does_not_keep_the_news_back(world: Any) -> None:
    answer = await world.http.post(
        "/v1/templates", json={"kind": "created", "locale": "en", "subject": "Mine", "text": "{{ client.name }}"}
    )
    assert answer.status_code == 201, answer.text
    await world.execute("UPDATE templates SET text = '{{ ''a'' * 10**9 }}'")
    await world.hear(world.created(world.snapshot()))

    [mail] = await world.send()
    assert str(mail["Subject"]).startswith("Your appointment")
