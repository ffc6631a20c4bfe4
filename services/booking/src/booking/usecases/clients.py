"""Clients: found by what is given of them, created once, changed, and merged where two are one person."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.clients import (
    Client,
    ClientDetails,
    ClientFinder,
    ClientRequest,
    FoundClient,
    new_client,
    normal_details,
    normal_email,
    normal_phone,
    to_write,
)
from booking.domain.errors import AlreadyExistsError, ClientMergedError, DuplicateClientError, InvalidBookingError
from booking.publishers import client_record
from booking.storage.clients import ClientStore
from booking.usecases.limits import check_people
from slotstream_servicekit.context import Context
from slotstream_servicekit.errors import NotFoundError, TransientError, VersionConflictError
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.outbox import enqueue

_ATTEMPTS: Final = 5


async def _write(session: AsyncSession, context: Context, found: Sequence[FoundClient]) -> None:
    """Writes new and changed clients as the last request left them, and says so on their topic."""
    store = ClientStore(session)
    added, changed = to_write(found)
    await store.add(added)
    for client in changed:
        await store.save(client)
    await enqueue(session, [client_record(client, cause=context.cause) for client in (*added, *changed)])


async def add_client(
    *,
    session: AsyncSession,
    context: Context,
    request: ClientRequest,
    client_id: UUID | None = None,
    tells_of_others: bool = True,
) -> FoundClient:
    """A new client, or the one with this phone or e-mail, brought up to date as the request says.

    `tells_of_others`: whether the caller may learn of clients. One who may not gets what they gave as a client of
    its own, who in fact stands for the one there is.
    """
    store = ClientStore(session)
    if client_id is not None and await store.get(context.organization_id, client_id):
        raise AlreadyExistsError(f"There is a client {client_id} already.")
    details = normal_details(request.details, region=request.region)
    contacts = [contact for contact in (details.phone, details.email) if contact]
    await store.lock_contacts(context.organization_id, contacts)
    if not tells_of_others:
        await store.lock_merging(context.organization_id)
    found = await _find(session, context, replace(request, details=details), new_id=client_id or new_id())
    await _write(session, context, [found])
    if found.is_new or tells_of_others:
        return found
    return await _add_stand_in(session, context, details, client_id=client_id or new_id(), stands_for=found.client)


async def _find(session: AsyncSession, context: Context, request: ClientRequest, *, new_id: UUID) -> FoundClient:
    """A new client, or the one there is, who stays as found until the transaction ends: else an erase would be undone.

    Raises TransientError.
    """
    store, details = ClientStore(session), request.details
    for _ in range(_ATTEMPTS):
        known = await store.find_contacts(
            context.organization_id,
            phones=[details.phone] if details.phone else [],
            emails=[details.email] if details.email else [],
        )
        found = ClientFinder(known).find(
            request, organization_id=context.organization_id, new_id=new_id, now=context.now
        )
        if found.old is None:
            return found
        locked = await store.get(context.organization_id, found.old.id, lock=True)
        if locked is not None and locked.version == found.old.version:
            return found
    raise TransientError("The client is being changed right now; ask again.")


async def _add_stand_in(
    session: AsyncSession, context: Context, details: ClientDetails, *, client_id: UUID, stands_for: Client
) -> FoundClient:
    given = new_client(details, organization_id=context.organization_id, client_id=client_id, now=context.now)
    kept = replace(given, merged_into=stands_for.id, archived=True)
    await ClientStore(session).add([kept])
    await enqueue(session, [client_record(kept, cause=context.cause)])
    return FoundClient(client=given)


async def change_client(
    *,
    session: AsyncSession,
    context: Context,
    client_id: UUID,
    changes: Mapping[str, Any],
    region: str | None = None,
    expected_version: int | None = None,
) -> Client:
    """Changes the named fields. Raises ClientMergedError, DuplicateClientError, VersionConflictError."""
    values = dict(changes)
    if "phone" in values:
        values["phone"] = normal_phone(values["phone"], region=region)
    if "email" in values:
        values["email"] = normal_email(values["email"])
    if values.get("consent") is not None:
        values["consent"] = tuple(values["consent"])
    # Contacts before the row, as bookings lock them: they find the row by its contacts.
    contacts = [values[name] for name in ("phone", "email") if values.get(name)]
    await ClientStore(session).lock_contacts(context.organization_id, contacts)
    old = await locked_client(session, context.organization_id, client_id, expected_version)
    if old.merged_into is not None:
        raise ClientMergedError(client_id, old.merged_into)
    new = replace(old, **values)
    if new == old:
        return old
    await _refuse_duplicate(session, old, new)
    return await _save(session, context, old, new)


async def _refuse_duplicate(session: AsyncSession, old: Client, new: Client) -> None:
    """No client is changed to have another's phone number or e-mail address: the two may be merged instead."""
    phones = [new.phone] if new.phone and new.phone != old.phone else []
    emails = [new.email] if new.email and new.email != old.email else []
    known = await ClientStore(session).find_contacts(new.organization_id, phones=phones, emails=emails)
    others = list(dict.fromkeys(contact.client.id for contact in known if contact.client.id != new.id))
    if others:
        raise DuplicateClientError(others)


async def merge_clients(*, session: AsyncSession, context: Context, client_id: UUID, into: UUID) -> Client:
    """Marks a duplicate: from now on its id, phone and e-mail lead to the client it stands for, who is returned.

    Its appointments keep its id, and count among those of that client.
    """
    if client_id == into:
        raise InvalidBookingError("merge_into_itself", "A client cannot be merged into itself.")
    await ClientStore(session).lock_merging(context.organization_id)
    people = await ClientStore(session).lock_people(context.organization_id, [client_id, into])
    await check_people(session, context, [client.id for client in people], what="merging")
    by_id = {client.id: client for client in people if not client.erased}
    kept, duplicate = _named(by_id, into), _named(by_id, client_id)
    if kept.merged_into is not None:
        raise InvalidBookingError("merge_into_merged", f"This client was merged into {kept.merged_into}.")
    if duplicate.merged_into == into:
        return kept
    filled = {
        name: getattr(duplicate, name)
        for name in ("phone", "email", "locale", "zone", "consent")
        if getattr(kept, name) is None and getattr(duplicate, name) is not None
    }
    if filled:
        kept = await _save(session, context, kept, replace(kept, **filled))
    others = [client for client in people if client.merged_into == client_id]
    for merged in (duplicate, *others):
        await _save(session, context, merged, replace(merged, merged_into=into, archived=True))
    return kept


def _named(known: Mapping[UUID, Client], client_id: UUID) -> Client:
    client = known.get(client_id)
    if client is None:
        raise NotFoundError(f"There is no client {client_id}.")
    return client


async def locked_client(
    session: AsyncSession, organization_id: UUID, client_id: UUID, expected_version: int | None
) -> Client:
    """The client, locked until the transaction ends. Raises NotFoundError, VersionConflictError."""
    client = await ClientStore(session).get(organization_id, client_id, lock=True)
    if client is None or client.erased:
        raise NotFoundError(f"There is no client {client_id}.")
    if expected_version is not None and expected_version != client.version:
        raise VersionConflictError(client.version)
    return client


async def _save(session: AsyncSession, context: Context, old: Client, new: Client) -> Client:
    saved = replace(new, updated_at=max(context.now, old.updated_at), version=old.version + 1)
    await ClientStore(session).save(saved)
    await enqueue(session, [client_record(saved, cause=context.cause)])
    return saved
