"""The poller: reads connections that are due, several at a time, with no transaction open meanwhile."""

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from calendar_sync.adapters.sealing import SecretBox, UnsealableError
from calendar_sync.domain import CalendarReader, ConnectionKind, ReadingFailedError, Window
from calendar_sync.storage import Claim
from calendar_sync.usecases.reading import Outcome, claim_due_connections, record_outcome
from slotstream_servicekit.background import pause_for
from slotstream_servicekit.context import Actor, Cause, Context
from slotstream_servicekit.database import Database
from slotstream_servicekit.errors import TransientError
from slotstream_servicekit.housekeeping import IDEMPOTENCY_KEYS
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)

SWEEPS = (IDEMPOTENCY_KEYS,)
_POLLER = Actor(type="system", id="calendar_poller")
_UNKNOWN_RESOURCE_RETRY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Poller:
    """Polls until told to stop; several pollers share the work through the due-table."""

    database: Database
    readers: Mapping[ConnectionKind, CalendarReader]
    box: SecretBox
    clock: Callable[[], datetime]
    interval: timedelta
    every: timedelta
    lease: timedelta
    concurrency: int
    window_refresh: timedelta

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                found = await self.poll_once()
            except TransientError as error:
                log.warning("poll_interrupted", code=error.code)
                found = 0
            if found < self.concurrency:
                await pause_for(self.every.total_seconds(), stop)

    async def poll_once(self) -> int:
        """Reads what is due now, up to `concurrency` connections; how many there were."""
        now = self.clock()
        async with self.database.system_transaction() as session:
            claims = await claim_due_connections(
                session=session, now=now, lease=self.lease, token=new_id(), limit=self.concurrency
            )
        await asyncio.gather(*(self._read(claim) for claim in claims))
        return len(claims)

    async def _read(self, claim: Claim) -> None:
        window = Window.around(self.clock())
        outcome = await self._outcome(claim, window)
        async with self.database.system_transaction() as session:
            connection = await record_outcome(
                session=session,
                context=self._context(claim),
                claim=claim,
                outcome=outcome,
                window=window,
                interval=self._interval(),
            )
        if connection is not None:
            log.info(
                "calendar_read",
                connection=str(connection.id),
                state=connection.state,
                outcome=type(outcome).__name__,
                error=connection.error_code,
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
            # No traceback: its frames may quote the address, which is a secret.
            log.error("reading_crashed", connection=str(connection.id), error=type(error).__name__)  # noqa: TRY400
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
