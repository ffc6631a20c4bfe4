"""What imports does by the clock: it carries imports on, and forgets what has served its time."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

from imports.storage.imports import WORK_CHANNEL
from imports.usecases.commands import ImportSteps
from imports.usecases.retention import Retention, clear_next_import
from slotstream_servicekit.background import BackgroundTask, repeatedly
from slotstream_servicekit.clock import Clock
from slotstream_servicekit.database import Database
from slotstream_servicekit.housekeeping import IDEMPOTENCY_KEYS, Sweep, housekeeping
from slotstream_servicekit.notify import Listener

_RETENTION_SECONDS = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportWorker:
    """Several of them share the work through row locks."""

    database: Database
    clock: Clock
    steps: ImportSteps
    retention: Retention
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when an import is due, or when an event was written that this process's relay does not know of yet."""

    async def work_once(self) -> bool:
        """One step of one import; False where nothing can be done before somebody answers.

        The end of its transaction wakes the relay.
        """
        async with self.database.system_transaction() as session:
            return await self.steps.advance(session=session, now=self.clock())

    async def clear_once(self) -> bool:
        """Clears one import whose time is over; False where there is none."""
        async with self.database.system_transaction() as session:
            return await clear_next_import(session=session, retention=self.retention, now=self.clock())


def tasks(worker: ImportWorker, *, every: timedelta, kept: timedelta) -> list[BackgroundTask]:
    return [
        Listener(worker.database, WORK_CHANNEL, wake=worker.wake).run,
        repeatedly("imports", worker.work_once, every=every.total_seconds(), wake=worker.wake),
        repeatedly("retention", worker.clear_once, every=_RETENTION_SECONDS),
        housekeeping(worker.database, sweeps(kept=kept)),
    ]


def sweeps(*, kept: timedelta) -> list[Sweep]:
    """Imports, and mappings that nobody uses, go after `kept`: a row that comes again later counts as a new one."""
    parameters = {"kept": kept}
    of_old_imports = (
        "(organization_id, import_id) IN "
        "(SELECT organization_id, id FROM imports WHERE cleared_at < now() - CAST(:kept AS interval))"
    )
    return [
        IDEMPOTENCY_KEYS,
        Sweep(table="import_rows", where=of_old_imports, parameters=parameters),
        Sweep(
            table="imports",
            where="cleared_at < now() - CAST(:kept AS interval) AND NOT EXISTS (SELECT FROM import_rows AS r "
            "WHERE r.organization_id = imports.organization_id AND r.import_id = imports.id)",
            parameters=parameters,
        ),
        Sweep(table="mappings", where="updated_at < now() - CAST(:kept AS interval)", parameters=parameters),
    ]
