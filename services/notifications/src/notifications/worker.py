"""The sender: a task of the worker that looks for what is due, never early and at most a poll late."""

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from datetime import timedelta

from prometheus_client import Counter, Histogram

from notifications.domain import EmailGateway, RetryPolicy, Status
from notifications.usecases.composing import Ready, compose
from notifications.usecases.delivering import claim_messages, deliver, give_up, recover_claims
from slotstream_servicekit.clock import Clock
from slotstream_servicekit.database import Database
from slotstream_servicekit.errors import TransientError
from slotstream_servicekit.health import CheckResult
from slotstream_servicekit.http.idempotency import forget_old_keys
from slotstream_servicekit.telemetry import bind_organization, get_logger, span_from

log = get_logger(__name__)

MESSAGES = Counter("slotstream_messages", "Messages by what came of an attempt", ("channel", "kind", "status"))
LATENESS = Histogram(
    "slotstream_message_lateness_seconds",
    "From the time a message was due to the time it was claimed",
    ("kind",),
    buckets=(0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 30.0, 300.0),
)

_UNHEALTHY_AFTER_SECONDS = 15.0
_HOUSEKEEPING_SECONDS = 3_600.0


@dataclass(kw_only=True)
class Sender:
    """Sends what is due until it is stopped; what is in flight then is finished first.

    `wake` is set when something due at once has been planned in this process, so that it need not wait for a poll.
    """

    database: Database
    gateway: EmailGateway
    clock: Clock
    sender_address: str
    retries: RetryPolicy
    poll_every: timedelta = timedelta(milliseconds=250)
    claim_lease: timedelta = timedelta(seconds=30)
    outcome_lease: timedelta = timedelta(seconds=90)
    recover_every: timedelta = timedelta(seconds=5)
    concurrency: int = 16
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    _in_flight: set[asyncio.Task[None]] = field(default_factory=set)
    _turned_at: float = field(default_factory=time.monotonic)

    async def run(self, stop: asyncio.Event) -> None:
        recovered_at = kept_house_at = float("-inf")
        while not stop.is_set():
            self.wake.clear()
            try:
                if time.monotonic() - recovered_at >= self.recover_every.total_seconds():
                    await recover_claims(self.database, now=self.clock())
                    recovered_at = time.monotonic()
                if time.monotonic() - kept_house_at >= _HOUSEKEEPING_SECONDS:
                    await forget_old_keys(self.database)
                    kept_house_at = time.monotonic()
                claimed = await self._claim()
            except TransientError as error:
                log.warning("sender_waits", cause=error.code)
                claimed = 0
            self._turned_at = time.monotonic()
            if claimed == 0 or len(self._in_flight) >= self.concurrency:
                await self._pause(stop)
        if self._in_flight:
            await asyncio.wait(self._in_flight)

    async def send_due(self) -> int:
        """Claims and sends once what is due now, to the end; how many were tried. For tests and operators."""
        claimed = await self._claim()
        while self._in_flight:
            await asyncio.wait(set(self._in_flight))
        return claimed

    async def _claim(self) -> int:
        room = self.concurrency - len(self._in_flight)
        if room <= 0:
            return 0
        now = self.clock()
        ready = await claim_messages(self.database, now=now, lease=self.claim_lease, limit=room, retries=self.retries)
        for each in ready:
            LATENESS.labels(each.message.kind).observe((now - each.message.next_attempt_at).total_seconds())
            task = asyncio.create_task(self._send(each))
            self._in_flight.add(task)
            task.add_done_callback(self._landed)
        return len(ready)

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        self.wake.set()

    async def _send(self, ready: Ready) -> None:
        message = ready.message
        bind_organization(message.organization_id)
        attributes = {"message.kind": message.kind.value, "message.id": str(message.id)}
        with span_from(message.traceparent, "smtp send", kind="client", attributes=attributes):
            try:
                status = await self._deliver(ready)
            except TransientError as error:
                # Its claim runs out by itself, and with it what is left to do.
                log.warning("send_interrupted", message=str(message.id), cause=error.code)
                return
            except Exception:
                log.exception("send_broke", message=str(message.id), kind=message.kind.value)
                return
        MESSAGES.labels(message.channel, message.kind, status or "taken").inc()
        log.info("message_attempted", message=str(message.id), kind=message.kind.value, status=status)

    async def _deliver(self, ready: Ready) -> Status | None:
        try:
            mail = compose(ready, sender=self.sender_address, now=self.clock())
        except Exception:
            log.exception("composing_failed", message=str(ready.message.id), kind=ready.message.kind.value)
            detail = "the message could not be written"
            return await give_up(self.database, ready.message, code="composing_failed", detail=detail, clock=self.clock)
        return await deliver(
            self.database,
            self.gateway,
            ready.message,
            mail,
            clock=self.clock,
            outcome_lease=self.outcome_lease,
            retries=self.retries,
        )

    async def _pause(self, stop: asyncio.Event) -> None:
        """Until the next poll, or until somebody planned or finished something, or the stop."""
        waiting = [asyncio.ensure_future(self.wake.wait()), asyncio.ensure_future(stop.wait())]
        try:
            await asyncio.wait(waiting, timeout=self.poll_every.total_seconds(), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(*waiting, return_exceptions=True)

    async def check(self) -> CheckResult:
        """Ready while it turns."""
        silent = time.monotonic() - self._turned_at
        facts: dict[str, object] = {"in_flight": len(self._in_flight), "seconds_since_turn": round(silent, 1)}
        if silent > _UNHEALTHY_AFTER_SECONDS:
            return CheckResult(ok=False, detail=f"the sender has not turned for {silent:.0f} s", facts=facts)
        return CheckResult(ok=True, facts=facts)
