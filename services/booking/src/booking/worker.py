"""What booking does by the clock."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.erasure import MARKS_LIFETIME
from booking.domain.errors import WorkFailedError
from booking.storage.connections import connection_of
from booking.storage.policies import PolicyCache
from booking.usecases.audit import KINDS, audit_portion, tell_finished, tell_found
from booking.usecases.bulk import do_next_portion, put_off_order
from booking.usecases.holds import forget_expired_holds
from booking.usecases.series import extend_next_series, put_off_series
from booking.usecases.waiting_list import expire_entries, lapse_next, offer_next, put_off
from slotstream_servicekit.background import BACKGROUND_FAILURES, BackgroundTask, pause_for, repeatedly
from slotstream_servicekit.clock import Clock
from slotstream_servicekit.database import Database
from slotstream_servicekit.housekeeping import IDEMPOTENCY_KEYS, Sweep
from slotstream_servicekit.telemetry import get_logger

SERIES_SECONDS: Final = 60.0
HOLD_SECONDS: Final = 60.0
AUDIT_SECONDS: Final = 60.0
_AUDITS_REST: Final = 9
"""So many times as long as a question took: the auditor has a tenth of a connection's time at most."""

BULK_SECONDS: Final = 30.0
"""How often bulk orders are looked for although nothing has told of any."""

WAITING_LIST_SECONDS: Final = 10.0
"""How often offers that ran out are looked for, and freed time although nothing has told of any."""

_BULK_JOBS_OVER: Final = (
    "created_at < now() - interval '30 days' OR (status = 'running' AND created_at < now() - interval '48 hours')"
)
"""One that is not finished after two days never will be, and its text may be about people."""

SWEEPS: Final = (
    Sweep(table="command_results", where="created_at < now() - interval '30 days'"),
    # An order may have many thousands of items: they go first, in portions of their own.
    Sweep(
        table="bulk_items",
        where=f"(organization_id, job_id) IN (SELECT organization_id, id FROM bulk_jobs WHERE {_BULK_JOBS_OVER})",
    ),
    Sweep(
        table="bulk_jobs",
        where=f"({_BULK_JOBS_OVER}) AND NOT EXISTS (SELECT FROM bulk_items AS i "
        "WHERE i.organization_id = bulk_jobs.organization_id AND i.job_id = bulk_jobs.id)",
    ),
    Sweep(
        table="waiting_list_entries",
        where="status IN ('booked', 'expired', 'withdrawn') AND updated_at < now() - interval '90 days'",
    ),
    Sweep(table="freed_times", where="ends < now() - interval '1 day'"),
    Sweep(table="external_busy", where="ends_at < now() - interval '90 days'"),
    Sweep(
        table="erased_people",
        where="erased_at < now() - CAST(:kept AS interval)",
        parameters={"kept": MARKS_LIFETIME},
    ),
    IDEMPOTENCY_KEYS,
)

log = get_logger(__name__)


def expired_holds(database: Database) -> BackgroundTask:
    return repeatedly("expired_holds", lambda: forget_holds(database), every=HOLD_SECONDS)


async def forget_holds(database: Database) -> bool:
    """Removes holds that have expired, and says so on their topic; whether there were any."""
    async with database.system_transaction() as session:
        return await forget_expired_holds(connection=await connection_of(session)) > 0


def auditor(database: Database, clock: Clock) -> BackgroundTask:
    """Begins after a pause: a worker that has just started may have much to catch up with."""

    async def look(stop: asyncio.Event) -> None:
        await pause_for(AUDIT_SECONDS, stop)
        await repeatedly("auditor", lambda: audit(database, clock, stop), every=AUDIT_SECONDS)(stop)

    look.__name__ = "auditor"
    return look


async def audit(database: Database, clock: Clock, stop: asyncio.Event) -> None:
    """Goes through all organizations, some at a time and one question in each transaction.

    What is to come of a large book takes seconds to read. So it rests after each question, in proportion: those who
    book have the database to themselves most of the time.
    """
    found: Counter[str] = Counter()
    after: UUID | None = None
    while True:
        reached: list[UUID] = []
        for kind in KINDS:
            began = time.monotonic()
            async with database.system_transaction() as session:
                last, faults = await audit_portion(session=session, after=after, kinds=(kind,))
            if last is None:
                tell_finished(found, at=clock())
                return
            found.update(faults)
            tell_found(found)
            reached.append(last)
            await pause_for(_AUDITS_REST * (time.monotonic() - began), stop)
            if stop.is_set():
                return
        after = min(reached)


def series_extension(database: Database, policies: PolicyCache, clock: Clock) -> BackgroundTask:
    return repeatedly("series_extension", lambda: extend_one(database, policies, clock), every=SERIES_SECONDS)


async def extend_one(database: Database, policies: PolicyCache, clock: Clock) -> bool:
    """Brings one series without an end to its horizon, in a transaction of its own; whether there was one.

    One that fails is put off and keeps no other from it.
    """
    now = clock()
    try:
        async with database.system_transaction() as session:
            series = await extend_next_series(session=session, policies=policies, now=now)
    except WorkFailedError as error:
        _tell_failed("series_extension", error)
        async with database.system_transaction() as session:
            await put_off_series(session=session, error=error, now=now)
        return True
    if series is not None:
        log.info("series_extended", series=str(series.id), organization=str(series.organization_id))
    return series is not None


def bulk_orders(
    database: Database, policies: PolicyCache, clock: Clock, *, wake: asyncio.Event | None = None
) -> BackgroundTask:
    """`wake` is set when an order was taken on."""
    return repeatedly("bulk_orders", lambda: do_one_portion(database, policies, clock), every=BULK_SECONDS, wake=wake)


async def do_one_portion(database: Database, policies: PolicyCache, clock: Clock) -> bool:
    """Takes one bulk order on by a portion, in a transaction of its own; whether there was one.

    One that fails is put off and keeps no other from it.
    """
    now = clock()
    try:
        async with database.system_transaction() as session:
            progress = await do_next_portion(session=session, policies=policies, now=now)
    except WorkFailedError as error:
        _tell_failed("bulk_orders", error)
        async with database.system_transaction() as session:
            await put_off_order(session=session, error=error, now=now)
        return True
    if progress is not None and progress.status == "finished":
        log.info("bulk_order_finished", order=str(progress.id), organization=str(progress.organization_id))
    return progress is not None


def waiting_list(
    database: Database, policies: PolicyCache, clock: Clock, *, hold: timedelta, wake: asyncio.Event | None = None
) -> BackgroundTask:
    """`wake` is set when time was freed that somebody may wait for."""
    return repeatedly(
        "waiting_list",
        lambda: serve_waiting_list(database, policies, clock, hold=hold),
        every=WAITING_LIST_SECONDS,
        wake=wake,
    )


async def serve_waiting_list(database: Database, policies: PolicyCache, clock: Clock, *, hold: timedelta) -> bool:
    """Takes back one offer that ran out, offers one slot that was freed, and ends windows that are over, each in a
    transaction of its own; whether there was anything to do. One that fails is put off and keeps no other from it.
    """
    now = clock()
    steps = (
        lambda session: lapse_next(session=session, now=now),
        lambda session: offer_next(session=session, policies=policies, now=now, hold=hold),
        lambda session: expire_entries(session=session, now=now),
    )
    done = [await _serve(database, step, now) for step in steps]
    return any(done)


async def _serve(database: Database, step: Callable[[AsyncSession], Awaitable[bool]], now: datetime) -> bool:
    try:
        async with database.system_transaction() as session:
            return await step(session)
    except WorkFailedError as error:
        _tell_failed("waiting_list", error)
        async with database.system_transaction() as session:
            await put_off(session=session, error=error, now=now)
        return True


def _tell_failed(task: str, error: WorkFailedError) -> None:
    BACKGROUND_FAILURES.labels(task).inc()
    log.error("work_put_off", task=task, id=str(error.id), organization=str(error.organization_id), exc_info=error)
