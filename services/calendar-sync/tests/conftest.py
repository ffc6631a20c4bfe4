"""A calendar-sync of one's own: real PostgreSQL, a clock that is turned by hand, and a real ICS server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any
from uuid import UUID, uuid4

import httpx2
import orjson
import pytest
import pytest_asyncio
from cryptography.fernet import Fernet
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import text

from calendar_sync.adapters.guarded_http import GuardedHttp
from calendar_sync.adapters.ics.process import ExpansionProcess
from calendar_sync.adapters.ics.reader import IcsReader
from calendar_sync.domain import ConnectionKind
from calendar_sync.main import create_api, create_poller
from calendar_sync.settings import CalendarSyncSettings
from calendar_sync.usecases.projections import KnownResource, remember_resources
from calendar_sync.worker import Poller
from slotstream_servicekit.database import Database

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


@dataclass
class IcsServer:
    """Serves one calendar over HTTP, with an ETag, and counts what it is asked."""

    port: int = 0
    text: bytes = b""
    etag: str | None = '"1"'
    answer: bytes | None = None
    requests: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/private-s3cret/basic.ics"

    def show(self, *events: str) -> None:
        body = "".join(f"BEGIN:VEVENT\n{event.strip()}\nEND:VEVENT\n" for event in events)
        calendar = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:test\n{body}END:VCALENDAR\n"
        self.text = calendar.replace("\n", "\r\n").encode()
        self.etag = f'"{hash(self.text)}"'

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.requests.append(request)
        with suppress(ConnectionError):
            writer.write(self.answer or self._answer(request))
            await writer.drain()
        writer.close()

    def _answer(self, request: str) -> bytes:
        if self.etag is not None and f"if-none-match: {self.etag}" in request.lower():
            return b"HTTP/1.1 304 Not Modified\r\n\r\n"
        tag = f"ETag: {self.etag}\r\n" if self.etag else ""
        return f"HTTP/1.1 200 OK\r\nContent-Length: {len(self.text)}\r\n{tag}\r\n".encode() + self.text


@pytest_asyncio.fixture
async def ics() -> AsyncIterator[IcsServer]:
    state = IcsServer()
    server = await asyncio.start_server(state.serve, "127.0.0.1", 0)
    state.port = server.sockets[0].getsockname()[1]
    state.show()
    async with server:
        yield state


@dataclass
class World:
    """The service, one organization with one resource in Berlin, and a clock."""

    app: FastAPI
    database: Database
    settings: CalendarSyncSettings
    http: httpx2.AsyncClient
    stranger: httpx2.AsyncClient
    anonymous: httpx2.AsyncClient
    poller: Poller
    organization_id: UUID
    resource_id: UUID
    now: datetime = NOW

    def clock(self) -> datetime:
        return self.now

    async def connect(self, url: str, **more: Any) -> dict[str, Any]:
        body = {"kind": "ics", "resource_id": str(self.resource_id), "url": url, **more}
        answer = await self.http.post("/v1/connections", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()  # type: ignore[no-any-return]

    async def connection(self, connection_id: str) -> dict[str, Any]:
        return (await self.http.get(f"/v1/connections/{connection_id}")).json()  # type: ignore[no-any-return]

    async def poll(self, *, after: timedelta = timedelta(hours=20)) -> None:
        """Lets time pass, so that all is due, then reads once."""
        self.now += after
        await self.poller.poll_once()

    async def outbox(self) -> list[dict[str, Any]]:
        """Takes what is waiting to be published, oldest first: topic, key, and data (None: a tombstone)."""
        async with self.database.system_transaction() as session:
            rows = await session.execute(
                text("DELETE FROM outbox RETURNING seq, topic, key, type, payload, organization_id")
            )
            found = sorted(rows.all(), key=lambda row: row.seq)
        return [
            {
                "topic": row.topic,
                "key": row.key,
                "type": row.type,
                "data": orjson.loads(row.payload)["data"] if row.payload is not None else None,
            }
            for row in found
        ]

    async def busy(self) -> list[dict[str, Any]]:
        return [each for each in await self.outbox() if each["topic"] == "slotstream.external-busy.v1"]

    async def know_resource(self, *, zone: str = "Europe/Berlin", version: int = 1, **more: Any) -> None:
        resource = KnownResource(
            **{
                "organization_id": self.organization_id,
                "id": self.resource_id,
                "name": "Ada",
                "archived": False,
                **more,
            },
            zone=zone,
            version=version,
        )
        async with self.database.system_transaction() as session:
            await remember_resources(session, resources=[resource], now=self.now)


@pytest_asyncio.fixture
async def world(
    fresh_database: Callable[[str], Any], signer: Any, api_client: Callable[..., Awaitable[httpx2.AsyncClient]]
) -> AsyncIterator[World]:
    fresh = fresh_database("calendar_sync")
    settings = CalendarSyncSettings(
        database_url=fresh.app_url,
        public_url="https://sync.example.com",
        issuers=(signer.issuer,),
        secret_keys=(SecretStr(Fernet.generate_key().decode()),),
        allowed_networks=(ip_network("127.0.0.0/8"),),
        fetch_seconds=30,
        fetch_max_bytes=2_000_000,
        resource_wait=timedelta(milliseconds=200),
    )
    organization_id = uuid4()
    clock_of: list[World] = []
    app = create_api(settings, clock=lambda: clock_of[0].now)
    guarded = GuardedHttp(allowed=settings.allowed_networks, seconds=30, max_bytes=settings.fetch_max_bytes)
    world = World(
        app=app,
        database=fresh.database,
        settings=settings,
        http=await api_client(app, token=signer.token(organization_id=organization_id)),
        stranger=await api_client(app, token=signer.token(organization_id=uuid4())),
        anonymous=await api_client(app),
        poller=create_poller(
            settings,
            database=fresh.database,
            readers={ConnectionKind.ICS: IcsReader(guarded, ExpansionProcess(seconds=60))},
            clock=lambda: clock_of[0].now,
        ),
        organization_id=organization_id,
        resource_id=uuid4(),
    )
    clock_of.append(world)
    await world.know_resource()
    yield world
    await guarded.aclose()


@pytest.fixture
def an_event() -> Callable[..., str]:
    """An event's lines: one hour on a day of March 2026."""

    def build(uid: str = "a", *, day: int = 10, hour: int = 10, more: str = "") -> str:
        starts = datetime(2026, 3, 1, hour, tzinfo=UTC) + timedelta(days=day - 1)
        ends = starts + timedelta(hours=1)
        return f"UID:{uid}\nDTSTART:{starts:%Y%m%dT%H%M%SZ}\nDTEND:{ends:%Y%m%dT%H%M%SZ}\n{more}"

    return build
