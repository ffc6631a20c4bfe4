"""What happened to an appointment, and what was known of it when."""

import random
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from booking_fixtures import Tenant

from booking.consumers import on_messages, projections
from slotstream_contracts.envelope import Envelope, wrap
from slotstream_contracts.messages import (
    MessageAnswered,
    MessageDelivered,
    MessageEvent,
    MessageFailed,
    MessagePlanned,
    MessageSent,
    MessageSuppressed,
)
from slotstream_servicekit.consumer import Received

pytestmark = pytest.mark.service


def an_event(
    tenant: Tenant,
    kind: type[MessageEvent],
    message_id: UUID,
    version: int,
    appointment_id: str | None,
    *,
    organization: UUID | None = None,
    **more: Any,
) -> Envelope[MessageEvent]:
    organization_id = organization or tenant.organization_id
    at = tenant.now[0] + timedelta(seconds=version)
    data = kind(
        message_id=message_id,
        organization_id=organization_id,
        appointment_id=None if appointment_id is None else UUID(appointment_id),
        **{"client_id": UUID(tenant.client["id"]), **more},
        channel="email",
        kind="reminder",
        due_at=tenant.now[0],
        occurred_at=at,
    )
    return wrap(
        data,
        organization=organization_id,
        subject=str(message_id),
        key=str(appointment_id),
        sequence=version,
        time=at,
        source="/slotstream/notifications",
        correlation_id="c",
        id=uuid4(),
    )


async def hear(tenant: Tenant, *events: Envelope[MessageEvent]) -> None:
    batch = [
        Received(event=event, key=event.partitionkey, topic=event.topic, partition=0, offset=n, timestamp=tenant.now[0])
        for n, event in enumerate(events)
    ]
    async with tenant.database.system_transaction() as session:
        await on_messages(session, batch)


async def messages(tenant: Tenant, appointment_id: str) -> list[tuple[str, list[tuple[str, str | None]]]]:
    history = await tenant.get(f"/v1/appointments/{appointment_id}/history")
    return [
        (entry["message_id"], [(outcome["outcome"], outcome["detail"]) for outcome in entry["outcomes"]])
        for entry in history["messages"]
    ]


async def test_history_holds_every_message_with_its_outcome(tenant: Tenant) -> None:
    booked = (await tenant.book(tenant.at(9)))["id"]
    sent, failed = uuid4(), uuid4()

    await hear(
        tenant,
        an_event(tenant, MessagePlanned, sent, 1, booked),
        an_event(tenant, MessageSent, sent, 2, booked, provider_id="p"),
        an_event(tenant, MessageDelivered, sent, 3, booked),
        an_event(tenant, MessageAnswered, sent, 4, booked, answer="confirm"),
        an_event(tenant, MessagePlanned, failed, 2, booked),
        an_event(tenant, MessageFailed, failed, 3, booked, code="550", detail="no such mailbox"),
        an_event(tenant, MessageSuppressed, uuid4(), 1, None, reason="opted_out"),
    )

    history = await tenant.get(f"/v1/appointments/{booked}/history")
    assert {(entry["client_id"], entry["resource_id"]) for entry in history["messages"]} == {
        (tenant.client["id"], None)
    }
    assert await messages(tenant, booked) == [
        (str(sent), [("planned", None), ("sent", None), ("delivered", None), ("answered", "confirm")]),
        (str(failed), [("planned", None), ("failed", "no such mailbox")]),
    ]


async def test_a_message_to_staff_says_to_whom_it_went(tenant: Tenant) -> None:
    booked, ada = (await tenant.book(tenant.at(9)))["id"], tenant.staff[0]["id"]
    event = an_event(tenant, MessagePlanned, uuid4(), 1, booked, client_id=None, resource_id=UUID(ada))
    await hear(tenant, event)
    [message] = (await tenant.get(f"/v1/appointments/{booked}/history"))["messages"]
    assert (message["client_id"], message["resource_id"]) == (None, ada)


async def test_message_events_repeated_and_out_of_order_give_the_same_history(tenant: Tenant) -> None:
    booked, message = (await tenant.book(tenant.at(9)))["id"], uuid4()
    events = [
        an_event(tenant, MessagePlanned, message, 1, booked),
        an_event(tenant, MessageSent, message, 2, booked),
        an_event(tenant, MessageDelivered, message, 3, booked),
    ]
    await hear(tenant, *events)
    once = await messages(tenant, booked)
    seeded = random.Random(7)
    for _ in range(3):
        await hear(tenant, *seeded.sample(events * 2, 6))

    assert await messages(tenant, booked) == once
    [before] = await tenant.rows("SELECT min(applied_at) AS at FROM message_events")
    await hear(tenant, *events)
    [after] = await tenant.rows("SELECT min(applied_at) AS at FROM message_events")
    assert after["at"] > before["at"], "a rebuild tells what it has seen from what it has not"
    assert [projection.name for projection in projections() if "message_events" in projection.tables] == [
        "message_events"
    ]


async def test_messages_of_another_organization_do_not_show(tenant: Tenant) -> None:
    booked = (await tenant.book(tenant.at(9)))["id"]
    await hear(tenant, an_event(tenant, MessagePlanned, uuid4(), 1, booked, organization=uuid4()))

    assert await messages(tenant, booked) == []


@pytest.mark.parametrize("seed", range(6))
async def test_as_of_answers_at_every_instant_exactly_what_was_answered_then(tenant: Tenant, seed: int) -> None:
    """Random changes; between any two of them, what GET said is kept, and asked for again at the end."""
    dice = random.Random(seed)
    bob = await tenant.add_staff("Bob")
    booked = await tenant.book(tenant.at(9))
    path = f"/v1/appointments/{booked['id']}"
    known: list[tuple[datetime, dict[str, Any]]] = []

    async def change() -> None:
        name = dice.choice(
            ("notes", "price", "staff", "share", "confirm", "cancel", "dismiss", *["reopen"] * 4, "archive")
        )
        bodies: dict[str, Any] = {
            "notes": {"notes": dice.choice(("a", "b", None)), "internal_notes": dice.choice(("c", None))},
            "price": {"actual_price": {"amount": f"{dice.randrange(90)}.50", "currency": "EUR"}},
            "staff": {"resource_ids": [dice.choice((bob, tenant.staff[0]))["id"]]},
            "share": {"share_with_client": dice.random() < 0.5},
        }
        if name in bodies:
            await tenant.api.patch(path, json=bodies[name])
        else:
            verb = dice.choice(("archive", "unarchive")) if name == "archive" else name
            await tenant.api.post(f"{path}/{verb}", json={"reason": "why"} if verb == "cancel" else None)

    for _ in range(25):
        said = await tenant.get(path)
        known.append((tenant.now[0], {name: said[name] for name in said if name not in {"client", "verbs"}}))
        tenant.now[0] += timedelta(microseconds=dice.choice((1, 1_000_000, 90_000_000)))
        await change()
        said = await tenant.get(path)
        known.append((tenant.now[0], {name: said[name] for name in said if name not in {"client", "verbs"}}))
        tenant.now[0] += timedelta(microseconds=dice.choice((1, 10)))

    for instant, said in known:
        assert await tenant.get(path, as_of=instant.isoformat()) == said
    versions = {said["version"] for _, said in known}
    assert len(versions) > 5, "something happened"
    before = datetime.fromisoformat(booked["created_at"]) - timedelta(microseconds=1)
    await tenant.get(path, as_of=before.isoformat(), status=404)


async def test_a_change_that_was_made_later_is_never_known_earlier(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    path = f"/v1/appointments/{booked['id']}"
    tenant.now[0] += timedelta(hours=1)
    await tenant.api.patch(path, json={"notes": "first"})
    tenant.now[0] -= timedelta(minutes=30)
    await tenant.api.patch(path, json={"notes": "second, by a clock that is behind"})

    history = (await tenant.get(f"{path}/history"))["items"]
    times = [entry["at"] for entry in history]
    assert times == sorted(times)
    assert (await tenant.get(path, as_of=tenant.now[0].isoformat()))["version"] == 1


async def test_history_names_the_actor_the_call_and_both_values_of_every_field(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    agent = await tenant.client_as("agent", headers={"Slotstream-Call-Id": "call-9"})
    body = {"starts_at": tenant.at(11), "reason": "the train is late"}
    moved = await agent.post(f"/v1/appointments/{booked['id']}/reschedule", json=body)

    [_, last] = (await tenant.get(f"/v1/appointments/{booked['id']}/history"))["items"]
    new = moved.json()["appointment"]
    assert (last["verb"], last["actor"]["type"], last["actor"]["call_id"]) == ("reschedule", "ai_agent", "call-9")
    assert last["reason"] == "the train is late"
    assert last["fields"] == {
        "status": {"old": "scheduled", "new": "rescheduled"},
        "rescheduled_to": {"old": None, "new": new["id"]},
        "starts_at": {"old": booked["starts_at"], "new": new["starts_at"]},
        "ends_at": {"old": booked["ends_at"], "new": new["ends_at"]},
    }
    [first] = (await tenant.get(f"/v1/appointments/{new['id']}/history"))["items"]
    assert (first["verb"], first["actor"]["call_id"]) == ("create", "call-9")
    assert first["reason"] == "the train is late"
    assert first["fields"] == {
        "starts_at": {"old": booked["starts_at"], "new": new["starts_at"]},
        "ends_at": {"old": booked["ends_at"], "new": new["ends_at"]},
        "rescheduled_from": {"old": None, "new": booked["id"]},
    }
    assert new["previous_starts_at"] == booked["starts_at"]


async def test_a_history_shows_all_times_that_the_appointment_was_moved_to(tenant: Tenant) -> None:
    first = await tenant.book(tenant.at(9))
    await tenant.book(tenant.at(8))
    second = await moved_to(tenant, first, tenant.at(11))
    third = await moved_to(tenant, second, tenant.at(13))

    chains = [(await tenant.get(f"/v1/appointments/{link['id']}/history"))["chain"] for link in (first, second, third)]

    assert chains[0] == chains[1] == chains[2]
    assert [(link["id"], link["starts_at"], link["status"]) for link in chains[0]] == [
        (first["id"], tenant.at(9), "rescheduled"),
        (second["id"], tenant.at(11), "rescheduled"),
        (third["id"], tenant.at(13), "scheduled"),
    ]


async def moved_to(tenant: Tenant, booked: dict[str, Any], starts_at: str) -> dict[str, Any]:
    moved = await tenant.post(f"/v1/appointments/{booked['id']}/reschedule", {"starts_at": starts_at}, status=201)
    new: dict[str, Any] = moved["appointment"]
    return new


async def test_history_calls_fields_as_the_api_does(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9), quoted_price={"amount": "40.00", "currency": "EUR"})
    price = {"amount": "45.00", "currency": "EUR"}
    await tenant.api.patch(f"/v1/appointments/{booked['id']}", json={"actual_price": price})
    [_, edited] = (await tenant.get(f"/v1/appointments/{booked['id']}/history"))["items"]
    assert edited["fields"] == {"actual_price": {"old": None, "new": {"amount": "45.00", "currency": "EUR"}}}
