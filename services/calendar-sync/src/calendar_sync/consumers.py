"""What calendar-sync consumes: the catalogue's businesses and resources, and the state of appointments."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from calendar_sync.storage import AppointmentRow, BusinessRow, ResourceRow
from calendar_sync.usecases.projections import keep_appointments, keep_businesses, keep_resources
from slotstream_contracts.appointments import AppointmentSnapshot, AppointmentState
from slotstream_contracts.catalogue import BusinessState, ResourceState
from slotstream_contracts.envelope import Envelope
from slotstream_contracts.topics import APPOINTMENT_STATES, CATALOGUE
from slotstream_servicekit.clock import system_clock
from slotstream_servicekit.consumer import Consumers, Received
from slotstream_servicekit.projections import newest_by_key
from slotstream_servicekit.rebuild import Projection

CATALOGUE_TYPES = frozenset({BusinessState.type, ResourceState.type})
APPOINTMENT_TYPES = frozenset({AppointmentState.type})

Batch = Sequence[Received[Envelope[Any]]]


class Handlers:
    """Keep the projections; safe to run twice, since they apply by version."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    async def on_catalogue(self, session: AsyncSession, batch: Batch) -> None:
        states = [record.event.data for record in batch if record.event is not None]
        businesses = [business_row(state) for state in states if isinstance(state, BusinessState)]
        resources = [resource_row(state) for state in states if isinstance(state, ResourceState)]
        await keep_businesses(session=session, businesses=businesses)
        if resources:
            await keep_resources(session=session, resources=resources, now=self._clock())

    async def on_appointment_states(self, session: AsyncSession, batch: Batch) -> None:
        """Where a key's last record is a tombstone it is taken back; else the newest version of its states is kept."""
        last = newest_by_key(batch)
        states = [
            record.event.data for record in batch if record.event is not None and last[record.key].event is not None
        ]
        gone = {
            (record.organization_id, UUID(key)): record.sequence
            for key, record in last.items()
            if record.event is None and record.organization_id is not None and _is_uuid(key)
        }
        appointments = [appointment_row(state) for state in states if isinstance(state, AppointmentState)]
        await keep_appointments(session=session, appointments=appointments, gone=gone)


def register(consumers: Consumers, *, clock: Callable[[], datetime]) -> None:
    handlers = Handlers(clock)
    consumers.subscribe(CATALOGUE.name, handlers.on_catalogue, types=CATALOGUE_TYPES, dedupe=False)
    consumers.subscribe(APPOINTMENT_STATES.name, handlers.on_appointment_states, types=APPOINTMENT_TYPES, dedupe=False)


def projections() -> Sequence[Projection]:
    """What `slotstream rebuild` can make anew from the topics."""
    handlers = Handlers(system_clock)
    return [
        Projection(
            name="catalogue",
            topics=[CATALOGUE.name],
            handler=handlers.on_catalogue,
            tables=["businesses", "resources"],
            types=CATALOGUE_TYPES,
        ),
        Projection(
            name="appointments",
            topics=[APPOINTMENT_STATES.name],
            handler=handlers.on_appointment_states,
            tables=["appointments"],
            types=APPOINTMENT_TYPES,
        ),
    ]


def _is_uuid(key: str) -> bool:
    try:
        UUID(key)
    except ValueError:
        return False
    return True


def business_row(state: BusinessState) -> BusinessRow:
    return BusinessRow(organization_id=state.organization_id, id=state.id, address=state.address, version=state.version)


def resource_row(state: ResourceState) -> ResourceRow:
    return ResourceRow(
        organization_id=state.organization_id,
        id=state.id,
        name=state.name,
        zone=state.zone,
        business_ids=state.business_ids,
        archived=state.archived,
        version=state.version,
    )


def appointment_row(state: AppointmentState) -> AppointmentRow:
    appointment = state.appointment
    return AppointmentRow(
        organization_id=appointment.organization_id,
        id=appointment.id,
        business_id=appointment.business_id,
        resource_ids=[resource.id for resource in appointment.resources],
        calendar_uid=appointment.calendar_uid,
        calendar_sequence=appointment.calendar_sequence,
        service_name=appointment.service_name or "",
        location_kind=appointment.location.kind if appointment.location is not None else "business",
        location_text=_location_text(appointment),
        starts_at=appointment.starts_at,
        ends_at=appointment.ends_at,
        zone=appointment.zone,
        status=appointment.status,
        archived=appointment.archived,
        created_at=appointment.created_at,
        updated_at=appointment.updated_at,
        version=appointment.version,
    )


def _location_text(appointment: AppointmentSnapshot) -> str | None:
    """What a feed may say of the place: not where a client lives, and not a number, which may be the client's."""
    location = appointment.location
    if location is None or location.kind not in ("video", "other"):
        return None
    return location.text or location.url
