"""Who joins the waiting list while time is being freed is offered it, whoever commits first; and nothing is kept long."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from booking_fixtures import Json, Tenant
from waiting_clients import cancel, now_is, waits, work

from booking.usecases import history
from booking.usecases.waiting_list import joining

pytestmark = pytest.mark.service


class Standstill:
    """What is called `name` in a module stands still when it is done, its transaction still open, until it may go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
        self.reached, self.may_go_on = asyncio.Event(), asyncio.Event()
        self._call: Callable[..., Awaitable[Any]] = getattr(module, name)
        monkeypatch.setattr(module, name, self._stand_still)

    async def is_reached(self) -> None:
        async with asyncio.timeout(30):
            await self.reached.wait()

    async def _stand_still(self, *arguments: Any, **named: Any) -> Any:
        answer = await self._call(*arguments, **named)
        self.reached.set()
        async with asyncio.timeout(30):
            await self.may_go_on.wait()
        return answer


async def offered_at(tenant: Tenant, entry: Json) -> str | None:
    """By the worker, within some minutes."""
    tenant.now[0] += timedelta(minutes=6)
    await work(tenant)
    offer = (await now_is(tenant, entry))["offer"]
    return offer and str(offer["starts_at"])


async def test_who_joins_while_a_cancellation_is_committed_is_offered_its_time(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    booked = await tenant.book(tenant.at(9))
    standing = Standstill(monkeypatch, joining, "enqueue_records")
    joins = asyncio.create_task(waits(tenant))
    await standing.is_reached()
    await cancel(tenant, booked)
    standing.may_go_on.set()
    assert await offered_at(tenant, await joins) == booked["starts_at"]


async def test_who_has_joined_while_a_cancellation_is_under_way_is_offered_its_time(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    booked = await tenant.book(tenant.at(9))
    standing = Standstill(monkeypatch, history, "note_freed")
    cancels = asyncio.create_task(cancel(tenant, booked))
    await standing.is_reached()
    entry = await waits(tenant)
    await work(tenant)
    standing.may_go_on.set()
    await cancels
    assert await offered_at(tenant, entry) == booked["starts_at"]


async def test_who_joins_a_moment_after_a_cancellation_is_offered_its_time_at_once(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    await cancel(tenant, booked)
    await work(tenant)
    tenant.now[0] += timedelta(minutes=2)
    entry = await waits(tenant)
    await work(tenant)
    assert (await now_is(tenant, entry))["offer"]["starts_at"] == booked["starts_at"]


async def test_what_nobody_waits_for_is_let_go_of_after_some_minutes_all_at_once(tenant: Tenant) -> None:
    booked = [await tenant.book(tenant.at(hour)) for hour in (9, 10, 11, 12)]
    for one in booked:
        await cancel(tenant, one)
    tenant.now[0] += timedelta(minutes=6)
    await work(tenant, rounds=2)
    assert await tenant.rows("SELECT id FROM freed_times") == []
    entry = await waits(tenant)
    await work(tenant)
    assert (await now_is(tenant, entry))["status"] == "waiting"
