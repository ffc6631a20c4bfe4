"""Whom a request is for: the client it names, the one with the phone or e-mail it gives, or a new one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from booking.domain.clients import (
    Client,
    ClientDetails,
    ClientFinder,
    ClientNote,
    ClientRequest,
    FoundClient,
    normal_details,
    to_write,
)
from booking.domain.errors import BusyBookError, InvalidBookingError, UnknownReferenceError
from booking.domain.policy import Policy
from booking.domain.requests import BookingRequest
from booking.publishers import client_record
from booking.storage.bookings import BookingStore
from booking.storage.contacts import contact_locks, find_contacts, lock_clients, write_clients
from booking.storage.outbox import enqueue_records
from slotstream_servicekit.context import Context
from slotstream_servicekit.database import Connection, tenant_transaction
from slotstream_servicekit.errors import SlotstreamError
from slotstream_servicekit.ids import new_id

ATTEMPTS: Final = 5
BUSY_CLIENT: Final = "The client is being changed right now; ask again."


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedClient:
    """`found` where the client was given by details, and is perhaps still to be made or brought up to date."""

    id: UUID
    found: FoundClient | None = None

    @property
    def new(self) -> Client | None:
        """The client, where there is none yet: made together with the appointment."""
        return self.found.client if self.found and self.found.is_new else None

    @property
    def is_settled(self) -> bool:
        """Whether nothing of the client is to be written."""
        return self.found is None or not (self.found.is_new or self.found.is_changed)

    @property
    def notes(self) -> tuple[ClientNote, ...]:
        return self.found.notes if self.found else ()


def addresses_of(policy: Policy, request: BookingRequest) -> tuple[str, ...]:
    """The phone and e-mail, as they are kept, of a client who is given by details."""
    if request.client is None:
        return ()
    details = normal_details(request.client, region=policy.business(request.business_id).phone_region)
    return tuple(address for address in (details.phone, details.email) if address)


async def resolve_clients(
    connection: Connection, policy: Policy, context: Context, requests: Sequence[BookingRequest]
) -> Mapping[UUID, ResolvedClient | SlotstreamError]:
    """By request, the client or what is wrong with them. A later request finds whom an earlier one is to make."""
    resolved: dict[UUID, ResolvedClient | SlotstreamError] = {}
    wanted: dict[UUID, ClientRequest] = {}
    for request in requests:
        if request.client_id is not None:
            resolved[request.id] = ResolvedClient(id=request.client_id)
            continue
        try:
            wanted[request.id] = _normal(policy, request)
        except SlotstreamError as error:
            resolved[request.id] = error
    if wanted:
        finder = await _finder(connection, context, list(wanted.values()))
        for request_id, client_request in wanted.items():
            found = _find(finder, context, client_request)
            resolved[request_id] = ResolvedClient(id=found.client.id, found=found)
    return resolved


def _normal(policy: Policy, request: BookingRequest) -> ClientRequest:
    if request.client is None:
        raise InvalidBookingError("client_required", "Give one of client_id and client.")
    region = policy.business(request.business_id).phone_region
    return ClientRequest(details=normal_details(request.client, region=region), match=request.client_match)


async def _finder(connection: Connection, context: Context, requests: Sequence[ClientRequest]) -> ClientFinder:
    phones = sorted({request.details.phone for request in requests if request.details.phone})
    emails = sorted({request.details.email for request in requests if request.details.email})
    if not phones and not emails:
        return ClientFinder(())
    return ClientFinder(await find_contacts(connection, context.organization_id, phones=phones, emails=emails))


def _find(finder: ClientFinder, context: Context, request: ClientRequest) -> FoundClient:
    return finder.find(request, organization_id=context.organization_id, new_id=new_id(), now=context.now)


async def settle_clients(connection: Connection, organization_id: UUID, resolved: Iterable[ResolvedClient]) -> bool:
    """Whether the clients still are as they were found; if so, they stay so until the transaction ends.

    Else somebody has changed, merged or erased one since: what was found would write over it.
    """
    clients = list(resolved)
    # A later request finds whom an earlier one is still to make.
    to_make = {client.id for client in clients if client.new is not None}
    known = [client for client in clients if client.id not in to_make]
    to_change = any(not client.is_settled for client in known)
    versions = await lock_clients(connection, organization_id, {client.id for client in known}, to_change=to_change)
    found = [client.found.old for client in known if client.found and client.found.old]
    return all(versions.get(old.id) == old.version for old in found)


async def write_found(connection: Connection, context: Context, found: Sequence[FoundClient]) -> None:
    """Writes new and changed clients as the last request left them, and says so on their topic."""
    added, changed = to_write(found)
    await write_clients(connection, added=added, changed=changed)
    await enqueue_records(connection, [client_record(client, cause=context.cause) for client in (*added, *changed)])


async def find_or_add_client(
    connection: Connection, policy: Policy, context: Context, details: ClientDetails, *, business_id: UUID
) -> UUID:
    """The client of these details, added at once where there is none; for what is booked as a series."""
    region = policy.business(business_id).phone_region
    request = ClientRequest(details=normal_details(details, region=region))
    addresses = [address for address in (request.details.phone, request.details.email) if address]
    async with tenant_transaction(
        connection, context.organization_id, locks=contact_locks(context.organization_id, addresses)
    ):
        for _ in range(ATTEMPTS):
            found = _find(await _finder(connection, context, [request]), context, request)
            resolved = ResolvedClient(id=found.client.id, found=found)
            if await settle_clients(connection, context.organization_id, [resolved]):
                await write_found(connection, context, [found])
                return found.client.id
    raise BusyBookError(BUSY_CLIENT)


class _ClientChangedError(Exception):
    """The client was merged or erased while they were being locked."""


async def _check_bookable(store: BookingStore, client_id: UUID) -> None:
    if not await store.bookable_clients([client_id]):
        raise _ClientChangedError


async def hold_client(
    connection: Connection, organization_id: UUID, client_id: UUID, *, beside: UUID | None = None
) -> UUID:
    """Who stands for the client. They, and the one `beside` them, stay as they are until the transaction ends: an erase
    of either waits for what is done, or is waited for and seen. Raises UnknownReferenceError.
    """
    store = BookingStore(connection, organization_id)
    for _ in range(ATTEMPTS):
        right = await store.current_client(client_id)
        if right is None:
            raise UnknownReferenceError("client", client_id)
        try:
            async with connection.transaction():
                await lock_clients(connection, organization_id, {right, beside or right}, to_change=False)
                await _check_bookable(store, right)
        except _ClientChangedError:
            continue
        return right
    raise BusyBookError(BUSY_CLIENT)
