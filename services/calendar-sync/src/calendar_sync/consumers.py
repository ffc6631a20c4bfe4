"""What calendar-sync hears: resources of the catalogue, and the state of appointments."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from calendar_sync.usecases.projections import (
    KnownAppointment,
    KnownResource,
    remember_appointments,
    remember_resources,
)
from slotstream_contracts.appointments import AppointmentState
from slotstream_contracts.catalogue import ResourceState
from slotstream_contracts.envelope import Envelope
from slotstream_contracts.topics import APPOINTMENT_STATES, CATALOGUE
from slotstream_servicekit.consumer import Consumers, Received

RESOURCE_TYPES = frozenset({ResourceState.type})
APPOINTMENT_TYPES = frozenset({AppointmentState.type})

Batch = Sequence[Received[Envelope[Any]]]


class Projections:
    """Handlers that keep the projections; safe to run twice, since they apply by version."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    async def on_catalogue(self, session: AsyncSession, batch: Batch) -> None:
        states = [received.event.data for received in batch if received.event is not None]
        resources = [_resource(state) for state in states if isinstance(state, ResourceState)]
        if resources:
            await remember_resources(session, resources=resources, now=self._clock())

    async def on_appointments(self, session: AsyncSession, batch: Batch) -> None:
        states = [received.event.data for received in batch if received.event is not None]
        appointments = [_appointment(state) for state in states if isinstance(state, AppointmentState)]
        if appointments:
            await remember_appointments(session, appointments=appointments)


def register(consumers: Consumers, *, clock: Callable[[], datetime]) -> None:
    projections = Projections(clock)
    consumers.subscribe(CATALOGUE.name, projections.on_catalogue, types=RESOURCE_TYPES, dedupe=False)
    consumers.subscribe(APPOINTMENT_STATES.name, projections.on_appointments, types=APPOINTMENT_TYPES, dedupe=False)


def _resource(state: ResourceState) -> KnownResource:
    return KnownResource(
        organization_id=state.organization_id,
        id=state.id,
        name=state.name,
        zone=state.zone,
        archived=state.archived,
        version=state.version,
    )


def _appointment(state: AppointmentState) -> KnownAppointment:
    appointment = state.appointment
    return KnownAppointment(
        organization_id=appointment.organization_id,
        id=appointment.id,
        resource_ids=[resource.id for resource in appointment.resources],
        calendar_uid=appointment.calendar_uid,
        calendar_sequence=appointment.calendar_sequence,
        service_name=appointment.service_name,
        starts_at=appointment.starts_at,
        ends_at=appointment.ends_at,
        zone=appointment.zone,
        status=appointment.status,
        archived=appointment.archived,
        created_at=appointment.created_at,
        updated_at=appointment.updated_at,
        version=appointment.version,
    )
