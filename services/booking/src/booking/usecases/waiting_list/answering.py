"""What clients do with an offer by its link: look at it, take the slot, or leave it to the next."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.appointments import Appointment
from booking.domain.catalogue import Business
from booking.domain.clients import Client
from booking.domain.errors import HoldGoneError, NotOfferedError, OfferOverError
from booking.domain.public import SOURCE
from booking.domain.requests import BookingRequest
from booking.domain.waiting_list import EntryStatus, Offer, WaitingListEntry
from booking.publishers import WaitingListEntryBooked, WaitingListEntryDeclined, waiting_list_record
from booking.storage.appointments import AppointmentStore
from booking.storage.clients import ClientStore
from booking.storage.connections import connection_of
from booking.storage.holds import HoldStore
from booking.storage.outbox import enqueue_records
from booking.storage.policies import PolicyCache
from booking.storage.waiting_list import WaitingListStore
from booking.usecases.booking import Booking, book_appointment
from booking.usecases.waiting_list.freeing import end_offer, withdraw
from slotstream_servicekit.context import Context
from slotstream_servicekit.errors import NotFoundError, SlotstreamError


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnOffer:
    """An offer as its client sees it. `is_open`: whether the slot is held for them still."""

    entry: WaitingListEntry
    offer: Offer
    business: Business
    service_name: str
    client: Client
    is_open: bool


async def read_own_offer(
    *, session: AsyncSession, policies: PolicyCache, context: Context, client: Client, offer_id: UUID
) -> OwnOffer:
    """Raises NotFoundError for another's, and for one that came to nothing."""
    entry, offer = await _find(session, context, client, offer_id)
    connection = await connection_of(session)
    held = await HoldStore(connection, context.organization_id).get(offer.id)
    return await _own(session, policies, context, client, entry, offer, is_open=_is_open(entry) and held is not None)


async def accept_offer(
    *, session: AsyncSession, policies: PolicyCache, context: Context, client: Client, offer_id: UUID
) -> Appointment:
    """Books the slot that is held. Twice is once. Raises OfferOverError, NotOfferedError."""
    connection = await connection_of(session)
    entry, offer = await _find(session, context, client, offer_id, lock=True)
    if entry.status is EntryStatus.BOOKED:
        return await AppointmentStore(connection, context.organization_id).get(offer.id)
    request = BookingRequest(
        id=offer.id,
        business_id=entry.business_id,
        service_id=entry.service_id,
        starts_at=offer.starts_at,
        source=SOURCE,
        client_id=client.id,
        hold_id=offer.id,
    )
    outcome = await book_appointment(
        connection=connection, policies=policies, booking=Booking(request=request, context=context)
    )
    try:
        appointment = outcome.booked()
    except HoldGoneError as error:
        raise OfferOverError("The slot is not held for you any more.") from error
    except SlotstreamError as error:
        if error.reasons:
            raise NotOfferedError(list(dict.fromkeys(reason.code for reason in error.reasons))) from error
        raise
    booked = entry.changed(now=context.now, status=EntryStatus.BOOKED)
    await WaitingListStore(connection, context.organization_id).save(booked)
    await enqueue_records(connection, [waiting_list_record(WaitingListEntryBooked, booked, context)])
    return appointment


async def decline_offer(
    *, session: AsyncSession, context: Context, client: Client, offer_id: UUID, leaves: bool
) -> WaitingListEntry:
    """Gives the slot to the next. `leaves`: whether the client does not want to wait for another either."""
    entry, _ = await _find(session, context, client, offer_id, lock=True)
    if not _is_open(entry):
        raise OfferOverError("The slot is not held for you any more.")
    if leaves:
        return await withdraw(session, entry, context=context)
    return await end_offer(session, entry, EntryStatus.WAITING, WaitingListEntryDeclined, context=context)


def _is_open(entry: WaitingListEntry) -> bool:
    return entry.status is EntryStatus.OFFERED


async def _find(
    session: AsyncSession, context: Context, client: Client, offer_id: UUID, *, lock: bool = False
) -> tuple[WaitingListEntry, Offer]:
    unknown = NotFoundError("There is no such offer.")
    store = WaitingListStore(await connection_of(session), context.organization_id)
    entry = await store.of_offer(offer_id, lock=lock)
    if entry is None or entry.offer is None:
        raise unknown
    if entry.client_id != client.id:
        duplicates = await ClientStore(session).duplicates_of(context.organization_id, client.id)
        if entry.client_id not in {duplicate.id for duplicate in duplicates}:
            raise unknown
    return entry, entry.offer


async def _own(
    session: AsyncSession,
    policies: PolicyCache,
    context: Context,
    client: Client,
    entry: WaitingListEntry,
    offer: Offer,
    *,
    is_open: bool,
) -> OwnOffer:
    policy = await policies.current(await connection_of(session), context.organization_id)
    return OwnOffer(
        entry=entry,
        offer=offer,
        business=policy.businesses[entry.business_id],
        service_name=policy.services[entry.service_id].name,
        client=client,
        is_open=is_open,
    )
