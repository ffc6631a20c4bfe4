"""An organization to book in: a business, staff, a service, hours and a client, set up over HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID, uuid4

import asyncpg
import httpx2
from fastapi import FastAPI
from sqlalchemy import RowMapping, text

from booking.storage.policies import bump_policy
from booking.storage.projections import ScheduleRow, ScheduleStore
from slotstream_servicekit.database import Database
from slotstream_servicekit.outbox import OutboxRecord
from slotstream_servicekit.testing.plugin import until

Json = dict[str, Any]
"""A JSON object as an answer has it."""

NOW = datetime(2027, 3, 1, 8, 0, tzinfo=UTC)
"""A Monday."""

ALWAYS = [{"weekday": day, "intervals": [{"from": "06:00", "to": "22:00"}]} for day in range(7)]


class ClientFactory(Protocol):
    """Opens an HTTP client for a caller of this role, of the tenant's organization unless another is named."""

    async def __call__(
        self,
        role: str = "owner",
        *,
        organization: UUID | None = None,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> httpx2.AsyncClient: ...


@dataclass(slots=True)
class Tenant:
    """One organization. `api` calls as its owner, `client_as` opens clients for other callers; `now` can be moved."""

    organization_id: UUID
    api: httpx2.AsyncClient
    database: Database
    now: list[datetime]
    client_as: "ClientFactory"
    app: FastAPI
    owner_url: str
    business: Json = field(default_factory=dict)
    staff: list[Json] = field(default_factory=list)
    service: Json = field(default_factory=dict)
    client: Json = field(default_factory=dict)

    async def set_up(self) -> None:
        """A business with Ada on its staff, a service, Grace as client, and hours."""
        self.business = await self.post(
            "/v1/businesses",
            {"name": "Mitte", "zone": "Europe/Berlin", "phone_region": "DE", "currency": "EUR"},
            status=201,
        )
        await self.add_staff("Ada")
        self.service = await self.add_service()
        self.client = await self.post("/v1/clients", {"name": "Grace Hopper", "phone": "+49 30 901820"}, status=201)
        await self.open_hours()

    async def another(self) -> "Tenant":
        """Another organization of the same installation, which has the same."""
        organization_id = uuid4()
        api = await self.client_as(organization=organization_id)
        empty: dict[str, Any] = {"business": {}, "staff": [], "service": {}, "client": {}}
        made = replace(self, organization_id=organization_id, api=api, **empty)
        await made.set_up()
        return made

    @asynccontextmanager
    async def as_owner(self) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(self.owner_url.replace("postgresql+asyncpg", "postgresql"))
        try:
            yield connection
        finally:
            await connection.close()

    async def analyse(self) -> None:
        """Have PostgreSQL learn how much there is now."""
        async with self.as_owner() as owner:
            await owner.execute("ANALYZE")

    def at(self, hour: int, minute: int = 0, *, day: int = 1) -> str:
        """An instant on the day after now, or `day` days after."""
        moment = (NOW + timedelta(days=day)).replace(hour=hour, minute=minute)
        return moment.isoformat().replace("+00:00", "Z")

    def request(self, starts_at: str, **more: Any) -> Json:
        return {
            "business_id": self.business["id"],
            "service_id": self.service["id"],
            "client_id": self.client["id"],
            "starts_at": starts_at,
            "resource_ids": [self.staff[0]["id"]],
            **more,
        }

    async def book(self, starts_at: str, **more: Any) -> Json:
        answer = await self.api.post("/v1/appointments", json=self.request(starts_at, **more))
        assert answer.status_code == 201, answer.text
        booked: Json = answer.json()
        return booked

    async def post(self, path: str, body: Json | None = None, *, status: int = 200, **headers: str) -> Any:
        answer = await self.api.post(path, json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def get(self, path: str, *, status: int = 200, **params: Any) -> Any:
        answer = await self.api.get(path, params=params)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def add_service(self, **more: Any) -> Json:
        body = {"business_id": self.business["id"], "name": "Massage", "duration_minutes": 30, **more}
        added: Json = await self.post("/v1/services", body, status=201)
        return added

    async def add_staff(self, name: str) -> Json:
        body = {"name": name, "business_ids": [self.business["id"]], "zone": "Europe/Berlin"}
        added: Json = await self.post("/v1/resources", body, status=201)
        self.staff.append(added)
        return added

    async def open_hours(
        self, weekly: Any = ALWAYS, *, organization_id: UUID | None = None, owner_id: str | None = None, **more: Any
    ) -> None:
        schedule = {"zone": "Europe/Berlin", "weekly": weekly, **more}
        row = ScheduleRow(
            organization_id=organization_id or self.organization_id,
            owner_id=UUID(owner_id or self.business["id"]),
            owner_kind="business",
            schedule=schedule,
            version=int(datetime.now(UTC).timestamp() * 1_000_000),
        )
        async with self.database.system_transaction() as session:
            await bump_policy(session, await ScheduleStore(session).put([row]))

    async def rows(self, query: str, **values: Any) -> list[RowMapping]:
        async with self.database.system_transaction() as session:
            return list((await session.execute(text(query), values)).mappings())

    async def published(self) -> list[OutboxRecord]:
        """The records that wait to be sent, as the relay takes them."""
        rows = await self.rows(
            "SELECT id, organization_id, topic, key, aggregatetype, aggregateid, type, payload, headers"
            " FROM outbox ORDER BY seq"
        )
        return [OutboxRecord(**row) for row in rows]

    async def outbox(self) -> list[Json]:
        rows = await self.rows("SELECT topic, key, type, payload, headers FROM outbox ORDER BY seq")
        return [{**row, "payload": row["payload"] and json.loads(row["payload"])} for row in rows]


async def are_waiting(tenant: Tenant, at_least: int = 1) -> bool:
    """Whether as many transactions wait for others."""
    async with tenant.as_owner() as other:
        count: int = await other.fetchval(
            """
            SELECT count(DISTINCT pid) FROM pg_locks JOIN pg_stat_activity USING (pid)
            WHERE NOT granted AND datname = current_database()
            """
        )
        return count >= at_least


@asynccontextmanager
async def stopped(tenant: Tenant, client_id: str) -> AsyncIterator[Callable[[int], Awaitable[None]]]:
    """Whoever books for the client waits, after looking and before taking, until this ends; gives what waits for them.

    An erase or a change of the client would stop them there as well.
    """
    async with tenant.as_owner() as owner:
        await owner.execute("SET slotstream.organization = '*'")

        async def waiting(at_least: int) -> None:
            await until(lambda: are_waiting(tenant, at_least), what=f"{at_least} wait")

        async with owner.transaction():
            await owner.execute("SELECT 1 FROM clients WHERE id = $1 FOR NO KEY UPDATE", UUID(client_id))
            yield waiting


async def one_before_the_other(tenant: Tenant, first: Awaitable[Any], second: Awaitable[Any]) -> list[Any]:
    """Both answers; the first has written everything and is not committed when the second begins."""
    async with tenant.as_owner() as owner, owner.transaction():
        await owner.execute("LOCK TABLE outbox IN EXCLUSIVE MODE")
        going = [asyncio.ensure_future(first)]
        await until(lambda: are_waiting(tenant, 1), what="the first waits")
        going.append(asyncio.ensure_future(second))
        await until(lambda: are_waiting(tenant, 2), what="the second waits")
    return list(await asyncio.gather(*going))


async def deadlocks(tenant: Tenant) -> int:
    """How many there have been in this database."""
    [row] = await tenant.rows("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    return int(row["deadlocks"])
