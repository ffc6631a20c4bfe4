"""One stay of a member in its consumer group, from joining to leaving.

FastStream's batch subscriber polls and calls a handler. Its parser and decoder are replaced by ones that leave the
records as they are: its own decode every header as UTF-8, and a header that is not would cost a whole batch.
"""

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage

from slotstream_servicekit.background import pause_for
from slotstream_servicekit.consumer.batches import BatchWork, ConsumerAtFaultError
from slotstream_servicekit.consumer.deadlines import end_within
from slotstream_servicekit.consumer.faststream_logs import faststream_logger
from slotstream_servicekit.consumer.faststream_security import faststream_arguments
from slotstream_servicekit.consumer.leaders import led_soon
from slotstream_servicekit.consumer.positions import lag_of, positions_after, rewind, seconds_since_answer
from slotstream_servicekit.consumer.retries import is_transient
from slotstream_servicekit.consumer.subscriptions import ConsumerContext, Subscription
from slotstream_servicekit.dead_letters import cause_of
from slotstream_servicekit.producer import MAX_RECORD_BYTES
from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)

_POLL_SECONDS: Final = 3_600.0
"""A poll ends with the first record. After a poll without records FastStream sleeps for the same time, and new records
have to wait: `_RENEW_SECONDS` sees to it that no poll ends so."""
_RENEW_SECONDS: Final = 3_000.0
"""After so long without records the member leaves and joins again, with a new poll."""
_FETCH_MILLISECONDS: Final = 2_000
"""How long Kafka waits before it answers that there is nothing; with a record it answers at once. Not longer, because
aiokafka sends a broker one request at a time: a partition that is not in it waits for its answer."""
_FETCH_BYTES: Final = 16 * 1024 * 1024
"""The most bytes of one answer, and so of one batch."""
_QUICK_SECONDS: Final = 0.05
"""A batch that takes longer pauses the consumer. Otherwise aiokafka, a tenth of a second after records of some
partitions have come, requests the other partitions only, and these have to wait again when the batch is done."""
_FETCHER_MILLISECONDS: Final = 5_000
"""How often aiokafka's fetcher wakes up by itself; new records and changes of the group wake it at once."""
_RECONNECT_SECONDS: Final = 1.0
_JOIN_GRACE_SECONDS: Final = 4.0
_WATCH_SECONDS: Final = 1.0
_MEASURE_SECONDS: Final = 2.0
_SILENCE_SECONDS: Final = 6.0
"""After so long without an answer of Kafka the member leaves, and joins again when all partitions have leaders."""
_STUCK_SECONDS: Final = 30.0
_ABSENT_TOPICS_SECONDS: Final = 5.0
_TRY_AGAIN_SECONDS: Final = 60.0
"""How long a subscription that has stopped waits until it tries the same record again."""
_STOP_SECONDS: Final = 15.0


class Membership:
    """One stay in the group: one Kafka client with its subscriptions."""

    def __init__(
        self, context: ConsumerContext, subscriptions: dict[str, Subscription], *, absent: frozenset[str] | set[str]
    ) -> None:
        self._context = context
        self._subscriptions = subscriptions
        self._absent = absent
        self._held: dict[str, asyncio.TimerHandle] = {}
        self._in_hand = False
        self._moved_at = self._delivered_at = self._answered_at = time.monotonic()
        self._answering: frozenset[TopicPartition] = frozenset()
        (self._group,) = {subscription.group for subscription in subscriptions.values()}
        broker = KafkaBroker(
            **faststream_arguments(context.kafka),
            client_id=context.service,
            consumer_only=True,
            allow_auto_create_topics=False,
            apply_types=False,
            logger=faststream_logger(),
            metadata_max_age_ms=15_000,
            retry_backoff_ms=250,
            graceful_timeout=_STOP_SECONDS,
        )
        self._broker = broker
        self._subscriber = broker.subscriber(
            *subscriptions,
            batch=True,
            group_id=self._group,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.MANUAL,
            batch_timeout_ms=int(_POLL_SECONDS * 1000),
            fetch_max_wait_ms=_FETCH_MILLISECONDS,
            fetch_max_bytes=_FETCH_BYTES,
            consumer_timeout_ms=_FETCHER_MILLISECONDS,
            max_partition_fetch_bytes=MAX_RECORD_BYTES,
            session_timeout_ms=10_000,
            heartbeat_interval_ms=3_000,
            max_poll_interval_ms=300_000,
            parser=_unread,
            decoder=_raw,
        )

        async def on_batch(records: Sequence[ConsumerRecord]) -> None:
            await self._work(records)

        self._subscriber(on_batch)

    @property
    def _consumer(self) -> AIOKafkaConsumer:
        consumer = self._subscriber.consumer
        if consumer is None:
            raise KafkaError("the consumer has not started")
        return consumer

    async def join(self) -> bool:
        """Joins the group. Returns False where it was told to stop first. Raises KafkaError."""
        stop = self._context.stop
        await self._broker.connect()
        starting = asyncio.ensure_future(self._subscriber.start())
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            # A client that is cancelled while it connects leaves sockets open: give it time to finish.
            await asyncio.wait({starting}, timeout=_JOIN_GRACE_SECONDS)
        finally:
            starting.cancel()
            stopping.cancel()
            (error,) = await asyncio.gather(starting, return_exceptions=True)
        if isinstance(error, asyncio.CancelledError):
            return False
        if error is not None:
            raise error
        return True

    async def leave(self) -> None:
        for release in self._held.values():
            release.cancel()
        # While Kafka is away the client waits for the coordinator of its group: it is abandoned after a while, so that
        # a new one can join.
        await end_within(_STOP_SECONDS, self._subscriber.stop())
        await end_within(_STOP_SECONDS, self._broker.stop())

    async def watch(self) -> None:
        """Keeps readiness and metrics up to date, until it is time to leave."""
        stop, consumer = self._context.stop, self._consumer
        measured_at = asked_at = joined_at = time.monotonic()
        while not stop.is_set():
            now = time.monotonic()
            if not self._in_hand:
                self._note_alive(self._silence(consumer))
                idle_for = self._unanswered_seconds(consumer)
                if consumer.assignment() and idle_for > _SILENCE_SECONDS:
                    log.warning("consumer_hears_nothing", topics=list(self._subscriptions), seconds=round(idle_for))
                    return
                if now - self._delivered_at > _RENEW_SECONDS:
                    return
            if now - measured_at >= _MEASURE_SECONDS or now - joined_at < _MEASURE_SECONDS:
                measured_at = now
                await self._measure(consumer)
                if self._is_stuck():
                    log.warning("consumer_stuck", topics=list(self._subscriptions))
                    return
            if self._absent and now - asked_at >= _ABSENT_TOPICS_SECONDS:
                asked_at = now
                if await led_soon(self._context.kafka, self._absent):
                    return
            await pause_for(_WATCH_SECONDS, stop)

    def _silence(self, consumer: AIOKafkaConsumer) -> float | None:
        """For how many seconds Kafka has not answered. Nothing is requested while a batch is processed."""
        silent = seconds_since_answer(consumer)
        return None if silent is None else min(silent, time.monotonic() - self._delivered_at)

    def _unanswered_seconds(self, consumer: AIOKafkaConsumer) -> float:
        """As `_silence`, but across rebalances, in which aiokafka forgets when Kafka last answered: then the time of
        the last answer, or of the new partitions, counts. A member that left here would start another rebalance, in
        which the other members would leave, too.
        """
        now, silent = time.monotonic(), self._silence(consumer)
        if consumer.assignment() != self._answering:
            self._answering, self._answered_at = frozenset(consumer.assignment()), now
        elif silent is not None:
            self._answered_at = max(self._answered_at, now - silent)
        return now - max(self._answered_at, self._delivered_at)

    def _note_alive(self, silent: float | None) -> None:
        for subscription in self._subscriptions.values():
            if silent is not None or not self._assigned(subscription.topic):
                subscription.progress.alive(seconds_ago=silent or 0.0)

    async def _measure(self, consumer: AIOKafkaConsumer) -> None:
        for topic, subscription in self._subscriptions.items():
            assigned = self._assigned(topic)
            lag = await lag_of(consumer, assigned)
            subscription.progress.measured(assigned_partitions=len(assigned), lag=lag)
        if not any(subscription.progress.lag for subscription in self._subscriptions.values()):
            self._moved_at = time.monotonic()

    def _is_stuck(self) -> bool:
        """Whether there are records to process and none is processed, although nothing is on hold."""
        return not self._in_hand and not self._held and time.monotonic() - self._moved_at > _STUCK_SECONDS

    def _assigned(self, topic: str) -> list[TopicPartition]:
        return [partition for partition in self._consumer.assignment() if partition.topic == topic]

    async def _work(self, records: Sequence[ConsumerRecord]) -> None:
        """Processes the polled records, topic by topic. Those that are left over are delivered again.

        It raises nothing for those: it moves the positions of their partitions back and commits them, except for
        partitions that a rebalance has taken away meanwhile.
        """
        by_topic: dict[str, list[ConsumerRecord]] = {}
        for record in records:
            by_topic.setdefault(record.topic, []).append(record)
        self._in_hand = True
        pausing = asyncio.get_running_loop().call_later(_QUICK_SECONDS, self._pause)
        try:
            for topic, batch in by_topic.items():
                rewind(self._consumer, await self._work_through(self._subscriptions[topic], batch))
        finally:
            pausing.cancel()
            self._in_hand = False
            self._moved_at = self._delivered_at = time.monotonic()
        try:
            await self._consumer.commit()
        except KafkaError as error:
            # The group has given the partitions to other members, which process the records again.
            log.warning("commit_failed", topics=list(by_topic), cause=type(error).__name__)
        # Nothing may be awaited from here to the next poll. The poll must take the records that have come meanwhile
        # before the fetcher runs, which would otherwise request the other partitions only.
        self._resume()

    async def _work_through(
        self, subscription: Subscription, records: Sequence[ConsumerRecord]
    ) -> Sequence[ConsumerRecord]:
        """Returns the records that must be delivered again."""
        topic, progress = subscription.topic, subscription.progress
        if topic in self._held:
            # A rebalance may have added partitions that are not paused yet.
            self._consumer.pause(*self._assigned(topic))
            return records

        async def settle(remaining: Sequence[ConsumerRecord]) -> None:
            with contextlib.suppress(KafkaError):
                await self._consumer.commit(positions_after(records, remaining))

        work = BatchWork(self._context, subscription, records, settle)
        try:
            await work.run()
        except ConsumerAtFaultError as error:
            self._stop_for_now(subscription, error.cause)
        except Exception as error:
            if is_transient(error):
                log.warning("batch_postponed", topic=topic, cause=type(error.__cause__ or error).__name__)
            else:
                log.exception("batch_failed", topic=topic)
            self._hold(topic, _RECONNECT_SECONDS)
        else:
            progress.stopped_because = None
        return work.remaining

    def _stop_for_now(self, subscription: Subscription, cause: Exception) -> None:
        """Stops setting records aside, logs why, and tries the same record again later: an operator must look at it."""
        code = cause_of(cause, handler="").code
        sentence = (
            f"stopped: records of {subscription.topic} fail whoever sent them (last cause {code}); mend the cause: "
            "the same record is tried again every minute, and at a restart"
        )
        if subscription.progress.stopped_because is None:
            log.critical("consumer_stopped", topic=subscription.topic, reason=sentence, exc_info=cause)
        subscription.progress.stopped_because = sentence
        self._hold(subscription.topic, _TRY_AGAIN_SECONDS)

    def _hold(self, topic: str, seconds: float) -> None:
        """Fetches nothing of `topic` for a while; the other topics go on."""
        self._consumer.pause(*self._assigned(topic))
        self._held[topic] = asyncio.get_running_loop().call_later(seconds, self._release, topic)

    def _release(self, topic: str) -> None:
        self._held.pop(topic, None)
        if not self._in_hand:
            self._resume()

    def _pause(self) -> None:
        with contextlib.suppress(KafkaError):
            self._consumer.pause(*self._consumer.assignment())

    def _resume(self) -> None:
        """Fetches again all topics that are not on hold."""
        with contextlib.suppress(KafkaError):
            consumer = self._consumer
            consumer.resume(*(partition for partition in consumer.paused() if partition.topic not in self._held))


async def _unread(records: tuple[Any, ...], original: Any) -> KafkaMessage:
    message: KafkaMessage = await original((dataclasses.replace(records[0], headers=()),))
    message.raw_message = records
    return message


async def _raw(message: KafkaMessage) -> Any:
    return message.raw_message
