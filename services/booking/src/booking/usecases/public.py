"""What visitors of a business's public page can do: see what it offers, keep a slot for some minutes, book it.

Booked is as everybody books. What is added here is that only what the page offers can be had, and that nothing tells
or changes anything about clients who are known already.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID
from zlib import crc32

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.appointments import Appointment
from booking.domain.catalogue import Business
from booking.domain.clients import ClientDetails, ClientMatch, normal_details
from booking.domain.errors import NotOfferedError, NotPublicError, TooManyHoldsError
from booking.domain.holds import Hold, HoldRequest
from booking.domain.public import (
    SOURCE,
    PublicBooking,
    PublicHold,
    PublicLimits,
    PublicPage,
    page_of,
    require_contact,
    same_person,
)
from booking.domain.requests import BookingRequest
from booking.publishers import hold_tombstone
from booking.storage.appointments import AppointmentStore
from booking.storage.catalogue import CatalogueStore
from booking.storage.connections import connection_of
from booking.storage.contacts import contact_locks, find_contacts
from booking.storage.holds import HoldStore
from booking.storage.outbox import enqueue_records
from booking.storage.policies import Policies
from booking.usecases.booking import Booking, book_appointment
from booking.usecases.holds import hold_slot
from slotstream_servicekit.context import Context
from slotstream_servicekit.database import Connection, tenant_transaction
from slotstream_servicekit.errors import SlotstreamError
from slotstream_servicekit.locks import LockClass

_LOCKS: Final = 1_024
_SHOWN_FOR: Final = timedelta(days=2)
"""How long after it was booked an appointment is shown to whoever has booked it."""


async def read_page(
    *, session: AsyncSession, policies: Policies, organization_id: UUID, business_id: UUID
) -> PublicPage:
    """Raises NotPublicError."""
    business = await CatalogueStore(session).get(Business, organization_id, business_id)
    if business is None or not business.public_booking:
        # Anybody can write the address of a page: organizations that do not exist take no room in the cache.
        raise NotPublicError
    return page_of(await policies.current(await connection_of(session), organization_id), business_id)


async def hold_publicly(
    *,
    session: AsyncSession,
    policies: Policies,
    context: Context,
    limits: PublicLimits,
    business_id: UUID,
    request: PublicHold,
) -> Hold:
    """Keeps a slot for the visitor, who is the context's actor.

    Raises TooManyHoldsError, NotOfferedError for a slot that cannot be had, and NotPublicError.
    """
    connection = await connection_of(session)
    page = await read_page(
        session=session, policies=policies, organization_id=context.organization_id, business_id=business_id
    )
    page.service(request.service_id, resource_id=request.resource_id)
    store = HoldStore(connection, context.organization_id)
    lock = (int(LockClass.PUBLIC_HOLDS), crc32(business_id.bytes) % _LOCKS)
    async with tenant_transaction(connection, context.organization_id, locks=[lock]):
        if request.replaces is not None and await store.remove_visitors(request.replaces, business_id):
            tombstone = hold_tombstone(request.replaces, organization_id=context.organization_id)
            await enqueue_records(connection, [tombstone])
        own, of_all = await store.count_of_visitors(business_id, context.actor.id)
        if own >= limits.holds_per_visitor or of_all >= limits.holds_per_business:
            raise TooManyHoldsError("No more slots are kept on the public page right now.")
        try:
            return await hold_slot(
                connection=connection,
                policies=policies,
                context=context,
                request=HoldRequest(
                    id=request.id,
                    business_id=business_id,
                    service_id=request.service_id,
                    starts_at=request.starts_at,
                    duration=None,
                    resource_ids=(request.resource_id,) if request.resource_id is not None else None,
                    lasts=limits.hold,
                ),
            )
        except SlotstreamError as error:
            raise _without_details(error) from error


async def book_publicly(
    *, session: AsyncSession, policies: Policies, context: Context, business_id: UUID, booking: PublicBooking
) -> tuple[PublicPage, Appointment]:
    """Books for the client who is exactly the one described, else for a new one.

    A hold that has run out is no obstacle: the slot may be free still. Raises NotOfferedError where it is not.
    """
    connection = await connection_of(session)
    page = await read_page(
        session=session, policies=policies, organization_id=context.organization_id, business_id=business_id
    )
    page.service(booking.service_id, resource_id=booking.resource_id)
    details = normal_details(booking.client, region=page.business.phone_region)
    require_contact(details)
    client_id = await _known_client(connection, context, details)
    holds = HoldStore(connection, context.organization_id)
    is_held = booking.hold_id is not None and await holds.is_visitors(
        booking.hold_id, business_id, booking.service_id, booking.starts_at
    )
    request = BookingRequest(
        id=booking.id,
        business_id=business_id,
        service_id=booking.service_id,
        starts_at=booking.starts_at,
        source=SOURCE,
        client_id=client_id,
        client=details if client_id is None else None,
        client_match=ClientMatch.NEW,
        resource_ids=None if is_held or booking.resource_id is None else (booking.resource_id,),
        hold_id=booking.hold_id if is_held else None,
        asks_approval=booking.asks_approval,
    )
    outcome = await book_appointment(
        connection=connection, policies=policies, booking=Booking(request=request, context=context)
    )
    try:
        return page, outcome.booked()
    except SlotstreamError as error:
        raise _without_details(error) from error


async def read_booked(
    *, session: AsyncSession, policies: Policies, context: Context, business_id: UUID, appointment_id: UUID
) -> tuple[PublicPage, Appointment]:
    """An appointment that a visitor has booked on this page lately. Raises NotPublicError."""
    connection = await connection_of(session)
    page = await read_page(
        session=session, policies=policies, organization_id=context.organization_id, business_id=business_id
    )
    store = AppointmentStore(connection, context.organization_id)
    appointment = (await store.get_all([appointment_id])).get(appointment_id)
    if (
        appointment is None
        or appointment.business_id != business_id
        or appointment.source != SOURCE
        or appointment.archived
        or not appointment.share_with_client
        or appointment.created_at < context.now - _SHOWN_FOR
    ):
        raise NotPublicError
    return page, appointment


async def _known_client(connection: Connection, context: Context, details: ClientDetails) -> UUID | None:
    """Whoever makes or changes a client with one of these contacts waits until this transaction ends."""
    addresses = [address for address in (details.phone, details.email) if address]
    locks = contact_locks(context.organization_id, addresses)
    async with tenant_transaction(connection, context.organization_id, locks=locks):
        known = await find_contacts(
            connection,
            context.organization_id,
            phones=[details.phone] if details.phone else [],
            emails=[details.email] if details.email else [],
        )
    client = same_person(known, details)
    return client.id if client is not None else None


def _without_details(error: SlotstreamError) -> SlotstreamError:
    """A refusal by its codes alone: whose time it is, is nobody's business."""
    if not error.reasons:
        return error
    return NotOfferedError(list(dict.fromkeys(reason.code for reason in error.reasons)))
