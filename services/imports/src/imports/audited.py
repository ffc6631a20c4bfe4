"""Which projections are compared with their topics all the time, and what a record says of a row."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from imports.consumers import CATALOGUE_TYPES, CLIENT_TYPES, business_row, contacts_row, resource_row, service_row
from imports.storage.projections import BUSINESSES, CLIENT_CONTACTS, RESOURCES, SERVICES, mark_of
from slotstream_contracts.catalogue import BusinessState, ResourceState, ServiceState
from slotstream_contracts.topics import CATALOGUE, CLIENTS
from slotstream_servicekit.drift import AuditedProjection
from slotstream_servicekit.projections import VersionedTable


def audited_projections() -> Sequence[AuditedProjection]:
    return (
        _catalogue("business", "businesses", BUSINESSES, BusinessState, business_row),
        _catalogue("service", "services", SERVICES, ServiceState, service_row),
        _catalogue("resource", "resources", RESOURCES, ResourceState, resource_row),
        AuditedProjection(
            name="client_contacts",
            topic=CLIENTS.name,
            table=CLIENT_CONTACTS,
            types=CLIENT_TYPES,
            row_of=lambda _, event: contacts_row(event.data),
            mark_of=lambda organization_id, key, version: mark_of(organization_id, UUID(key), version),
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
