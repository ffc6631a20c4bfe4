"""Kill, stop and freeze in mid-flight: nothing lost, nothing doubled."""

import asyncio
import json
from collections import Counter
from datetime import datetime, timedelta
from uuid import uuid4

import asyncpg
import httpx2
import pytest
from harness.mailbox import Mailbox
from harness.platform import Platform
from harness.records import read_topic
from harness.world import World, expect, next_weekday, until_true

pytestmark = pytest.mark.e2e

APPOINTMENTS = "slotstream.appointments.v1"


async def versions_on_kafka(platform: Platform, world: World) -> Counter[tuple[str, int]]:
    """(appointment, version) of every event of one organization, after de-duplication by event id."""
    events = {}
    # By the header: other tests leave records on the topic whose values are no events.
    mine = ("ce_organization", str(world.organization_id).encode())
    for record in await read_topic(platform.bootstrap, APPOINTMENTS):
        if mine in record.headers:
            event = json.loads(record.value)
            events[event["id"]] = (event["subject"], event["sequence"])
    return Counter(events.values())


async def versions_in_booking(platform: Platform, world: World) -> Counter[tuple[str, int]]:
    connection = await asyncpg.connect(platform.database_url("booking"))
    try:
        rows = await connection.fetch(
            "SELECT appointment_id, version FROM history WHERE organization_id = $1", world.organization_id
        )
    finally:
        await connection.close()
    return Counter((str(row["appointment_id"]), row["version"]) for row in rows)


async def all_events_arrived(platform: Platform, world: World) -> None:
    async def equal() -> bool:
        return await versions_on_kafka(platform, world) == await versions_in_booking(platform, world)

    await until_true(equal, within=180, what="every committed event is on Kafka once")


async def book_many(world: World, count: int, *, starts_at: datetime, address: str | None = None) -> list[str]:
    """Book `count` consecutive slots, asking again under the same key where no answer came."""
    booked: list[str] = []

    async def one(number: int) -> None:
        body = world.booking_of(starts_at + timedelta(minutes=30 * number))
        if address is not None:
            body["client"] = {"name": "Grace Hopper", "email": f"{number}-{address}"}
        key = world.fresh_key()
        while True:
            try:
                response = await world.booking.post("/v1/appointments", json=body, headers=key)
            except httpx2.TransportError:
                await asyncio.sleep(0.2)
                continue
            if response.status_code in {500, 502, 503, 504}:
                await asyncio.sleep(0.2)
                continue
            booked.append(expect(response)["id"])
            return

    pending = [asyncio.create_task(one(number)) for number in range(count)]
    await asyncio.gather(*pending)
    return booked


async def confirmations(world: World) -> Counter[str]:
    """How many messages about new bookings stand at which status in the ledger."""
    items = expect(await world.notifications.get("/v1/messages", params={"limit": 200}))["items"]
    return Counter(item["status"] for item in items if item["kind"] == "created" and item["channel"] == "email")


async def all_confirmations_settled(world: World, count: int) -> bool:
    ledger = await confirmations(world)
    return ledger["sent"] + ledger["unknown"] == count


async def test_booking_works_with_kafka_stopped_and_all_catches_up(platform: Platform, mailbox: Mailbox) -> None:
    world = await platform.a_world()
    address = f"{uuid4().hex}@example.com"
    await asyncio.to_thread(platform.kafka.stop)
    try:
        booked = await book_many(world, 10, starts_at=next_weekday(8), address=address)
    finally:
        await asyncio.to_thread(platform.kafka.start)
    assert len(set(booked)) == 10

    await all_events_arrived(platform, world)
    for number in range(10):
        await mailbox.expect(f"{number}-{address}")
    assert all(len(mailbox.to(f"{number}-{address}")) == 1 for number in range(10))


async def test_killing_bookings_api_leaves_no_half_booking(platform: Platform) -> None:
    world = await platform.a_world(staff=4)
    work = asyncio.create_task(book_many(world, 120, starts_at=next_weekday(0)))
    for _ in range(3):
        await asyncio.sleep(0.4)
        await asyncio.to_thread(platform.restart, "booking-api")

    booked = await work

    assert len(set(booked)) == 120
    await all_events_arrived(platform, world)
    assert set(await versions_in_booking(platform, world)) == {(identity, 1) for identity in booked}


@pytest.mark.parametrize("victim", ["booking-worker", "notifications", "availability", "calendar_sync", "imports"])
async def test_killing_the_relay_or_a_consumer_loses_and_doubles_nothing(
    platform: Platform, mailbox: Mailbox, victim: str
) -> None:
    world = await platform.a_world()
    address = f"{uuid4().hex}@example.com"
    work = asyncio.create_task(book_many(world, 30, starts_at=next_weekday(0), address=address))
    for _ in range(2):
        await asyncio.sleep(0.3)
        await asyncio.to_thread(platform.restart, victim)

    booked = await work

    await all_events_arrived(platform, world)
    await until_true(lambda: all_confirmations_settled(world, 30), within=240, what="every mail is settled")
    ledger = await confirmations(world)
    mails = {number: len(mailbox.to(f"{number}-{address}")) for number in range(30)}
    assert max(mails.values()) == 1
    assert ledger["sent"] <= sum(mails.values())
    if victim != "notifications":
        # Only a sender killed between hand-over and answer cannot know; it never sends again.
        assert (ledger["sent"], sum(mails.values())) == (30, 30)

    async def nothing_offered_that_is_taken() -> bool:
        return len(await world.slots(next_weekday(0))) == 48 - len(booked)

    await until_true(nothing_offered_that_is_taken, what="availability knows every booking")


async def test_a_stop_in_good_order_loses_nothing(platform: Platform) -> None:
    world = await platform.a_world()
    work = asyncio.create_task(book_many(world, 40, starts_at=next_weekday(0)))
    await asyncio.sleep(0.3)
    await asyncio.to_thread(platform.restart, "booking-api", by_kill=False)
    await asyncio.to_thread(platform.restart, "booking-worker", by_kill=False)

    booked = await work

    assert len(set(booked)) == 40
    await all_events_arrived(platform, world)
