"""Forgetting a person: what lies ahead of them ends, and no text about them stays."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.appointments import FIELDS, Appointment, changed
from booking.domain.bulk import BulkOrder, BulkVerb
from booking.domain.changes import Change
from booking.domain.clients import Client
from booking.domain.erasure import ERASED, digests_of_client, said_without_person, without_former, without_person
from booking.domain.errors import ClientHasAppointmentsError
from booking.domain.lifecycle import Verb
from booking.domain.series import Scope
from booking.publishers import client_tombstone
from booking.storage.appointments import AppointmentStore
from booking.storage.bulk import BulkStore
from booking.storage.clients import ClientStore
from booking.storage.connections import connection_of
from booking.storage.erasure import Ahead, ErasureStore, Theirs
from booking.storage.former_clients import FormerClientStore
from booking.storage.policies import PolicyCache
from booking.storage.waiting_list import WaitingListStore
from booking.usecases.bulk import do_in_bulk
from booking.usecases.history import record_changes
from booking.usecases.lifecycle import Details
from booking.usecases.limits import check_people
from booking.usecases.series.changing import cancel_series
from booking.usecases.waiting_list.freeing import withdraw
from slotstream_servicekit.context import Context
from slotstream_servicekit.errors import NotFoundError, TransientError, VersionConflictError
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.outbox import enqueue

_ATTEMPTS: Final = 10
_FREE_TEXT: Final = (
    "notes",
    "internal_notes",
    "origin_reference_id",
    "origin_url",
    "external_id",
    "location_text",
    "location_url",
)


async def erase_client(
    *,
    session: AsyncSession,
    context: Context,
    policies: PolicyCache,
    client_id: UUID,
    cancels_ahead: bool,
    expected_version: int | None = None,
) -> None:
    """Forgets the person: the client, or whom they were merged into, and all duplicates of them.

    Rows keep their ids; free text goes, from the topics too: appointments' states are published without it, and the
    clients topic gets a tombstone. `cancels_ahead`: whether open appointments and series are cancelled first, without
    telling the client; else they are in the way. Raises ClientHasAppointmentsError, VersionConflictError.
    """
    organization_id = context.organization_id
    store = ErasureStore(session)
    await ClientStore(session).lock_merging(organization_id)
    clients, theirs = await _locked_with_all_of_theirs(session, organization_id, client_id, expected_version)
    client_ids = [client.id for client in clients]
    await check_people(session, context, client_ids, what="erasing")
    ahead = await store.ahead_of(organization_id, client_ids, now=context.now)
    await _take_off_list(session, context, client_ids)
    if ahead.appointment_ids or ahead.series_ids:
        if not cancels_ahead:
            raise ClientHasAppointmentsError(appointment_ids=ahead.appointment_ids, series_ids=ahead.series_ids)
        await _cancel(session, context, policies, ahead, client_ids)
    await _publish_without_text(session, context, theirs.appointment_ids)
    await _forget_former(session, context, theirs.former_ids, clients)
    await BulkStore(session).rewrite(
        organization_id,
        theirs.order_ids,
        client_ids,
        lambda said, theirs_alone: ERASED if theirs_alone else without_person(said, clients),
    )
    await store.forget(organization_id, client_ids)
    digests = frozenset[str]().union(*(digests_of_client(client) for client in clients))
    await store.mark(organization_id, digests, now=context.now)
    erased = [_erased(client, context) for client in clients]
    for client in erased:
        await ClientStore(session).save(client)
    await enqueue(session, [client_tombstone(client) for client in erased])


async def _locked_with_all_of_theirs(
    session: AsyncSession, organization_id: UUID, client_id: UUID, expected_version: int | None
) -> tuple[list[Client], Theirs]:
    """The person, and all that they have, until the transaction ends: nothing new can come to it.

    What they have is locked before they are, as whoever moves an appointment or extends a series does; so neither
    waits for the other in a circle. Whoever books holds the client until that is committed, so what was booked in
    between is seen once the client is had: then they are given back, and what is new is locked first. For whoever
    holds `lock_merging`.
    """
    store = ErasureStore(session)
    root, client_ids = await _person(session, organization_id, client_id)
    for _ in range(_ATTEMPTS):
        theirs = await store.lock_theirs(organization_id, client_ids)
        async with session.begin_nested() as attempt:
            people = await ClientStore(session).lock_people(organization_id, [root])
            if await store.read_theirs(organization_id, client_ids) == theirs:
                return _checked(people, client_id, root, expected_version), theirs
            await attempt.rollback()
    raise TransientError("The client keeps getting appointments; ask again.")


async def _person(session: AsyncSession, organization_id: UUID, client_id: UUID) -> tuple[UUID, list[UUID]]:
    """Whom the named client stands for, and the ids of all who are this person: nobody is merged meanwhile."""
    store = ClientStore(session)
    named = await store.get(organization_id, client_id)
    root = named.merged_into or named.id if named is not None else client_id
    return root, [root, *(client.id for client in await store.duplicates_of(organization_id, root))]


def _checked(people: Sequence[Client], client_id: UUID, root: UUID, expected_version: int | None) -> list[Client]:
    """Whom the named client stands for, first, and that one's duplicates."""
    by_id = {client.id: client for client in people}
    named, person = by_id.get(client_id), by_id.get(root)
    if named is None or person is None or named.erased or person.erased:
        raise NotFoundError(f"There is no client {client_id}.")
    if expected_version is not None and expected_version != named.version:
        raise VersionConflictError(named.version)
    return [person, *(client for client in people if client.id != root)]


async def _cancel(
    session: AsyncSession, context: Context, policies: PolicyCache, ahead: Ahead, client_ids: Sequence[UUID]
) -> None:
    for series_id in ahead.series_ids:
        await cancel_series(
            session=session,
            policies=policies,
            context=context,
            series_id=series_id,
            scope=Scope.ALL,
            occurs_on=None,
            details=Details(reason=ERASED, notify=False),
        )
    left = await ErasureStore(session).ahead_of(context.organization_id, client_ids, now=context.now)
    outcomes = await do_in_bulk(
        session=session,
        policies=policies,
        context=context,
        order=BulkOrder(id=new_id(), verb=BulkVerb.CANCEL, reason=ERASED, notify=False),
        appointment_ids=left.appointment_ids,
    )
    for outcome in outcomes:
        if outcome.error is not None:
            raise outcome.error


async def _take_off_list(session: AsyncSession, context: Context, client_ids: Sequence[UUID]) -> None:
    store = WaitingListStore(await connection_of(session), context.organization_id)
    for entry in await store.active_of(client_ids):
        await withdraw(session, entry, context=context)


async def _publish_without_text(session: AsyncSession, context: Context, appointment_ids: Sequence[UUID]) -> None:
    """Says the state of each appointment anew: on the compacted topic it takes the place of the one with text."""
    store = AppointmentStore(await connection_of(session), context.organization_id)
    known = await store.get_all(appointment_ids, lock=True)
    changes = [_without_text(appointment, context) for appointment in known.values()]
    told = [(appointment, change) for appointment, change in changes if change.fields]
    await record_changes(session, told, context=context)


async def _forget_former(
    session: AsyncSession, context: Context, appointment_ids: Sequence[UUID], clients: Sequence[Client]
) -> None:
    """Takes the person out of appointments that were theirs until that was corrected: they go on, for others."""
    connection = await connection_of(session)
    known = await AppointmentStore(connection, context.organization_id).get_all(appointment_ids, lock=True)
    changes = []
    for appointment in known.values():
        said = said_without_person({name: getattr(appointment, name) for name in FIELDS}, clients)
        if any(getattr(appointment, name) != value for name, value in said.items()):
            changes.append(changed(appointment, verb=Verb.UPDATE, now=context.now, **said))
    await record_changes(session, changes, context=context)
    former = FormerClientStore(connection, context.organization_id)
    for appointment_id, entries in (await former.entries_of(appointment_ids)).items():
        await former.rewrite(appointment_id, without_former(entries, clients))


def _without_text(appointment: Appointment, context: Context) -> tuple[Appointment, Change]:
    cleared: dict[str, Any] = dict.fromkeys(_FREE_TEXT)
    if appointment.service_id is None:
        cleared["service_name"] = ""
    return changed(appointment, verb=Verb.UPDATE, now=context.now, **cleared)


def _erased(client: Client, context: Context) -> Client:
    return replace(
        client,
        name="",
        phone=None,
        email=None,
        locale=None,
        zone=None,
        consent=(),
        erased=True,
        archived=True,
        updated_at=max(context.now, client.updated_at),
        version=client.version + 1,
    )
