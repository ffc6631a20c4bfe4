"""All subscriptions of one service's worker, each with a FastStream subscriber of its own."""

import asyncio
import contextlib
import dataclasses
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from sqlalchemy import Table

from slotstream_servicekit.background import pause_for, repeatedly
from slotstream_servicekit.consumer.batches import BatchWork, ConsumerContext, Subscription, TooMuchPoisonError
from slotstream_servicekit.consumer.poison import PoisonGauge
from slotstream_servicekit.consumer.records import Decode, Handler, Weigh
from slotstream_servicekit.consumer.retries import is_transient
from slotstream_servicekit.database import Database
from slotstream_servicekit.dead_letters import DeadLetterWriter, cause_of
from slotstream_servicekit.health import Health, consumer_check
from slotstream_servicekit.inbox import prune
from slotstream_servicekit.metadata import calm_metadata
from slotstream_servicekit.producer import MAX_RECORD_BYTES
from slotstream_servicekit.telemetry import CONSUMER_LAG, get_logger

log = get_logger(__name__)

POISON_LIMIT: Final = 30
"""How many records in a row may be set aside before the consumer concludes that the fault is its own."""
INBOX_RETENTION: Final = timedelta(days=14)

_POLL_MILLISECONDS: Final = 20
_RECONNECT_SECONDS: Final = 1.0
_JOIN_GRACE_SECONDS: Final = 4.0
_WATCH_SECONDS: Final = 2.0
_FETCH_SILENCE_SECONDS: Final = 15.0
_PRUNE_SECONDS: Final = 600.0
_STOP_SECONDS: Final = 15.0


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
        inbox_retention: timedelta = INBOX_RETENTION,
    ) -> None:
        self._service = service
        self._bootstrap_servers = bootstrap_servers
        self._health = health
        self._inbox = inbox
        self._batch_size = batch_size
        self._poison_limit = poison_limit
        self._subscriptions: list[Subscription] = []
        self._context = ConsumerContext(
            service=service,
            database=database,
            decode=decode,
            dead_letters=DeadLetterWriter(service=service, bootstrap_servers=bootstrap_servers),
            inbox_retention=inbox_retention,
            stop=asyncio.Event(),
        )

    def subscribe(
        self,
        topic: str,
        handler: Handler,
        *,
        types: frozenset[str] | None = None,
        dedupe: bool = True,
        group: str | None = None,
        members: int = 1,
        weigh: Weigh = lambda _: 1,
    ) -> None:
        """Give `handler` the records of `topic` in batches, in order per key.

        With `dedupe`, only messages that this group has not yet worked through; without, every record,
        tombstones included, to a handler that applies states by version. `types` narrows to CloudEvents types.
        A batch is as many records as weigh no more than the batch size together, each 1 unless `weigh` says more.
        With several `members` this process joins the group as often, and works on partitions while the database
        works on others.
        """
        if dedupe and self._inbox is None:
            raise ValueError(f"{topic}: a subscription with dedupe needs the service's inbox table")
        for number in range(1, members + 1):
            subscription = Subscription(
                topic=topic,
                handler=handler,
                group=group or self._service,
                types=types,
                dedupe=dedupe,
                gauge=PoisonGauge(self._poison_limit),
                weigh=weigh,
                most=self._batch_size,
            )
            self._subscriptions.append(subscription)
            name = f"consumer {topic}" if number == 1 else f"consumer {topic} ({number})"
            self._health.register(name, consumer_check(subscription.progress))
        mine = [each.progress for each in self._subscriptions if each.topic == topic]
        CONSUMER_LAG.labels(self._service, topic).set_function(lambda: sum(each.lag or 0 for each in mine))

    async def run(self, stop: asyncio.Event) -> None:
        """Consumes until `stop` is set; waits for Kafka and for topics that are not there yet."""
        context = self._context = dataclasses.replace(self._context, stop=stop)
        broker = self._broker()
        members = [_Member(context, subscription, broker, self._batch_size) for subscription in self._subscriptions]
        await broker.connect()
        try:
            async with asyncio.TaskGroup() as group:
                for member in members:
                    group.create_task(member.run(stop))
                if self._inbox is not None:
                    group.create_task(repeatedly("inbox_pruning", self._forget, every=_PRUNE_SECONDS)(stop))
        finally:
            await broker.stop()
            await context.dead_letters.close()

    def _broker(self) -> KafkaBroker:
        return KafkaBroker(
            self._bootstrap_servers,
            client_id=self._service,
            consumer_only=True,
            allow_auto_create_topics=False,
            apply_types=False,
            logger=_faststream_logger(),
            metadata_max_age_ms=15_000,
            retry_backoff_ms=250,
            graceful_timeout=_STOP_SECONDS,
        )

    async def _forget(self) -> bool:
        """Forgets what no redelivery can bring back; whether there may be more of it."""
        async with self._context.database.system_transaction() as session:
            # A record is refused a day before the inbox forgets it: clocks differ.
            return await prune(session, older_than=self._context.inbox_retention + timedelta(days=1)) > 0


class _Member:
    """One subscription's consumer in its group, from joining to leaving."""

    def __init__(
        self, context: ConsumerContext, subscription: Subscription, broker: KafkaBroker, batch_size: int
    ) -> None:
        self._context = context
        self._subscription = subscription
        self._subscriber = broker.subscriber(
            subscription.topic,
            batch=True,
            group_id=subscription.group,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.NACK_ON_ERROR,
            max_records=batch_size,
            batch_timeout_ms=_POLL_MILLISECONDS,
            fetch_max_wait_ms=250,
            max_partition_fetch_bytes=MAX_RECORD_BYTES,
            session_timeout_ms=10_000,
            heartbeat_interval_ms=2_000,
            max_poll_interval_ms=300_000,
            parser=_unread,
            decoder=_raw,
        )
        self._subscriber(_function(self._work))

    async def run(self, stop: asyncio.Event) -> None:
        if not await self._join(stop):
            return
        try:
            await self._watch(stop)
        finally:
            await self._leave()
        await stop.wait()

    async def _join(self, stop: asyncio.Event) -> bool:
        """Joins the group, however long Kafka or the topic take to appear; False where told to stop before."""
        while not stop.is_set():
            starting = asyncio.ensure_future(self._subscriber.start())
            stopping = asyncio.ensure_future(stop.wait())
            try:
                await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
                # The Kafka client leaves sockets behind when it is cancelled while it connects: rather not.
                await asyncio.wait({starting}, timeout=_JOIN_GRACE_SECONDS)
            finally:
                starting.cancel()
                stopping.cancel()
                (error,) = await asyncio.gather(starting, return_exceptions=True)
            if error is None:
                return True
            if not isinstance(error, KafkaError | OSError | asyncio.CancelledError):
                raise error
            log.warning("consumer_waits_for_kafka", topic=self._subscription.topic, cause=type(error).__name__)
            await self._leave()
            await pause_for(_RECONNECT_SECONDS, stop)
        return False

    async def _leave(self) -> None:
        with contextlib.suppress(KafkaError, OSError, TimeoutError):
            await asyncio.wait_for(self._subscriber.stop(), _STOP_SECONDS + 5)

    async def _watch(self, stop: asyncio.Event) -> None:
        """Tells readiness and metrics how far the consumer is behind, until it is to stop or gives up."""
        consumer: Any = self._subscriber.consumer
        count_polls(consumer, self._subscription)
        calm_metadata(consumer._client)  # noqa: SLF001 - aiokafka offers no other way to it
        over = [asyncio.ensure_future(event.wait()) for event in (stop, self._subscription.gave_up)]
        try:
            while not any(each.done() for each in over):
                self._subscription.progress.lag = await lag_of(consumer)
                await asyncio.wait(over, timeout=_WATCH_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in over:
                each.cancel()

    async def _work(self, records: Sequence[Any]) -> None:
        """Works through a batch; what is left of it is delivered again, and only that.

        The acknowledgement that follows commits the positions. So nothing is raised for what is left: the
        positions are put back instead, per partition, whichever of them a rebalance may have taken meanwhile.
        """
        subscription = self._subscription
        work = BatchWork(self._context, subscription, records)
        try:
            if not subscription.gave_up.is_set():
                await work.run()
        except TooMuchPoisonError as error:
            self._give_up(error.cause)
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("batch_postponed", topic=subscription.topic, cause=type(error.__cause__ or error).__name__)
            await pause_for(_RECONNECT_SECONDS, self._context.stop)
        rewind(self._subscriber.consumer, work.remaining)

    def _give_up(self, cause: Exception) -> None:
        """Stop consuming, say so, keep the record: somebody must look before more is set aside."""
        subscription = self._subscription
        sentence = (
            f"stopped: too many records of {subscription.topic} in a row could not be worked through "
            f"(last cause {cause_of(cause, handler='').code}); mend the cause and restart"
        )
        subscription.progress.stopped_because = sentence
        subscription.gave_up.set()
        log.critical("consumer_stopped", topic=subscription.topic, reason=sentence, exc_info=cause)


def rewind(consumer: Any, remaining: Sequence[Any]) -> None:
    """Let the next poll begin again with the first of `remaining` in each partition still assigned."""
    first: dict[TopicPartition, int] = {}
    for record in remaining:
        first.setdefault(TopicPartition(record.topic, record.partition), record.offset)
    for partition in first.keys() & consumer.assignment():
        consumer.seek(partition, first[partition])


def count_polls(consumer: Any, subscription: Subscription) -> None:
    """Report to readiness every poll of a consumer that Kafka answers.

    A handler that hangs stops the polls; a broker that is gone leaves the fetches old.
    """
    getmany: Callable[..., Awaitable[Mapping[Any, Any]]] = consumer.getmany
    progress = subscription.progress

    async def counted(*partitions: Any, **options: Any) -> Mapping[Any, Any]:
        fetched = await getmany(*partitions, **options)
        assigned = consumer.assignment()
        if fetched or not assigned or _hears(consumer, assigned):
            progress.polled(assigned_partitions=len(assigned), lag=progress.lag)
        return fetched

    consumer.getmany = counted


def _hears(consumer: Any, assigned: frozenset[TopicPartition]) -> bool:
    heard = [consumer.last_poll_timestamp(each) or 0 for each in assigned]
    return time.time() - max(heard) / 1000 < _FETCH_SILENCE_SECONDS


async def lag_of(consumer: Any) -> int:
    """Records between the positions and the high watermarks that the last fetches told of."""
    lag = 0
    with contextlib.suppress(KafkaError, TimeoutError):
        async with asyncio.timeout(1):
            for partition in consumer.assignment():
                highwater = consumer.highwater(partition)
                if highwater is not None:
                    lag += max(0, highwater - await consumer.position(partition))
    return lag


async def _unread(records: tuple[Any, ...], original: Any) -> KafkaMessage:
    """FastStream decodes every header as UTF-8, and one that is not would lose the batch: it sees none."""
    message: KafkaMessage = await original((dataclasses.replace(records[0], headers=()),))
    message.raw_message = records
    return message


async def _raw(message: KafkaMessage) -> Any:
    return message.raw_message


def _function(work: Callable[[Sequence[Any]], Awaitable[None]]) -> Callable[[Sequence[Any]], Awaitable[None]]:
    """FastStream takes functions, and reads their names."""

    async def on_batch(records: Sequence[Any]) -> None:
        await work(records)

    return on_batch


def _faststream_logger() -> logging.Logger:
    # Not one below "faststream": that one prints every record, in colours, past the handlers of this process.
    logger = logging.getLogger(f"{__name__}.faststream")
    logger.setLevel(logging.WARNING)
    logger.addFilter(_is_news)
    return logger


def _is_news(line: logging.LogRecord) -> bool:
    # Said at every start of every subscriber of those who let a topics job create their topics.
    return "Make sure the topics exist" not in line.getMessage()
