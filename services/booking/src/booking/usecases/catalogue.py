"""The catalogue: adding, changing and archiving businesses, resources, services and actions."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.catalogue import Action, Business, Entry, Resource, Service
from booking.domain.errors import (
    ActionExistsError,
    AlreadyExistsError,
    InvalidBookingError,
    UnknownReferenceError,
)
from booking.publishers import KINDS, catalogue_record
from booking.storage.catalogue import CatalogueStore
from booking.storage.policies import bump_policy
from booking.usecases.limits import check_entry, sees_entry
from slotstream_servicekit.context import Context
from slotstream_servicekit.errors import NotFoundError, VersionConflictError
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.outbox import enqueue

EntryT = TypeVar("EntryT", bound=Entry)

DEFAULT_ACTIONS: Final = ("Call back", "Site visit", "Consultation", "Follow-up", "Send quote")
"""What an organization begins with; the list is theirs to change."""


async def add_business(*, session: AsyncSession, context: Context, business: Business) -> Business:
    """Adds a business with its own calendar as a resource; the organization's first comes with some actions."""
    context.limits.check_unlimited("The list of businesses")
    is_first = not await CatalogueStore(session).page(Business, context.organization_id, limits=context.limits, limit=1)
    added = await _add(session, context, business)
    await _add(
        session,
        context,
        Resource(
            organization_id=context.organization_id,
            id=new_id(),
            name=business.name,
            kind="business",
            zone=business.zone,
            business_ids=(business.id,),
            created_at=context.now,
            updated_at=context.now,
        ),
    )
    if is_first:
        known = await CatalogueStore(session).actions(context.organization_id)
        for position, name in enumerate(DEFAULT_ACTIONS):
            if not any(action.is_called(name) for action in known):
                await _add(session, context, _action(context, name, position=position))
    return added


async def add_resource(*, session: AsyncSession, context: Context, resource: Resource) -> Resource:
    """Adds a resource. Where it has no zone, its first business's is taken."""
    check_entry(context.limits, resource)
    await _require(session, Business, context.organization_id, resource.business_ids)
    if not resource.zone:
        business = await _entry(session, Business, context.organization_id, resource.business_ids[0])
        resource = replace(resource, zone=business.zone)
    return await _add(session, context, resource)


async def add_service(*, session: AsyncSession, context: Context, service: Service) -> Service:
    check_entry(context.limits, service)
    await _check_service(session, service)
    return await _add(session, context, service)


async def add_action(*, session: AsyncSession, context: Context, action: Action) -> Action:
    """Raises ActionExistsError where there is one of that name, in whatever case."""
    check_entry(context.limits, action)
    await _refuse_same_name(session, action)
    return await _add(session, context, action)


async def change_entry(
    *,
    session: AsyncSession,
    context: Context,
    kind: type[EntryT],
    entry_id: UUID,
    changes: Mapping[str, Any],
    expected_version: int | None = None,
) -> EntryT:
    """Changes the named fields; `archived` hides an entry from new bookings, and its past stays."""
    old = await _entry(session, kind, context.organization_id, entry_id, lock=True)
    if not sees_entry(context.limits, old):
        raise NotFoundError(f"There is no {KINDS[kind]} {entry_id}.")
    if expected_version is not None and expected_version != old.version:
        raise VersionConflictError(old.version)
    new = replace(old, **changes)
    for entry in (old, new):
        check_entry(context.limits, entry)
    if new == old:
        return old
    if isinstance(new, Resource) and "business_ids" in changes:
        await _require(session, Business, context.organization_id, new.business_ids)
    if isinstance(new, Service):
        await _check_service(session, new)
    if isinstance(new, Action) and not new.archived:
        await _refuse_same_name(session, new)
    new = replace(new, updated_at=max(context.now, old.updated_at), version=old.version + 1)
    await CatalogueStore(session).save(new)
    await _publish(session, context, new)
    return new


async def _add(session: AsyncSession, context: Context, entry: EntryT) -> EntryT:
    store = CatalogueStore(session)
    if await store.existing_ids(type(entry), context.organization_id, [entry.id]):
        raise AlreadyExistsError(f"There is a {KINDS[type(entry)]} {entry.id} already.")
    await store.add(entry)
    await _publish(session, context, entry)
    return entry


async def _publish(session: AsyncSession, context: Context, entry: Entry) -> None:
    await bump_policy(session, {entry.organization_id})
    await enqueue(session, [catalogue_record(entry, cause=context.cause)])


def _action(context: Context, name: str, *, position: int) -> Action:
    return Action(
        organization_id=context.organization_id,
        id=new_id(),
        name=name.strip(),
        position=position,
        created_at=context.now,
        updated_at=context.now,
    )


async def _entry(
    session: AsyncSession, kind: type[EntryT], organization_id: UUID, entry_id: UUID, *, lock: bool = False
) -> EntryT:
    entry = await CatalogueStore(session).get(kind, organization_id, entry_id, lock=lock)
    if entry is None:
        raise NotFoundError(f"There is no {KINDS[kind]} {entry_id}.")
    return entry


async def _check_service(session: AsyncSession, service: Service) -> None:
    await _require(session, Business, service.organization_id, [service.business_id])
    if any(not place for place in service.requires):
        raise InvalidBookingError("empty_place", "Each place of a service needs resources that can fill it.")
    wanted = {resource_id for place in service.requires for resource_id in place}
    await _require(session, Resource, service.organization_id, wanted)


async def _refuse_same_name(session: AsyncSession, action: Action) -> None:
    # The policy's row is locked until the transaction ends: two who add one name at once come one after the other.
    await bump_policy(session, {action.organization_id})
    known = await CatalogueStore(session).actions(action.organization_id)
    same = next((other for other in known if other.id != action.id and other.is_called(action.name)), None)
    if same is not None:
        raise ActionExistsError(name=same.name, action_id=same.id)


async def _require(session: AsyncSession, kind: type[Entry], organization_id: UUID, ids: Iterable[UUID]) -> None:
    wanted = set(ids)
    missing = wanted - await CatalogueStore(session).existing_ids(kind, organization_id, wanted) if wanted else set()
    if missing:
        raise UnknownReferenceError(KINDS[kind], min(missing))
