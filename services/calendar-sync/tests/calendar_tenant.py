"""What several tests share: the service with one organization and resource, an ICS server, builders."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
from fastapi import FastAPI
from sqlalchemy import text

from calendar_sync.settings import CalendarSyncSettings
from calendar_sync.storage import AppointmentRow, BusinessRow, ResourceRow
from calendar_sync.usecases.projections import keep_appointments, keep_businesses, keep_resources
from calendar_sync.worker import Poller
from slotstream_contracts.testing import assert_valid_message
from slotstream_servicekit.database import Database

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


@dataclass(kw_only=True)
class IcsServer:
    """Serves one calendar over HTTP, with an ETag, and keeps what it is asked."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A row of the outbox. `data` None: a tombstone."""

    organization_id: UUID
    topic: str
    key: str
    type: str
    payload: bytes | None
    headers: Mapping[str, str]
    data: Any = None


@dataclass(kw_only=True)
class Tenant:
    """The service, one organization with one resource in Berlin, and a clock that is turned by hand."""

    app: FastAPI
    database: Database
    settings: CalendarSyncSettings
    http: httpx2.AsyncClient
    stranger: httpx2.AsyncClient
    anonymous: httpx2.AsyncClient
    poller: Poller
    organization_id: UUID
    stranger_id: UUID
    resource_id: UUID
    business_id: UUID
    now: datetime = NOW

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

    async def outbox(self) -> list[Published]:
        """Takes what is waiting to be published, oldest first; each is what the contract says."""
        async with self.database.system_transaction() as session:
            rows = await session.execute(
                text("DELETE FROM outbox RETURNING seq, organization_id, topic, key, type, payload, headers")
            )
            ordered = sorted(rows.all(), key=lambda row: row.seq)
        records = []
        for row in ordered:
            message = assert_valid_message(row)
            records.append(
                Published(
                    organization_id=row.organization_id,
                    topic=row.topic,
                    key=row.key,
                    type=row.type,
                    payload=row.payload,
                    headers=row.headers,
                    data=message["data"] if message is not None else None,
                )
            )
        return records

    async def busy(self) -> list[Published]:
        return [record for record in await self.outbox() if record.topic == "slotstream.external-busy.v1"]

    async def know_resource(
        self,
        *,
        zone: str = "Europe/Berlin",
        version: int = 1,
        organization_id: UUID | None = None,
        archived: bool = False,
    ) -> None:
        resource = ResourceRow(
            organization_id=organization_id or self.organization_id,
            id=self.resource_id,
            name="Ada",
            zone=zone,
            business_ids=(self.business_id,),
            archived=archived,
            version=version,
        )
        async with self.database.system_transaction() as session:
            await keep_resources(session=session, resources=[resource], now=self.now)

    async def know_business(self, *, address: str | None, version: int = 1) -> None:
        business = BusinessRow(
            organization_id=self.organization_id, id=self.business_id, address=address, version=version
        )
        async with self.database.system_transaction() as session:
            await keep_businesses(session=session, businesses=[business])

    async def know_appointments(self, *appointments: AppointmentRow) -> None:
        async with self.database.system_transaction() as session:
            await keep_appointments(session=session, appointments=appointments)

    def an_appointment(self, **more: Any) -> AppointmentRow:
        values: dict[str, Any] = {
            "organization_id": self.organization_id,
            "id": uuid4(),
            "business_id": self.business_id,
            "resource_ids": [self.resource_id],
            "calendar_uid": f"{uuid4()}@slotstream",
            "calendar_sequence": 0,
            "service_name": "Haircut",
            "location_kind": "business",
            "location_text": None,
            "starts_at": datetime(2026, 3, 28, 9, tzinfo=UTC),
            "ends_at": datetime(2026, 3, 28, 10, tzinfo=UTC),
            "zone": "Europe/Berlin",
            "status": "scheduled",
            "archived": False,
            "created_at": self.now,
            "updated_at": self.now,
            "version": 1,
        }
        return AppointmentRow(**{**values, **more})

    async def a_feed(self, **more: Any) -> dict[str, Any]:
        answer = await self.http.post("/v1/feeds", json={"resource_id": str(self.resource_id), **more})
        assert answer.status_code == 201, answer.text
        return answer.json()  # type: ignore[no-any-return]


def an_event(uid: str = "a", *, day: int = 10, hour: int = 10, more: str = "") -> str:
    """An event's lines: one hour on a day of March 2026."""
    starts = datetime(2026, 3, 1, hour, tzinfo=UTC) + timedelta(days=day - 1)
    ends = starts + timedelta(hours=1)
    return f"UID:{uid}\nDTSTART:{starts:%Y%m%dT%H%M%SZ}\nDTEND:{ends:%Y%m%dT%H%M%SZ}\n{more}"
