"""The poller: reads connections that are due, several at a time, with no transaction open meanwhile."""

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from prometheus_client import Counter

from calendar_sync.adapters.sealing import SecretBox, UnsealableError
from calendar_sync.domain import CalendarReader, ConnectionKind, ReadingFailedError, Window
from calendar_sync.storage import Claim
from calendar_sync.usecases.reading import DueConnections, Outcome, claim_due_connections, record_outcome
from calendar_sync.usecases.resealing import reseal_secrets
from slotstream_servicekit.background import pause_after, pause_for
from slotstream_servicekit.context import Actor, Cause, Context
from slotstream_servicekit.database import Database
from slotstream_servicekit.errors import TransientError
from slotstream_servicekit.housekeeping import IDEMPOTENCY_KEYS, Sweep
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.telemetry import bind_organization, get_logger

log = get_logger(__name__)

READINGS = Counter("slotstream_calendar_readings", "Readings of external calendars by outcome", ("outcome",))

PAST_APPOINTMENTS = Sweep(table="appointments", where="ends_at < now() - interval '90 days'")
"""Feeds show 30 days back."""
SWEEPS = (IDEMPOTENCY_KEYS, PAST_APPOINTMENTS)
_POLLER = Actor(type="system", id="calendar_poller")
RESEALING_SECONDS = 86_400.0
_UNKNOWN_RESOURCE_RETRY = timedelta(minutes=1)
_RETRY_SECONDS = 1.0
"""How soon the database is asked again after a failure; each further one doubles it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Poller:
    """Polls until told to stop; several pollers share the work through the due-table.

    One calendar never keeps another from being read: each is read in a task of its own, whatever it holds becomes an
    outcome on its own connection, and the next one begins as soon as any is done.
    """

    database: Database
    readers: Mapping[ConnectionKind, CalendarReader]
    box: SecretBox
    clock: Callable[[], datetime]
    interval: timedelta
    every: timedelta
    lease: timedelta
    concurrency: int
    most_per_tenant: int
    """So many calendars of one tenant are read at once, however slow they are: the others go on."""
    window_refresh: timedelta
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a connection falls due before its time."""

    async def reseal(self) -> None:
        """Keys change at a start only; what a process with older settings has sealed since is found the next day."""
        resealed = await reseal_secrets(database=self.database, box=self.box)
        log.info("secrets_resealed", sealed=resealed.sealed, unreadable=resealed.unreadable)

    async def run(self, stop: asyncio.Event) -> None:
        running: set[asyncio.Task[None]] = set()
        failures = 0

        def end(reading: asyncio.Task[None]) -> None:
            running.discard(reading)
            self.wake.set()

        try:
            while not stop.is_set():
                self.wake.clear()
                try:
                    due = await self._claim(self.concurrency - len(running))
                except Exception as error:  # noqa: BLE001 - the next look may find a database that answers
                    failures += 1
                    _log_interruption(error)
                    await pause_for(pause_after(failures, _RETRY_SECONDS), stop)
                    continue
                failures = 0
                for claim in due.claims:
                    reading = asyncio.create_task(self._read(claim))
                    running.add(reading)
                    reading.add_done_callback(end)
                await pause_for(self._seconds_until(due.next_due), stop, self.wake)
            await asyncio.gather(*running)
        finally:
            for reading in running:
                reading.cancel()

    async def poll_once(self) -> int:
        """Reads what is due now, up to `concurrency` connections; how many there were."""
        claims = (await self._claim(self.concurrency)).claims
        await asyncio.gather(*(self._read(claim) for claim in claims))
        return len(claims)

    def _seconds_until(self, due_at: datetime | None) -> float:
        """Whoever makes a connection due earlier, and a reading that ends, wakes the poller."""
        longest = self.every.total_seconds()
        return longest if due_at is None else min(longest, max(0.0, (due_at - self.clock()).total_seconds()))

    async def _claim(self, limit: int) -> DueConnections:
        """Claims nothing where `limit` is 0: then the end of a reading wakes the poller."""
        if limit <= 0:
            return DueConnections(claims=(), next_due=None)
        async with self.database.system_transaction() as session:
            return await claim_due_connections(
                session=session,
                now=self.clock(),
                lease=self.lease,
                token=new_id(),
                kinds=self.readers.keys(),
                limit=limit,
                most_per_tenant=self.most_per_tenant,
            )

    async def _read(self, claim: Claim) -> None:
        """Raises nothing: a calendar that cannot even be recorded is tried again after its lease."""
        bind_organization(claim.connection.organization_id)
        window = Window.around(self.clock())
        outcome = await self._outcome(claim, window)
        try:
            await self._record(claim, outcome, window)
        except TransientError as error:
            log.warning("reading_not_recorded", connection=str(claim.connection.id), code=error.code)
        except Exception as error:  # noqa: BLE001 - one calendar must not stop the others
            _log_crash(claim, error)
            await self._record_failure(claim, window)

    async def _record_failure(self, claim: Claim, window: Window) -> None:
        """What was read cannot be stored: the connection says so, and backs off."""
        failure = ReadingFailedError("internal_error", "what was read of the calendar could not be stored")
        try:
            await self._record(claim, failure, window)
        except Exception as error:  # noqa: BLE001 - likewise
            _log_crash(claim, error)

    async def _record(self, claim: Claim, outcome: Outcome, window: Window) -> None:
        async with self.database.system_transaction() as session:
            connection = await record_outcome(
                session=session,
                context=self._context(claim),
                claim=claim,
                outcome=outcome,
                window=window,
                interval=self._interval(),
            )
        READINGS.labels(outcome.code if isinstance(outcome, ReadingFailedError) else "read").inc()
        if connection is not None:
            log.info(
                "calendar_read",
                connection=str(connection.id),
                state=connection.state,
                outcome=type(outcome).__name__,
                error=connection.error_code,
                warnings=dict(connection.warnings),
                busy_instances=connection.busy_instances,
            )

    async def _outcome(self, claim: Claim, window: Window) -> Outcome:
        connection = claim.connection
        if claim.zone is None:
            return ReadingFailedError(
                "resource_unknown", "the resource is not known here yet", retry_after=_UNKNOWN_RESOURCE_RETRY
            )
        try:
            secret = self.box.open(
                claim.sealed_secret,
                organization_id=connection.organization_id,
                connection_id=connection.id,
            )
            return await self.readers[connection.kind].read(
                secret=secret, cursor=self._cursor(claim, window), zone=claim.zone, window=window
            )
        except ReadingFailedError as error:
            return error
        except UnsealableError as error:
            return ReadingFailedError("secret_unreadable", str(error))
        except Exception as error:  # noqa: BLE001 - one calendar must not stop the others
            _log_crash(claim, error)
            return ReadingFailedError("internal_error", "reading the calendar failed unexpectedly")

    def _context(self, claim: Claim) -> Context:
        return Context(
            organization_id=claim.connection.organization_id,
            actor=_POLLER,
            cause=Cause(correlation_id=str(claim.token)),
            now=self.clock(),
        )

    def _interval(self) -> timedelta:
        """±10 %, so that calendars connected together are not read together for ever."""
        return self.interval * random.uniform(0.9, 1.1)  # noqa: S311 - spreads load, guards nothing

    def _cursor(self, claim: Claim, window: Window) -> Mapping[str, str]:
        """Empty, so that all is read, once the rolling window has moved on by `window_refresh`."""
        known_until = claim.connection.window_ends_at
        if known_until is None or window.ends_at - known_until > self.window_refresh:
            return {}
        return claim.connection.cursor


def _log_interruption(error: Exception) -> None:
    if isinstance(error, TransientError):
        log.warning("poll_interrupted", code=error.code)
    else:
        log.error("poll_failed", error=type(error).__name__, exc_info=error)


def _log_crash(claim: Claim, error: Exception) -> None:
    """Without a traceback: its frames may quote the address, which is a secret."""
    log.error("reading_crashed", connection=str(claim.connection.id), error=type(error).__name__)
