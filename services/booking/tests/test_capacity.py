"""Seats, several resources at once, holds, and who is chosen when nobody is named."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from booking_fixtures import Tenant
from sqlalchemy import text

from slotstream_servicekit.database import Database

pytestmark = pytest.mark.service


async def in_a_race(tenant: Tenant, requests: list[dict[str, Any]], path: str = "/v1/appointments") -> list[Any]:
    return list(await asyncio.gather(*(tenant.api.post(path, json=request) for request in requests)))


async def deadlocks(tenant: Tenant) -> int:
    [row] = await tenant.rows("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    return int(row["deadlocks"])


@pytest.mark.parametrize("seats", [1, 7])
async def test_of_forty_clients_exactly_as_many_get_a_seat_as_there_are(tenant: Tenant, seats: int) -> None:
    group = await tenant.add_service(name="Yoga", capacity=seats)
    request = tenant.request(tenant.at(9), service_id=group["id"])

    answers = await in_a_race(tenant, [request] * 40)

    statuses = Counter(answer.status_code for answer in answers)
    assert statuses == {201: seats, 409: 40 - seats}, [answer.text for answer in answers if answer.status_code > 409]
    taken = [answer.json()["resources"][0]["seat"] for answer in answers if answer.status_code == 201]
    assert sorted(taken) == list(range(seats))
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {
        "slot_taken" if seats == 1 else "class_full"
    }
    assert await deadlocks(tenant) == 0


async def test_a_group_and_another_service_never_share_a_resource(tenant: Tenant) -> None:
    group = await tenant.add_service(name="Yoga", capacity=5)
    await tenant.book(tenant.at(9), service_id=group["id"])

    beside = await tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(9)))
    late = await tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(9, 15), service_id=group["id"]))

    assert (beside.status_code, late.status_code) == (409, 409)


async def test_staff_and_room_are_taken_together_or_not_at_all_in_either_order(tenant: Tenant) -> None:
    ada = tenant.staff[0]["id"]
    rooms = [
        await tenant.post(
            "/v1/resources", {"name": name, "kind": "room", "business_ids": [tenant.business["id"]]}, status=201
        )
        for name in ("Red", "Blue")
    ]
    ids = [item["id"] for item in rooms]
    there = await tenant.add_service(name="There", requires=[[ada], ids])
    back = await tenant.add_service(name="Back", requires=[ids, [ada]])
    requests = [
        {**tenant.request(tenant.at(hour), service_id=service["id"]), "resource_ids": chosen}
        for hour in range(8, 16)
        for service, chosen in (
            (there, [ada, ids[0]]),
            (back, [ids[0], ada]),
            (there, [ada, ids[1]]),
            (back, [ids[1], ada]),
        )
    ]

    answers = await in_a_race(tenant, requests)

    assert Counter(answer.status_code for answer in answers) == {201: 8, 409: 24}, [answer.text for answer in answers]
    rows = await tenant.rows("SELECT holder_id, count(*) AS n FROM occupancy GROUP BY holder_id")
    assert [row["n"] for row in rows] == [2] * 8, "no resource is left taken for nobody"
    assert await deadlocks(tenant) == 0


async def test_without_a_free_room_the_staff_stays_free(tenant: Tenant) -> None:
    room = await tenant.post(
        "/v1/resources", {"name": "Red", "kind": "room", "business_ids": [tenant.business["id"]]}, status=201
    )
    bob = await tenant.add_staff("Bob")
    both = await tenant.add_service(requires=[[tenant.staff[0]["id"], bob["id"]], [room["id"]]])
    await tenant.book(tenant.at(9), service_id=both["id"], resource_ids=None)

    refused = await tenant.api.post(
        "/v1/appointments", json={**tenant.request(tenant.at(9), service_id=both["id"]), "resource_ids": None}
    )

    assert (refused.status_code, refused.json()["code"]) == (409, "slot_taken")
    assert len(await tenant.rows("SELECT 1 FROM occupancy")) == 2


@pytest_asyncio.fixture
async def three(tenant: Tenant) -> Any:
    bob, eve = await tenant.add_staff("Bob"), await tenant.add_staff("Eve")
    ids = [tenant.staff[0]["id"], bob["id"], eve["id"]]
    service = await tenant.add_service(requires=[ids])

    async def policy(name: str, priorities: tuple[int, int, int] = (0, 0, 0)) -> None:
        await tenant.api.patch(f"/v1/businesses/{tenant.business['id']}", json={"assignment": name})
        for identity, priority in zip(ids, priorities, strict=True):
            await tenant.api.patch(f"/v1/resources/{identity}", json={"priority": priority})

    async def chosen(*starts: str) -> list[str]:
        booked = [await tenant.book(at, service_id=service["id"], resource_ids=None) for at in starts]
        return [booking["resources"][0]["name"] for booking in booked]

    return policy, chosen


async def test_the_least_loaded_of_the_day_is_chosen(tenant: Tenant, three: Any) -> None:
    policy, chosen = three
    await policy("least_loaded")
    await tenant.book(tenant.at(6), duration_minutes=120, resource_ids=[tenant.staff[0]["id"]])
    await tenant.book(tenant.at(6), duration_minutes=60, resource_ids=[tenant.staff[1]["id"]])

    assert await chosen(tenant.at(9), tenant.at(10)) == ["Eve", "Eve"]
    assert set(await chosen(tenant.at(11), tenant.at(12))) == {"Eve", "Bob"}


async def test_the_day_whose_load_decides_is_the_businesss_and_all_of_it(tenant: Tenant, three: Any) -> None:
    """Berlin's day begins at 23:00 UTC the day before: Ada is busy in its first hours, Eve not before the next one."""
    policy, chosen = three
    await policy("least_loaded")
    await tenant.open_hours([{"weekday": day, "intervals": [{"from": "00:00", "to": "24:00"}]} for day in range(7)])
    ada, bob, eve = (member["id"] for member in tenant.staff[:3])
    await tenant.book(tenant.at(23, day=0), duration_minutes=50, resource_ids=[ada])
    await tenant.book(tenant.at(6), duration_minutes=60, resource_ids=[bob])
    await tenant.book(tenant.at(23), duration_minutes=180, resource_ids=[eve])

    assert await chosen(tenant.at(9), tenant.at(10), tenant.at(11)) == ["Eve", "Eve", "Ada"]


async def test_round_robin_gives_everybody_their_turn(tenant: Tenant, three: Any) -> None:
    policy, chosen = three
    await policy("round_robin")

    names = await chosen(*(tenant.at(8 + n) for n in range(9)))

    assert Counter(names[:3]) == Counter(names[3:6]) == Counter({"Ada": 1, "Bob": 1, "Eve": 1})
    assert names[:3] == names[3:6] == names[6:]


async def test_priority_chooses_the_highest_that_is_free(tenant: Tenant, three: Any) -> None:
    policy, chosen = three
    await policy("priority", (1, 5, 3))

    assert await chosen(tenant.at(9), tenant.at(9), tenant.at(9), tenant.at(10)) == ["Bob", "Eve", "Ada", "Bob"]


async def test_thirty_two_want_to_hold_one_slot_and_one_does(tenant: Tenant) -> None:
    request = {"business_id": tenant.business["id"], "service_id": tenant.service["id"], "starts_at": tenant.at(9)}
    request |= {"resource_ids": [tenant.staff[0]["id"]]}

    answers = await in_a_race(tenant, [request] * 32, "/v1/holds")

    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 31}, [answer.text for answer in answers]
    [hold] = [answer.json() for answer in answers if answer.status_code == 201]
    reasons = [answer.json()["reasons"][0] for answer in answers if answer.status_code == 409]
    assert {(reason["code"], *reason["conflicts_with"]) for reason in reasons} == {("slot_taken", hold["id"])}


async def test_thirty_two_turn_one_hold_into_an_appointment_and_one_does(tenant: Tenant) -> None:
    hold = await tenant.post(
        "/v1/holds",
        {"business_id": tenant.business["id"], "service_id": tenant.service["id"], "starts_at": tenant.at(9)},
        status=201,
    )
    request = {**tenant.request(tenant.at(9), hold_id=hold["id"]), "resource_ids": None}

    answers = await in_a_race(tenant, [request] * 32)

    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 31}, [answer.text for answer in answers]
    [booked] = [answer.json() for answer in answers if answer.status_code == 201]
    assert [resource["id"] for resource in booked["resources"]] == hold["resource_ids"]
    assert len(await tenant.rows("SELECT 1 FROM occupancy")) == 1


async def test_a_hold_is_turned_into_the_slot_it_keeps_and_no_other(tenant: Tenant) -> None:
    hold = await tenant.post(
        "/v1/holds",
        {"business_id": tenant.business["id"], "service_id": tenant.service["id"], "starts_at": tenant.at(9)},
        status=201,
    )

    other = await tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(11), hold_id=hold["id"]))

    assert (other.status_code, other.json()["code"]) == (422, "hold_is_for_another_slot")
    await tenant.book(tenant.at(9), hold_id=hold["id"], resource_ids=hold["resource_ids"])


@pytest_asyncio.fixture
async def database_clock(tenant: Tenant) -> AsyncIterator[Callable[[datetime], Awaitable[None]]]:
    """Sets what the database takes for the present."""
    owner = Database.connect(tenant.owner_url, pool_size=1)
    async with owner.engine.begin() as connection:
        for statement in (
            "CREATE SCHEMA told",
            "CREATE TABLE told.present (at timestamptz)",
            "INSERT INTO told.present VALUES (now())",
            "CREATE FUNCTION told.clock_timestamp() RETURNS timestamptz STABLE RETURN (SELECT at FROM told.present)",
            "GRANT USAGE ON SCHEMA told TO PUBLIC",
            "GRANT SELECT ON told.present TO PUBLIC",
            f'ALTER DATABASE "{owner.url.database}" SET search_path = told, pg_catalog, public',
        ):
            await connection.execute(text(statement))
    await tenant.app.state.dependencies.database.engine.dispose()

    async def tell(present: datetime) -> None:
        async with owner.engine.begin() as connection:
            await connection.execute(text("UPDATE told.present SET at = :at"), {"at": present})

    yield tell
    await owner.dispose()


async def test_a_hold_ends_at_its_instant_by_the_databases_clock_without_any_sweeper(
    tenant: Tenant, database_clock: Callable[[datetime], Awaitable[None]]
) -> None:
    begins = datetime(2027, 2, 1, 12, 0, tzinfo=UTC)
    await database_clock(begins)
    request = {"business_id": tenant.business["id"], "service_id": tenant.service["id"], "starts_at": tenant.at(9)}
    hold = await tenant.post("/v1/holds", {**request, "minutes": 5}, status=201)
    assert hold["expires_at"] == "2027-02-01T12:05:00Z"

    await database_clock(begins + timedelta(minutes=5) - timedelta(microseconds=1))
    early = await tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(9)))
    assert (early.status_code, early.json()["reasons"][0]["conflicts_with"]) == (409, [hold["id"]])

    await database_clock(begins + timedelta(minutes=5))
    late = await tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(9), hold_id=hold["id"]))
    assert (late.status_code, late.json()["code"]) == (409, "hold_expired")
    again = await tenant.post("/v1/holds", request, status=201)
    await tenant.book(tenant.at(9), hold_id=again["id"])


async def test_an_expired_hold_does_not_stop_a_rescheduling_nor_a_reopening(
    tenant: Tenant, database_clock: Callable[[datetime], Awaitable[None]]
) -> None:
    begins = datetime(2027, 2, 1, 12, 0, tzinfo=UTC)
    await database_clock(begins)
    first, second = await tenant.book(tenant.at(9)), await tenant.book(tenant.at(11))
    await tenant.post(f"/v1/appointments/{first['id']}/cancel", {"reason": "ill"})
    for hour in (9, 14):
        request = {
            "business_id": tenant.business["id"],
            "service_id": tenant.service["id"],
            "starts_at": tenant.at(hour),
        }
        await tenant.post("/v1/holds", {**request, "minutes": 1}, status=201)

    await database_clock(begins + timedelta(minutes=1))

    await tenant.post(f"/v1/appointments/{first['id']}/reopen")
    await tenant.post(f"/v1/appointments/{second['id']}/reschedule", {"starts_at": tenant.at(14)}, status=201)
