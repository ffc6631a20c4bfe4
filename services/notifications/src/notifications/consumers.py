"""What notifications hears: appointment events, clients, and the catalogue."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain import Appointment, Asked, CatalogueItem, Channel, Client, Heard, Staff
from notifications.usecases.hearing import (
    hear_appointments,
    hear_catalogue,
    hear_clients,
    hear_requests,
    remember_appointments,
)
from slotstream_contracts.appointments import AppointmentEvent, AppointmentRescheduled, AppointmentSnapshot
from slotstream_contracts.catalogue import BusinessState, CatalogueState, ResourceState, ServiceState
from slotstream_contracts.clients import ClientState
from slotstream_contracts.envelope import Envelope
from slotstream_contracts.messages import SendMessage
from slotstream_contracts.topics import APPOINTMENTS, CATALOGUE, CLIENTS, NOTIFICATION_COMMANDS
from slotstream_servicekit.clock import Clock
from slotstream_servicekit.consumer import Consumers, Received

CATALOGUE_TYPES = frozenset({BusinessState.type, ResourceState.type, ServiceState.type})

Batch = Sequence[Received[Envelope[Any]]]


@dataclass(kw_only=True)
class Hearing:
    """The handlers. `wake` is set after the commit that planned something, or that something waited for."""

    clock: Clock
    newest_only: timedelta
    notify_staff: bool
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    async def on_appointments(self, session: AsyncSession, batch: Batch) -> None:
        heard = _heard(batch)
        if heard and await hear_appointments(
            session,
            heard=heard,
            now=self.clock(),
            newest_only=self.newest_only,
            notify_staff=self.notify_staff,
        ):
            self._wake_after_commit(session)

    async def on_clients(self, session: AsyncSession, batch: Batch) -> None:
        last: dict[str, Received[Envelope[Any]]] = {each.key: each for each in batch}
        states = [_client(each.event.data) for each in last.values() if each.event is not None]
        erased = [found for each in last.values() if each.event is None and (found := _uuid(each.key)) is not None]
        if await hear_clients(session, states=states, erased=erased, now=self.clock()):
            self._wake_after_commit(session)

    async def on_catalogue(self, session: AsyncSession, batch: Batch) -> None:
        states = [_item(each.event.data) for each in batch if each.event is not None]
        if states and await hear_catalogue(session, states=states, now=self.clock()):
            self._wake_after_commit(session)

    async def on_requests(self, session: AsyncSession, batch: Batch) -> None:
        asked = [_asked(each.event) for each in batch if each.event and isinstance(each.event.data, SendMessage)]
        if asked:
            await hear_requests(session, asked=asked, now=self.clock())

    async def on_past_appointments(self, session: AsyncSession, batch: Batch) -> None:
        """For a rebuild: remembers, and tells nobody again."""
        await remember_appointments(session, heard=_heard(batch))

    def _wake_after_commit(self, session: AsyncSession) -> None:
        event.listen(session.sync_session, "after_commit", lambda _: self.wake.set(), once=True)


def register(consumers: Consumers, hearing: Hearing) -> None:
    consumers.subscribe(APPOINTMENTS.name, hearing.on_appointments)
    consumers.subscribe(NOTIFICATION_COMMANDS.name, hearing.on_requests, types=frozenset({SendMessage.type}))
    consumers.subscribe(CLIENTS.name, hearing.on_clients, types=frozenset({ClientState.type}), dedupe=False)
    consumers.subscribe(CATALOGUE.name, hearing.on_catalogue, types=CATALOGUE_TYPES, dedupe=False)


def _heard(batch: Batch) -> list[Heard]:
    return [_heard_of(each.event) for each in batch if each.event and isinstance(each.event.data, AppointmentEvent)]


def _heard_of(envelope: Envelope[Any]) -> Heard:
    data = cast("AppointmentEvent", envelope.data)
    status = data.change.fields.get("status")
    return Heard(
        appointment=_appointment(data.appointment),
        verb=data.change.verb,
        actor_id=data.actor.id,
        actor_type=data.actor.type,
        time=envelope.time,
        event_id=envelope.id,
        correlation_id=envelope.correlationid,
        traceparent=envelope.traceparent,
        status_before=str(status.old) if status is not None and status.old is not None else None,
        replacement=_appointment(data.replacement) if isinstance(data, AppointmentRescheduled) else None,
    )


def _asked(envelope: Envelope[Any]) -> Asked:
    data = cast("SendMessage", envelope.data)
    return Asked(
        organization_id=envelope.organization,
        message_id=data.message_id,
        appointment_id=data.appointment_id,
        client_id=data.client_id,
        resource_id=data.resource_id,
        channel=Channel(data.channel),
        time=envelope.time,
        correlation_id=envelope.correlationid,
        causation_id=str(envelope.id),
        traceparent=envelope.traceparent,
    )


def _appointment(state: AppointmentSnapshot) -> Appointment:
    return Appointment(
        id=state.id,
        organization_id=state.organization_id,
        business_id=state.business_id,
        zone=state.zone,
        client_id=state.client_id,
        service_id=state.service_id,
        service_name=state.service_name,
        action_name=state.action_name,
        starts_at=state.starts_at,
        ends_at=state.ends_at,
        status=state.status,
        source=state.source,
        notify_client=state.notify_client,
        rescheduled_from=state.rescheduled_from,
        rescheduled_to=state.rescheduled_to,
        previous_starts_at=state.previous_starts_at,
        calendar_uid=state.calendar_uid,
        calendar_sequence=state.calendar_sequence,
        archived=state.archived,
        staff=tuple(Staff(each.id, each.name) for each in state.resources if each.kind == "staff"),
        created_at=state.created_at,
        updated_at=state.updated_at,
        version=state.version,
    )


def _client(state: ClientState) -> Client:
    return Client(
        organization_id=state.organization_id,
        id=state.id,
        name=state.name,
        email=state.email,
        phone=state.phone,
        locale=state.locale,
        zone=state.zone,
        consent=frozenset(state.consent),
        merged_into=state.merged_into,
        erased=False,
        version=state.version,
    )


def _item(state: CatalogueState) -> CatalogueItem:
    facts: dict[str, Any] = {}
    if isinstance(state, BusinessState):
        kind = "business"
        facts = {name: getattr(state, name) for name in ("zone", "locale", "country", "email", "phone", "address")}
    elif isinstance(state, ResourceState):
        kind = "resource"
        facts = {name: getattr(state, name) for name in ("zone", "email", "phone", "user_id")}
    else:
        kind = "service"
    return CatalogueItem(
        organization_id=state.organization_id,
        kind=kind,
        id=state.id,
        name=state.name,
        archived=state.archived,
        version=state.version,
        **facts,
    )


def _uuid(key: str) -> UUID | None:
    try:
        return UUID(key)
    except ValueError:
        return None
