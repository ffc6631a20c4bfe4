"""Domain objects as the JSON that columns hold, and back."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from imports.domain.dates import DateOrder
from imports.domain.locations import Location
from imports.domain.mapping import ColumnMapping, Field, columns_at
from imports.domain.rows import RequestedAppointment, RowOverride
from imports.domain.statuses import FinalStatus
from slotstream_servicekit.context import Actor
from slotstream_servicekit.errors import Reason

Document = Mapping[str, Any]


def actor_document(actor: Actor | None) -> dict[str, Any] | None:
    if actor is None:
        return None
    behalf = actor.on_behalf_of
    return {
        "type": actor.type,
        "id": actor.id,
        "call_id": actor.call_id,
        "on_behalf_of": None if behalf is None else str(behalf),
    }


def actor_from(document: Document | None) -> Actor | None:
    if document is None:
        return None
    behalf = document["on_behalf_of"]
    return Actor(
        type=document["type"],
        id=document["id"],
        call_id=document["call_id"],
        on_behalf_of=None if behalf is None else UUID(behalf),
    )


def override_document(override: RowOverride | None) -> dict[str, Any] | None:
    return None if override is None else {"reason": override.reason, "actor": actor_document(override.actor)}


def override_from(document: Document | None) -> RowOverride | None:
    if document is None:
        return None
    actor = actor_from(document["actor"])
    assert actor is not None  # noqa: S101 - as override_document writes it
    return RowOverride(reason=document["reason"], actor=actor)


def reason_documents(reasons: Iterable[Reason]) -> list[dict[str, Any]]:
    return [
        {"code": reason.code, "detail": reason.detail, "conflicts_with": list(reason.conflicts_with)}
        for reason in reasons
    ]


def reasons_from(documents: Iterable[Document] | None) -> tuple[Reason, ...]:
    return tuple(
        Reason(document["code"], document["detail"], tuple(document["conflicts_with"])) for document in documents or ()
    )


def mapping_document(mapping: ColumnMapping) -> dict[str, Any]:
    return {
        "columns": {str(name): column for name, column in mapping.columns.items()},
        "date_order": None if mapping.date_order is None else str(mapping.date_order),
        "time_ranges": mapping.time_ranges,
        "zone": mapping.zone,
        "service_id": None if mapping.service_id is None else str(mapping.service_id),
        "duration_minutes": mapping.duration_minutes,
        "statuses": {word: str(status) for word, status in mapping.statuses.items()},
    }


def mapping_from(document: Document | None) -> ColumnMapping | None:
    if document is None:
        return None
    order, service_id = document["date_order"], document["service_id"]
    return ColumnMapping(
        columns={Field(name): column for name, column in document["columns"].items()},
        date_order=None if order is None else DateOrder(order),
        time_ranges=document["time_ranges"],
        zone=document["zone"],
        service_id=None if service_id is None else UUID(service_id),
        duration_minutes=document["duration_minutes"],
        statuses={word: FinalStatus(status) for word, status in document["statuses"].items()},
    )


def remembered_document(mapping: ColumnMapping, headers: Sequence[str]) -> dict[str, Any]:
    """A mapping for files with these columns, without what they are called: a header may be a row of somebody's."""
    document = mapping_document(replace(mapping, columns={}))
    return {**document, "ranks": {str(name): rank for name, rank in mapping.ranks(headers).items()}}


def remembered_from(document: Document | None, headers: Sequence[str]) -> ColumnMapping | None:
    mapping = mapping_from(document)
    if mapping is None or document is None or "ranks" not in document:
        return mapping
    ranks = {Field(name): rank for name, rank in document["ranks"].items()}
    return replace(mapping, columns=columns_at(ranks, headers))


def requested_document(requested: RequestedAppointment | None) -> dict[str, Any] | None:
    if requested is None:
        return None
    return {
        "client_name": requested.client_name,
        "phone": requested.phone,
        "email": requested.email,
        "service_id": str(requested.service_id),
        "resource_id": None if requested.resource_id is None else str(requested.resource_id),
        "starts_at": requested.starts_at.isoformat(),
        "duration_minutes": requested.duration_minutes,
        "notes": requested.notes,
        "external_id": requested.external_id,
        "status": str(requested.status),
        "location": None if requested.location is None else asdict(requested.location),
    }


def requested_from(document: Document | None) -> RequestedAppointment | None:
    if document is None:
        return None
    resource_id, location = document["resource_id"], document["location"]
    return RequestedAppointment(
        client_name=document["client_name"],
        phone=document["phone"],
        email=document["email"],
        service_id=UUID(document["service_id"]),
        resource_id=None if resource_id is None else UUID(resource_id),
        starts_at=datetime.fromisoformat(document["starts_at"]),
        duration_minutes=document["duration_minutes"],
        notes=document["notes"],
        external_id=document["external_id"],
        status=FinalStatus(document["status"]),
        location=None if location is None else Location(**location),
    )
