"""What is held is told to those who offer slots; and answers carry the version that slots can be asked to know."""

from uuid import UUID

import pytest
from booking_fixtures import Json, Tenant

from booking.storage.connections import connection_of
from booking.usecases.holds import forget_expired_holds
from slotstream_contracts.envelope import parse
from slotstream_contracts.holds import HoldState

pytestmark = pytest.mark.service


async def a_hold(tenant: Tenant, starts_at: str, **more: object) -> Json:
    body = {name: value for name, value in tenant.request(starts_at).items() if name != "client_id"} | more
    hold: Json = await tenant.post("/v1/holds", body, status=201)
    return hold


async def told_of(tenant: Tenant, hold: Json) -> list[Json]:
    return [record for record in await tenant.outbox() if record["key"] == hold["id"]]


async def test_a_hold_is_told_with_the_time_it_blocks_and_its_end(tenant: Tenant) -> None:
    service = await tenant.add_service(buffer_before_minutes=5, buffer_after_minutes=10)
    tenant.service = service
    hold = await a_hold(tenant, tenant.at(9))

    rows = await tenant.rows("SELECT payload FROM outbox WHERE key = :key", key=hold["id"])
    state = parse(bytes(rows[0]["payload"])).data
    assert isinstance(state, HoldState)
    assert [str(identity) for identity in state.resource_ids] == hold["resource_ids"]
    assert (state.starts_at - state.blocked_from).total_seconds() == 300
    assert (state.blocked_to - state.ends_at).total_seconds() == 600


async def test_a_hold_that_is_released_or_used_is_taken_back(tenant: Tenant) -> None:
    released, used = [await a_hold(tenant, tenant.at(hour)) for hour in (9, 10)]
    await tenant.api.delete(f"/v1/holds/{released['id']}")
    await tenant.book(tenant.at(10), hold_id=used["id"])
    for hold in (released, used):
        assert [record["payload"] is None for record in await told_of(tenant, hold)] == [False, True]


async def test_a_hold_stays_where_its_booking_is_refused(tenant: Tenant) -> None:
    hold = await a_hold(tenant, tenant.at(9))
    other = await tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(11), hold_id=hold["id"]))
    assert other.status_code == 422
    assert len(await told_of(tenant, hold)) == 1
    await tenant.book(tenant.at(9), hold_id=hold["id"])


async def test_a_hold_that_expired_is_taken_back_with_its_time(tenant: Tenant) -> None:
    hold = await a_hold(tenant, tenant.at(9))
    await tenant.rows("UPDATE holds SET expires_at = now() - '2 min'::interval RETURNING 1")
    await tenant.rows("UPDATE occupancy SET expires_at = now() - '2 min'::interval RETURNING 1")
    async with tenant.database.system_transaction() as session:
        assert await forget_expired_holds(connection=await connection_of(session)) == 1
    assert [record["payload"] is None for record in await told_of(tenant, hold)] == [False, True]
    assert await tenant.rows("SELECT 1 FROM occupancy") == []


async def test_answers_carry_the_version_that_slots_can_wait_for(tenant: Tenant) -> None:
    headers = {"Idempotency-Key": "k"}
    booked = await tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(9)), headers=headers)
    again = await tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(9)), headers=headers)
    identity = booked.json()["id"]
    assert booked.headers["slotstream-version"] == again.headers["slotstream-version"] == f"appointment:{identity}:1"
    moved = await tenant.api.post(f"/v1/appointments/{identity}/reschedule", json={"starts_at": tenant.at(11)})
    assert moved.headers["slotstream-version"].split(", ")[1] == f"appointment:{identity}:2"


async def test_a_hold_takes_the_place_of_another_in_one_step(tenant: Tenant) -> None:
    first = await a_hold(tenant, tenant.at(9))
    second = await a_hold(tenant, tenant.at(9), replaces=first["id"])
    assert [record["payload"] is None for record in await told_of(tenant, first)] == [False, True]
    assert [row["holder_id"] for row in await tenant.rows("SELECT holder_id FROM occupancy")] == [UUID(second["id"])]
    # One that is over already is nothing to give up.
    await a_hold(tenant, tenant.at(10), replaces=first["id"])


async def test_a_hold_stays_where_the_one_in_its_place_is_refused(tenant: Tenant) -> None:
    hold = await a_hold(tenant, tenant.at(9))
    await tenant.book(tenant.at(11))
    body = {"business_id": tenant.business["id"], "service_id": tenant.service["id"], "starts_at": tenant.at(11)}
    refused = await tenant.api.post(
        "/v1/holds", json={**body, "resource_ids": hold["resource_ids"], "replaces": hold["id"]}
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "slot_taken")
    assert len(await told_of(tenant, hold)) == 1
    await tenant.book(tenant.at(9), hold_id=hold["id"])
