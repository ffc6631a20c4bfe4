"""What imports does by itself: it carries on whatever import can be carried on, and forgets old keys."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

from imports.usecases import Reader, advance_import
from slotstream_servicekit.background import BackgroundTask, pause_for, repeatedly
from slotstream_servicekit.clock import Clock
from slotstream_servicekit.database import Database
from slotstream_servicekit.errors import TransientError
from slotstream_servicekit.http.idempotency import forget_old_keys
from slotstream_servicekit.telemetry import get_logger

HOUSEKEEPING_SECONDS = 600.0

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportWorker:
    """Several of them share the work through row locks."""

    database: Database
    clock: Clock
    chunk_rows: int
    every: timedelta
    reader: Reader = field(default_factory=Reader)

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                busy = await self.work_once()
            except TransientError as error:
                log.warning("import_interrupted", code=error.code)
                busy = False
            if not busy:
                await pause_for(self.every.total_seconds(), stop)

    async def work_once(self) -> bool:
        """One step of one import; False where nothing can be done before somebody answers."""
        async with self.database.system_transaction() as session:
            return await advance_import(session, reader=self.reader, chunk_rows=self.chunk_rows, now=self.clock())


def housekeeping(database: Database) -> BackgroundTask:
    return repeatedly("housekeeping", lambda: forget_old_keys(database), every=HOUSEKEEPING_SECONDS)
