"""Bulk orders of which nothing more is to be sent, whatever of them comes before that, at that moment and after it."""

from collections import Counter
from datetime import timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from notifications_salon import Salon
from test_send_limits import limited

from notifications.domain.messages import Channel, Decision, Message, MessageRequest
from notifications.storage import DeliveryStore, ReplanStore
from notifications.usecases.messages import request_messages
from notifications.usecases.replanning import replan_next
from notifications.worker import Replanner, sweeps
from slotstream_contracts.appointments import AppointmentSnapshot
from slotstream_contracts.base import Actor
from slotstream_contracts.messages import SendMessage, WithdrawMessages
from slotstream_servicekit.errors import DatabaseUnavailableError
from slotstream_servicekit.housekeeping import delete_swept

pytestmark = pytest.mark.service

CANCELLED = ("suppressed", "order_cancelled")


async def an_appointment(salon: Salon) -> AppointmentSnapshot:
    """One whose client has been told of it."""
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    await salon.send()
    salon.now += timedelta(minutes=5)
    return appointment


def a_command(appointment: AppointmentSnapshot, order_id: UUID | None, number: int = 0) -> SendMessage:
    return SendMessage(
        actor=Actor(type="user", id="u"),
        message_id=uuid4(),
        appointment_id=appointment.id,
        client_id=appointment.client_id,
        channel="email",
        text=f"Number {number}",
        order_id=order_id,
    )


async def order(salon: Salon, appointment: AppointmentSnapshot, count: int) -> UUID:
    """A bulk message to the clients of `count` appointments."""
    order_id = uuid4()
    for number in range(count):
        await salon.request(a_command(appointment, order_id, number))
    return order_id


async def states(salon: Salon, order_id: UUID) -> Counter[tuple[str, str | None]]:
    answer = await salon.http.get("/v1/messages", params={"order_id": str(order_id), "limit": 200})
    assert answer.status_code == 200, answer.text
    return Counter((row["status"], row["reason"]) for row in answer.json()["items"])


async def withdraw_at_once(salon: Salon, order_id: UUID) -> None:
    await salon.withdraw(order_id)
    await salon.replan()


def a_request(salon: Salon, appointment: AppointmentSnapshot, order_id: UUID) -> MessageRequest:
    return MessageRequest(
        organization_id=salon.organization_id,
        message_id=uuid4(),
        appointment_id=appointment.id,
        client_id=appointment.client_id,
        resource_id=None,
        channel=Channel.EMAIL,
        text="We open later.",
        order_id=order_id,
        time=salon.now,
        correlation_id="c",
        causation_id="c",
    )


async def counts(salon: Salon, order_id: UUID) -> dict[str, Any]:
    answer = await salon.http.get("/v1/messages/counts", params={"order_id": str(order_id)})
    return cast("dict[str, Any]", answer.json())


async def test_what_waits_for_its_turn_is_not_sent_any_more_and_what_was_sent_stays(salon: Salon) -> None:
    limited(salon, email=8)
    appointment = await an_appointment(salon)
    withdrawn = await order(salon, appointment, 7)
    await salon.send()
    other = await order(salon, appointment, 3)
    assert (await counts(salon, withdrawn))["by_status"] == {"sent": 1, "planned": 6}

    await withdraw_at_once(salon, withdrawn)

    assert await counts(salon, withdrawn) == {"total": 7, "by_status": {"sent": 1, "suppressed": 6}}
    assert await states(salon, withdrawn) == {("sent", None): 1, CANCELLED: 6}
    for _ in range(12):
        salon.now += timedelta(seconds=30)
        await salon.send()
    assert await states(salon, withdrawn) == {("sent", None): 1, CANCELLED: 6}
    assert await states(salon, other) == {("sent", None): 3}


async def test_each_that_is_not_sent_any_more_is_told_as_an_event(salon: Salon) -> None:
    order_id = await order(salon, await an_appointment(salon), 2)
    await salon.take_published()
    await salon.withdraw(order_id)
    await salon.replan()
    told = await salon.take_published()
    assert [(event["type"], event["data"]["reason"]) for event in told] == [
        ("slotstream.message.suppressed", "order_cancelled")
    ] * 2


async def test_it_is_done_in_portions_and_once_more_where_one_of_them_failed(
    salon: Salon, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = await order(salon, await an_appointment(salon), 5)
    await salon.withdraw(order_id)

    async def portion() -> list[Message] | None:
        return await replan_next(database=salon.database, channels=salon.sender.channels, now=salon.now, most=2)

    async def dies(*_: Any, **__: Any) -> None:
        raise ConnectionError

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(ReplanStore, "step", dies)
        with pytest.raises(DatabaseUnavailableError):
            await portion()
    assert await states(salon, order_id) == {("planned", None): 5}
    assert await portion() is None, "others have their turn"
    salon.now += timedelta(minutes=1)
    assert [len(await portion() or ()) for _ in range(4)] == [2, 2, 1, 0]
    assert await states(salon, order_id) == {CANCELLED: 5}


async def test_what_arrives_after_the_withdrawal_is_not_sent(salon: Salon) -> None:
    appointment, order_id = await an_appointment(salon), uuid4()
    await salon.withdraw(order_id)
    await salon.replan()
    late = a_command(appointment, order_id)
    await salon.request(late)
    await salon.request(late)
    assert await states(salon, order_id) == {CANCELLED: 1}
    assert await salon.send() == []
    await salon.request(a_command(appointment, None))
    assert len(await salon.send()) == 1, "what is of no order, or of an older producer, goes as ever"


async def test_what_was_sent_and_is_asked_for_again_after_the_withdrawal_stays_sent(salon: Salon) -> None:
    appointment, order_id = await an_appointment(salon), uuid4()
    command = a_command(appointment, order_id)
    await salon.request(command)
    assert len(await salon.send()) == 1
    await salon.withdraw(order_id)
    await salon.withdraw(order_id)
    await salon.request(command)
    assert await salon.send() == []
    assert await states(salon, order_id) == {("sent", None): 1}


@pytest.mark.parametrize("withdrawn_first", [True, False])
async def test_the_withdrawal_and_messages_of_the_order_may_come_in_one_batch(
    salon: Salon, withdrawn_first: bool
) -> None:
    order_id = uuid4()
    batch = [
        salon.commanded(a_command(await an_appointment(salon), order_id)),
        salon.commanded(WithdrawMessages(actor=Actor(type="user", id="u"), order_id=order_id)),
    ]
    async with salon.database.system_transaction() as session:
        await salon.handlers.on_notification_commands(session, batch[::-1] if withdrawn_first else batch)
    assert await states(salon, order_id) == {CANCELLED: 1}
    assert await salon.send() == []


async def test_one_that_is_claimed_and_not_handed_over_yet_is_not_sent(
    salon: Salon, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = await order(salon, await an_appointment(salon), 1)
    begin = DeliveryStore.begin_attempt

    async def cancelled_before(store: DeliveryStore, message: Message, **given: Any) -> bool:
        await withdraw_at_once(salon, order_id)
        return await begin(store, message, **given)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(DeliveryStore, "begin_attempt", cancelled_before)
        assert await salon.send() == []
    assert await states(salon, order_id) == {CANCELLED: 1}


@pytest.mark.parametrize(
    ("answer", "at_first", "at_last"),
    [
        ("250 OK", ("sent", None), ("sent", None)),
        ("451 later", ("planned", None), CANCELLED),
    ],
)
async def test_one_that_is_being_handed_over_ends_as_the_provider_says_and_is_not_tried_again(
    salon: Salon,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    at_first: tuple[str, str | None],
    at_last: tuple[str, str | None],
) -> None:
    order_id = await order(salon, await an_appointment(salon), 1)
    settle = DeliveryStore.settle

    async def cancelled_before(store: DeliveryStore, *given: Any, **more: Any) -> Message | None:
        await withdraw_at_once(salon, order_id)
        return await settle(store, *given, **more)

    salon.mailbox.answers = [answer]
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(DeliveryStore, "settle", cancelled_before)
        await salon.send()
    assert await states(salon, order_id) == {at_first: 1}
    salon.now += timedelta(hours=1)
    await salon.sender.send_due()
    assert await states(salon, order_id) == {at_last: 1}


async def test_one_that_was_being_planned_while_the_order_was_withdrawn_is_found_a_minute_later(salon: Salon) -> None:
    """Its transaction had begun before, and knew nothing of the withdrawal."""
    appointment, order_id = await an_appointment(salon), uuid4()
    async with salon.database.system_transaction() as session:
        await request_messages(
            session=session,
            requests=[a_request(salon, appointment, order_id)],
            channels=salon.sender.channels,
            now=salon.now,
        )
        await salon.withdraw(order_id)
        await salon.replan()
    assert await states(salon, order_id) == {("planned", None): 1}
    salon.now += timedelta(minutes=1)
    await salon.replan()
    assert await states(salon, order_id) == {CANCELLED: 1}
    salon.now += timedelta(minutes=1)
    assert not await Replanner(salon.sender).step(), "nothing is left to be looked for"


async def test_another_organizations_order_of_the_same_id_is_left_alone(salon: Salon) -> None:
    order_id = await order(salon, await an_appointment(salon), 1)
    await salon.withdraw(order_id, organization_id=uuid4())
    await salon.replan()
    answer = await salon.stranger.get("/v1/messages", params={"order_id": str(order_id)})
    assert answer.json()["items"] == []
    assert len(await salon.send()) == 1


async def test_one_of_a_cancelled_order_that_is_unknown_is_not_sent_again(salon: Salon) -> None:
    order_id = await order(salon, await an_appointment(salon), 1)
    await salon.execute(
        "UPDATE messages SET status = 'unknown', attempted_at = due_at, attempts = 1 WHERE order_id IS NOT NULL"
    )
    await salon.withdraw(order_id)
    await salon.replan()
    [row] = (await salon.http.get("/v1/messages", params={"order_id": str(order_id)})).json()["items"]
    answer = await salon.http.post(f"/v1/messages/{row['id']}/{Decision.SEND_AGAIN.replace('_', '-')}")
    assert (answer.status_code, answer.json()["reasons"][0]["code"]) == (409, "order_cancelled"), answer.text
    assert await states(salon, order_id) == {("unknown", None): 1}


async def test_a_withdrawal_is_remembered_for_as_long_as_its_messages(salon: Salon) -> None:
    await salon.withdraw(uuid4())
    await salon.withdraw(uuid4())
    await salon.execute(
        "UPDATE withdrawn_orders SET withdrawn_at = now() - interval '731 days' "
        "WHERE order_id = (SELECT max(order_id::text)::uuid FROM withdrawn_orders)"
    )
    await salon.execute("UPDATE withdrawn_orders SET withdrawn_at = now() WHERE withdrawn_at > '2026-01-01'")
    [sweep] = [sweep for sweep in sweeps(salon.settings) if sweep.table == "withdrawn_orders"]
    assert await delete_swept(salon.database, sweep) == 1
