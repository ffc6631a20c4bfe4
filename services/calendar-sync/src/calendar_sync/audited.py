"""Which projections are compared with their topics all the time, and what a record says of a row."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from calendar_sync.consumers import APPOINTMENT_TYPES, CATALOGUE_TYPES, appointment_row, business_row, resource_row
from calendar_sync.storage.projections import (
    APPOINTMENTS_TABLE,
    BUSINESSES_TABLE,
    RESOURCES_TABLE,
    AppointmentRow,
)
from slotstream_contracts.appointments import AppointmentState
from slotstream_contracts.catalogue import BusinessState, ResourceState
from slotstream_contracts.envelope import Envelope
from slotstream_contracts.topics import APPOINTMENT_STATES, CATALOGUE
from slotstream_servicekit.clock import Clock
from slotstream_servicekit.drift import AuditedProjection
from slotstream_servicekit.projections import VersionedTable

_PAST: Final = timedelta(days=89)
"""A day less than past appointments are kept."""


def audited_projections(*, clock: Clock) -> Sequence[AuditedProjection]:
    """All of them, but for rows that housekeeping may have deleted."""

    def unless_past(event: Envelope[AppointmentState]) -> AppointmentRow | None:
        row = appointment_row(event.data)
        return row if row.ends_at > clock() - _PAST else None

    return (
        _catalogue("business", "businesses", BUSINESSES_TABLE, BusinessState, business_row),
        _catalogue("resource", "resources", RESOURCES_TABLE, ResourceState, resource_row),
        AuditedProjection(
            name="appointments",
            topic=APPOINTMENT_STATES.name,
            table=APPOINTMENTS_TABLE,
            types=APPOINTMENT_TYPES,
            row_of=lambda _, event: unless_past(event),
            key_of=lambda organization_id, key: (organization_id, UUID(key)),
            record_key_of=lambda key: str(key[1]),
        ),
    )


def _catalogue(
    kind: str, name: str, table: VersionedTable, state: type[Any], row_of: Callable[[Any], Any]
) -> AuditedProjection:
    return AuditedProjection(
        name=name,
        topic=CATALOGUE.name,
        table=table,
        types=CATALOGUE_TYPES,
        row_of=lambda _, event: row_of(event.data) if isinstance(event.data, state) else None,
        record_key_of=lambda key: f"{kind}:{key[1]}",
    )
