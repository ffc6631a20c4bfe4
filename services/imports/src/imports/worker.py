"""The worker's loop: carries on whatever import can be carried on."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from imports.usecases import advance_import
from slotstream_servicekit.clock import Clock
from slotstream_servicekit.database import Database
from slotstream_servicekit.errors import TransientError
from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportWorker:
    """Several of them share the work through row locks."""

    database: Database
    clock: Clock
    chunk_rows: int
    every: timedelta

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                busy = await self.work_once()
            except TransientError as error:
                log.warning("import_interrupted", code=error.code)
                busy = False
            if not busy:
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), self.every.total_seconds())

    async def work_once(self) -> bool:
        """One step of one import; False where nothing can be done before somebody answers."""
        async with self.database.system_transaction() as session:
            return await advance_import(session, chunk_rows=self.chunk_rows, now=self.clock())
