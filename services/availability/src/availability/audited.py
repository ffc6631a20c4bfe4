"""Which projections are compared with their topics all the time, and what a record says of a row."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar
from uuid import UUID

from availability.consumers import (
    APPOINTMENT_TYPES,
    CATALOGUE_TYPES,
    EXTERNAL_TYPES,
    HOLD_TYPES,
    appointment_row,
    business_row,
    external_row,
    hold_row,
    resource_row,
    service_row,
)
from availability.storage import (
    APPOINTMENT_TABLE,
    BUSINESSES,
    EXTERNAL_BUSY_TABLE,
    HOLD_TABLE,
    RESOURCES,
    SERVICES,
    HoldRow,
)
from slotstream_contracts.catalogue import BusinessState, ResourceState, ServiceState
from slotstream_contracts.topics import APPOINTMENT_STATES, CATALOGUE, EXTERNAL_BUSY, HOLDS
from slotstream_servicekit.clock import Clock
from slotstream_servicekit.drift import AuditedProjection
from slotstream_servicekit.projections import VersionedTable


class _Ending(Protocol):
    @property
    def ends_at(self) -> datetime: ...


RowT = TypeVar("RowT", bound=_Ending)


def audited_projections(*, clock: Clock, past_days: int) -> Sequence[AuditedProjection]:
    """All of them, but for rows that housekeeping may have deleted."""

    def unless_past(row: RowT) -> RowT | None:
        return row if row.ends_at > clock() - timedelta(days=past_days - 1) else None

    def unless_expired(hold: HoldRow) -> HoldRow | None:
        return hold if hold.expires_at > clock() else None

    return (
        _catalogue("business", "businesses", BUSINESSES, BusinessState, business_row),
        _catalogue("resource", "resources", RESOURCES, ResourceState, resource_row),
        _catalogue("service", "services", SERVICES, ServiceState, service_row),
        AuditedProjection(
            name="appointments",
            topic=APPOINTMENT_STATES.name,
            table=APPOINTMENT_TABLE,
            types=APPOINTMENT_TYPES,
            row_of=lambda _, event: unless_past(appointment_row(event.organization, event.data)),
            record_key_of=_by_id,
        ),
        AuditedProjection(
            name="holds",
            topic=HOLDS.name,
            table=HOLD_TABLE,
            types=HOLD_TYPES,
            row_of=lambda _, event: unless_expired(hold_row(event.organization, event.data)),
            key_of=lambda organization_id, key: (organization_id, UUID(key)),
            record_key_of=_by_id,
        ),
        AuditedProjection(
            name="external_busy",
            topic=EXTERNAL_BUSY.name,
            table=EXTERNAL_BUSY_TABLE,
            types=EXTERNAL_TYPES,
            row_of=lambda key, event: unless_past(external_row(event.organization, key, event.data)),
            key_of=lambda organization_id, key: (organization_id, key),
            record_key_of=_by_id,
        ),
    )


def _by_id(key: tuple[Any, ...]) -> str:
    return str(key[1])


def _catalogue(
    kind: str, name: str, table: VersionedTable, state: type[Any], row_of: Callable[[UUID, Any], Any]
) -> AuditedProjection:
    return AuditedProjection(
        name=name,
        topic=CATALOGUE.name,
        table=table,
        types=CATALOGUE_TYPES,
        row_of=lambda _, event: row_of(event.organization, event.data) if isinstance(event.data, state) else None,
        record_key_of=lambda key: f"{kind}:{key[1]}",
    )
