"""A world to book in: an organization with a business, staff, a service, hours and a client."""

import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import text

from booking.main import create_api
from booking.settings import BookingSettings
from booking.storage.policies import bump_policy
from booking.storage.projections import ScheduleRow, apply_schedules

# With importmode=importlib a tests folder is not on the path: for what several tests share.
sys.path.append(str(Path(__file__).parent))

NOW = datetime(2027, 3, 1, 8, 0, tzinfo=UTC)
"""A Monday."""

ALWAYS = [{"weekday": day, "intervals": [{"from": "06:00", "to": "22:00"}]} for day in range(7)]


@dataclass(slots=True)
class World:
    """One organization, set up over HTTP as its owner would."""

    organization_id: UUID
    api: Any
    database: Any
    now: list[datetime]
    client_as: Callable[..., Awaitable[Any]]
    app: Any = None
    owner_url: str = ""
    business: dict[str, Any] = field(default_factory=dict)
    staff: list[dict[str, Any]] = field(default_factory=list)
    service: dict[str, Any] = field(default_factory=dict)
    client: dict[str, Any] = field(default_factory=dict)

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

    def wish(self, starts_at: str, **more: Any) -> dict[str, Any]:
        return {
            "business_id": self.business["id"],
            "service_id": self.service["id"],
            "client_id": self.client["id"],
            "starts_at": starts_at,
            "resource_ids": [self.staff[0]["id"]],
            **more,
        }

    async def book(self, starts_at: str, **more: Any) -> dict[str, Any]:
        answer = await self.api.post("/v1/appointments", json=self.wish(starts_at, **more))
        assert answer.status_code == 201, answer.text
        booked: dict[str, Any] = answer.json()
        return booked

    async def post(self, path: str, body: dict[str, Any] | None = None, *, status: int = 200, **headers: str) -> Any:
        answer = await self.api.post(path, json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def get(self, path: str, *, status: int = 200, **params: Any) -> Any:
        answer = await self.api.get(path, params=params)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def add_service(self, **more: Any) -> dict[str, Any]:
        body = {"business_id": self.business["id"], "name": "Massage", "duration_minutes": 30, **more}
        added: dict[str, Any] = await self.post("/v1/services", body, status=201)
        return added

    async def add_staff(self, name: str) -> dict[str, Any]:
        body = {"name": name, "business_ids": [self.business["id"]], "zone": "Europe/Berlin"}
        added: dict[str, Any] = await self.post("/v1/resources", body, status=201)
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
            schedule=json.dumps(schedule),
            version=int(datetime.now(UTC).timestamp() * 1_000_000),
        )
        async with self.database.system_transaction() as session:
            await bump_policy(session, await apply_schedules(session, [row]))

    async def rows(self, query: str, **values: Any) -> list[Any]:
        async with self.database.system_transaction() as session:
            return list((await session.execute(text(query), values)).mappings())

    async def outbox(self) -> list[dict[str, Any]]:
        rows = await self.rows("SELECT topic, key, type, payload, headers FROM outbox ORDER BY seq")
        return [{**row, "payload": row["payload"] and json.loads(row["payload"])} for row in rows]


@pytest.fixture
def settings_of(signer: Any) -> Callable[..., BookingSettings]:
    def make(database_url: str, **more: Any) -> BookingSettings:
        return BookingSettings(database_url=database_url, issuers=(signer.issuer,), database_pool_size=40, **more)

    return make


@pytest_asyncio.fixture
async def world(fresh_database: Any, api_client: Any, signer: Any, settings_of: Any) -> AsyncIterator[World]:
    fresh = fresh_database("booking")
    now = [NOW]
    app = create_api(settings_of(fresh.app_url), clock=lambda: now[0])

    async def client_as(role: str = "owner", *, organization: UUID | None = None, **more: Any) -> Any:
        headers = more.pop("headers", {})
        token = signer.token(organization_id=organization or organization_id, role=role, **more)
        return await api_client(app, token=token, **headers)

    organization_id = uuid4()
    made = World(organization_id, await client_as(), fresh.database, now, client_as, app, fresh.owner_url)
    made.business = await made.post(
        "/v1/businesses",
        {"name": "Mitte", "zone": "Europe/Berlin", "phone_region": "DE", "currency": "EUR"},
        status=201,
    )
    await made.add_staff("Ada")
    made.service = await made.add_service()
    made.client = await made.post("/v1/clients", {"name": "Grace Hopper", "phone": "+49 30 901820"}, status=201)
    await made.open_hours()
    yield made
