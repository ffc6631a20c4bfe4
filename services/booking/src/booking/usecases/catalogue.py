"""The catalogue: adding, changing and archiving businesses, resources, services and actions."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.errors import AlreadyExistsError, InvalidBookingError, UnknownReferenceError
from booking.publishers import Cause, catalogue_record
from booking.storage.catalogue import existing_ids, insert_entry, read_entry, stamped, update_entry
from booking.storage.policies import bump_policy
from slotstream_contracts.base import Money
from slotstream_contracts.catalogue import (
    ActionState,
    BusinessState,
    CatalogueState,
    ResourceState,
    ServiceState,
)
from slotstream_servicekit.errors import NotFoundError, VersionConflictError
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.outbox import enqueue

Entry = dict[str, Any]

DEFAULT_ACTIONS = ("Call back", "Site visit", "Consultation", "Follow-up", "Send quote")
"""What an organization begins with; the list is theirs to change."""


def _service_state(row: Entry) -> ServiceState:
    price = row["price_amount"] is not None and Money(amount=row["price_amount"], currency=row["price_currency"])
    return ServiceState.model_validate({**row, "price": price or None})


_STATES: Mapping[str, Callable[[Entry], CatalogueState]] = {
    "business": BusinessState.model_validate,
    "resource": lambda row: ResourceState.model_validate({**row, "business_ids": row["business_ids"] or ()}),
    "service": _service_state,
    "action": ActionState.model_validate,
}


async def add_entry(
    *,
    session: AsyncSession,
    organization_id: UUID,
    kind: str,
    values: Mapping[str, Any],
    cause: Cause,
    now: datetime,
) -> Entry:
    """Adds one entry. A business comes with its own calendar as a resource, and the first with some actions."""
    identity = values.get("id") or new_id()
    if await existing_ids(session, kind, organization_id, [identity]):
        raise AlreadyExistsError(f"There is a {kind} {identity} already.")
    await _check_references(session, organization_id, kind, values)
    first = kind == "business" and not await _has_businesses(session, organization_id)
    if kind == "resource" and values.get("zone") is None:
        business = await read_entry(session, "business", organization_id, values["business_ids"][0])
        values = {**values, "zone": business["zone"] if business else None}
    row = {
        **values,
        "id": identity,
        "organization_id": organization_id,
        "archived": False,
        "created_at": now,
        "updated_at": now,
        "version": 1,
    }
    await insert_entry(session, kind, row)
    if kind == "business":
        await _add_own_calendar(session, organization_id, row, cause=cause, now=now)
    if first:
        for position, name in enumerate(DEFAULT_ACTIONS):
            await add_entry(
                session=session,
                organization_id=organization_id,
                kind="action",
                values={"name": name, "position": position},
                cause=cause,
                now=now,
            )
    return await _published(session, organization_id, kind, identity, cause=cause, now=now)


async def _add_own_calendar(
    session: AsyncSession, organization_id: UUID, business: Entry, *, cause: Cause, now: datetime
) -> None:
    await add_entry(
        session=session,
        organization_id=organization_id,
        kind="resource",
        values={
            "name": business["name"],
            "kind": "business",
            "zone": business["zone"],
            "business_ids": [business["id"]],
        },
        cause=cause,
        now=now,
    )


async def change_entry(
    *,
    session: AsyncSession,
    organization_id: UUID,
    kind: str,
    identity: UUID,
    values: Mapping[str, Any],
    cause: Cause,
    now: datetime,
    expected_version: int | None = None,
) -> Entry:
    """Changes the given fields; `archived` hides an entry from new bookings, and its past stays."""
    old = await read_entry(session, kind, organization_id, identity, lock=True)
    if old is None:
        raise NotFoundError(f"There is no {kind} {identity}.")
    if expected_version is not None and expected_version != old["version"]:
        raise VersionConflictError(old["version"])
    if all(old.get(name) == value for name, value in values.items()):
        return old
    await _check_references(session, organization_id, kind, values)
    await update_entry(session, kind, organization_id, identity, stamped(values, now=now, version=old["version"] + 1))
    return await _published(session, organization_id, kind, identity, cause=cause, now=now)


async def _published(
    session: AsyncSession, organization_id: UUID, kind: str, identity: UUID, *, cause: Cause, now: datetime
) -> Entry:
    row = await read_entry(session, kind, organization_id, identity)
    if row is None:
        raise NotFoundError(f"There is no {kind} {identity}.")
    await bump_policy(session, {organization_id})
    record = catalogue_record(
        _STATES[kind](row),
        kind=kind,
        organization_id=organization_id,
        identity=identity,
        version=row["version"],
        now=now,
        cause=cause,
    )
    await enqueue(session, [record])
    return row


async def _has_businesses(session: AsyncSession, organization_id: UUID) -> bool:
    from booking.storage.catalogue import list_entries

    found = await list_entries(
        session, "business", organization_id, archived=False, business_id=None, after=None, limit=1
    )
    return bool(found)


async def _check_references(session: AsyncSession, organization_id: UUID, kind: str, values: Mapping[str, Any]) -> None:
    if kind == "service" and "business_id" in values:
        await _require(session, "business", organization_id, [values["business_id"]])
    if kind == "service" and "requires" in values:
        places = [[UUID(str(one)) for one in place] for place in values["requires"]]
        if any(not place for place in places):
            raise InvalidBookingError("empty_place", "Each place of a service needs resources that can fill it.")
        await _require(session, "resource", organization_id, {one for place in places for one in place})
    if kind == "resource" and "business_ids" in values:
        await _require(session, "business", organization_id, values["business_ids"])


async def _require(session: AsyncSession, kind: str, organization_id: UUID, ids: Iterable[UUID]) -> None:
    wanted = set(ids)
    missing = wanted - await existing_ids(session, kind, organization_id, sorted(wanted))
    if missing:
        raise UnknownReferenceError(kind, min(missing))
