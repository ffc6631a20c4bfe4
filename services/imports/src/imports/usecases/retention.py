"""Forgetting what people typed: once it has served, and at once where a client is erased."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from imports.domain.imports import SETTLED, Import, ImportState
from imports.storage.clearing import ClearingStore
from imports.storage.commands import RowCommandStore
from imports.storage.imports import FileStore, ImportStore
from imports.storage.projections import ClientContactStore, ErasedClient
from imports.usecases.events import save_import
from slotstream_servicekit.context import Actor, Cause, Context

_SYSTEM = Actor(type="system", id="retention")
_UNCONFIRMED = (
    ImportState.UPLOADED,
    ImportState.CHECKING,
    ImportState.CHECKED,
    ImportState.FAILED,
    ImportState.STALLED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long an import that nobody touches keeps its file and what its rows say."""

    unconfirmed: timedelta
    settled: timedelta


async def clear_next_import(*, session: AsyncSession, retention: Retention, now: datetime) -> bool:
    """Clears one import whose time is over; False where there is none."""
    store = ImportStore(session)
    imported = await store.lock_next_uncleared(states=sorted(SETTLED), unchanged_since=now - retention.settled)
    if imported is None:
        imported = await store.lock_next_uncleared(states=_UNCONFIRMED, unchanged_since=now - retention.unconfirmed)
    if imported is None:
        return False
    await _clear(session, imported, now)
    return True


async def _clear(session: AsyncSession, imported: Import, now: datetime) -> None:
    """File and columns go; rows keep what tells that they were imported, and what of them was booked."""
    if imported.state in SETTLED:
        state, failure = imported.state, imported.failure
    elif imported.stalled_in in (ImportState.BOOKING, ImportState.UNDOING):
        rows = RowCommandStore(session, imported.organization_id, imported.id)
        await rows.give_up_booking()
        await rows.give_up_undoing()
        state, failure = ImportState.FINISHED, imported.failure
    else:
        await RowCommandStore(session, imported.organization_id, imported.id).give_up_checking()
        state, failure = ImportState.CANCELLED, "Nobody confirmed it in time"
    await ClearingStore(session).clear_rows(imported.organization_id, imported.id)
    await FileStore(session).remove(imported.organization_id, imported.id)
    cause = Cause(correlation_id=str(imported.id))
    context = Context(organization_id=imported.organization_id, actor=_SYSTEM, cause=cause, now=now)
    settled = replace(imported, state=state, failure=failure, stalled_in=None, cleared_at=now)
    cleared = replace(settled, headers=(), mapping=None, warnings=(), undo_reason=None)
    await save_import(session=session, imported=cleared, context=context)


async def erase_clients(*, session: AsyncSession, erased: Sequence[ErasedClient], now: datetime) -> None:
    """Clears the rows of these clients, and of their organizations' imports whatever does not tell whom it names.

    It is told when each was: what was imported later, or tombstones that are read again, are none of theirs.
    """
    clearing = ClearingStore(session)
    erased_at = {client.id: client.erased_at for client in erased}
    forgotten = await ClientContactStore(session).forget(erased)
    latest: dict[UUID, datetime] = {}
    for client in forgotten:
        before = erased_at[client.erased_id]
        latest[client.organization_id] = max(before, latest.get(client.organization_id, before))
    await clearing.lock(latest)
    for client in forgotten:
        before = erased_at[client.erased_id]
        await clearing.clear_rows_of(client.organization_id, client.id, client.contacts, before=before)
    for organization_id, before in latest.items():
        await clearing.clear_unknown(organization_id, before=before, now=now)
