"""Booking, whichever way it came in: HTTP, commands, series, a move, the portal.

The edge translates a request and the answer. Here are resolved the client, the hold and the action; `claim_time`
judges, seats and tries again; the statement writes.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import replace

from booking.domain.requests import BookingRequest
from booking.storage.contacts import contact_locks
from booking.storage.policies import Policies
from booking.usecases.booking.model import Booking, Outcome, Predecessor
from booking.usecases.booking.work import NOT_UNIQUE, ClientToFindAgainError, Work, addresses_to_lock
from booking.usecases.overriding import SessionsToOpenError
from slotstream_servicekit.database import Connection, tenant_transaction
from slotstream_servicekit.errors import SlotstreamError

__all__ = ["Booking", "Outcome", "Predecessor", "addresses_to_lock", "book_appointment", "book_appointments"]


async def book_appointments(
    *, connection: Connection, policies: Policies, bookings: Sequence[Booking], look_first: bool = False
) -> list[Outcome]:
    """Books what can be booked, each by itself; conflicts among them are settled in their order.

    All are of one organization. One booking, on a connection that is in no transaction, is a single statement: for a
    known client, for a new one after a look at who there is, by override after a look at what it overlaps. All else is
    one transaction, which is opened here unless the caller has one.
    """
    if not bookings:
        return []
    context = bookings[0].context
    work = Work(
        connection=connection, policies=policies, organization_id=context.organization_id, limits=context.limits
    )
    if connection.is_in_transaction():
        return await work.book(bookings, look_first=look_first, locks=True)
    if len(bookings) > 1 or _needs_transaction(bookings[0].request):
        return await _book_in_transaction(work, bookings, look_first=look_first)
    resolved = await work.resolve(bookings)
    client = resolved[bookings[0].request.id]
    if isinstance(client, SlotstreamError) or client.is_settled or client.new:
        work.guards_new_client = True
        with contextlib.suppress(ClientToFindAgainError, SessionsToOpenError):
            return await work.book(bookings, resolved=resolved, look_first=look_first)
        work.guards_new_client = False
    return await _book_in_transaction(work, bookings, look_first=look_first)


async def _book_in_transaction(work: Work, bookings: Sequence[Booking], *, look_first: bool) -> list[Outcome]:
    """A single booking goes without savepoints at first: few ask for a key or an id that is in use this very moment."""
    alone = len(bookings) == 1
    locks: Sequence[tuple[int, int]] = ()
    if alone and not _needs_transaction(bookings[0].request):
        locks = contact_locks(work.organization_id, await work.addresses(bookings))
    try:
        with contextlib.suppress(*NOT_UNIQUE):
            return await _attempt(work, bookings, locks=locks, look_first=look_first, savepoints=not alone)
        return await _attempt(work, bookings, locks=locks, look_first=look_first, savepoints=True)
    except SlotstreamError as error:
        return [Outcome(booking=booking, error=error) for booking in bookings]


async def _attempt(
    work: Work,
    bookings: Sequence[Booking],
    *,
    locks: Sequence[tuple[int, int]],
    look_first: bool,
    savepoints: bool,
) -> list[Outcome]:
    work = replace(work, savepoints=savepoints, clients={}, written=set(), external_keys={}, rows={})
    async with tenant_transaction(work.connection, work.organization_id, locks=locks):
        outcomes = await work.book(bookings, look_first=look_first, locks=not locks)
        if len(bookings) == 1:
            # What was done beside it, a hold that was used or an action that was added, is undone with it.
            outcomes[0].booked()
        return outcomes


async def book_appointment(*, connection: Connection, policies: Policies, booking: Booking) -> Outcome:
    """Books one appointment; its outcome holds the error where it is refused."""
    [outcome] = await book_appointments(connection=connection, policies=policies, bookings=[booking])
    return outcome


def _needs_transaction(request: BookingRequest) -> bool:
    """A hold or an action changes together with the booking; two who want one external id come after each other."""
    return any((request.hold_id, request.action_name, request.external_id))
