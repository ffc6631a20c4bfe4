"""Who comes to share somebody's time knows of everybody there, however many come at the same instant."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from booking_fixtures import Json, Tenant, are_waiting, deadlocks, one_before_the_other, stopped

from slotstream_servicekit.testing.plugin import until

pytestmark = pytest.mark.service

APPOINTMENTS = "/v1/appointments"
EMERGENCY = {"override": {"reason": "emergency"}}

UNRECORDED = """
SELECT a.holder_id, b.holder_id AS other
FROM occupancy a JOIN occupancy b ON a.organization_id = b.organization_id AND a.resource_id = b.resource_id
 AND a.holder_id < b.holder_id AND a.blocked && b.blocked
JOIN appointments x ON x.id = a.holder_id JOIN appointments y ON y.id = b.holder_id
WHERE NOT (x.service_id = y.service_id AND a.blocked = b.blocked AND NOT a.forced AND NOT b.forced)
  AND NOT EXISTS (SELECT FROM overrides o WHERE o.appointment_id = a.holder_id
                  AND b.holder_id::text = ANY (o.conflicts_with))
  AND NOT EXISTS (SELECT FROM overrides o WHERE o.appointment_id = b.holder_id
                  AND a.holder_id::text = ANY (o.conflicts_with))
"""
"""Pairs that overlap although they are not of one group, and no override's record names the one beside the other."""

LEFT_BEHIND = """
SELECT o.holder_id FROM occupancy o LEFT JOIN appointments a ON a.id = o.holder_id
WHERE o.expires_at IS NULL AND a.occupies IS NOT true
"""
"""Time that is taken by what takes none."""


async def a_person(tenant: Tenant) -> Json:
    made: Json = await tenant.post("/v1/clients", {"name": "Alan Turing"}, status=201)
    return made


def booking(tenant: Tenant, starts_at: str, **more: Any) -> Callable[[], Awaitable[Any]]:
    return lambda: tenant.api.post(APPOINTMENTS, json=tenant.request(starts_at, **more))


def moving(tenant: Tenant, booked: Json, starts_at: str, **more: Any) -> Callable[[], Awaitable[Any]]:
    return lambda: tenant.api.post(f"{APPOINTMENTS}/{booked['id']}/reschedule", json={"starts_at": starts_at, **more})


async def at_once(tenant: Tenant, person: Json, *requests: Callable[[], Awaitable[Any]]) -> list[Any]:
    """The answers to requests that have all looked at what there is before any of them takes anything."""
    going: list[asyncio.Future[Any]] = []
    async with stopped(tenant, person["id"]) as waiting:
        for request in requests:
            going.append(asyncio.ensure_future(request()))
            await waiting(len(going))
    return list(await asyncio.gather(*going))


async def test_overrides_that_come_at_the_same_instant_name_each_other(tenant: Tenant) -> None:
    await tenant.book(tenant.at(9))
    person = await a_person(tenant)
    requests = [
        booking(tenant, tenant.at(9, minute), client_id=person["id"], **EMERGENCY) for minute in (0, 10, 15, 20)
    ]

    answers = await at_once(tenant, person, *requests)

    assert [answer.status_code for answer in answers] == [201] * 4, [answer.text for answer in answers]
    assert await tenant.rows(UNRECORDED) == []


async def test_overrides_over_several_appointments_at_the_same_instant_name_each_other(tenant: Tenant) -> None:
    """Each makes one session of two, which takes a transaction."""
    for minute in (0, 30):
        await tenant.book(tenant.at(9, minute))
    person = await a_person(tenant)
    requests = [booking(tenant, tenant.at(9, minute), client_id=person["id"], **EMERGENCY) for minute in (10, 15, 20)]

    answers = await at_once(tenant, person, *requests)

    assert [answer.status_code for answer in answers] == [201] * 3, [answer.text for answer in answers]
    assert await tenant.rows(UNRECORDED) == []


@pytest.mark.parametrize("over", ["the group", "the group and its neighbour"])
@pytest.mark.parametrize("first", ["the override", "who joins"])
async def test_nobody_joins_a_group_beside_an_override_that_neither_knows(
    tenant: Tenant, over: str, first: str
) -> None:
    group = await tenant.add_service(name="Yoga", capacity=5)
    await tenant.book(tenant.at(9), service_id=group["id"])
    await tenant.book(tenant.at(9, 30))
    person = await a_person(tenant)
    minute = 0 if over == "the group" else 15
    forcing = booking(tenant, tenant.at(9, minute), client_id=person["id"], **EMERGENCY)
    joining = booking(tenant, tenant.at(9), client_id=person["id"], service_id=group["id"])
    requests = (forcing, joining) if first == "the override" else (joining, forcing)

    answers = dict(zip(requests, await at_once(tenant, person, *requests), strict=True))

    assert answers[forcing].status_code == 201, answers[forcing].text
    assert answers[joining].status_code in {201, 409}, answers[joining].text
    assert await tenant.rows(UNRECORDED) == []


@pytest.mark.parametrize("first", ["the override", "the move"])
async def test_an_appointment_that_moves_by_less_than_its_length_is_not_moved_under_an_override(
    tenant: Tenant, first: str
) -> None:
    person = await a_person(tenant)
    booked = await tenant.book(tenant.at(9), client_id=person["id"])
    forcing = booking(tenant, tenant.at(9, 10), client_id=person["id"], **EMERGENCY)
    move = moving(tenant, booked, tenant.at(9, 15))
    requests = (forcing, move) if first == "the override" else (move, forcing)

    answers = dict(zip(requests, await at_once(tenant, person, *requests), strict=True))

    assert answers[forcing].status_code == 201, answers[forcing].text
    assert answers[move].status_code in {201, 409}, answers[move].text
    assert await tenant.rows(UNRECORDED) == []


async def test_overrides_by_a_move_and_by_a_booking_name_each_other(tenant: Tenant) -> None:
    await tenant.book(tenant.at(9))
    person = await a_person(tenant)
    elsewhere = await tenant.book(tenant.at(12), client_id=person["id"])

    answers = await at_once(
        tenant,
        person,
        booking(tenant, tenant.at(9, 10), client_id=person["id"], **EMERGENCY),
        moving(tenant, elsewhere, tenant.at(9, 15), **EMERGENCY),
    )

    assert [answer.status_code for answer in answers] == [201, 201], [answer.text for answer in answers]
    assert await tenant.rows(UNRECORDED) == []


async def test_a_reopening_by_override_and_a_booking_by_override_name_each_other(tenant: Tenant) -> None:
    closed = await tenant.book(tenant.at(9))
    await tenant.post(f"{APPOINTMENTS}/{closed['id']}/cancel", {"reason": "ill"})
    await tenant.book(tenant.at(9))

    answers = await one_before_the_other(
        tenant,
        tenant.api.post(f"{APPOINTMENTS}/{closed['id']}/reopen", json=EMERGENCY),
        tenant.api.post(APPOINTMENTS, json=tenant.request(tenant.at(9, 10), **EMERGENCY)),
    )

    assert [answer.status_code for answer in answers] == [200, 201], [answer.text for answer in answers]
    assert await tenant.rows(UNRECORDED) == []


@pytest.mark.parametrize("freeing", ["cancelled", "moved"])
async def test_time_is_given_back_although_an_override_draws_it_into_another_session_meanwhile(
    tenant: Tenant, freeing: str
) -> None:
    for minute in (0, 30):
        await tenant.book(tenant.at(9, minute))
    leaving = await tenant.book(tenant.at(10))
    path = f"{APPOINTMENTS}/{leaving['id']}"
    leave = {
        "cancelled": lambda: tenant.api.post(f"{path}/cancel", json={"reason": "ill"}),
        "moved": lambda: tenant.api.post(f"{path}/reschedule", json={"starts_at": tenant.at(15)}),
    }[freeing]

    forced, left = await one_before_the_other(
        tenant,
        tenant.api.post(APPOINTMENTS, json=tenant.request(tenant.at(9, 15), duration_minutes=60, **EMERGENCY)),
        leave(),
    )

    assert forced.status_code == 201, forced.text
    assert left.status_code in {200, 201}, left.text
    assert await tenant.rows("SELECT blocked FROM occupancy WHERE holder_id = :id", id=leaving["id"]) == []


async def test_a_hold_is_released_although_an_override_draws_it_into_another_session_meanwhile(tenant: Tenant) -> None:
    for minute in (0, 30):
        await tenant.book(tenant.at(9, minute))
    request = tenant.request(tenant.at(10))
    del request["client_id"]
    hold = await tenant.post("/v1/holds", request, status=201)

    forced, released = await one_before_the_other(
        tenant,
        tenant.api.post(APPOINTMENTS, json=tenant.request(tenant.at(9, 15), duration_minutes=60, **EMERGENCY)),
        tenant.api.delete(f"/v1/holds/{hold['id']}"),
    )

    assert (forced.status_code, released.status_code) == (201, 204), (forced.text, released.text)
    assert await tenant.rows("SELECT blocked FROM occupancy WHERE holder_id = :id", id=hold["id"]) == []


async def test_an_override_waits_for_whoever_enters_and_an_ordinary_booking_for_nobody(tenant: Tenant) -> None:
    await tenant.book(tenant.at(9))
    async with tenant.as_owner() as owner, owner.transaction():
        await owner.execute("SELECT lock_session_entries($1, '{false}')", [tenant.staff[0]["id"]])
        forcing = asyncio.ensure_future(booking(tenant, tenant.at(9, 10), **EMERGENCY)())
        await until(lambda: are_waiting(tenant), what="the override waits")
        ordinary = await booking(tenant, tenant.at(12))()
    forced = await forcing

    assert (ordinary.status_code, forced.status_code) == (201, 201), (ordinary.text, forced.text)


async def test_an_override_that_has_waited_for_another_needs_one_more_look_and_no_more(tenant: Tenant) -> None:
    """However many come at once, each gets its place."""
    await tenant.book(tenant.at(9))
    answers = await asyncio.gather(
        *(booking(tenant, tenant.at(9, minute), **EMERGENCY)() for minute in range(0, 30, 2))
    )

    assert {answer.status_code for answer in answers} == {201}, [answer.text for answer in answers]
    assert await tenant.rows(UNRECORDED) == []


async def test_whatever_enters_and_leaves_the_same_sessions_at_once_never_waits_in_a_circle(tenant: Tenant) -> None:
    """Groups, overrides, moves, corrections, holds and cancellations of two resources within one hour."""
    await tenant.add_staff("Grace")
    staff = [member["id"] for member in tenant.staff]
    group = await tenant.add_service(name="Yoga", capacity=6)
    people = [await a_person(tenant) for _ in range(3)]
    chance = random.Random(7)
    booked: list[Json] = []

    def any_request(**more: Any) -> Json:
        service = chance.choice((tenant.service, group))
        request = tenant.request(
            tenant.at(9, chance.randrange(0, 60, 10)),
            service_id=service["id"],
            client_id=chance.choice(people)["id"],
            resource_ids=[chance.choice(staff)],
        )
        return request | (EMERGENCY if chance.random() < 0.5 else {}) | more

    async def book(**more: Any) -> None:
        answer = await tenant.api.post(APPOINTMENTS, json=any_request(**more))
        if answer.status_code == 201:
            booked.append(answer.json())
        assert answer.status_code in {201, 409, 422}, answer.text

    async def book_held() -> None:
        body = any_request()
        held = {name: value for name, value in body.items() if name not in {"client_id", "override"}}
        hold = await tenant.api.post("/v1/holds", json=held)
        if hold.status_code == 201:
            answer = await tenant.api.post(APPOINTMENTS, json={**body, "hold_id": hold.json()["id"]})
            assert answer.status_code in {201, 409}, answer.text

    async def change() -> None:
        if not booked:
            return
        path = f"{APPOINTMENTS}/{booked.pop(chance.randrange(len(booked)))['id']}"
        override = EMERGENCY if chance.random() < 0.5 else {}
        changes = {
            "cancel": ("POST", f"{path}/cancel", {"reason": "ill"}),
            "move": ("POST", f"{path}/reschedule", {"starts_at": any_request()["starts_at"], **override}),
            "assign": ("PATCH", path, {"resource_ids": [chance.choice(staff)], **override}),
            "correct": ("PATCH", path, {"duration_minutes": chance.choice((20, 40)), **override}),
        }
        method, to, body = changes[chance.choice(tuple(changes))]
        answer = await tenant.api.request(method, to, json=body)
        assert answer.status_code in {200, 201, 409, 422}, answer.text

    before = await deadlocks(tenant)
    for _ in range(10):
        await asyncio.gather(*(chance.choice((book, book, book_held, change, change))() for _ in range(12)))

    assert await deadlocks(tenant) == before
    assert await tenant.rows(UNRECORDED) == []
    assert await tenant.rows(LEFT_BEHIND) == []
