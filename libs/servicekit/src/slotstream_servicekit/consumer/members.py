"""One member of a consumer group: a Kafka client with its subscriptions, from joining to leaving.

FastStream's batch subscriber polls and calls; its parser and decoder are ours and leave the records as they are,
because its own decode every header as UTF-8 and would lose a whole batch to one that is not.
"""

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Coroutine, Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage

from slotstream_servicekit.background import pause_for
from slotstream_servicekit.consumer.batches import BatchWork, ConsumerAtFaultError
from slotstream_servicekit.consumer.faststream_logs import faststream_logger
from slotstream_servicekit.consumer.faststream_security import faststream_arguments
from slotstream_servicekit.consumer.positions import lag_of, positions_after, rewind, seconds_since_answer
from slotstream_servicekit.consumer.retries import is_transient
from slotstream_servicekit.consumer.subscriptions import ConsumerContext, Subscription
from slotstream_servicekit.dead_letters import cause_of
from slotstream_servicekit.kafka import KafkaConnection
from slotstream_servicekit.kafka.refusals import refusals_of
from slotstream_servicekit.leaders import led_topics
from slotstream_servicekit.producer import MAX_RECORD_BYTES
from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)

_POLL_SECONDS: Final = 3_600.0
"""A poll ends with the first record. One that ends without any is followed by a sleep just as long (FastStream's), in
which records wait: it must never come to that."""
_RENEW_SECONDS: Final = 3_000.0
"""A member to which nothing came for so long leaves, and joins with a new poll, before the old one ends."""
_FETCH_MILLISECONDS: Final = 2_000
"""How long Kafka waits with an empty answer. It answers at once where there is a record; but aiokafka asks a broker
one thing at a time, and a partition that was not asked about waits for the answer under way."""
_FETCH_BYTES: Final = 16 * 1024 * 1024
"""The most that one answer holds, and so one batch."""
_QUICK_SECONDS: Final = 0.05
"""A batch that takes longer pauses the consumer. Otherwise aiokafka, a tenth of a second after records of some
partitions came, asks about the others alone, and those wait once more when the batch is done."""
_FETCHER_MILLISECONDS: Final = 5_000
"""How often aiokafka's fetcher looks around although nothing has happened; whatever happens wakes it."""
_RECONNECT_SECONDS: Final = 1.0
_JOIN_GRACE_SECONDS: Final = 4.0
_WATCH_SECONDS: Final = 1.0
_MEASURE_SECONDS: Final = 2.0
_SILENCE_SECONDS: Final = 6.0
"""Without an answer for so long a member leaves, and comes back when partitions have leaders again."""
_STUCK_SECONDS: Final = 30.0
_ABSENT_TOPICS_SECONDS: Final = 5.0
_TRY_AGAIN_SECONDS: Final = 60.0
"""How long a subscription that has stopped itself waits until it tries the same record again."""
_REFUSED_SECONDS: Final = 5.0
"""How long a member waits that Kafka does not let in."""
_ABSENT: Final = "the topic is missing, has no leader, or this login may not read it"
_STOP_SECONDS: Final = 15.0
_ASK_SECONDS: Final = 10.0


class Member:
    """Consumes the topics of its subscriptions, outliving Kafka and waiting for topics that are not there yet."""

    def __init__(self, context: ConsumerContext, subscriptions: Sequence[Subscription]) -> None:
        self._context = context
        self._subscriptions = {subscription.topic: subscription for subscription in subscriptions}
        (self._group,) = {subscription.group for subscription in subscriptions}
        self._absent: frozenset[str] = frozenset()
        self._said: str | None = None
        """Why Kafka did not let it in or join, the last time that it tried."""

    async def run(self) -> None:
        """Consumes until told to stop. No error ends it."""
        stop = self._context.stop
        while not stop.is_set():
            pause = _RECONNECT_SECONDS
            try:
                present = await _led_soon(self._context.kafka, self._subscriptions)
                self._note_absent(self._subscriptions.keys() - present)
                if present:
                    await self._belong(present)
            except (KafkaError, OSError, TimeoutError) as error:
                pause = await self._after(error)
            except Exception:
                log.exception("consumer_interrupted", topics=self._topics)
            await pause_for(pause, stop)

    @property
    def _topics(self) -> list[str]:
        return sorted(self._subscriptions)

    async def _after(self, error: Exception) -> float:
        """Tells why this member cannot work; returns how long to wait until it tries again."""
        if isinstance(error, GroupAuthorizationFailedError):
            reason: str | None = f"this login may not join the group {self._group}"
            if reason != self._said:
                log.error("consumer_may_not_join", group=self._group, topics=self._topics)
        else:
            # Says so itself, once for the whole process.
            reason = await refusals_of(self._context.kafka).reason()
        self._said = reason
        for subscription in self._subscriptions.values():
            subscription.progress.waits_because = reason
        if reason is not None:
            return _REFUSED_SECONDS
        log.warning("consumer_waits_for_kafka", topics=self._topics, cause=type(error).__name__)
        return _RECONNECT_SECONDS

    def _note_absent(self, absent: AbstractSet[str]) -> None:
        """Says once which topics there are none of: to a login without the right to read one, it is not there."""
        for topic, subscription in self._subscriptions.items():
            subscription.progress.waits_because = _ABSENT if topic in absent else None
        if absent and absent != self._absent:
            log.warning("consumer_waits_for_topics", topics=sorted(absent), reason=_ABSENT)
        self._absent = frozenset(absent)

    async def _belong(self, present: frozenset[str]) -> None:
        """Joins the group for the topics that there are, works, and leaves."""
        subscriptions = {topic: self._subscriptions[topic] for topic in sorted(present)}
        membership = _Membership(self._context, subscriptions, absent=self._subscriptions.keys() - present)
        try:
            if await membership.join():
                await membership.watch()
        finally:
            await membership.leave()


async def _led_soon(kafka: KafkaConnection, topics: Iterable[str]) -> frozenset[str]:
    """As `led_topics`. Raises TimeoutError: a client that asks a broker while it restarts may wait for ever."""
    task = asyncio.ensure_future(led_topics(kafka, topics))
    done, _ = await asyncio.wait({task}, timeout=_ASK_SECONDS)
    if not done:
        task.cancel()
        task.add_done_callback(_forget)
        raise TimeoutError
    if task.cancelled():
        raise TimeoutError
    return task.result()


async def _within(seconds: float, ending: Coroutine[Any, Any, None]) -> None:
    """Waits for the end of something, but no longer: what does not end is cancelled and left to itself."""
    task = asyncio.ensure_future(ending)
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if not done:
        task.cancel()
        task.add_done_callback(_forget)
        log.warning("consumer_left_behind", seconds=seconds)
    elif task.cancelled():
        # The client cancels what it waits for itself; let out, that would end the member without a word.
        log.warning("consumer_end_cancelled")
    elif (error := task.exception()) is not None and not isinstance(error, KafkaError | OSError | TimeoutError):
        raise error


def _forget(task: asyncio.Task[Any]) -> None:
    """Takes note of how an abandoned task ended, so that nobody is told of it."""
    if not task.cancelled():
        task.exception()


class _Membership:
    """One stay in the group."""

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
        """Joins the group; False where told to stop before. Raises KafkaError."""
        stop = self._context.stop
        await self._broker.connect()
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
        if isinstance(error, asyncio.CancelledError):
            return False
        if error is not None:
            raise error
        return True

    async def leave(self) -> None:
        for release in self._held.values():
            release.cancel()
        # While Kafka is away the client waits for its group's coordinator: it is given up, so that a new one can join.
        await _within(_STOP_SECONDS, self._subscriber.stop())
        await _within(_STOP_SECONDS, self._broker.stop())

    async def watch(self) -> None:
        """Tells readiness and metrics what is known, until it is time to leave."""
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
                if await _led_soon(self._context.kafka, self._absent):
                    return
            await pause_for(_WATCH_SECONDS, stop)

    def _silence(self, consumer: AIOKafkaConsumer) -> float | None:
        """Since when Kafka has owed an answer: nothing is asked while a batch is in hand."""
        silent = seconds_since_answer(consumer)
        return None if silent is None else min(silent, time.monotonic() - self._delivered_at)

    def _unanswered_seconds(self, consumer: AIOKafkaConsumer) -> float:
        """A rebalance makes aiokafka forget when Kafka last answered: what was known before counts, or the time of new
        partitions. Who left then would begin the next rebalance, and so would the others.
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
        """Whether there is something to do and it is not done, although nothing holds it up."""
        return not self._in_hand and not self._held and time.monotonic() - self._moved_at > _STUCK_SECONDS

    def _assigned(self, topic: str) -> list[TopicPartition]:
        return [partition for partition in self._consumer.assignment() if partition.topic == topic]

    async def _work(self, records: Sequence[ConsumerRecord]) -> None:
        """Works through what was polled, topic by topic; what is left of it is delivered again, and only that.

        Nothing is raised for what is left: the positions are put back, per partition, whichever of them a rebalance
        may have taken meanwhile, and are then committed.
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
            # The group has given the partitions to others: they are worked through there once more.
            log.warning("commit_failed", topics=list(by_topic), cause=type(error).__name__)
        # Nothing is awaited from here to the next poll: it takes the records that came meanwhile before the fetcher
        # looks, which would ask about the other partitions alone.
        self._resume()

    async def _work_through(
        self, subscription: Subscription, records: Sequence[ConsumerRecord]
    ) -> Sequence[ConsumerRecord]:
        """Returns what is left to be delivered again."""
        topic, progress = subscription.topic, subscription.progress
        if topic in self._held:
            # A rebalance brought partitions that are not paused yet.
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
        """Set nothing more aside, say so, and try the same record again later: somebody must look."""
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
        """Fetches nothing of `topic` for a while; the member's other topics go on."""
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
        """Fetches again whatever is not held."""
        with contextlib.suppress(KafkaError):
            consumer = self._consumer
            consumer.resume(*(partition for partition in consumer.paused() if partition.topic not in self._held))


async def _unread(records: tuple[Any, ...], original: Any) -> KafkaMessage:
    message: KafkaMessage = await original((dataclasses.replace(records[0], headers=()),))
    message.raw_message = records
    return message


async def _raw(message: KafkaMessage) -> Any:
    return message.raw_message
