"""What booking does by the clock."""

from sqlalchemy import text

from booking.storage.policies import PolicyCache
from booking.usecases.bulk import do_next_portion
from booking.usecases.series import extend_next_series
from slotstream_servicekit.background import BackgroundTask, repeatedly
from slotstream_servicekit.clock import Clock
from slotstream_servicekit.database import Database
from slotstream_servicekit.http.idempotency import forget_old_keys
from slotstream_servicekit.telemetry import get_logger

EVERY_SECONDS = 60.0
BULK_SECONDS = 1.0
"""How long somebody may look at a bulk order that has not begun."""

_SWEEPS = tuple(
    text(statement)
    for statement in (
        "DELETE FROM occupancy WHERE expires_at < now() - interval '1 minute'",
        "DELETE FROM holds WHERE expires_at < now() - interval '1 day'",
        "DELETE FROM command_results WHERE created_at < now() - interval '30 days'",
        "DELETE FROM bulk_jobs WHERE created_at < now() - interval '30 days'",
    )
)
"""Expired holds count for nothing from the instant they expire; sweeping them only saves room."""

log = get_logger(__name__)


def housekeeping(database: Database) -> BackgroundTask:
    return repeatedly("housekeeping", lambda: sweep(database), every=EVERY_SECONDS)


def series_extension(database: Database, policies: PolicyCache, clock: Clock) -> BackgroundTask:
    return repeatedly("series_extension", lambda: extend_one(database, policies, clock), every=EVERY_SECONDS)


async def extend_one(database: Database, policies: PolicyCache, clock: Clock) -> bool:
    """Brings one series without an end to its horizon, in a transaction of its own; whether there was one."""
    async with database.system_transaction() as session:
        series = await extend_next_series(session=session, policies=policies, now=clock())
    if series is not None:
        log.info("series_extended", series=str(series.id), organization=str(series.organization_id))
    return series is not None


def bulk_orders(database: Database, policies: PolicyCache, clock: Clock) -> BackgroundTask:
    return repeatedly("bulk_orders", lambda: do_one_portion(database, policies, clock), every=BULK_SECONDS)


async def do_one_portion(database: Database, policies: PolicyCache, clock: Clock) -> bool:
    """Takes one bulk order on by a portion, in a transaction of its own; whether there was one."""
    async with database.system_transaction() as session:
        progress = await do_next_portion(session=session, policies=policies, now=clock())
    if progress is not None and progress["status"] == "finished":
        log.info("bulk_order_finished", order=str(progress["id"]), organization=str(progress["organization_id"]))
    return progress is not None


async def sweep(database: Database) -> None:
    """Removes what has expired: holds, old answers, old results."""
    for statement in _SWEEPS:
        async with database.system_transaction() as session:
            await session.execute(statement)
    await forget_old_keys(database)
