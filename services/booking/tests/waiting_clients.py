"""Clients on the waiting list, and what the worker does for them."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx2
from booking_fixtures import Json, Tenant

from booking.storage.policies import PolicyCache
from booking.worker import serve_waiting_list

PATH = "/v1/waiting-list"
HOLD = timedelta(minutes=15)


async def work(tenant: Tenant, *, rounds: int = 50) -> None:
    """What the worker does until nothing is left to do."""
    policies = PolicyCache()
    for _ in range(rounds):
        if not await serve_waiting_list(tenant.database, policies, lambda: tenant.now[0], hold=HOLD):
            return
    raise AssertionError("the worker goes on and on")


async def person(tenant: Tenant, name: str) -> Json:
    made: Json = await tenant.post("/v1/clients", {"name": name, "email": f"{uuid4().hex}@example.com"}, status=201)
    return made


def wish(tenant: Tenant, client: Json, **more: Any) -> Json:
    return {
        "business_id": tenant.business["id"],
        "service_id": tenant.service["id"],
        "client_id": client["id"],
        "window_from": tenant.at(8),
        "window_to": tenant.at(18),
        **more,
    }


async def waits(tenant: Tenant, name: str = "Ada Lovelace", **more: Any) -> Json:
    entry: Json = await tenant.post(PATH, wish(tenant, await person(tenant, name), **more), status=201)
    tenant.now[0] += timedelta(seconds=1)
    return entry


async def now_is(tenant: Tenant, entry: Json) -> Json:
    found: Json = await tenant.get(f"{PATH}/{entry['id']}")
    return found


async def cancel(tenant: Tenant, booked: Json) -> None:
    await tenant.post(f"/v1/appointments/{booked['id']}/cancel", {"reason": "ill"})


async def portal(tenant: Tenant, entry: Json) -> httpx2.AsyncClient:
    return await tenant.client_as("client", claims={"client": entry["client_id"]})


async def offers(tenant: Tenant) -> list[str]:
    """Who was told of which slot: the events, by entry."""
    return [row["key"] for row in await tenant.outbox() if row["type"].endswith("waiting_list_entry.offered")]


async def run_out(tenant: Tenant, entry: Json) -> None:
    """The offer's time is over, by the clock that judges holds."""
    offer = (await now_is(tenant, entry))["offer"]["id"]
    for statement in (
        "UPDATE waiting_list_entries SET offer_expires_at = now() - interval '1 second' WHERE offer_id = :id",
        "UPDATE holds SET expires_at = now() - interval '1 second' WHERE id = :id",
        "UPDATE occupancy SET expires_at = now() - interval '1 second' WHERE holder_id = :id",
    ):
        await tenant.rows(f"{statement} RETURNING 1", id=offer)


async def decline(tenant: Tenant, entry: Json) -> None:
    """By the link of the offer that the entry has."""
    offer = (await now_is(tenant, entry))["offer"]["id"]
    answer = await (await portal(tenant, entry)).post(f"/v1/portal/offers/{offer}/decline", json={})
    assert answer.status_code == 204, answer.text
