"""An imports service for one test: real PostgreSQL, a clock that stands still, booking played by the test."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx2
from fastapi import FastAPI
from sqlalchemy import text

from imports.consumers import clients_handler, on_catalogue, results_handler
from imports.usecases.reading import FileCursor
from imports.worker import ImportWorker
from slotstream_contracts import Envelope, parse, wrap
from slotstream_contracts.base import Reason
from slotstream_contracts.clients import ClientState
from slotstream_contracts.commands import (
    AppointmentItem,
    CheckAppointments,
    CommandRefused,
    CommandSucceeded,
    ItemResult,
    UndoAppointments,
)
from slotstream_contracts.testing import assert_valid_message
from slotstream_servicekit.consumer import Received
from slotstream_servicekit.database import Database

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
ERIKA = "Erika", "Musterfrau", "23456789", "allergic"
"""What tests type of a client whom they erase."""


def received(
    data: Any, *, organization_id: UUID, key: str | None = None, at: datetime = NOW
) -> Received[Envelope[Any]]:
    """A record as a consumer gets it; a tombstone where `data` is None."""
    envelope = None
    if data is not None:
        envelope = wrap(
            data,
            organization=organization_id,
            subject="x",
            sequence=1,
            time=NOW,
            source="/slotstream/booking",
            correlation_id="test",
        )
    own_key = str(getattr(data, "id", None) or getattr(data, "command_id", "x"))
    return Received(
        event=envelope,
        key=key or own_key,
        topic="t",
        partition=0,
        offset=0,
        timestamp=at,
        organization_id=organization_id,
        sequence=1 if envelope else 9,
    )


TAKEN = Reason(code="slot_taken", detail="Somebody has it.", conflicts_with=("a",))


def items_of(*commands: Any) -> list[AppointmentItem]:
    """What commands that check or book ask for, in their order."""
    return [item for command in commands for item in command.data.items]


def appointments_of(command: Any) -> list[UUID]:
    """The appointments that a command is about, in its order."""
    if command.type == UndoAppointments.type:
        return list(command.data.appointment_ids)
    return [item.appointment_id for item in items_of(command)]


def batch_of(command: Any) -> UUID | None:
    """The import that a command belongs to, which booking says in its answer."""
    is_undo = command.type == UndoAppointments.type
    batch_id: UUID | None = command.data.batch_id if is_undo else items_of(command)[0].request.batch_id
    return batch_id


def everything_goes(command: Any, **more: Any) -> CommandSucceeded:
    """Booking's answer where it grants all; `outcome` and the like are of every item."""
    usual = "bookable" if command.type == CheckAppointments.type else "done"
    results = {"outcome": usual, **more}
    granted = [ItemResult(appointment_id=appointment_id, **results) for appointment_id in appointments_of(command)]
    return answered(command, *granted)


def refused(command: Any, only: Collection[UUID] | None = None, *, because: Reason = TAKEN) -> CommandSucceeded:
    """Booking's answer where every appointment, or `only` some, would be in somebody's way."""
    granted = everything_goes(command)
    stands = {"outcome": "refused", "code": because.code, "detail": because.detail, "reasons": (because,)}
    results = (
        item.model_copy(update=stands) if only is None or item.appointment_id in only else item
        for item in granted.items
    )
    return answered(command, *results)


def item_result(item: AppointmentItem, **more: Any) -> ItemResult:
    return ItemResult(appointment_id=item.appointment_id, **more)


def answered(command: Any, *results: ItemResult) -> CommandSucceeded:
    return CommandSucceeded(command_id=command.id, command_type=command.type, batch_id=batch_of(command), items=results)


def refused_whole(command: Any, code: str = "forbidden") -> CommandRefused:
    """Booking's answer where it does not come to the single appointments."""
    return CommandRefused(
        command_id=command.id, command_type=command.type, batch_id=batch_of(command), code=code, detail="Not for you."
    )


def events_of(envelopes: Sequence[Any]) -> list[tuple[str, int]]:
    return [(envelope.type.rpartition(".")[2], envelope.sequence) for envelope in envelopes]


@dataclass
class ImportsService:
    """One organization with a business in Berlin, two staff and two services; `stranger` is of another one."""

    database: Database
    owner_url: str
    http: httpx2.AsyncClient
    stranger: httpx2.AsyncClient
    anonymous: httpx2.AsyncClient
    staff_client: httpx2.AsyncClient
    viewer: httpx2.AsyncClient
    worker: ImportWorker
    app: FastAPI
    now: list[datetime]
    organization_id: UUID
    business_id: UUID
    service_id: UUID
    anna_id: UUID
    sign_in: Callable[..., Awaitable[httpx2.AsyncClient]]

    everything_goes = staticmethod(everything_goes)
    items_of = staticmethod(items_of)
    item_result = staticmethod(item_result)
    answered = staticmethod(answered)
    refused = staticmethod(refused)
    refused_whole = staticmethod(refused_whole)
    events_of = staticmethod(events_of)

    async def as_user(self, subject: str) -> httpx2.AsyncClient:
        return await self.sign_in(role="manager", subject=subject)

    async def as_integration(self, *scopes: str) -> httpx2.AsyncClient:
        return await self.sign_in(role="integration", scopes=scopes)

    async def speak(self, language: str) -> None:
        """The business's language from now on."""
        await self.query("UPDATE businesses SET locale = :language RETURNING 1", language=language)

    async def upload(
        self,
        content: str | bytes,
        *,
        client: httpx2.AsyncClient | None = None,
        name: str = "march.csv",
        **headers: str,
    ) -> httpx2.Response:
        raw = content.encode() if isinstance(content, str) else content
        return await (client or self.http).post(
            "/v1/imports",
            files={"file": (name, raw, "text/csv")},
            data={"business_id": str(self.business_id)},
            headers=headers,
        )

    async def mapped(self, content: str | bytes, **more: Any) -> str:
        """Uploads and maps as suggested; the import's id."""
        uploaded = await self.upload(content)
        assert uploaded.status_code == 201, uploaded.text
        import_id: str = uploaded.json()["id"]
        preview = (await self.http.get(f"/v1/imports/{import_id}/preview")).json()
        answer = await self.http.put(f"/v1/imports/{import_id}/mapping", json={"columns": preview["columns"], **more})
        assert answer.status_code == 200, answer.text
        return import_id

    async def map(self, import_id: str, columns: Mapping[str, str], **reading: str) -> None:
        """Maps as a user says, the file read as chosen."""
        body = {"columns": columns, "reading": reading}
        answer = await self.http.put(f"/v1/imports/{import_id}/mapping", json=body)
        assert answer.status_code == 200, answer.text

    async def checked(self, content: str | bytes, **more: Any) -> str:
        import_id = await self.mapped(content, **more)
        await self.settle()
        return import_id

    async def finished(self, content: str | bytes) -> str:
        import_id = await self.checked(content)
        answer = await self.http.post(f"/v1/imports/{import_id}/confirm", json={})
        assert answer.status_code == 202, answer.text
        await self.settle()
        return import_id

    async def get(self, import_id: str) -> dict[str, Any]:
        return (await self.http.get(f"/v1/imports/{import_id}")).json()  # type: ignore[no-any-return]

    async def rows(self, import_id: str, **filters: str) -> list[dict[str, Any]]:
        answer = await self.http.get(f"/v1/imports/{import_id}/rows", params={"limit": "200", **filters})
        assert answer.status_code == 200, answer.text
        return answer.json()["items"]  # type: ignore[no-any-return]

    @asynccontextmanager
    async def watching(self, address: str, import_id: str) -> AsyncIterator[httpx2.Response]:
        """The progress of an import, as it is streamed from where the API listens."""
        async with (
            httpx2.AsyncClient(base_url=address, headers=self.http.headers, timeout=60) as client,
            client.stream("GET", f"/v1/imports/{import_id}/progress") as response,
        ):
            assert response.status_code == 200
            yield response

    def another_worker(self) -> ImportWorker:
        """One that has not yet opened any file."""
        cursor = FileCursor(self.worker.steps.cursor.readers)
        return replace(self.worker, steps=replace(self.worker.steps, cursor=cursor))

    async def work(self) -> None:
        while await self.worker.work_once():
            pass

    async def settle(self, booking: "Callable[[Any], Any] | None" = None) -> list[Any]:
        """Works and has `booking` answer until nothing moves; all commands that were sent."""
        sent: list[Any] = []
        while True:
            await self.work()
            commands = await self.take(topic="slotstream.booking.commands.v1")
            if not commands:
                return sent
            sent += commands
            await self.answer([(booking or everything_goes)(command) for command in commands])

    async def answer(self, results: Sequence[Any]) -> None:
        batch = [received(result, organization_id=self.organization_id) for result in results]
        async with self.database.system_transaction() as session:
            await results_handler(lambda: self.now[0])(session, batch)

    async def query(self, statement: str, **values: Any) -> Sequence[Any]:
        """Rows straight from the database, past every tenant."""
        async with self.database.system_transaction() as session:
            return (await session.execute(text(statement), values)).all()

    async def take(self, *, topic: str) -> list[Any]:
        """The envelopes that wait to be published on `topic`, oldest first; each is what its contract says."""
        async with self.database.system_transaction() as session:
            deleted = await session.execute(
                text("DELETE FROM outbox WHERE topic = :topic RETURNING *"), {"topic": topic}
            )
            records = sorted(deleted.all(), key=lambda record: record.seq)
        for record in records:
            assert_valid_message(record)
        return [parse(bytes(record.payload)) for record in records]

    async def receive_clients(
        self, clients: Sequence[tuple[UUID, ClientState | None]], *, at: datetime | None = None
    ) -> None:
        """States of clients, or tombstones, in their order."""
        batch = [
            received(state, organization_id=self.organization_id, key=str(client_id), at=at or self.now[0])
            for client_id, state in clients
        ]
        async with self.database.system_transaction() as session:
            await clients_handler(lambda: self.now[0])(session, batch)

    async def receive(self, *states: Any) -> None:
        batch = [received(state, organization_id=self.organization_id) for state in states]
        async with self.database.system_transaction() as session:
            await on_catalogue(session, batch)


async def everything(service: ImportsService) -> str:
    """All that the service's tables hold, as text."""
    tables = await service.query(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
    )
    texts: list[str] = []
    for found in tables:
        rows = await service.query(f"SELECT to_jsonb(t)::text AS text FROM {found.tablename} AS t")
        texts += [row.text for row in rows]
    for table, column in (("import_files", "content"), ("outbox", "payload"), ("idempotency_keys", "body")):
        texts += [
            bytes(row.bytes or b"").decode() for row in await service.query(f"SELECT {column} AS bytes FROM {table}")
        ]
    return "\n".join(texts)


def a_client(service: ImportsService, client_id: UUID, *, phone: str | None, email: str | None = None) -> ClientState:
    return ClientState(
        id=client_id,
        organization_id=service.organization_id,
        name="Erika Musterfrau",
        phone=phone,
        email=email,
        updated_at=NOW,
        version=1,
    )


async def erase(service: ImportsService, client_id: UUID) -> None:
    await service.receive_clients([(client_id, None)])
