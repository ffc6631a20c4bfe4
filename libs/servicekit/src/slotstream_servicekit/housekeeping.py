"""Deletes old rows: each service lists its sweeps, and one task executes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import text

from slotstream_servicekit.background import BackgroundTask, repeatedly
from slotstream_servicekit.database import Database
from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)

ROWS_AT_ONCE: Final = 5_000
"""How many rows one transaction deletes: so few that nobody has to wait for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """Deletes rows of `table` that meet `where`, which is SQL of our own with `parameters` bound to it."""

    table: str
    where: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


IDEMPOTENCY_KEYS: Final = Sweep(table="idempotency_keys", where="created_at < now() - interval '48 hours'")


def housekeeping(database: Database, sweeps: Sequence[Sweep], *, every: float = 60.0) -> BackgroundTask:
    """A task that executes the sweeps, each in portions until nothing is left, and then waits `every` seconds."""

    async def work() -> None:
        for sweep in sweeps:
            try:
                await delete_swept(database, sweep)
            except Exception:
                # A table that cannot be swept now must not stop the sweeps of the others.
                log.exception("sweep_failed", table=sweep.table)

    return repeatedly("housekeeping", work, every=every)


async def delete_swept(database: Database, sweep: Sweep) -> int:
    """Deletes all rows of `sweep`, at most ROWS_AT_ONCE in a transaction. Returns how many it deleted."""
    statement = text(
        f"DELETE FROM {sweep.table} WHERE ctid = ANY(ARRAY("
        f"SELECT ctid FROM {sweep.table} WHERE {sweep.where} LIMIT {ROWS_AT_ONCE}))"
    )
    deleted = 0
    while True:
        async with database.system_transaction() as session:
            result = await session.execute(statement, dict(sweep.parameters))
        count = int(getattr(result, "rowcount", 0))
        deleted += count
        if count < ROWS_AT_ONCE:
            return deleted
