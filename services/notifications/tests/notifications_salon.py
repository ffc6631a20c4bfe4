"""A notifications service of one's own, with one organization: a salon in Berlin, Ada on its staff, Grace as client."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any, cast
from uuid import UUID, uuid4

import asyncpg
import httpx2
from fastapi import FastAPI
from notifications_mailbox import Mailbox
from sqlalchemy import text

from notifications.adapters.accounts import OwnAccounts
from notifications.adapters.email import EmailChannel, SmtpGateway
from notifications.api import Dependencies
from notifications.channels import create_accounts, create_channels
from notifications.consumers import Handlers
from notifications.domain.channels import Channels, NotificationChannel
from notifications.domain.messages import Channel
from notifications.main import create_account_rules, create_number_digests
from notifications.settings import NotificationsSettings
from notifications.worker import Replanner, Sender
from slotstream_contracts.appointments import (
    AppointmentApproved,
    AppointmentAssigned,
    AppointmentCancelled,
    AppointmentConfirmed,
    AppointmentCreated,
    AppointmentEvent,
    AppointmentNoShow,
    AppointmentReopened,
    AppointmentRescheduled,
    AppointmentSnapshot,
    AppointmentState,
    AppointmentUpdated,
    AssignedResource,
    Change,
    FieldChange,
    Verb,
)
from slotstream_contracts.base import Actor, Message
from slotstream_contracts.catalogue import BusinessState, ResourceState, ServiceState
from slotstream_contracts.clients import ClientState
from slotstream_contracts.envelope import Envelope, wrap
from slotstream_contracts.messages import SendMessage, WithdrawMessages
from slotstream_contracts.testing import assert_valid_message
from slotstream_contracts.users import UserState
from slotstream_servicekit.consumer import Received
from slotstream_servicekit.database import Database

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)

Event = Envelope[Any]


@dataclass
class Salon:
    """The service, one organization with a business in Berlin, Ada on its staff, and Grace as client."""

    app: FastAPI
    database: Database
    owner_url: str
    settings: NotificationsSettings
    http: httpx2.AsyncClient
    stranger: httpx2.AsyncClient
    viewer: httpx2.AsyncClient
    anonymous: httpx2.AsyncClient
    handlers: Handlers
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

    @property
    def email(self) -> EmailChannel:
        return cast("EmailChannel", self.sender.channels.get(Channel.EMAIL))

    @property
    def gateway(self) -> SmtpGateway:
        return self.email._gateway

    def use_channels(self, *channels: NotificationChannel) -> None:
        """From now on these are the configured channels; news goes out on all of them."""
        self.use(Channels(channels, immediate=[channel.name for channel in channels]))

    def use(self, configured: Channels, settings: NotificationsSettings | None = None) -> None:
        """These channels from now on, and calls and numbers as `settings` say."""
        if settings is not None:
            self.sender.numbers = self.handlers.numbers = create_number_digests(settings)
            self.app.state.dependencies = replace(
                cast("Dependencies", self.app.state.dependencies),
                numbers=self.sender.numbers,
                twilio_token=settings.twilio_auth_token.get_secret_value() if settings.twilio_auth_token else None,
                twilio_callback_url=settings.twilio_callback_url,
                account_rules=create_account_rules(settings),
            )
        self.sender.channels = self.handlers.channels = configured
        dependencies = cast("Dependencies", self.app.state.dependencies)
        accounts = cast("OwnAccounts | None", configured.accounts) or dependencies.accounts
        self.app.state.dependencies = replace(dependencies, channels=configured, accounts=accounts)

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

    def event(self, data: AppointmentEvent, *, time: datetime | None = None, id: UUID | None = None) -> Event:  # noqa: A002
        appointment = data.appointment
        return wrap(
            data,
            organization=appointment.organization_id,
            subject=str(appointment.id),
            sequence=appointment.version,
            time=time or self.now,
            source="/slotstream/booking",
            correlation_id="c-1",
            id=id,
        )

    def created(self, snapshot: AppointmentSnapshot, **more: Any) -> Event:
        return self._event(AppointmentCreated, snapshot, "create", **more)

    def approved(self, snapshot: AppointmentSnapshot) -> Event:
        return self._event(AppointmentApproved, self.after(snapshot, status="scheduled"), "approve")

    def confirmed(self, snapshot: AppointmentSnapshot) -> Event:
        return self._event(AppointmentConfirmed, self.after(snapshot, status="confirmed"), "confirm")

    def cancelled(self, snapshot: AppointmentSnapshot, *, tell_client: bool | None = None, **changes: Any) -> Event:
        gone = self.after(
            snapshot, status="cancelled", calendar_sequence=snapshot.calendar_sequence + 1, occupies=False, **changes
        )
        return self._event(AppointmentCancelled, gone, "cancel", tell_client=tell_client)

    def no_show(self, snapshot: AppointmentSnapshot, *, tell_client: bool | None = None) -> Event:
        change = {"status": FieldChange(old=snapshot.status, new="no_show")}
        after = self.after(snapshot, status="no_show")
        return self._event(AppointmentNoShow, after, "no_show", fields=change, tell_client=tell_client)

    def reopened(self, snapshot: AppointmentSnapshot, *, after: str = "cancelled") -> Event:
        back = self.after(snapshot, status="scheduled", calendar_sequence=snapshot.calendar_sequence + 1)
        change = {"status": FieldChange(old=after, new="scheduled")}
        return self._event(AppointmentReopened, back, "reopen", fields=change)

    def assigned(self, snapshot: AppointmentSnapshot, *staff: tuple[UUID, str]) -> Event:
        resources = tuple(AssignedResource(id=resource_id, kind="staff", name=name) for resource_id, name in staff)
        return self._event(AppointmentAssigned, self.after(snapshot, resources=resources), "assign")

    def corrected(
        self, snapshot: AppointmentSnapshot, client_id: UUID, *, tell_client: bool | None = None, **changes: Any
    ) -> Event:
        """It was for another client in truth."""
        change = {"client_id": FieldChange(old=str(snapshot.client_id), new=str(client_id))}
        sequence = snapshot.calendar_sequence + 1
        after = self.after(snapshot, client_id=client_id, calendar_sequence=sequence, **changes)
        return self._event(AppointmentUpdated, after, "update", fields=change, tell_client=tell_client)

    def rescheduled(
        self,
        old: AppointmentSnapshot,
        starts_at: datetime,
        *,
        resources: tuple[AssignedResource, ...] | None = None,
        tell_client: bool | None = None,
    ) -> tuple[Event, Event]:
        """The events on the old and on the new appointment."""
        new = self.snapshot(
            starts_at=starts_at,
            rescheduled_from=old.id,
            previous_starts_at=old.starts_at,
            calendar_uid=old.calendar_uid,
            calendar_sequence=old.calendar_sequence + 1,
            notify_client=old.notify_client,
            client_id=old.client_id,
            resources=resources or old.resources,
        )
        gone = self.after(old, status="rescheduled", rescheduled_to=new.id, occupies=False)
        data = AppointmentRescheduled(
            appointment=gone,
            replacement=new,
            change=Change(verb="reschedule", tell_client=tell_client),
            actor=Actor(type="user", id="u-1"),
        )
        return self.event(data), self.created(new)

    def _event(
        self,
        kind: type[AppointmentEvent],
        snapshot: AppointmentSnapshot,
        verb: Verb,
        *,
        actor: str = "u-1",
        fields: dict[str, FieldChange] | None = None,
        tell_client: bool | None = None,
        **more: Any,
    ) -> Event:
        change = Change(verb=verb, fields=fields or {}, tell_client=tell_client)
        return self.event(kind(appointment=snapshot, change=change, actor=Actor(type="user", id=actor)), **more)

    async def receive(self, *events: Event) -> None:
        async with self.database.system_transaction() as session:
            await self.handlers.on_appointments(session, [_received(event, event.subject) for event in events])

    @staticmethod
    def received(event: Event) -> Received[Event]:
        return _received(event, event.subject)

    async def receive_appointment_states(self, *snapshots: AppointmentSnapshot) -> None:
        """The newest states, which alone tell what was typed for one appointment."""
        events = [
            wrap(
                AppointmentState(appointment=snapshot),
                organization=snapshot.organization_id,
                subject=str(snapshot.id),
                sequence=snapshot.version,
                time=self.now,
                source="/slotstream/booking",
                correlation_id="c-1",
            )
            for snapshot in snapshots
        ]
        async with self.database.system_transaction() as session:
            await self.handlers.on_appointment_states(session, [_received(event, event.subject) for event in events])

    def commanded(
        self,
        command: SendMessage | WithdrawMessages,
        *,
        time: datetime | None = None,
        organization_id: UUID | None = None,
    ) -> Received[Event]:
        """A command from booking."""
        subject = str(command.appointment_id if isinstance(command, SendMessage) else command.order_id)
        envelope = wrap(
            command,
            organization=organization_id or self.organization_id,
            subject=subject,
            sequence=0,
            time=time or self.now,
            source="/slotstream/booking",
            correlation_id="c-1",
        )
        return _received(envelope, subject)

    async def request(self, command: SendMessage, *, time: datetime | None = None) -> None:
        async with self.database.system_transaction() as session:
            await self.handlers.on_notification_commands(session, [self.commanded(command, time=time)])

    async def withdraw(self, order_id: UUID, *, organization_id: UUID | None = None) -> None:
        """Nothing more of this order."""
        command = WithdrawMessages(actor=Actor(type="user", id="u-1"), order_id=order_id)
        async with self.database.system_transaction() as session:
            received = self.commanded(command, organization_id=organization_id)
            await self.handlers.on_notification_commands(session, [received])

    async def receive_states(self, *states: Message) -> None:
        """The states of clients and of the catalogue, as booking publishes them."""
        for state in states:
            handler = {ClientState: self.handlers.on_clients, UserState: self.handlers.on_users}.get(
                type(state), self.handlers.on_catalogue
            )
            async with self.database.system_transaction() as session:
                await handler(session, [self.state_record(state)])

    @staticmethod
    def state_record(state: Message, *, erased: bool = False) -> Received[Event]:
        """The record that publishes it, or the tombstone that follows."""
        return _received(None if erased else _state_event(state), str(cast("Any", state).id))

    async def remove_user(self, user_id: UUID) -> None:
        """The tombstone that the dashboard publishes."""
        gone = replace(_received(None, str(user_id)), organization_id=self.organization_id, sequence=99)
        async with self.database.system_transaction() as session:
            await self.handlers.on_users(session, [gone])

    async def erase(self, client_id: UUID) -> None:
        async with self.database.system_transaction() as session:
            await self.handlers.on_clients(session, [_received(None, str(client_id))])

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
        """Plans anew what has to be, and sends what is due now; the mails that arrived with it."""
        await self.replan()
        before = len(self.mailbox.mails)
        await self.sender.send_due()
        return self.mailbox.mails[before:]

    async def replan(self) -> None:
        """Plans anew what changes have asked for, to the end."""
        while await Replanner(self.sender).step():
            pass

    async def ledger(self) -> list[dict[str, Any]]:
        """The organization's messages, oldest first."""
        answer = await self.http.get("/v1/messages", params={"limit": 200})
        assert answer.status_code == 200, answer.text
        return list(reversed(answer.json()["items"]))

    async def outcomes(self) -> list[tuple[str, str, str | None]]:
        """Kind, status and the reason or code of each message, oldest first."""
        return [(row["kind"], row["status"], row["reason"] or row["code"]) for row in await self.ledger()]

    async def take_published(self) -> list[dict[str, Any]]:
        """Takes what is waiting to be published, oldest first, each record checked against the contract."""
        async with self.database.system_transaction() as session:
            rows = (await session.execute(text("DELETE FROM outbox RETURNING *"))).all()
        checked = [assert_valid_message(row) for row in sorted(rows, key=lambda row: row.seq)]
        return [message for message in checked if message is not None]

    async def published(self) -> list[tuple[str, str]]:
        """Takes what is waiting to be published: what became of each message, and its kind."""
        taken = [
            message for message in await self.take_published() if message["type"].startswith("slotstream.message.")
        ]
        return [(message["type"].rpartition(".")[2], message["data"]["kind"]) for message in taken]

    async def analyse(self) -> None:
        """Have PostgreSQL learn how much there is now, which tables' owners alone may ask for."""
        owner = await asyncpg.connect(self.owner_url.replace("postgresql+asyncpg", "postgresql"))
        try:
            await owner.execute("ANALYZE")
        finally:
            await owner.close()

    async def execute(self, statement: str) -> None:
        async with self.database.system_transaction() as session:
            await session.execute(text(statement))


def _state_event(state: Message) -> Event:
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


def _received(event: Event | None, key: str) -> Received[Event]:
    return Received(event=event, key=key, topic="t", partition=0, offset=0, timestamp=NOW)


class reaching:  # noqa: N801 - read as a verb
    """The salon sends with these settings."""

    def __init__(self, salon: Salon, **changes: Any) -> None:
        self._salon, self._changes = salon, changes

    async def __aenter__(self) -> None:
        settings = self._salon.settings.model_copy(update=self._changes)
        self._accounts = create_accounts(settings)
        self._channels = create_channels(settings, accounts=self._accounts)
        self._salon.use(self._channels)

    async def __aexit__(self, *_: object) -> None:
        for channel in self._channels:
            await channel.aclose()
        await self._accounts.aclose()
