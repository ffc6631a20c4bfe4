"""A notifications service of one's own: real PostgreSQL, a real SMTP server, and a clock that is turned by hand."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast
from uuid import UUID, uuid4

import httpx2
import orjson
import pytest
import pytest_asyncio
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from fastapi import FastAPI
from sqlalchemy import text

from notifications.adapters.email import SmtpGateway, SmtpServer
from notifications.consumers import Hearing
from notifications.main import create_api, create_hearing, create_sender
from notifications.settings import NotificationsSettings
from notifications.worker import Sender
from slotstream_contracts.appointments import (
    AppointmentAssigned,
    AppointmentCancelled,
    AppointmentConfirmed,
    AppointmentCreated,
    AppointmentEvent,
    AppointmentReopened,
    AppointmentRescheduled,
    AppointmentSnapshot,
    AssignedResource,
    Change,
    FieldChange,
)
from slotstream_contracts.base import Actor, Message
from slotstream_contracts.catalogue import BusinessState, ResourceState, ServiceState
from slotstream_contracts.clients import ClientState
from slotstream_contracts.envelope import Envelope as Event
from slotstream_contracts.envelope import wrap
from slotstream_contracts.messages import SendMessage
from slotstream_servicekit.consumer import Received
from slotstream_servicekit.database import Database
from slotstream_servicekit.infrastructure.processes import free_port

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


@dataclass
class Mailbox:
    """A real SMTP server. `answers` are its replies after DATA, in turn; `silent` keeps it from answering at all."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    at_recipient: list[str] = field(default_factory=list)
    silent: bool = False
    connections: int = 0

    async def handle_EHLO(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.at_recipient:
            return self.at_recipient.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = cast("bytes", envelope.content)
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer.startswith("250") or self.silent:
            self.mails.append(cast("EmailMessage", message_from_bytes(content, policy=policy.default)))
        if self.silent:
            await asyncio.sleep(2)
        return answer


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox(port=free_port())
    controller = Controller(box, hostname="127.0.0.1", port=box.port, ready_timeout=60)
    controller.start()
    yield box
    controller.stop()


@dataclass
class World:
    """The service, one organization with a business in Berlin, Ada on its staff, and Grace as client."""

    app: FastAPI
    database: Database
    settings: NotificationsSettings
    http: httpx2.AsyncClient
    stranger: httpx2.AsyncClient
    viewer: httpx2.AsyncClient
    anonymous: httpx2.AsyncClient
    hearing: Hearing
    sender: Sender
    mailbox: Mailbox
    organization_id: UUID
    business_id: UUID
    service_id: UUID
    staff_id: UUID
    client_id: UUID
    now: datetime = NOW

    def clock(self) -> datetime:
        return self.now

    def snapshot(self, **more: Any) -> AppointmentSnapshot:
        identity = uuid4()
        starts_at = more.get("starts_at", datetime(2026, 3, 10, 9, tzinfo=UTC))
        values: dict[str, Any] = {
            "id": identity,
            "organization_id": self.organization_id,
            "business_id": self.business_id,
            "zone": "Europe/Berlin",
            "client_id": self.client_id,
            "service_id": self.service_id,
            "service_name": "Haircut",
            "starts_at": starts_at,
            "ends_at": starts_at + timedelta(minutes=30),
            "resources": (AssignedResource(id=self.staff_id, kind="staff", name="Ada"),),
            "status": "scheduled",
            "source": "api",
            "calendar_uid": f"{more.get('id', identity)}@slotstream",
            "occupies": True,
            "created_at": self.now,
            "updated_at": self.now,
            "version": 1,
        }
        return AppointmentSnapshot(**{**values, **more})

    def after(self, snapshot: AppointmentSnapshot, **changes: Any) -> AppointmentSnapshot:
        values = {"version": snapshot.version + 1, "updated_at": self.now, **changes}
        return snapshot.model_copy(update=values)

    def event(self, data: AppointmentEvent, *, time: datetime | None = None, id: UUID | None = None) -> Event[Any]:  # noqa: A002
        one = data.appointment
        return wrap(
            data,
            organization=one.organization_id,
            subject=str(one.id),
            sequence=one.version,
            time=time or self.now,
            source="/slotstream/booking",
            correlation_id="c-1",
            id=id,
        )

    def created(self, snapshot: AppointmentSnapshot, **more: Any) -> Event[Any]:
        return self._event(AppointmentCreated, snapshot, "create", **more)

    def confirmed(self, snapshot: AppointmentSnapshot) -> Event[Any]:
        return self._event(AppointmentConfirmed, self.after(snapshot, status="confirmed"), "confirm")

    def cancelled(self, snapshot: AppointmentSnapshot, **changes: Any) -> Event[Any]:
        gone = self.after(
            snapshot, status="cancelled", calendar_sequence=snapshot.calendar_sequence + 1, occupies=False, **changes
        )
        return self._event(AppointmentCancelled, gone, "cancel")

    def reopened(self, snapshot: AppointmentSnapshot) -> Event[Any]:
        back = self.after(snapshot, status="scheduled", calendar_sequence=snapshot.calendar_sequence + 1)
        change = {"status": FieldChange(old="cancelled", new="scheduled")}
        return self._event(AppointmentReopened, back, "reopen", fields=change)

    def assigned(self, snapshot: AppointmentSnapshot, *staff: tuple[UUID, str]) -> Event[Any]:
        resources = tuple(AssignedResource(id=each, kind="staff", name=name) for each, name in staff)
        return self._event(AppointmentAssigned, self.after(snapshot, resources=resources), "assign")

    def rescheduled(self, old: AppointmentSnapshot, starts_at: datetime) -> tuple[Event[Any], Event[Any]]:
        """The events on the old and on the new appointment."""
        new = self.snapshot(
            starts_at=starts_at,
            rescheduled_from=old.id,
            previous_starts_at=old.starts_at,
            calendar_uid=old.calendar_uid,
            calendar_sequence=old.calendar_sequence + 1,
            notify_client=old.notify_client,
            client_id=old.client_id,
            resources=old.resources,
        )
        gone = self.after(old, status="rescheduled", rescheduled_to=new.id, occupies=False)
        data = AppointmentRescheduled(
            appointment=gone, replacement=new, change=Change(verb="reschedule"), actor=Actor(type="user", id="u-1")
        )
        return self.event(data), self.created(new)

    def _event(
        self,
        kind: type[AppointmentEvent],
        snapshot: AppointmentSnapshot,
        verb: Any,
        *,
        actor: str = "u-1",
        fields: Any = None,
        **more: Any,
    ) -> Event[Any]:
        change = Change(verb=verb, fields=fields or {})
        return self.event(kind(appointment=snapshot, change=change, actor=Actor(type="user", id=actor)), **more)

    async def hear(self, *events: Event[Any]) -> None:
        async with self.database.system_transaction() as session:
            await self.hearing.on_appointments(session, [_received(each, str(each.subject)) for each in events])

    async def ask(self, wish: SendMessage, *, time: datetime | None = None) -> None:
        """A command from booking."""
        command = wrap(
            wish,
            organization=self.organization_id,
            subject=str(wish.appointment_id),
            sequence=0,
            time=time or self.now,
            source="/slotstream/booking",
            correlation_id="c-1",
        )
        async with self.database.system_transaction() as session:
            await self.hearing.on_requests(session, [_received(command, str(wish.appointment_id))])

    async def know(self, *states: Message) -> None:
        """The states of clients and of the catalogue, as booking publishes them."""
        for state in states:
            handler = self.hearing.on_clients if isinstance(state, ClientState) else self.hearing.on_catalogue
            async with self.database.system_transaction() as session:
                await handler(session, [_received(_state_event(state), str(cast("Any", state).id))])

    async def erase(self, client_id: UUID) -> None:
        async with self.database.system_transaction() as session:
            await self.hearing.on_clients(session, [_received(None, str(client_id))])

    def client(self, **more: Any) -> ClientState:
        values: dict[str, Any] = {
            "id": self.client_id,
            "organization_id": self.organization_id,
            "name": "Grace Hopper",
            "email": "grace@example.com",
            "updated_at": self.now,
            "version": 1,
        }
        return ClientState(**{**values, **more})

    def business(self, **more: Any) -> BusinessState:
        values: dict[str, Any] = {
            "id": self.business_id,
            "organization_id": self.organization_id,
            "name": "Salon Nord",
            "zone": "Europe/Berlin",
            "locale": "en-GB",
            "phone_region": "DE",
            "country": "DE",
            "currency": "EUR",
            "email": "hello@salon.example",
            "address": "Hauptstraße 1, Berlin",
            "updated_at": self.now,
            "version": 1,
        }
        return BusinessState(**{**values, **more})

    def service(self, **more: Any) -> ServiceState:
        values: dict[str, Any] = {
            "id": self.service_id,
            "organization_id": self.organization_id,
            "business_id": self.business_id,
            "name": "Haircut",
            "duration_minutes": 30,
            "updated_at": self.now,
            "version": 1,
        }
        return ServiceState(**{**values, **more})

    def staff(self, **more: Any) -> ResourceState:
        values: dict[str, Any] = {
            "id": self.staff_id,
            "organization_id": self.organization_id,
            "name": "Ada",
            "business_ids": (self.business_id,),
            "kind": "staff",
            "zone": "Europe/Berlin",
            "updated_at": self.now,
            "version": 1,
        }
        return ResourceState(**{**values, **more})

    async def send(self) -> list[EmailMessage]:
        """Sends what is due now; the mails that arrived with it."""
        before = len(self.mailbox.mails)
        await self.sender.send_due()
        return self.mailbox.mails[before:]

    async def ledger(self) -> list[dict[str, Any]]:
        """The organization's messages, oldest first."""
        answer = await self.http.get("/v1/messages", params={"limit": 200})
        assert answer.status_code == 200, answer.text
        return list(reversed(answer.json()["items"]))

    async def outcomes(self) -> list[tuple[str, str, str | None]]:
        """Kind, status and the reason (why or code) of each message, oldest first."""
        return [(each["kind"], each["status"], each["why"] or each["code"]) for each in await self.ledger()]

    async def said(self) -> list[tuple[str, str]]:
        """Takes what is waiting to be published, oldest first: type and kind of message."""
        async with self.database.system_transaction() as session:
            rows = (await session.execute(text("DELETE FROM outbox RETURNING seq, type, payload"))).all()
        found = sorted(rows, key=lambda row: row.seq)
        return [(row.type.rpartition(".")[2], orjson.loads(row.payload)["data"]["kind"]) for row in found]

    async def execute(self, statement: str) -> None:
        async with self.database.system_transaction() as session:
            await session.execute(text(statement))


def _state_event(state: Message) -> Event[Any]:
    known = cast("Any", state)
    return wrap(
        state,
        organization=known.organization_id,
        subject=str(known.id),
        sequence=known.version,
        time=known.updated_at,
        source="/slotstream/booking",
        correlation_id="c-1",
    )


def _received(event: Event[Any] | None, key: str) -> Received[Event[Any]]:
    return Received(event=event, key=key, topic="t", partition=0, offset=0, timestamp=NOW)


@pytest_asyncio.fixture
async def world(
    fresh_database: Callable[[str], Any],
    signer: Any,
    api_client: Callable[..., Awaitable[httpx2.AsyncClient]],
    mailbox: Mailbox,
) -> AsyncIterator[World]:
    fresh = fresh_database("notifications")
    settings = NotificationsSettings(
        database_url=fresh.app_url,
        issuers=(signer.issuer,),
        smtp_port=mailbox.port,
        smtp_data_seconds=1,
        sender_address="no-reply@mail.example",
        catalogue_wait=timedelta(milliseconds=200),
        most_attempts=3,
    )
    organization_id = uuid4()
    made: list[World] = []

    def clock() -> datetime:
        return made[0].now

    app = create_api(settings, clock=clock)
    gateway = SmtpGateway(SmtpServer(host="127.0.0.1", port=mailbox.port, data_seconds=60, seconds=60))
    world = World(
        app=app,
        database=fresh.database,
        settings=settings,
        http=await api_client(app, token=signer.token(organization_id=organization_id)),
        stranger=await api_client(app, token=signer.token(organization_id=uuid4())),
        viewer=await api_client(app, token=signer.token(organization_id=organization_id, role="viewer")),
        anonymous=await api_client(app),
        hearing=create_hearing(settings, clock=clock),
        sender=create_sender(settings, database=fresh.database, gateway=gateway, clock=clock),
        mailbox=mailbox,
        organization_id=organization_id,
        business_id=uuid4(),
        service_id=uuid4(),
        staff_id=uuid4(),
        client_id=uuid4(),
    )
    made.append(world)
    await world.know(world.business(), world.service(), world.staff(), world.client())
    yield world
    await gateway.aclose()
