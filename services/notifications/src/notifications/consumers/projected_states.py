"""States of clients, users and the catalogue: from the contract to the rows that are kept of them."""

from typing import Any

from notifications.domain.contacts import CatalogueItem, Client
from notifications.domain.users import User
from slotstream_contracts.catalogue import BusinessState, CatalogueState, ResourceState, ServiceState
from slotstream_contracts.clients import ClientState
from slotstream_contracts.users import UserState


def client_of(state: ClientState) -> Client:
    return Client(
        organization_id=state.organization_id,
        id=state.id,
        name=state.name,
        email=state.email,
        phone=state.phone,
        locale=state.locale,
        zone=state.zone,
        consent=frozenset(state.consent) if state.consent is not None else None,
        merged_into=state.merged_into,
        version=state.version,
    )


def user_of(state: UserState) -> User:
    return User(
        organization_id=state.organization_id,
        id=str(state.id),
        name=state.name,
        email=state.email,
        locale=state.locale,
        role=state.role,
        state=state.state,
        business_ids=state.business_ids,
        resource_id=state.resource_id,
        version=state.version,
    )


def item_of(state: CatalogueState) -> CatalogueItem:
    values: dict[str, Any] = {}
    if isinstance(state, BusinessState):
        kind = "business"
        values = {name: getattr(state, name) for name in ("zone", "locale", "country", "email", "phone", "address")}
    elif isinstance(state, ResourceState):
        kind = "resource"
        values = {name: getattr(state, name) for name in ("zone", "email", "phone", "user_id")}
    else:
        kind = "service"
        values = {
            "business_id": state.business_id if isinstance(state, ServiceState) else None,
            "client_confirms": isinstance(state, ServiceState) and state.client_confirms,
        }
    return CatalogueItem(
        organization_id=state.organization_id,
        kind=kind,
        id=state.id,
        name=state.name,
        archived=state.archived,
        version=state.version,
        **values,
    )
