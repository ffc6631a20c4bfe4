"""A mapping as it is stored and sent, and back."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from imports.domain.dates import DateOrder
from imports.domain.mapping import ColumnMapping, Field


def mapping_of(stored: Mapping[str, Any]) -> ColumnMapping:
    order, service_id = stored.get("date_order"), stored.get("service_id")
    return ColumnMapping(
        columns={Field(name): column for name, column in stored["columns"].items()},
        date_order=None if order is None else DateOrder(order),
        zone=stored.get("zone"),
        service_id=None if service_id is None else UUID(service_id),
        duration_minutes=stored.get("duration_minutes"),
    )


def stored_mapping(mapping: ColumnMapping) -> dict[str, Any]:
    return {
        "columns": {str(name): column for name, column in mapping.columns.items()},
        "date_order": None if mapping.date_order is None else str(mapping.date_order),
        "zone": mapping.zone,
        "service_id": None if mapping.service_id is None else str(mapping.service_id),
        "duration_minutes": mapping.duration_minutes,
    }
