"""Consumers: FastStream batch subscribers with an inbox, bounded retries and a dead-letter topic.

A batch and its effect share one transaction; the offset moves afterwards (`NACK_ON_ERROR`: at least once).
A record that cannot be worked through is isolated, set aside with its cause, and the rest goes on.
"""

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, Protocol, TypeVar
from uuid import UUID

from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.annotations import KafkaMessage
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncSession

from slotstream_servicekit.database import Database, is_unavailable
from slotstream_servicekit.dead_letters import MAX_RECORD_BYTES, Cause, DeadLetterWriter
from slotstream_servicekit.errors import RETRYABLE_KINDS, SlotstreamError
from slotstream_servicekit.health import ConsumerProgress, Health, consumer_check
from slotstream_servicekit.inbox import claim, prune
from slotstream_servicekit.telemetry import (
    CONSUMER_BATCH_SECONDS,
    CONSUMER_LAG,
    CONSUMER_RECORDS,
    get_logger,
    span_from,
)

log = get_logger(__name__)

T = TypeVar("T")

_POLL_MILLISECONDS: Final = 25
_RETRIES: Final = 6
_FIRST_RETRY_SECONDS: Final = 0.1
_LONGEST_RETRY_SECONDS: Final = 5.0
_RECONNECT_SECONDS: Final = 1.0
_PRUNE_SECONDS: Final = 3_600.0
POISON_LIMIT: Final = 100
"""How many records in a row may be set aside before the consumer concludes that the fault is its own."""
INBOX_RETENTION: Final = timedelta(days=14)


class Envelope(Protocol):
    """What a consumer needs to know of a decoded message; the contracts' Envelope has it."""

    @property
    def id(self) -> UUID: ...
    @property
    def type(self) -> str: ...
    @property
    def traceparent(self) -> str | None: ...


EnvelopeT = TypeVar("EnvelopeT", bound=Envelope)


@dataclass(frozen=True, slots=True)
class Received(Generic[T]):
    """One decoded record; `event` None is a tombstone. `timestamp` is the record's, in UTC."""

    event: T | None
    key: str
    topic: str
    partition: int
    offset: int
    timestamp: datetime


Handler = Callable[[AsyncSession, Sequence[Received[Any]]], Awaitable[None]]
Decode = Callable[[bytes | None, Sequence[tuple[str, bytes]]], Envelope]
"""Reads a record's value and headers; its errors carry a `code`, and `unknown_type` means "newer than we are"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One topic and what is done with it."""

    topic: str
    handler: Handler
    group: str
    types: frozenset[str] | None
    dedupe: bool
    progress: ConsumerProgress = field(default_factory=ConsumerProgress)

    @property
    def name(self) -> str:
        return getattr(self.handler, "__name__", type(self.handler).__name__)


class PoisonedConsumerError(Exception):
    """Nearly everything would be set aside: the fault is the consumer's, not the records'."""


class Consumers:
    """All subscriptions of one service's worker."""

    def __init__(
        self,
        *,
        service: str,
        bootstrap_servers: str,
        database: Database,
        decode: Decode,
        health: Health,
        inbox: Table | None = None,
        batch_size: int = 500,
        poison_limit: int = POISON_LIMIT,
    ) -> None:
        self._service = service
        self._bootstrap_servers = bootstrap_servers
        self._database = database
        self._decode = decode
        self._health = health
        self._inbox = inbox
        self._batch_size = batch_size
        self._poison_limit = poison_limit
        self._subscriptions: list[Subscription] = []
        self._dead_letters = DeadLetterWriter(service=service, bootstrap_servers=bootstrap_servers)
        self._poison_in_a_row: dict[str, int] = {}
        self._stop = asyncio.Event()

    def subscribe(
        self,
        topic: str,
        handler: Handler,
        *,
        types: frozenset[str] | None = None,
        dedupe: bool = True,
        group: str | None = None,
    ) -> None:
        """Give `handler` the records of `topic` in batches, in order per key.

        With `dedupe`, only messages that this group has not yet worked through; without, every record,
        tombstones included, to a handler that applies states by version. `types` narrows to CloudEvents types.
        """
        if dedupe and self._inbox is None:
            raise ValueError(f"{topic}: a subscription with dedupe needs the service's inbox table")
        subscription = Subscription(
            topic=topic, handler=handler, group=group or self._service, types=types, dedupe=dedupe
        )
        self._subscriptions.append(subscription)
        self._health.register(f"consumer {topic}", consumer_check(subscription.progress))

    async def run(self, stop: asyncio.Event) -> None:
        """Consumes until `stop` is set; waits for Kafka where it is not there."""
        self._stop = stop
        while not stop.is_set():
            broker, consumers = self._broker()
            try:
                await broker.start()
            except (KafkaError, OSError) as error:
                log.warning("kafka_unreachable", cause=type(error).__name__)
                await _close(broker)
                await self._pause(_RECONNECT_SECONDS)
                continue
            watch = asyncio.create_task(self._watch(consumers))
            try:
                await self._until_stopped()
            finally:
                watch.cancel()
                await asyncio.gather(watch, return_exceptions=True)
                await _close(broker)
                await self._dead_letters.close()

    async def _until_stopped(self) -> None:
        """Waits for the stop; meanwhile forgets inbox rows that no redelivery can bring back."""
        while not self._stop.is_set():
            if self._inbox is not None:
                with contextlib.suppress(SlotstreamError):
                    async with self._database.system_transaction() as session:
                        await prune(session, older_than=INBOX_RETENTION)
            await self._pause(_PRUNE_SECONDS)

    def _broker(self) -> tuple[KafkaBroker, list[tuple[Subscription, Any]]]:
        broker = KafkaBroker(
            self._bootstrap_servers,
            client_id=self._service,
            apply_types=False,
            logger=None,
            allow_auto_create_topics=False,
            metadata_max_age_ms=15_000,
            graceful_timeout=15.0,
        )
        subscribers = []
        for subscription in self._subscriptions:
            subscriber = broker.subscriber(
                subscription.topic,
                batch=True,
                group_id=subscription.group,
                auto_offset_reset="earliest",
                ack_policy=AckPolicy.NACK_ON_ERROR,
                max_records=self._batch_size,
                batch_timeout_ms=_POLL_MILLISECONDS,
                fetch_max_wait_ms=100,
                max_partition_fetch_bytes=MAX_RECORD_BYTES,
                session_timeout_ms=10_000,
                heartbeat_interval_ms=2_000,
                parser=_without_headers,
                decoder=_raw,
            )
            subscriber(_bound(self._work, subscription))
            subscribers.append((subscription, subscriber))
        return broker, subscribers

    async def _watch(self, subscribers: Sequence[tuple[Subscription, Any]]) -> None:
        """Tells readiness that a poll loop turns, and how far it is behind.

        A handler that hangs stops the loop, and with it the polls that are counted here.
        """
        for subscription, subscriber in subscribers:
            _count_polls(subscriber.consumer, subscription.progress)
        while True:
            for subscription, subscriber in subscribers:
                lag = await _lag(subscriber.consumer)
                subscription.progress.lag = lag
                CONSUMER_LAG.labels(self._service, subscription.topic).set(lag)
            await asyncio.sleep(2)

    async def _work(self, subscription: Subscription, records: Sequence[Any]) -> None:
        started = time.perf_counter()
        batch: list[Received[Any]] = []
        for record in records:
            received = await self._read(subscription, record)
            if received is not None:
                batch.append(received)
        if batch:
            raw = {(record.partition, record.offset): record for record in records}
            await self._apply(subscription, batch, raw)
        CONSUMER_BATCH_SECONDS.labels(self._service, subscription.topic).observe(time.perf_counter() - started)

    async def _read(self, subscription: Subscription, record: Any) -> Received[Any] | None:
        """The decoded record; None where it is of no interest or was set aside."""
        try:
            return received_from(record, self._decode, types=subscription.types, tombstones=not subscription.dedupe)
        except _NotForUs:
            self._count(subscription, "ignored")
            return None
        except Exception as error:  # noqa: BLE001 - whatever decoding raises makes the record poison
            await self._set_aside(subscription, record, error)
            return None

    async def _apply(
        self, subscription: Subscription, batch: Sequence[Received[Any]], raw: dict[tuple[int, int], Any]
    ) -> None:
        try:
            await self._patiently(subscription, batch)
        except Exception as error:
            if is_transient(error):
                raise
            if len(batch) == 1:
                only = batch[0]
                await self._set_aside(subscription, raw[only.partition, only.offset], error)
                return
            log.warning("batch_isolated", topic=subscription.topic, records=len(batch), cause=type(error).__name__)
            for received in batch:
                await self._apply(subscription, [received], raw)

    async def _patiently(self, subscription: Subscription, batch: Sequence[Received[Any]]) -> None:
        """Handle the batch in one transaction, again after a pause where the error may pass."""
        pause = _FIRST_RETRY_SECONDS
        for attempt in range(_RETRIES + 1):
            try:
                await self._handle(subscription, batch)
            except Exception as error:
                if not is_transient(error) or attempt == _RETRIES or self._stop.is_set():
                    raise
                log.warning("batch_retried", topic=subscription.topic, cause=type(error).__name__)
                await self._pause(pause)
                pause = min(pause * 3, _LONGEST_RETRY_SECONDS)
            else:
                return

    async def _handle(self, subscription: Subscription, batch: Sequence[Received[Any]]) -> None:
        first, *others = [each.event.traceparent for each in batch if each.event is not None] or [None]
        links = [traceparent for traceparent in others[:64] if traceparent and traceparent != first]
        with span_from(first, f"{subscription.topic} handle", links=links, attributes={"batch": len(batch)}):
            async with self._database.system_transaction() as session:
                fresh = await self._fresh(session, subscription, batch)
                if fresh:
                    await subscription.handler(session, fresh)
        self._count(subscription, "handled", len(fresh))
        self._count(subscription, "duplicate", len(batch) - len(fresh))
        self._poison_in_a_row[subscription.topic] = 0

    async def _fresh(
        self, session: AsyncSession, subscription: Subscription, batch: Sequence[Received[Any]]
    ) -> Sequence[Received[Any]]:
        if not subscription.dedupe:
            return batch
        first_seen = {each.event.id: each for each in reversed(batch) if each.event is not None}
        claimed = await claim(session, consumer=subscription.group, ids=list(first_seen))
        return [
            each
            for each in batch
            if each.event is not None and each.event.id in claimed and first_seen[each.event.id] is each
        ]

    async def _set_aside(self, subscription: Subscription, record: Any, error: Exception) -> None:
        in_a_row = self._poison_in_a_row.get(subscription.topic, 0) + 1
        self._poison_in_a_row[subscription.topic] = in_a_row
        if in_a_row > self._poison_limit:
            await self._give_up(subscription, error)
        cause = Cause(code=_code_of(error), detail=_detail_of(error), handler=subscription.name)
        log.error(
            "record_set_aside",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            code=cause.code,
            cause=type(error).__name__,
        )
        await self._dead_letters.write(record, cause)
        self._count(subscription, "dead_lettered")

    async def _give_up(self, subscription: Subscription, error: Exception) -> None:
        """Stop consuming, say so, keep the record: an operator must look before more is set aside."""
        sentence = (
            f"stopped: {self._poison_limit} records of {subscription.topic} in a row could not be worked through "
            f"(last cause {_code_of(error)}); mend the cause and restart"
        )
        subscription.progress.stopped_because = sentence
        log.critical("consumer_stopped", topic=subscription.topic, reason=sentence)
        await self._stop.wait()
        raise PoisonedConsumerError(sentence)

    def _count(self, subscription: Subscription, outcome: str, amount: int = 1) -> None:
        if amount:
            CONSUMER_RECORDS.labels(self._service, subscription.topic, outcome).inc(amount)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)


class _NotForUs(Exception):  # noqa: N818 - not an error, but a way out of decoding
    """The record is of a type that this subscription does not ask for, or that is newer than this program."""


def received_from(
    record: Any, decode: Decode, *, types: frozenset[str] | None = None, tombstones: bool = True
) -> Received[Any]:
    """Decode one of aiokafka's records."""
    event: Envelope | None = None
    if record.value is not None or not tombstones:
        try:
            event = decode(record.value, record.headers)
        except Exception as error:
            if getattr(error, "code", None) == "unknown_type":
                raise _NotForUs from error
            raise
        if types is not None and event.type not in types:
            raise _NotForUs
    return Received(
        event=event,
        key=(record.key or b"").decode(errors="replace"),
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp=datetime.fromtimestamp(record.timestamp / 1000, UTC),
    )


def is_transient(error: BaseException) -> bool:
    """Whether the same records may go through later."""
    if isinstance(error, SlotstreamError):
        return error.kind in RETRYABLE_KINDS
    return is_unavailable(error) or isinstance(error, KafkaError)


def _code_of(error: Exception) -> str:
    return str(getattr(error, "code", None) or type(error).__name__)


def _detail_of(error: Exception) -> str:
    # Only our own errors are quoted: a driver's text may hold a row's values.
    own = isinstance(error, SlotstreamError) or hasattr(error, "code")
    return str(getattr(error, "detail", "")) if own else type(error).__qualname__


def _bound(
    work: Callable[[Subscription, Sequence[Any]], Awaitable[None]], subscription: Subscription
) -> Callable[[Sequence[Any]], Awaitable[None]]:
    async def handle(records: Sequence[Any]) -> None:
        await work(subscription, records)

    return handle


async def _without_headers(records: tuple[Any, ...], original: Any) -> KafkaMessage:
    """FastStream decodes every header as UTF-8, and one that is not would lose the batch: it gets none."""
    message: KafkaMessage = await original(tuple(dataclasses.replace(record, headers=()) for record in records))
    message.raw_message = records
    return message


async def _raw(message: KafkaMessage) -> Any:
    return message.raw_message


def _count_polls(consumer: Any, progress: ConsumerProgress) -> None:
    getmany = consumer.getmany

    async def counted(*partitions: Any, **options: Any) -> Any:
        batch = await getmany(*partitions, **options)
        progress.polled(assigned_partitions=len(consumer.assignment()), lag=progress.lag)
        return batch

    consumer.getmany = counted


async def _lag(consumer: Any) -> int:
    """Records between the positions and the high watermarks that the last fetches told of."""
    lag = 0
    for partition in consumer.assignment():
        highwater = consumer.highwater(partition)
        if highwater is not None:
            with contextlib.suppress(KafkaError, TimeoutError):
                lag += max(0, highwater - await asyncio.wait_for(consumer.position(partition), 1))
    return lag


async def _close(broker: KafkaBroker) -> None:
    with contextlib.suppress(KafkaError, OSError, TimeoutError):
        await broker.stop()
