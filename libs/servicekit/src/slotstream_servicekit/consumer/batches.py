"""Working through one batch of one subscription: read, handle, set aside what is poison."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from slotstream_servicekit.consumer.poison import PoisonGauge
from slotstream_servicekit.consumer.records import Decode, Handler, Received, Weigh, read_record
from slotstream_servicekit.consumer.retries import is_transient, patiently
from slotstream_servicekit.consumer.tracing import batch_span
from slotstream_servicekit.consumer.turns import turn_of
from slotstream_servicekit.database import Database
from slotstream_servicekit.dead_letters import Cause, DeadLetterWriter, cause_of
from slotstream_servicekit.health import ConsumerProgress
from slotstream_servicekit.inbox import claim
from slotstream_servicekit.telemetry import CONSUMER_BATCH_SECONDS, CONSUMER_RECORDS, get_logger

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One topic and what is done with it."""

    topic: str
    handler: Handler
    group: str
    types: frozenset[str] | None
    dedupe: bool
    gauge: PoisonGauge
    weigh: Weigh
    most: int
    """How much, by `weigh`, one transaction takes on; a single record may be more."""
    progress: ConsumerProgress = field(default_factory=ConsumerProgress)
    gave_up: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def handler_name(self) -> str:
        return getattr(self.handler, "__name__", type(self.handler).__name__)


class TooMuchPoisonError(Exception):
    """Nearly everything would be set aside: the fault is the consumer's, not the records'."""

    def __init__(self, cause: Exception) -> None:
        super().__init__()
        self.cause = cause


class TooOldToDedupeError(Exception):
    """The record is older than the inbox remembers: whether it had its effect cannot be told."""

    code = "too_old_to_dedupe"
    detail = "the record is older than the inbox remembers"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerContext:
    """What all subscriptions of a service work with."""

    service: str
    database: Database
    decode: Decode
    dead_letters: DeadLetterWriter
    inbox_retention: timedelta
    stop: asyncio.Event


@dataclass(slots=True)
class _Part:
    """The first `length` of the remaining records: what the handler gets of them, and what cannot be read."""

    length: int = 0
    batch: list[Received[Any]] = field(default_factory=list)
    poison: list[tuple[Any, Exception]] = field(default_factory=list)


class BatchWork:
    """One batch on its way. `remaining` is what an interruption leaves to be delivered again."""

    def __init__(self, context: ConsumerContext, subscription: Subscription, records: Sequence[Any]) -> None:
        self._context = context
        self._subscription = subscription
        self.remaining = records

    async def run(self) -> None:
        """Works through the batch. Raises TooMuchPoisonError and transient errors that outlast patience."""
        timer = CONSUMER_BATCH_SECONDS.labels(self._context.service, self._subscription.topic)
        while self.remaining:
            with timer.time():
                await self._work_through(self._next_part())
            self._subscription.progress.worked()
            if self._context.stop.is_set():
                return

    async def _work_through(self, part: "_Part") -> None:
        after = self.remaining[part.length :]
        try:
            await self._patiently(part.batch)
        except Exception as error:
            if is_transient(error):
                raise
            log.warning(
                "batch_isolated",
                topic=self._subscription.topic,
                records=len(part.batch),
                cause=type(error).__name__,
                exc_info=error,
            )
            await self._isolate(part.length)
        else:
            for record, unreadable in part.poison:
                await self._set_aside(record, unreadable)
        self.remaining = after

    def _next_part(self) -> "_Part":
        """As many of the remaining records as one transaction takes."""
        part = _Part()
        weight = 0
        for record in self.remaining:
            received = self._read_one(record)
            if isinstance(received, Exception):
                part.poison.append((record, received))
            elif received is not None:
                weight += 1 if received.event is None else self._subscription.weigh(received.event)
                if part.batch and weight > self._subscription.most:
                    break
                part.batch.append(received)
            part.length += 1
        self._count("ignored", part.length - len(part.batch) - len(part.poison))
        return part

    def _read_one(self, record: Any) -> Received[Any] | Exception | None:
        subscription = self._subscription
        try:
            received = read_record(
                record, self._context.decode, types=subscription.types, tombstones=not subscription.dedupe
            )
        except Exception as error:  # noqa: BLE001 - whatever decoding raises makes the record poison
            return error
        if received is None or not subscription.dedupe:
            return received
        age = datetime.now(UTC) - received.timestamp
        return received if age < self._context.inbox_retention else TooOldToDedupeError()

    async def _isolate(self, length: int) -> None:
        """Record by record, in order, so that only what is poison is set aside."""
        records = self.remaining
        for position, record in enumerate(records[:length]):
            self.remaining = records[position:]
            received = self._read_one(record)
            if isinstance(received, Exception):
                await self._set_aside(record, received)
            elif received is not None:
                try:
                    await self._patiently([received])
                except Exception as error:
                    if is_transient(error):
                        raise
                    await self._set_aside(record, error)

    async def _patiently(self, batch: Sequence[Received[Any]]) -> None:
        if not batch:
            return

        def on_retry(error: Exception) -> None:
            cause = type(error.__cause__ or error).__name__
            log.warning("batch_retried", topic=self._subscription.topic, records=len(batch), cause=cause)

        await patiently(lambda: self._handle(batch), stop=self._context.stop, on_retry=on_retry)

    async def _handle(self, batch: Sequence[Received[Any]]) -> None:
        """Claim and effect in one transaction."""
        subscription = self._subscription
        with batch_span(subscription.topic, batch) as traced:
            async with self._context.database.system_transaction(shared_lock=turn_of(subscription.topic)) as session:
                fresh = await self._fresh(session, traced) if subscription.dedupe else traced
                if fresh:
                    await subscription.handler(session, fresh)
        self._count("handled", len(fresh))
        self._count("duplicate", len(batch) - len(fresh))
        subscription.gauge.handled(len(batch))

    async def _fresh(self, session: AsyncSession, batch: Sequence[Received[Any]]) -> Sequence[Received[Any]]:
        first_seen: dict[Any, Received[Any]] = {}
        for each in batch:
            if each.event is not None:
                first_seen.setdefault(each.event.id, each)
        claimed = await claim(session, consumer=self._subscription.group, ids=list(first_seen))
        return [each for identity, each in first_seen.items() if identity in claimed]

    async def _set_aside(self, record: Any, error: Exception) -> None:
        """Durably to the dead-letter topic, before the offset may move past the record."""
        gauge = self._subscription.gauge
        if gauge.too_many:
            raise TooMuchPoisonError(error)
        cause: Cause = cause_of(error, handler=self._subscription.handler_name)
        await self._context.dead_letters.write(record, cause)
        gauge.set_aside()
        self._count("dead_lettered", 1)
        log.error(
            "record_set_aside",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            code=cause.code,
            exc_info=error,
        )

    def _count(self, outcome: str, amount: int) -> None:
        if amount:
            CONSUMER_RECORDS.labels(self._context.service, self._subscription.topic, outcome).inc(amount)
