"""States of the catalogue, of appointments, of holds and of external busy time, as other services publish them.

All are applied by version, so duplicates, reordering and replays change nothing.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from availability.storage import (
    BUSINESSES,
    RESOURCES,
    SERVICES,
    AppointmentRow,
    AppointmentStore,
    BusinessRow,
    ExternalBusyRow,
    ExternalBusyStore,
    HoldRow,
    HoldStore,
    ResourceRow,
    ServiceRow,
)
from slotstream_contracts.appointments import AppointmentState
from slotstream_contracts.catalogue import BusinessState, ResourceState, ServiceState
from slotstream_contracts.envelope import Envelope
from slotstream_contracts.holds import HoldState
from slotstream_contracts.schedules import ExternalBusyState
from slotstream_contracts.topics import APPOINTMENT_STATES, CATALOGUE, EXTERNAL_BUSY, HOLDS
from slotstream_scheduling import zone_of
from slotstream_servicekit.consumer import Consumers, Received
from slotstream_servicekit.rebuild import Projection

Batch = Sequence[Received[Envelope[Any]]]
StateT = TypeVar("StateT")
RowT = TypeVar("RowT")

CATALOGUE_TYPES: Final = frozenset({BusinessState.type, ResourceState.type, ServiceState.type})
APPOINTMENT_TYPES: Final = frozenset({AppointmentState.type})
HOLD_TYPES: Final = frozenset({HoldState.type})
EXTERNAL_TYPES: Final = frozenset({ExternalBusyState.type})


def register(consumers: Consumers) -> None:
    consumers.subscribe(CATALOGUE.name, on_catalogue, types=CATALOGUE_TYPES, dedupe=False)
    consumers.subscribe(APPOINTMENT_STATES.name, on_appointments, types=APPOINTMENT_TYPES, dedupe=False)
    consumers.subscribe(HOLDS.name, on_holds, types=HOLD_TYPES, dedupe=False)
    consumers.subscribe(EXTERNAL_BUSY.name, on_external_busy, types=EXTERNAL_TYPES, dedupe=False)


def projections() -> Sequence[Projection]:
    return (
        Projection(
            name="catalogue",
            topics=(CATALOGUE.name,),
            handler=on_catalogue,
            tables=("businesses", "resources", "services"),
            types=CATALOGUE_TYPES,
        ),
        Projection(
            name="appointments",
            topics=(APPOINTMENT_STATES.name,),
            handler=on_appointments,
            tables=("appointments",),
            types=APPOINTMENT_TYPES,
        ),
        Projection(name="holds", topics=(HOLDS.name,), handler=on_holds, tables=("holds",), types=HOLD_TYPES),
        Projection(
            name="external-busy",
            topics=(EXTERNAL_BUSY.name,),
            handler=on_external_busy,
            tables=("external_busy",),
            types=EXTERNAL_TYPES,
        ),
    )


async def on_catalogue(session: AsyncSession, batch: Batch) -> None:
    await BUSINESSES.put(session, _rows(batch, BusinessState, business_row))
    await RESOURCES.put(session, _rows(batch, ResourceState, resource_row))
    await SERVICES.put(session, _rows(batch, ServiceState, service_row))


async def on_appointments(session: AsyncSession, batch: Batch) -> None:
    await AppointmentStore(session).put(_rows(batch, AppointmentState, appointment_row))


async def on_holds(session: AsyncSession, batch: Batch) -> None:
    store = HoldStore(session)
    last = _last_of_each_key(batch)
    await store.forget(
        {
            (organization_id, UUID(record.key)): record.sequence
            for organization_id, record in last
            if record.event is None
        }
    )
    await store.put(_rows([record for _, record in last], HoldState, hold_row))


async def on_external_busy(session: AsyncSession, batch: Batch) -> None:
    store = ExternalBusyStore(session)
    last = _last_of_each_key(batch)
    await store.forget(
        {(organization_id, record.key): record.sequence for organization_id, record in last if record.event is None}
    )
    await store.put(
        external_row(record.event.organization, record.key, record.event.data)
        for _, record in last
        if record.event is not None
    )


def _last_of_each_key(batch: Batch) -> list[tuple[UUID, Received[Envelope[Any]]]]:
    """Of each key within an organization the record that decides: a state, or a tombstone that removes it.

    Keys are made by others, so two organizations may have the same one.
    """
    last = {(record.organization_id, record.key): record for record in batch}
    return [(organization_id, record) for (organization_id, _), record in last.items() if organization_id is not None]


def _rows(batch: Batch, state: type[StateT], row_of: Callable[[UUID, StateT], RowT]) -> list[RowT]:
    """Rows of the batch's events of one kind; the organization is the envelope's, which the outbox has set."""
    return [
        row_of(record.event.organization, record.event.data)
        for record in batch
        if record.event is not None and isinstance(record.event.data, state)
    ]


def business_row(organization_id: UUID, state: BusinessState) -> BusinessRow:
    zone_of(state.zone)
    return BusinessRow(
        organization_id=organization_id,
        id=state.id,
        name=state.name,
        zone=state.zone,
        archived=state.archived,
        version=state.version,
    )


def resource_row(organization_id: UUID, state: ResourceState) -> ResourceRow:
    zone_of(state.zone)
    return ResourceRow(
        organization_id=organization_id,
        id=state.id,
        name=state.name,
        kind=state.kind,
        zone=state.zone,
        business_ids=state.business_ids,
        priority=state.priority,
        user_id=state.user_id,
        archived=state.archived,
        version=state.version,
    )


def service_row(organization_id: UUID, state: ServiceState) -> ServiceRow:
    return ServiceRow(
        organization_id=organization_id,
        id=state.id,
        business_id=state.business_id,
        name=state.name,
        duration_minutes=max(state.duration_minutes, 1),
        buffer_before_minutes=state.buffer_before_minutes,
        buffer_after_minutes=state.buffer_after_minutes,
        minimum_notice_minutes=state.minimum_notice_minutes,
        booking_window_days=None if state.booking_window_days is None else max(state.booking_window_days, 0),
        slot_interval_minutes=max(state.slot_interval_minutes, 1),
        capacity=max(state.capacity, 1),
        requires=state.requires,
        archived=state.archived,
        version=state.version,
    )


def appointment_row(organization_id: UUID, state: AppointmentState) -> AppointmentRow:
    appointment = state.appointment
    return AppointmentRow(
        organization_id=organization_id,
        id=appointment.id,
        business_id=appointment.business_id,
        service_id=appointment.service_id,
        service_name=appointment.service_name or "",
        status=appointment.status,
        resource_ids=[resource.id for resource in appointment.resources],
        starts_at=appointment.starts_at,
        ends_at=appointment.ends_at,
        blocked_from=appointment.starts_at - timedelta(minutes=appointment.buffer_before_minutes),
        blocked_to=appointment.ends_at + timedelta(minutes=appointment.buffer_after_minutes),
        occupies=appointment.occupies,
        version=appointment.version,
    )


def hold_row(organization_id: UUID, state: HoldState) -> HoldRow:
    return HoldRow(
        organization_id=organization_id,
        id=state.id,
        service_id=state.service_id,
        resource_ids=state.resource_ids,
        starts_at=state.starts_at,
        ends_at=state.ends_at,
        blocked_from=state.blocked_from,
        blocked_to=state.blocked_to,
        expires_at=state.expires_at,
        version=state.version,
    )


def external_row(organization_id: UUID, key: str, state: ExternalBusyState) -> ExternalBusyRow:
    return ExternalBusyRow(
        key=key,
        organization_id=organization_id,
        id=state.id,
        resource_id=state.resource_id,
        starts_at=state.starts_at,
        ends_at=state.ends_at,
        version=state.version,
    )
