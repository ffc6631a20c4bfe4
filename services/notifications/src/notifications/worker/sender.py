"""The sender: a task of the worker that sends what is due, never early, and sleeps until more of it is due."""

import asyncio
import time
from collections import Counter as TallyOf
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple, TypeVar
from uuid import UUID

from prometheus_client import Counter, Gauge, Histogram

from notifications.adapters.portal_links import PortalLinks
from notifications.domain.channels import Channels
from notifications.domain.messages import Channel, Status
from notifications.domain.opt_outs import NumberDigests
from notifications.domain.retries import RetryPolicy
from notifications.storage import DeliveryStore, MessageStore
from notifications.usecases.delivery import claim_messages, deliver_message, give_up, next_due, recover_claims
from notifications.usecases.eligibility import Sendable
from notifications.usecases.rendering import render_message
from slotstream_servicekit.background import pause_after, pause_for
from slotstream_servicekit.clock import Clock
from slotstream_servicekit.database import Database
from slotstream_servicekit.errors import SlotstreamError, TransientError
from slotstream_servicekit.health import CheckResult
from slotstream_servicekit.telemetry import bind_organization, get_logger, span_from

T = TypeVar("T")

log = get_logger(__name__)

MESSAGES = Counter("slotstream_messages", "Messages by what came of an attempt", ("channel", "kind", "status"))
LATENESS = Histogram(
    "slotstream_message_lateness_seconds",
    "From the time a message was due to the time it was claimed",
    ("kind",),
    buckets=(0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 30.0, 300.0),
)

OLDEST_UNSENT = Gauge(
    "slotstream_oldest_unsent_message_seconds",
    "For how long the message has been due that waits longest for being sent; 0 where none waits",
)

UNKNOWN = Gauge(
    "slotstream_unknown_messages",
    "Messages that have been due for more than five minutes and are of a kind or channel that this version cannot send",
)

_UNHEALTHY_AFTER_SECONDS: Final = 15.0
_FIRST_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 5.0
"""Pauses after failures, in seconds."""
_LEFT_FOR_OTHERS: Final = timedelta(minutes=5)
"""How long what this version does not know is waited for: a newer one that runs beside it sends it at once."""


_OWN_PLACES: Final = 4
"""As many as there are connections to an organization's own mail server."""


class _Way(NamedTuple):
    """On which a message goes out: an organization's, on a channel, by its own account or by the installation's."""

    organization_id: UUID
    channel: Channel
    is_own: bool


@dataclass(kw_only=True)
class Sender:
    """Sends what is due until it is stopped; what is in flight then is finished first.

    `wake` is set when something has been planned that may be due before all that was known. `poll_every` is how often
    it looks all the same: for what other workers planned and did not live to send.
    """

    database: Database
    channels: Channels
    clock: Clock
    retries: RetryPolicy
    numbers: NumberDigests = field(default_factory=lambda: NumberDigests(()))
    """Tells numbers that have opted out."""
    portal: PortalLinks | None = None
    """Makes the links of messages; None where there is no portal."""
    poll_every: timedelta = timedelta(seconds=5)
    claim_lease: timedelta = timedelta(seconds=30)
    recover_every: timedelta = timedelta(seconds=5)
    concurrency: int = 16
    """How many messages may be in flight on each channel."""
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    _in_flight: dict[asyncio.Task[None], _Way] = field(default_factory=dict)
    _turns: dict[_Way, asyncio.Semaphore] = field(default_factory=dict)
    _claimed_at: datetime | None = None
    _polled_at: float = field(default_factory=time.monotonic)
    _failures: int = 0

    async def run(self, stop: asyncio.Event) -> None:
        recovered_at = float("-inf")
        while not stop.is_set():
            self.wake.clear()
            if time.monotonic() - recovered_at >= self.recover_every.total_seconds():
                await self._attempt("recovery", recover_claims(database=self.database, now=self.clock()))
                await self._attempt("measuring", self.measure())
                recovered_at = time.monotonic()
            claimed = await self._attempt("claiming", self._claim())
            self._failures = self._failures + 1 if claimed is None else 0
            if claimed is not None:
                self._polled_at = time.monotonic()
            if not claimed or not self._has_room:
                await self._pause(stop)
        if self._in_flight:
            await asyncio.wait(self._in_flight)

    async def send_due(self) -> int:
        """Claims and sends once what is due now, to the end; how many were tried. For tests and operators."""
        claimed = await self._claim()
        while self._in_flight:
            await asyncio.wait(set(self._in_flight))
        return claimed

    async def _attempt(self, step: str, work: Awaitable[T]) -> T | None:
        """Does one step of a round; None where it failed. No error ends the sender."""
        try:
            return await work
        except SlotstreamError as error:
            log.warning("sender_postponed", step=step, code=error.code)
        except Exception:
            log.exception("sender_failed", step=step)
        return None

    async def _claim(self) -> int:
        if not self._has_room:
            return 0
        now = self._claimed_at = self.clock()
        claimed = await claim_messages(
            database=self.database,
            channels=self.channels,
            now=now,
            lease=self.claim_lease,
            limit=min((room for room in self._rooms().values() if room > 0), default=self.concurrency),
            but=[name for name, room in self._rooms().items() if room <= 0],
            full=self._full(),
            retries=self.retries,
            numbers=self.numbers,
        )
        for sendable in claimed:
            message = sendable.message
            LATENESS.labels(message.kind).observe((now - message.next_attempt_at).total_seconds())
            way = _Way(message.organization_id, message.channel, is_own=sendable.account is not None)
            task = asyncio.create_task(self._send_in_turn(sendable, way))
            self._in_flight[task] = way
            task.add_done_callback(self._landed)
        return len(claimed)

    async def _send_in_turn(self, sendable: Sendable, way: _Way) -> None:
        """What was claimed beyond the organization's places waits for one here; its claim runs out if that is long."""
        async with self._turns.setdefault(way, asyncio.Semaphore(self._places_of(way))):
            await self._send(sendable)

    def _landed(self, task: asyncio.Task[None]) -> None:
        way = self._in_flight.pop(task, None)
        if way is not None and way not in self._in_flight.values():
            self._turns.pop(way, None)
        self.wake.set()

    def _places_of(self, way: _Way) -> int:
        """How many of an organization's messages are sent at once on a channel, whatever more of them is due."""
        return _OWN_PLACES if way.is_own else max(1, self.concurrency - self.concurrency // 4)

    def _full(self) -> list[tuple[UUID, Channel]]:
        """Channels of organizations that have all their places: what else they have to send waits, and nobody else."""
        taken = TallyOf(self._in_flight.values())
        return [(way.organization_id, way.channel) for way, count in taken.items() if count >= self._places_of(way)]

    def _rooms(self) -> dict[Channel, int]:
        """How many more may be in flight on each channel: a provider that is slow holds up its own channel alone.

        Organizations' own accounts have places of their own: they hold up nobody.
        """
        taken: TallyOf[Channel] = TallyOf()
        for way, count in TallyOf(self._in_flight.values()).items():
            if not way.is_own:
                taken[way.channel] += min(count, self._places_of(way))
        return {name: self.concurrency - taken[name] for name in {*self.channels.names, *taken}}

    @property
    def _has_room(self) -> bool:
        rooms = self._rooms()
        return not rooms or any(room > 0 for room in rooms.values())

    async def _send(self, sendable: Sendable) -> None:
        message = sendable.message
        bind_organization(message.organization_id)
        attributes = {"message.kind": message.kind.value, "message.id": str(message.id)}
        with span_from(message.traceparent, f"{message.channel} send", kind="client", attributes=attributes):
            try:
                status = await self._deliver(sendable)
            except TransientError as error:
                # Its claim runs out by itself, and with it what is left to do.
                log.warning("send_interrupted", message=str(message.id), cause=error.code)
                return
            except Exception:
                log.exception("send_broke", message=str(message.id), kind=message.kind.value)
                return
        MESSAGES.labels(message.channel, message.kind, status or "taken").inc()
        log.info("message_attempted", message=str(message.id), kind=message.kind.value, status=status)

    async def _deliver(self, sendable: Sendable) -> Status | None:
        message, channel = sendable.message, sendable.channel
        try:
            outgoing = channel.compose(render_message(sendable, portal=self.portal, now=self.clock()), now=self.clock())
        except Exception:
            log.exception("composing_failed", message=str(message.id), kind=message.kind.value)
            return await give_up(
                database=self.database,
                message=message,
                code="composing_failed",
                detail="the message could not be written",
                clock=self.clock,
            )
        return await deliver_message(
            database=self.database,
            channel=channel,
            message=message,
            outgoing=outgoing,
            recipient_name=sendable.recipient.name,
            clock=self.clock,
            retries=self.retries,
            numbers=self.numbers,
            account=sendable.account,
            domain=sendable.domain,
        )

    async def _pause(self, stop: asyncio.Event) -> None:
        """Until the next message is due, or somebody planned or finished something, or the stop."""
        if self._failures:
            await pause_for(min(pause_after(self._failures, _FIRST_PAUSE), _LONGEST_PAUSE), stop)
            return
        seconds = self.poll_every.total_seconds()
        if self._has_room and self._claimed_at is not None:
            # From the time of the claim on: what has fallen due since then was not claimed.
            due_at = await self._attempt("looking ahead", next_due(database=self.database, now=self._claimed_at))
            if due_at is not None:
                seconds = min(seconds, max(0.0, (due_at - self.clock()).total_seconds()))
        await pause_for(seconds, stop, self.wake)

    async def measure(self) -> int:
        """Sets the gauges of the oldest unsent message and of those of no known kind; returns the former's seconds."""
        now = self.clock()
        async with self.database.system_transaction() as session:
            due_at = await MessageStore(session).oldest_unsent(now=now)
            unknown = await DeliveryStore(session).count_unknown(due_before=now - _LEFT_FOR_OTHERS)
        UNKNOWN.set(unknown)
        seconds = (now - due_at).total_seconds() if due_at is not None else 0.0
        OLDEST_UNSENT.set(seconds)
        return int(seconds)

    async def check(self) -> CheckResult:
        """Ready while it polls."""
        silent = time.monotonic() - self._polled_at
        values: dict[str, object] = {"in_flight": len(self._in_flight), "seconds_since_poll": round(silent, 1)}
        if silent > _UNHEALTHY_AFTER_SECONDS:
            return CheckResult(ok=False, detail=f"the sender has not polled for {silent:.0f} s", facts=values)
        return CheckResult(ok=True, facts=values)
