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
        client_id=UUID(tenant.client["id"]),
        channel="email",
        kind="reminder",
        due_at=tenant.now[0],
        occurred_at=at,
        **more,
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
        Received(event=one, key=one.partitionkey, topic=one.topic, partition=0, offset=n, timestamp=tenant.now[0])
        for n, one in enumerate(events)
    ]
    async with tenant.database.system_transaction() as session:
        await on_messages(session, batch)


async def messages(tenant: Tenant, appointment_id: str) -> list[tuple[str, list[tuple[str, str | None]]]]:
    history = await tenant.get(f"/v1/appointments/{appointment_id}/history")
    return [
        (one["message_id"], [(each["outcome"], each["detail"]) for each in one["outcomes"]])
        for one in history["messages"]
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

    assert await messages(tenant, booked) == [
        (str(sent), [("planned", None), ("sent", None), ("delivered", None), ("answered", "confirm")]),
        (str(failed), [("planned", None), ("failed", "no such mailbox")]),
    ]


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
    assert [one.name for one in projections() if "message_events" in one.tables] == ["message_events"]


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
    times = [one["at"] for one in history]
    assert times == sorted(times)
    assert (await tenant.get(path, as_of=tenant.now[0].isoformat()))["version"] == 1


async def test_history_names_the_actor_the_call_and_both_values_of_every_field(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    agent = await tenant.client_as("agent", headers={"Slotstream-Call-Id": "call-9"})
    moved = await agent.post(f"/v1/appointments/{booked['id']}/reschedule", json={"starts_at": tenant.at(11)})

    [_, last] = (await tenant.get(f"/v1/appointments/{booked['id']}/history"))["items"]
    new = moved.json()["appointment"]
    assert (last["verb"], last["actor"]["type"], last["actor"]["call_id"]) == ("reschedule", "ai_agent", "call-9")
    assert last["fields"] == {
        "status": {"old": "scheduled", "new": "rescheduled"},
        "rescheduled_to": {"old": None, "new": new["id"]},
        "starts_at": {"old": booked["starts_at"], "new": new["starts_at"]},
        "ends_at": {"old": booked["ends_at"], "new": new["ends_at"]},
    }
    [first] = (await tenant.get(f"/v1/appointments/{new['id']}/history"))["items"]
    assert (first["verb"], first["actor"]["call_id"]) == ("create", "call-9")
    assert first["fields"] == {
        "starts_at": {"old": booked["starts_at"], "new": new["starts_at"]},
        "ends_at": {"old": booked["ends_at"], "new": new["ends_at"]},
        "rescheduled_from": {"old": None, "new": booked["id"]},
    }
    assert new["previous_starts_at"] == booked["starts_at"]


async def test_history_calls_fields_as_the_api_does(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9), quoted_price={"amount": "40.00", "currency": "EUR"})
    price = {"amount": "45.00", "currency": "EUR"}
    await tenant.api.patch(f"/v1/appointments/{booked['id']}", json={"actual_price": price})
    [_, edited] = (await tenant.get(f"/v1/appointments/{booked['id']}/history"))["items"]
    assert edited["fields"] == {
        "actual_price": {"old": {"amount": None, "currency": None}, "new": {"amount": "45.00", "currency": "EUR"}}
    }
