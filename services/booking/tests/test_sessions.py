"""Ids that callers give, or that holds had, never join two occupancies; and groups fill up under any race."""

import asyncio
from uuid import UUID, uuid4

import pytest
from booking_fixtures import Tenant, stopped

from booking.storage.occupancy import forced_seat
from slotstream_servicekit.ids import new_id

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


async def test_a_large_group_fills_up_when_all_come_at_once(tenant: Tenant) -> None:
    """Who loses a seat tries for any other: if all tried for the lowest, some would lose to all before them."""
    group = await tenant.add_service(name="Yoga", capacity=120)
    connections = asyncio.Semaphore(40)

    async def come() -> int:
        # As many as the pool has connections: on a slow machine more would wait for one too long.
        async with connections:
            answer = await tenant.api.post(
                "/v1/appointments", json=tenant.request(tenant.at(9), service_id=group["id"])
            )
            return answer.status_code

    assert sorted(await asyncio.gather(*(come() for _ in range(124)))) == [201] * 120 + [409] * 4


async def test_who_has_chosen_a_seat_beside_the_last_member_does_not_get_it_once_that_one_has_moved(
    tenant: Tenant,
) -> None:
    """The one who joins has looked and chosen; before they take the seat, the last member moves by half the length."""
    group = await tenant.add_service(name="Yoga", capacity=5, duration_minutes=60)
    first, last = [await tenant.book(tenant.at(9), service_id=group["id"]) for _ in range(2)]
    await tenant.post(f"/v1/appointments/{first['id']}/cancel", {"reason": "ill"})
    other = await tenant.post("/v1/clients", {"name": "Alan Turing"}, status=201)
    async with stopped(tenant, other["id"]) as waiting:
        request = tenant.request(tenant.at(9), service_id=group["id"], client_id=other["id"])
        joining = asyncio.create_task(tenant.api.post("/v1/appointments", json=request))
        await waiting(1)
        move = {"starts_at": tenant.at(9, 30)}
        moved = await tenant.api.post(f"/v1/appointments/{last['id']}/reschedule", json=move)
    joined = await joining

    assert await tenant.rows(OVERLAPPING) == []
    assert (moved.status_code, joined.status_code) == (201, 409), joined.text


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


async def test_members_of_two_full_groups_who_swap_places_are_both_refused_at_once(tenant: Tenant) -> None:
    group = await tenant.add_service(name="Yoga", capacity=2)
    early, _ = [await tenant.book(tenant.at(9), service_id=group["id"]) for _ in range(2)]
    late, _ = [await tenant.book(tenant.at(9, 30), service_id=group["id"]) for _ in range(2)]
    answers = await asyncio.gather(
        tenant.api.post(f"/v1/appointments/{early['id']}/reschedule", json={"starts_at": tenant.at(9, 30)}),
        tenant.api.post(f"/v1/appointments/{late['id']}/reschedule", json={"starts_at": tenant.at(9)}),
    )
    assert [answer.status_code for answer in answers] == [409, 409], [answer.text for answer in answers]


async def test_members_of_two_groups_who_swap_places_never_wait_for_each_other(tenant: Tenant) -> None:
    """Each gives up its place and then wants the other's, over those who have theirs there. Both are stopped where
    they have given up, if they come so far, and go on at the same instant.
    """
    group = await tenant.add_service(name="Yoga", capacity=2)
    early, _ = [await tenant.book(tenant.at(9), service_id=group["id"]) for _ in range(2)]
    late, _ = [await tenant.book(tenant.at(9, 30), service_id=group["id"]) for _ in range(2)]
    override = {"override": {"reason": "they swap"}}
    async with stopped(tenant, tenant.client["id"]) as waiting:
        moving = [
            asyncio.create_task(tenant.api.post(f"/v1/appointments/{moved['id']}/reschedule", json={**to, **override}))
            for moved, to in ((early, {"starts_at": tenant.at(9, 30)}), (late, {"starts_at": tenant.at(9)}))
        ]
        await waiting(2)
    answers = await asyncio.gather(*moving)
    assert [answer.status_code for answer in answers] == [201, 201], [answer.text for answer in answers]


async def test_an_override_that_has_looked_names_who_took_the_time_meanwhile(tenant: Tenant) -> None:
    """It has looked at one session to join; before it takes its seat, another one begins that it overlaps as well."""
    first = await tenant.book(tenant.at(9))
    other = await tenant.post("/v1/clients", {"name": "Alan Turing"}, status=201)
    async with stopped(tenant, other["id"]) as waiting:
        forced = asyncio.create_task(forced_over(tenant, tenant.at(9, 15), client_id=other["id"]))
        await waiting(1)
        second = await tenant.book(tenant.at(9, 30))

    assert set(await forced) == {first["id"], second["id"]}
    assert len(await tenant.rows("SELECT DISTINCT session_id FROM occupancy")) == 1


async def test_an_override_that_has_looked_does_not_name_who_has_left_for_another_meanwhile(tenant: Tenant) -> None:
    first = await tenant.book(tenant.at(9))
    other = await tenant.post("/v1/clients", {"name": "Alan Turing"}, status=201)
    async with stopped(tenant, other["id"]) as waiting:
        forced = asyncio.create_task(forced_over(tenant, tenant.at(9), client_id=other["id"]))
        await waiting(1)
        await tenant.post(f"/v1/appointments/{first['id']}/cancel", {"reason": "ill"})
        second = await tenant.book(tenant.at(9, 10))

    assert await forced == [second["id"]]


async def test_an_override_whose_seat_is_another_ones_by_chance_takes_the_next(tenant: Tenant) -> None:
    await tenant.book(tenant.at(9))
    own_id = str(new_id())
    await forced_over(tenant, tenant.at(9))
    await tenant.rows(f"UPDATE occupancy SET seat = {forced_seat(UUID(own_id))} WHERE forced RETURNING 1")

    beside = await forced_over(tenant, tenant.at(9), id=own_id)

    assert len(beside) == 2


async def forced_over(tenant: Tenant, starts_at: str, **more: object) -> list[str]:
    """Books by override; who the record says is beside it."""
    forced = await tenant.book(starts_at, override={"reason": "emergency"}, **more)
    [record] = (await tenant.get("/v1/overrides", appointment_id=forced["id"]))["items"]
    assert record["rules"] == ["slot_taken"]
    return list(record["conflicts_with"])


async def test_ids_of_sessions_are_the_servers(tenant: Tenant) -> None:
    identity = str(uuid4())
    await tenant.book(tenant.at(9), id=identity)
    hold_id = await a_hold(tenant, tenant.at(10))
    rows = await tenant.rows("SELECT session_id, holder_id FROM occupancy")
    assert {str(row["holder_id"]) for row in rows} == {identity, hold_id}
    assert not {str(row["session_id"]) for row in rows} & {identity, hold_id}
