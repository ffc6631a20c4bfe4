"""Holds, approvals, reopenings and assignments take time by today's rules, as a booking does."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from booking_fixtures import Tenant

from booking.storage.connections import connection_of
from booking.storage.occupancy import OccupancyStore, Window

pytestmark = pytest.mark.service


async def hold(tenant: Tenant) -> Callable[[], Awaitable[Any]]:
    body = {name: value for name, value in tenant.request(tenant.at(9)).items() if name != "client_id"}
    return lambda: tenant.api.post("/v1/holds", json=body)


async def approve(tenant: Tenant) -> Callable[[], Awaitable[Any]]:
    await tenant.api.patch(
        f"/v1/services/{tenant.service['id']}", json={"needs_approval": True, "pending_occupies": False}
    )
    asked = await tenant.book(tenant.at(9))
    return lambda: tenant.api.post(f"/v1/appointments/{asked['id']}/approve")


async def reopen(tenant: Tenant) -> Callable[[], Awaitable[Any]]:
    booked = await tenant.book(tenant.at(9))
    await tenant.post(f"/v1/appointments/{booked['id']}/cancel", {"reason": "ill"})
    return lambda: tenant.api.post(f"/v1/appointments/{booked['id']}/reopen")


async def assign(tenant: Tenant) -> Callable[[], Awaitable[Any]]:
    bob = await tenant.add_staff("Bob")
    booked = await tenant.book(tenant.at(9))
    return lambda: tenant.api.patch(f"/v1/appointments/{booked['id']}", json={"resource_ids": [bob["id"]]})


Prepare = Callable[[Tenant], Awaitable[Callable[[], Awaitable[Any]]]]


@pytest.mark.parametrize("prepare", [hold, approve, reopen, assign])
async def test_rules_that_change_after_they_were_read_are_noticed_when_time_is_taken(
    tenant: Tenant, prepare: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The business closes between the judgement and the statement that takes the time."""
    act = await prepare(tenant)
    before = await tenant.rows("SELECT * FROM occupancy")
    attempts, take = 0, OccupancyStore.take

    async def close_first(store: OccupancyStore, **named: Any) -> bool:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            await tenant.open_hours([])
        return await take(store, **named)

    monkeypatch.setattr(OccupancyStore, "take", close_first)

    answer = await act()

    assert attempts == 1
    assert (answer.status_code, answer.json()["code"]) == (409, "outside_working_hours"), answer.text
    assert await tenant.rows("SELECT * FROM occupancy") == before


@pytest.mark.parametrize("prepare", [approve, reopen, assign])
async def test_the_time_that_is_taken_has_the_buffers_that_the_answer_tells(tenant: Tenant, prepare: Prepare) -> None:
    """The service's buffers change after the appointment was made."""
    act = await prepare(tenant)
    await tenant.api.patch(
        f"/v1/services/{tenant.service['id']}", json={"buffer_before_minutes": 10, "buffer_after_minutes": 20}
    )

    shown = (await act()).json()

    assert (shown["buffer_before_minutes"], shown["buffer_after_minutes"]) == (10, 20)
    begins = datetime.fromisoformat(shown["starts_at"]) - timedelta(minutes=10)
    ends = datetime.fromisoformat(shown["ends_at"]) + timedelta(minutes=20)
    rows = await tenant.rows("SELECT holder_id, resource_id, blocked_from, blocked_to FROM occupancy")
    assert [(str(row["holder_id"]), row["blocked_from"], row["blocked_to"]) for row in rows] == [
        (shown["id"], begins, ends)
    ]
    assert [str(row["resource_id"]) for row in rows] == [resource["id"] for resource in shown["resources"]]


async def test_a_neighbour_within_the_new_buffers_is_in_the_way(tenant: Tenant) -> None:
    act = await reopen(tenant)
    neighbour = await tenant.book(tenant.at(9, 35))
    await tenant.api.patch(f"/v1/services/{tenant.service['id']}", json={"buffer_after_minutes": 20})

    answer = await act()

    assert (answer.status_code, answer.json()["reasons"][0]["conflicts_with"]) == (409, [neighbour["id"]])


async def test_what_reaches_into_two_windows_is_read_once(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9), duration_minutes=120)
    ada = UUID(tenant.staff[0]["id"])
    nine = datetime.fromisoformat(tenant.at(9))
    windows = [
        Window(ada, nine, nine + timedelta(minutes=30)),
        Window(ada, nine + timedelta(minutes=90), nine + timedelta(minutes=120)),
    ]

    async with tenant.database.transaction(tenant.organization_id) as session:
        calendars = await OccupancyStore(await connection_of(session), tenant.organization_id).calendars(windows)

    near = calendars.near(ada, None, (nine, nine + timedelta(hours=2)), name="Ada")
    assert [taken.id for taken in near.taken] == [booked["id"]]
