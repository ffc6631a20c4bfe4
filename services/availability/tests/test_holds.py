"""Held slots are not offered, until the hold ends or its time has passed."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest
from availability_town import MONDAY, Town, starts_of
from sqlalchemy import text

from availability.worker import sweeps
from slotstream_contracts.envelope import Envelope
from slotstream_servicekit.consumer import Received
from slotstream_servicekit.housekeeping import delete_swept
from slotstream_servicekit.ids import new_id

pytestmark = pytest.mark.service

TEN = "2026-06-01T10:00+02:00"
SOON = "2026-05-31T10:05:00+00:00"


async def offered(client: httpx2.AsyncClient, town: Town, resource: UUID, **query: Any) -> list[str]:
    asked = {"service_id": str(town.service), "resource_id": str(resource), **MONDAY, **query}
    return starts_of(await client.get("/v1/slots", params=asked))


async def judged(client: httpx2.AsyncClient, town: Town, resource: UUID, **more: Any) -> Any:
    body = {"service_id": str(town.service), "starts_at": TEN, "resource_ids": [str(resource)], **more}
    return (await client.post("/v1/bookability", json=body)).json()


def ended(hold: Received[Envelope[Any]], organization: UUID) -> Received[Any]:
    return Received(None, hold.key, hold.topic, 0, 1, hold.timestamp, organization)


async def test_a_held_slot_is_neither_offered_nor_bookable_until_the_hold_ends(
    open_client: httpx2.AsyncClient, town: Town
) -> None:
    hold = town.a_hold(TEN, town.anna, expires_at=SOON)
    await town.holds(hold)

    assert await offered(open_client, town, town.anna) == ["09:00", "11:00"]
    assert await offered(open_client, town, town.ben) == ["09:00", "10:00", "11:00"]
    (reason,) = (await judged(open_client, town, town.anna))["reasons"]
    assert (reason["code"], reason["conflicts_with"]) == ("slot_taken", [hold.key])

    await town.holds(ended(hold, town.organization))
    assert await offered(open_client, town, town.anna) == ["09:00", "10:00", "11:00"]
    assert (await judged(open_client, town, town.anna))["bookable"]


async def test_a_hold_lets_go_by_the_clock_alone(open_client: httpx2.AsyncClient, town: Town) -> None:
    expiry = datetime(2026, 5, 31, 10, 5, 0, 250_000, tzinfo=UTC)
    await town.holds(town.a_hold(TEN, town.anna, expires_at=expiry.isoformat()))

    for before in (timedelta(minutes=1), timedelta(milliseconds=1)):
        town.clock.now = expiry - before
        assert await offered(open_client, town, town.anna) == ["09:00", "11:00"]
        assert not (await judged(open_client, town, town.anna))["bookable"]
    town.clock.now = expiry
    assert await offered(open_client, town, town.anna) == ["09:00", "10:00", "11:00"]
    assert (await judged(open_client, town, town.anna))["bookable"]


async def test_whoever_holds_a_slot_is_offered_it(open_client: httpx2.AsyncClient, town: Town) -> None:
    hold = town.a_hold(TEN, town.anna, expires_at=SOON)
    await town.holds(hold)

    assert await offered(open_client, town, town.anna, ignore=hold.key) == ["09:00", "10:00", "11:00"]
    assert (await judged(open_client, town, town.anna, ignore_appointment_ids=[hold.key]))["bookable"]


async def test_the_appointment_being_moved_leaves_its_time_to_itself(
    open_client: httpx2.AsyncClient, town: Town
) -> None:
    moved = town.an_appointment(TEN, town.anna)
    await town.appointments(moved)
    first = {"service_id": str(town.service), "resource_id": str(town.anna), "from": TEN}

    assert await offered(open_client, town, town.anna) == ["09:00", "11:00"]
    assert await offered(open_client, town, town.anna, ignore=str(moved.appointment.id)) == ["09:00", "10:00", "11:00"]
    found = await open_client.get("/v1/slots/first", params={**first, "ignore": str(moved.appointment.id)})
    assert found.json()["slot"]["local_time"] == "10:00"


async def test_a_hold_takes_a_seat_of_a_group(open_client: httpx2.AsyncClient, town: Town) -> None:
    await town.catalogue(town.a_service(capacity=2, version=2))
    await town.holds(town.a_hold(TEN, town.anna, expires_at=SOON))
    asked = {"service_id": str(town.service), "resource_id": str(town.anna), **MONDAY}

    slots = (await open_client.get("/v1/slots", params=asked)).json()["days"][0]["slots"]

    assert [(slot["local_time"], slot["seats"]) for slot in slots] == [("09:00", 2), ("10:00", 1), ("11:00", 2)]


async def test_another_organizations_tombstone_ends_no_hold_and_no_busy_time(
    open_client: httpx2.AsyncClient, town: Town
) -> None:
    hold = town.a_hold(TEN, town.anna, expires_at=SOON)
    await town.holds(hold, ended(hold, new_id()))
    busy = town.an_external_event("2026-06-01T11:00+02:00", town.anna, "cal:1")
    await town.busy(busy, Received(None, "cal:1", busy.topic, 0, 1, busy.timestamp, new_id()))

    assert await offered(open_client, town, town.anna) == ["09:00"]


async def test_a_hold_told_again_changes_nothing_and_an_older_state_neither(
    open_client: httpx2.AsyncClient, town: Town
) -> None:
    hold = town.a_hold(TEN, town.anna, expires_at=SOON, version=2)
    older = town.a_hold("2026-06-01T09:00+02:00", town.ben, expires_at=SOON, id=UUID(hold.key))
    await town.holds(hold)
    reader = town.a_reader()
    before = await reader.versions(town.organization)

    await town.holds(hold)
    await town.holds(older)

    assert await reader.versions(town.organization) == before
    assert await offered(open_client, town, town.anna) == ["09:00", "11:00"]
    assert await offered(open_client, town, town.ben) == ["09:00", "10:00", "11:00"]


async def test_what_is_over_is_deleted(town: Town) -> None:
    long_ago = {"ends_at": datetime(1970, 6, 1, 9, tzinfo=UTC)}
    await town.holds(town.a_hold(TEN, town.anna, expires_at="2026-05-31T10:05:00+00:00"))
    await town.appointments(
        town.an_appointment("1970-06-01T10:00+02:00", town.anna, **long_ago), town.an_appointment(TEN, town.anna)
    )
    await town.busy(town.an_external_event("1970-06-01T10:00+02:00", town.anna, "cal:1", **long_ago))

    for sweep in sweeps(past_days=20_000):
        await delete_swept(town.fresh.database, sweep)

    async with town.fresh.database.system_transaction() as session:
        left = {
            table: (await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()
            for table in ("holds", "appointments", "occupancy", "external_busy")
        }
    assert left == {"holds": 0, "appointments": 1, "occupancy": 1, "external_busy": 0}
