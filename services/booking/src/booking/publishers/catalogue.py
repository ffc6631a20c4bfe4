"""The catalogue: the newest state of each business, resource, service and action."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import timedelta
from typing import Any

from booking.domain.catalogue import Action, Business, Entry, Resource, Service, minutes
from booking.publishers.states import state_record
from slotstream_contracts.catalogue import ActionState, BusinessState, CatalogueState, ResourceState, ServiceState
from slotstream_servicekit.context import Cause
from slotstream_servicekit.outbox import OutboxRecord

KINDS: Mapping[type[Entry], str] = {
    Business: "business",
    Resource: "resource",
    Service: "service",
    Action: "action",
}


def catalogue_record(entry: Entry, *, cause: Cause) -> OutboxRecord:
    """A business, resource, service or action on the catalogue topic, keyed `kind:id`."""
    kind = KINDS[type(entry)]
    key = f"{kind}:{entry.id}"
    return state_record(
        _entry_state(entry), kind, entry.organization_id, str(entry.id), key, entry.version, entry.updated_at, cause
    )


def _entry_state(entry: Entry) -> CatalogueState:
    match entry:
        case Business():
            return BusinessState.model_validate(_state_values(entry))
        case Resource():
            return ResourceState.model_validate(_state_values(entry))
        case Service():
            return ServiceState.model_validate(_service_values(entry))
        case Action():
            return ActionState.model_validate(_state_values(entry))
    raise TypeError(f"{type(entry).__name__} is no kind of catalogue entry")


_NOT_TOLD = frozenset({"created_at", "public_booking", "verify_by_code", "embed_origins"})
"""Nobody else decides by these."""


def _state_values(entry: Entry) -> dict[str, Any]:
    return {field.name: getattr(entry, field.name) for field in fields(entry) if field.name not in _NOT_TOLD}


def _service_values(service: Service) -> dict[str, Any]:
    """As the contract has it: durations in minutes, the price as one value."""
    values = {
        f"{name}_minutes" if isinstance(value, timedelta) else name: minutes(value)
        if isinstance(value, timedelta)
        else value
        for name, value in _state_values(service).items()
        if name not in {"price_amount", "price_currency"}
    }
    if service.price_amount is not None:
        values["price"] = {"amount": service.price_amount, "currency": service.price_currency}
    return values
