"""One call's bookings on one connection: who is booked for, what is claimed, what is written, what is told."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Final
from uuid import UUID

import asyncpg

from booking.domain.clients import Client
from booking.domain.errors import (
    AlreadyExistsError,
    BusyBookError,
    ExternalIdTakenError,
    IdTakenError,
    InvalidBookingError,
    OverrideForbiddenError,
    UnknownReferenceError,
)
from booking.domain.policy import Policy
from booking.domain.requests import BookingRequest, plan_booking
from booking.storage.booking_statement import BookingRow
from booking.storage.bookings import BookingStore
from booking.storage.contacts import contact_locks, find_contacts
from booking.storage.external_ids import ExternalIdStore, ExternalKey
from booking.storage.policies import Policies, UncommittedPolicies
from booking.usecases.actions import find_or_add_action
from booking.usecases.booking.model import Booking, Outcome
from booking.usecases.booking.rows import PlannedBooking, booking_row
from booking.usecases.claiming import SeatedClaim, TimeClaim, claim_time
from booking.usecases.holds import use_hold
from booking.usecases.limits import check_booking
from booking.usecases.resolving import (
    ATTEMPTS,
    BUSY_CLIENT,
    ResolvedClient,
    addresses_of,
    resolve_clients,
    settle_clients,
    write_found,
)
from slotstream_servicekit.context import Context
from slotstream_servicekit.database import Connection, tenant_transaction
from slotstream_servicekit.errors import SlotstreamError
from slotstream_servicekit.limits import UNLIMITED, Limits, beyond_limits


class ClientToFindAgainError(Exception):
    """Since the client was looked for, somebody has made them, or their phone number is read in another way."""


NOT_UNIQUE: Final = (asyncpg.UniqueViolationError, asyncpg.ExclusionViolationError)
_NO_CLIENTS: Final[Mapping[UUID, ResolvedClient | SlotstreamError]] = MappingProxyType({})


def addresses_to_lock(policy: Policy, requests: Sequence[BookingRequest]) -> list[str]:
    """The phones and e-mails of clients who are given by details, and the external ids of appointments."""
    addresses: list[str] = []
    for request in requests:
        with contextlib.suppress(SlotstreamError):
            addresses += addresses_of(policy, request)
        if key := ExternalKey.of(request):
            addresses.append(f"{key.business_id}:{key.source}:{key.external_id}")
    return addresses


@dataclass(slots=True, kw_only=True)
class Work:
    """One call's bookings, on one connection."""

    connection: Connection
    policies: Policies
    organization_id: UUID
    limits: Limits = UNLIMITED
    clients: dict[UUID, ResolvedClient] = field(default_factory=dict)
    written: set[UUID] = field(default_factory=set)
    """Requests whose clients are written already."""
    external_keys: dict[UUID, ExternalKey] = field(default_factory=dict)
    """Of requests that have an external id of their own: one that replaces an appointment takes over that one's."""
    rows: dict[UUID, BookingRow] = field(default_factory=dict)
    resolved_by: Policy | None = None
    guards_new_client: bool = False
    """Of a single booking that is alone in its transaction: no lock keeps others from making its new client."""
    savepoints: bool = True
    """Whether the caller's transaction goes on where a key or id was used by another just then."""

    @property
    def store(self) -> BookingStore:
        return BookingStore(self.connection, self.organization_id)

    async def resolve(self, bookings: Sequence[Booking]) -> Mapping[UUID, ResolvedClient | SlotstreamError]:
        """By the kept policy; what that refuses is judged once more by the newest."""
        policy = await self.policies.of(self.connection, self.organization_id)
        resolved = await self._resolve_by(policy, bookings)
        if any(isinstance(client, SlotstreamError) for client in resolved.values()):
            newest = await self.policies.current(self.connection, self.organization_id)
            if newest is not policy:
                return await self._resolve_by(newest, bookings)
        return resolved

    async def _resolve_by(
        self, policy: Policy, bookings: Sequence[Booking]
    ) -> Mapping[UUID, ResolvedClient | SlotstreamError]:
        self.resolved_by = policy
        requests = [booking.request for booking in bookings]
        return await resolve_clients(self.connection, policy, bookings[0].context, requests)

    async def _resolve_settled(self, bookings: Sequence[Booking]) -> Mapping[UUID, ResolvedClient | SlotstreamError]:
        """Inside a transaction: the clients, who stay as they were found until it ends.

        One booking that changes nothing else needs no lock beforehand: the statement takes it. One that may enter a
        session does, because it locks that first; so do many, which come in the order of their slots.
        """
        for _ in range(ATTEMPTS):
            resolved = await self.resolve(bookings)
            clients = [client for client in resolved.values() if isinstance(client, ResolvedClient)]
            alone = len(bookings) == 1 and not self._may_enter_session(bookings[0].request)
            if (alone and all(client.is_settled or client.new for client in clients)) or await settle_clients(
                self.connection, self.organization_id, clients
            ):
                return resolved
        raise BusyBookError(BUSY_CLIENT)

    def _may_enter_session(self, request: BookingRequest) -> bool:
        """By override, or as a member of a group."""
        services = self.resolved_by.services if self.resolved_by else {}
        service = services.get(request.service_id) if request.service_id else None
        return request.override_reason is not None or (service is not None and service.capacity > 1)

    async def book(
        self,
        bookings: Sequence[Booking],
        *,
        resolved: Mapping[UUID, ResolvedClient | SlotstreamError] = _NO_CLIENTS,
        look_first: bool,
        locks: bool = False,
    ) -> list[Outcome]:
        """`locks`: whether the addresses of clients who may be new, and external ids, are still to be locked."""
        errors: dict[UUID, SlotstreamError] = {}
        prepared: dict[UUID, Booking] = {}
        for booking in bookings:
            try:
                request = await self._prepared(booking)
                prepared[request.id] = booking if request is booking.request else replace(booking, request=request)
            except SlotstreamError as error:
                errors[booking.request.id] = error
        if locks:
            await self._lock_addresses(list(prepared.values()))
        resolved = resolved or await self._resolve_settled(list(prepared.values()) or bookings)
        for request_id, client in resolved.items():
            if isinstance(client, SlotstreamError):
                errors.setdefault(request_id, client)
            else:
                self.clients[request_id] = client
        open_bookings = {request_id: booking for request_id, booking in prepared.items() if request_id not in errors}
        self.external_keys |= {
            request_id: key
            for request_id, booking in open_bookings.items()
            if booking.predecessor is None and (key := ExternalKey.of(booking.request))
        }
        await self._write_clients(list(open_bookings.values()))
        claimed = await claim_time(
            connection=self.connection,
            policies=self.policies,
            organization_id=self.organization_id,
            claims=[self._claim(booking) for booking in open_bookings.values()],
            take=self._take,
            explain=self._explain,
            look_first=look_first,
        )
        return [self._outcome(prepared.get(booking.request.id, booking), errors, claimed) for booking in bookings]

    async def _prepared(self, booking: Booking) -> BookingRequest:
        """The request with its hold's resources and its action."""
        request, context = booking.request, booking.context
        if request.override_reason is not None and not context.actor.may_override:
            raise OverrideForbiddenError("Only a member of staff can override; an agent or a client never can.")
        context.limits.check_business(request.business_id)
        if request.resource_ids and len(set(request.resource_ids)) < len(request.resource_ids):
            raise InvalidBookingError("duplicate_resource", "A resource is named twice.")
        if request.hold_id:
            hold = await use_hold(
                connection=self.connection,
                context=context,
                hold_id=request.hold_id,
                forced=request.override_reason is not None,
            )
            if (hold.starts_at, hold.business_id) != (request.starts_at, request.business_id):
                raise InvalidBookingError("hold_is_for_another_slot", "The hold keeps another slot than this one.")
            request = replace(request, resource_ids=request.resource_ids or hold.resource_ids)
        if context.limits.is_limited:
            request = await self._within_limits(request, context)
        if request.action_name:
            policy = await self.policies.current(self.connection, self.organization_id)
            action_id, is_new = await find_or_add_action(self.connection, policy, context, request.action_name)
            if is_new:
                # The catalogue is not what others see of it until this commits.
                self.policies = UncommittedPolicies()
            request = replace(request, action_id=action_id)
        return request

    async def _within_limits(self, request: BookingRequest, context: Context) -> BookingRequest:
        policy = await self.policies.current(self.connection, self.organization_id)
        resource_ids = check_booking(
            context.limits,
            policy,
            business_id=request.business_id,
            service_id=request.service_id,
            resource_ids=request.resource_ids,
        )
        return replace(request, resource_ids=resource_ids)

    async def addresses(self, bookings: Sequence[Booking]) -> list[str]:
        """The phones and e-mails of clients who are given by details, and the external ids of appointments."""
        policy = await self.policies.current(self.connection, self.organization_id)
        return addresses_to_lock(policy, [booking.request for booking in bookings])

    async def _lock_addresses(self, bookings: Sequence[Booking]) -> None:
        locks = contact_locks(self.organization_id, await self.addresses(bookings))
        if locks:
            async with tenant_transaction(self.connection, self.organization_id, locks=locks):
                return

    async def _write_clients(self, bookings: Sequence[Booking]) -> None:
        """A single new client is made by the booking statement. Of many bookings, several may be for the same one, so
        their clients are made beforehand.
        """
        clients = {booking.request.id: self.clients[booking.request.id] for booking in bookings}
        given = [client.found for client in clients.values() if client.found]
        if len(bookings) == 1 and (not given or given[0].is_new):
            return
        if any(client.is_new or client.is_changed for client in given):
            await write_found(self.connection, bookings[0].context, given)
            self.written |= clients.keys()

    def _claim(self, booking: Booking) -> TimeClaim[PlannedBooking]:
        replaced = booking.predecessor
        return TimeClaim(
            holder_id=booking.request.id,
            plan=partial(self._plan, booking=booking),
            now=booking.context.now,
            ignore=(replaced.appointment.id,) if replaced else (),
            own_sessions=replaced.seats if replaced else {},
            override_reason=booking.request.override_reason,
        )

    def _plan(self, policy: Policy, *, booking: Booking) -> PlannedBooking:
        """For the client as they are resolved by now: a merged one is replaced by their survivor meanwhile.

        Raises ClientToFindAgainError, or BusyBookError inside a transaction, where the business's region has changed
        since the client's phone number was read by it.
        """
        if booking.request.client is not None and not self._reads_phones_alike(policy, booking.request.business_id):
            raise ClientToFindAgainError if self.guards_new_client else BusyBookError(BUSY_CLIENT)
        replaced = booking.predecessor.appointment if booking.predecessor else None
        client_id = self.clients[booking.request.id].id
        plan = plan_booking(policy, booking.request, client_id=client_id, now=booking.context.now, predecessor=replaced)
        return PlannedBooking(booking=booking, plan=plan)

    def _reads_phones_alike(self, policy: Policy, business_id: UUID) -> bool:
        before = self.resolved_by
        if before is None or before is policy:
            return True
        return before.business(business_id).phone_region == policy.business(business_id).phone_region

    async def _take(self, policy: Policy, seated: Sequence[SeatedClaim[PlannedBooking]]) -> frozenset[UUID]:
        """Those that were booked. None where an id is another organization's, an external id another appointment's, or
        a key or id is used this very moment: looking again tells which.
        """
        rows = [self._row(claim) for claim in _one_per_external_id(seated)]
        self.rows |= {row.appointment.id: row for row in rows}
        if self.connection.is_in_transaction() and not self.savepoints:
            return await self.store.insert(rows, policy_version=policy.version)
        with contextlib.suppress(*NOT_UNIQUE):
            async with self._savepoint(rows):
                return await self.store.insert(rows, policy_version=policy.version)
        return frozenset()

    def _savepoint(self, rows: Sequence[BookingRow]) -> contextlib.AbstractAsyncContextManager[object]:
        """In no transaction, one statement is its own where one row takes one resource."""
        if self.connection.is_in_transaction():
            return self.connection.transaction()
        if len(rows) == 1 and len(rows[0].takes) <= 1:
            return contextlib.nullcontext()
        return tenant_transaction(self.connection, self.organization_id)

    def _row(self, seated: SeatedClaim[PlannedBooking]) -> BookingRow:
        request_id = seated.claim.holder_id
        new_client = self._new_client(request_id)
        return booking_row(
            seated,
            client=self.clients[request_id],
            new_client=new_client,
            contact_locks=self._contact_locks(new_client) if self.guards_new_client else (),
        )

    def _contact_locks(self, client: Client | None) -> tuple[int, ...]:
        contacts = [contact for contact in (client.phone, client.email) if contact] if client else []
        return tuple(key for _, key in contact_locks(self.organization_id, contacts))

    def _new_client(self, request_id: UUID) -> Client | None:
        return None if request_id in self.written else self.clients[request_id].new

    async def _is_client_made(self, request_ids: Sequence[UUID]) -> bool:
        new = [client for request_id in request_ids if (client := self._new_client(request_id))]
        phones = [client.phone for client in new if client.phone]
        emails = [client.email for client in new if client.email]
        return bool(await find_contacts(self.connection, self.organization_id, phones=phones, emails=emails))

    async def _explain(self, losers: Sequence[TimeClaim[PlannedBooking]]) -> Mapping[UUID, SlotstreamError]:
        """Ids and external ids that exist, and clients who cannot be booked for. Who was merged is booked for as their
        survivor.
        """
        ids = [claim.holder_id for claim in losers]
        known = {request_id: self.clients[request_id].id for request_id in ids if not self._new_client(request_id)}
        keys = {request_id: key for request_id in ids if (key := self.external_keys.get(request_id))}
        if self.guards_new_client and await self._is_client_made(ids):
            raise ClientToFindAgainError
        async with tenant_transaction(self.connection, self.organization_id):
            existing = await self.store.existing(ids)
            async with beyond_limits(self.connection, self.limits):
                holders = await ExternalIdStore(self.connection, self.organization_id).holders(set(keys.values()))
            clients = await self.store.bookable_clients(list(known.values()))
            missing = {client_id for client_id in known.values() if client_id not in clients}
            survivors = {client_id: await self.store.current_client(client_id) for client_id in missing}
        errors: dict[UUID, SlotstreamError] = {}
        for request_id in ids:
            if request_id in existing:
                own = existing[request_id]
                errors[request_id] = (
                    AlreadyExistsError(f"The id {request_id} is in use already.") if own else IdTakenError()
                )
            elif request_id in keys and keys[request_id] in holders:
                key = keys[request_id]
                errors[request_id] = ExternalIdTakenError(key.external_id, holders[key])
            elif request_id in known and known[request_id] not in clients:
                survivor_id = survivors[known[request_id]]
                if survivor_id is None:
                    # Whoever was found by what was typed was erased since; looked for again, nobody is found.
                    was_found = self.clients[request_id].found is not None
                    errors[request_id] = (
                        BusyBookError(BUSY_CLIENT) if was_found else UnknownReferenceError("client", known[request_id])
                    )
                else:
                    self.clients[request_id] = replace(self.clients[request_id], id=survivor_id)
        return errors

    def _outcome(
        self,
        booking: Booking,
        errors: Mapping[UUID, SlotstreamError],
        claimed: Mapping[UUID, SeatedClaim[PlannedBooking] | SlotstreamError],
    ) -> Outcome:
        request_id = booking.request.id
        if request_id in errors:
            return Outcome(booking=booking, error=errors[request_id])
        result = claimed[request_id]
        if isinstance(result, SlotstreamError):
            return Outcome(booking=booking, error=result)
        row = self.rows[request_id]
        return Outcome(
            booking=booking,
            appointment=row.appointment,
            override=result.override,
            client_notes=self.clients[request_id].notes,
        )


def _one_per_external_id(seated: Sequence[SeatedClaim[PlannedBooking]]) -> list[SeatedClaim[PlannedBooking]]:
    """Without those whose external id comes before them: once that one is booked, theirs is found to be taken."""
    first: dict[ExternalKey, UUID] = {}
    return [
        claim
        for claim in seated
        if (key := ExternalKey.of(claim.plan.booking.request)) is None
        or first.setdefault(key, claim.claim.holder_id) == claim.claim.holder_id
    ]
