"""Ids that callers give, or that holds had, never join two occupancies; and groups fill up under any race."""

import asyncio
from uuid import uuid4

import pytest
from booking_fixtures import Tenant

pytestmark = pytest.mark.service

OVERLAPPING = """
SELECT a.holder_id, b.holder_id AS other FROM occupancy a JOIN occupancy b
  ON a.organization_id = b.organization_id AND a.resource_id = b.resource_id AND a.holder_id < b.holder_id
 AND a.blocked && b.blocked AND a.blocked <> b.blocked AND NOT a.forced AND NOT b.forced
"""


async def a_hold(tenant: Tenant, starts_at: str, **more: object) -> str:
    body = {name: value for name, value in tenant.request(starts_at, **more).items() if name != "client_id"}
    hold = await tenant.post("/v1/holds", body, status=201)
    return str(hold["id"])


async def test_an_id_that_a_hold_had_does_not_enter_the_session_that_the_hold_began(tenant: Tenant) -> None:
    group = await tenant.add_service(name="Yoga", capacity=3)
    hold_id = await a_hold(tenant, tenant.at(9), service_id=group["id"])
    await tenant.book(tenant.at(9), service_id=group["id"])
    assert (await tenant.api.delete(f"/v1/holds/{hold_id}")).status_code == 204

    answer = await tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(9, 15), id=hold_id))

    assert answer.status_code == 409, answer.text
    assert await tenant.rows(OVERLAPPING) == []


async def test_an_id_that_an_expired_hold_had_does_not_enter_what_was_forced_over_it(tenant: Tenant) -> None:
    hold_id = await a_hold(tenant, tenant.at(9))
    await tenant.book(tenant.at(9), override={"reason": "urgent"})
    await tenant.rows(
        "UPDATE occupancy SET expires_at = now() - interval '1 second' WHERE expires_at IS NOT NULL RETURNING 1"
    )
    await tenant.rows("UPDATE holds SET expires_at = now() - interval '1 second' RETURNING 1")
    agent = await tenant.client_as("agent")

    answer = await agent.post("/v1/appointments", json=tenant.request(tenant.at(9, 15), id=hold_id))

    assert answer.status_code == 409, answer.text


async def test_a_group_of_twenty_fills_up_when_all_come_at_once(tenant: Tenant) -> None:
    group = await tenant.add_service(name="Yoga", capacity=20)
    answers = await asyncio.gather(
        *(
            tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(9), service_id=group["id"]))
            for _ in range(24)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201] * 20 + [409] * 4


async def test_the_last_member_of_a_group_that_moves_does_not_overlap_who_joins_meanwhile(tenant: Tenant) -> None:
    group = await tenant.add_service(name="Yoga", capacity=5, duration_minutes=60)
    for day in range(1, 7):
        last = await tenant.book(tenant.at(9, day=day), service_id=group["id"])
        moved, joined = await asyncio.gather(
            tenant.api.post(f"/v1/appointments/{last['id']}/reschedule", json={"starts_at": tenant.at(9, 30, day=day)}),
            tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(9, day=day), service_id=group["id"])),
        )
        assert {moved.status_code, joined.status_code} <= {201, 409}
        assert await tenant.rows(OVERLAPPING) == []


async def test_members_of_two_groups_who_swap_places_never_wait_for_each_other(tenant: Tenant) -> None:
    group = await tenant.add_service(name="Yoga", capacity=2)
    for day in range(1, 5):
        early, _ = [await tenant.book(tenant.at(9, day=day), service_id=group["id"]) for _ in range(2)]
        late, _ = [await tenant.book(tenant.at(9, 30, day=day), service_id=group["id"]) for _ in range(2)]
        answers = await asyncio.gather(
            tenant.api.post(
                f"/v1/appointments/{early['id']}/reschedule", json={"starts_at": tenant.at(9, 30, day=day)}
            ),
            tenant.api.post(f"/v1/appointments/{late['id']}/reschedule", json={"starts_at": tenant.at(9, day=day)}),
        )
        # Full groups: neither can move, and each is told so at once.
        assert [answer.status_code for answer in answers] == [409, 409], [answer.text for answer in answers]


async def test_ids_of_sessions_are_the_servers(tenant: Tenant) -> None:
    identity = str(uuid4())
    await tenant.book(tenant.at(9), id=identity)
    hold_id = await a_hold(tenant, tenant.at(10))
    rows = await tenant.rows("SELECT session_id, holder_id FROM occupancy")
    assert {str(row["holder_id"]) for row in rows} == {identity, hold_id}
    assert not {str(row["session_id"]) for row in rows} & {identity, hold_id}
