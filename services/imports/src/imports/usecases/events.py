"""Changing an import, and saying what happened to it."""

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncSession

from imports.domain.imports import AT_WORK, Import
from imports.publishers import Happened, import_event
from imports.storage.commands import RowCommandStore
from imports.storage.imports import ImportStore
from slotstream_servicekit.context import Actor, Context
from slotstream_servicekit.outbox import enqueue


async def save_import(*, session: AsyncSession, imported: Import, context: Context) -> Import:
    """Writes the import as a new version; it is then due at once, and a worker is told so."""
    changed = replace(imported, updated_at=context.now, due_at=context.now, version=imported.version + 1)
    await ImportStore(session).save(changed)
    if changed.state in AT_WORK:
        await ImportStore(session).wake_workers()
    return changed


async def announce(
    *, session: AsyncSession, imported: Import, happened: Happened, actor: Actor, context: Context
) -> Import:
    """Writes the import and says so in the same transaction, with its counts; events are numbered without gaps."""
    numbered = replace(imported, events=imported.events + 1)
    changed = await save_import(session=session, imported=numbered, context=context)
    counts = await RowCommandStore(session, imported.organization_id, imported.id).counts()
    await enqueue(session, [import_event(happened, changed, counts, actor=actor, context=context)])
    await ImportStore(session).wake_workers()
    return changed
