"""The outbox relay: committed records to Kafka, in order per key, at least once.

One relay at a time holds a lane, by an advisory lock of its database session, and reads and deletes through
that same session: whoever lost the lock can delete nothing. It reads by sequence outside any transaction, sends
with an idempotent producer, waits for every acknowledgement and deletes by id. A crash between sending and
deleting repeats records; it never loses one, and the first appearance of each keeps its order.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import asyncpg
import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidTimestampError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    UnsupportedForMessageFormatError,
)
from sqlalchemy import text

from slotstream_servicekit.background import pause_for, repeatedly
from slotstream_servicekit.database import DATABASE_AWAY, Database, unavailable_as_transient
from slotstream_servicekit.dead_letters import Cause, DeadLetterWriter, LostRecord
from slotstream_servicekit.errors import DatabaseUnavailableError
from slotstream_servicekit.kafka import KafkaConnection
from slotstream_servicekit.kafka.refusals import refusals_of
from slotstream_servicekit.locks import LockClass
from slotstream_servicekit.outbox import LANES
from slotstream_servicekit.producer import Batching, PartitionBatch, durable_producer
from slotstream_servicekit.telemetry import (
    OUTBOX_LAG_SECONDS,
    OUTBOX_PENDING,
    OUTBOX_PUBLISHED,
    OUTBOX_REFUSED,
    get_logger,
)
from slotstream_servicekit.wakeups import listen_for_publications

log = get_logger(__name__)

_LANE_LOCKS: Final = int(LockClass.RELAY_LANE)
_LAYOUT_LOCKS: Final = int(LockClass.RELAY_LAYOUT)
_BATCH: Final = 1_000
_BUSY_SECONDS: Final = 0.02
IDLE_SECONDS: Final = 0.1
"""How often an idle relay looks for what other processes committed; what its own commits wakes it."""
_RETRY_SECONDS: Final = 1.0
_REFUSED_SECONDS: Final = 5.0
"""How long a relay waits that Kafka does not let in."""
_LOCK_SECONDS: Final = 1.0
"""How often lanes that another relay holds are asked for again."""
_DELIVERY_CHECK_SECONDS: Final = 2.0
"""How often a relay that waits for Kafka makes sure that it still leads."""
_ABANDON_SECONDS: Final = 5.0
"""How long a relay that was told to stop waits for acknowledgements that do not come."""
_DELIVERY_SECONDS: Final = 20.0
"""After how long without acknowledgement the producer is given up, and what it was to send is sent by another."""
_NO_LEADER_SECONDS: Final = 1.0
"""How long records of a topic without leaders wait until they are looked for again."""
_WITHHOLD_SECONDS: Final = 15.0
"""How long records of a topic that Kafka does not know wait until it is asked again."""
_STATISTICS_SECONDS: Final = 15.0

# The statistics of a table that is empty one minute and full the next say nothing: the plan is ours to choose.
_SETTINGS: Final = """
SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off;
SET max_parallel_workers_per_gather = 0; SET plan_cache_mode = force_generic_plan
"""
_TAKE_LAYOUT: Final = "SELECT pg_advisory_lock_shared($1, $2)"
_OTHER_LAYOUTS: Final = """
SELECT EXISTS (
    SELECT FROM pg_locks
    WHERE locktype = 'advisory' AND classid::bigint = $1 AND objid::bigint <> $2 AND objsubid = 2
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
)
"""
_TAKE_LANES: Final = "SELECT lane FROM unnest($2::int[]) AS lane WHERE pg_try_advisory_lock($1, lane)"
_READ: Final = """
SELECT seq, topic, key, payload, headers, created_at FROM outbox
WHERE (seq > $4::bigint OR seq <> ALL($5::bigint[])) AND lane % $1::int = ANY($2::int[]) AND topic <> ALL($3::text[])
ORDER BY seq LIMIT $6
"""
_DELETE: Final = "DELETE FROM outbox WHERE seq = ANY($1::bigint[])"
_STATISTICS: Final = text(
    """
    SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8
    FROM (SELECT created_at FROM outbox ORDER BY seq LIMIT 100000) AS pending
    """
)
_REFUSALS: Final = (
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    InvalidTimestampError,
    UnsupportedForMessageFormatError,
    PolicyViolationError,
)
"""What Kafka will say of the same record for ever."""


class LeadershipLostError(Exception):
    """The database session is gone, and its locks with it: another relay may lead by now."""


class DeliveryAbandonedError(Exception):
    """The relay is stopping and Kafka has not acknowledged: the records stay in the outbox."""


class Relay:
    """Publishes one service's outbox until told to stop. `lanes` must be the same for all relays of a service."""

    def __init__(
        self,
        database: Database,
        *,
        service: str,
        kafka: KafkaConnection,
        lanes: int = 8,
        batch_size: int = _BATCH,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        if not 1 <= lanes <= LANES:
            raise ValueError(f"a relay has 1 to {LANES} lanes, not {lanes}")
        self._database = database
        self._service = service
        self._kafka = kafka
        self._lanes = lanes
        self._batch_size = batch_size
        self._idle_seconds = idle_seconds
        self._suspects: set[int] = set()
        """Records of batches that Kafka refused: each is sent alone, to tell which of them it was."""
        self._withheld = _Withheld()
        self._dead_letters = DeadLetterWriter(service=service, kafka=kafka)
        self._pending = OUTBOX_PENDING.labels(service)
        self._lag = OUTBOX_LAG_SECONDS.labels(service)

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop` is set, finishing the batch in hand; outlives Kafka and the database."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(repeatedly("outbox_statistics", self._report, every=_STATISTICS_SECONDS)(stop))
                group.create_task(self._relay(stop))
        finally:
            await self._dead_letters.close()

    async def _relay(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                with unavailable_as_transient():
                    await self._take_part(stop)
            except (KafkaError, DatabaseUnavailableError, LeadershipLostError, OSError) as error:
                await self._after(error, stop)
            except DeliveryAbandonedError:
                log.warning("relay_abandoned_delivery")
            except Exception:
                log.exception("relay_failed")
                await pause_for(_RETRY_SECONDS, stop)

    async def _after(self, error: Exception, stop: asyncio.Event) -> None:
        """Says what interrupts, unless it is a login that Kafka refuses: that is said once, for the whole process."""
        if isinstance(error, KafkaError | OSError) and await refusals_of(self._kafka).reason() is not None:
            await pause_for(_REFUSED_SECONDS, stop)
            return
        log.warning("relay_interrupted", cause=type(error.__cause__ or error).__name__)
        await pause_for(_RETRY_SECONDS, stop)

    async def _take_part(self, stop: asyncio.Event) -> None:
        """One database session: wait for lanes, then publish with one producer until either fails or `stop`."""
        connection = await self._database.dial(application_name=f"{self._service}-relay")
        try:
            await connection.execute(_SETTINGS)
            session = _Session(connection, self._lanes)
            while not stop.is_set() and not await session.take_lanes():
                await pause_for(_LOCK_SECONDS, stop)
            if stop.is_set():
                return
            async with durable_producer(self._kafka, client_id=f"{self._service}-relay") as producer:
                await self._lead(session, producer, stop)
        finally:
            with contextlib.suppress(*DATABASE_AWAY):
                await connection.close(timeout=2)

    async def _lead(self, session: "_Session", producer: AIOKafkaProducer, stop: asyncio.Event) -> None:
        committed = listen_for_publications()
        pause = _BUSY_SECONDS
        rows: list[asyncpg.Record] = []
        while not stop.is_set():
            await session.take_lanes()
            committed.clear()
            rows = rows or await session.read(self._withheld.topics(), self._batch_size)
            full = len(rows) == self._batch_size
            if rows:
                rows = await self._publish(rows, session, producer, stop)
                pause = _BUSY_SECONDS
            else:
                pause = min(pause * 1.5, self._idle_seconds)
            if full:
                continue
            if pause == _BUSY_SECONDS:
                # More will come: read it together rather than one by one.
                await pause_for(pause, stop)
            else:
                await pause_for(pause, stop, committed)

    async def _publish(
        self,
        rows: Sequence[asyncpg.Record],
        session: "_Session",
        producer: AIOKafkaProducer,
        stop: asyncio.Event,
    ) -> list[asyncpg.Record]:
        """Send, wait, delete; returns the batch that was read meanwhile where this one was full.

        Raises what a delivery failed with, after deleting what did arrive in order.
        """
        for topic in {row["topic"] for row in rows}:
            await self._withheld.unless_known(producer, topic)
        hidden = self._withheld.topics()
        sent = [row for row in rows if row["topic"] not in hidden] if hidden else rows
        batches, unsendable = _batched(producer, sent, alone=self._suspects)
        outcomes = asyncio.gather(*[await batch.send(producer) for batch in batches], return_exceptions=True)
        upcoming: list[asyncpg.Record] = []
        if len(rows) == self._batch_size:
            # Nothing of it is sent before this batch has arrived: order needs that.
            upcoming = await session.read(hidden, self._batch_size, besides=rows)
        try:
            await self._delivered(outcomes, session, stop)
        except BaseException:
            outcomes.cancel()
            raise
        arrived, refused, failure = self._arrived(batches, outcomes.result())
        for row, error in [*unsendable, *refused]:
            await self._set_aside(row, error)
        done = [*arrived, *(row for row, _ in [*unsendable, *refused])]
        await session.connection.execute(_DELETE, [row["seq"] for row in done])
        self._suspects.difference_update(row["seq"] for row in done)
        for topic, count in Counter(row["topic"] for row in arrived).items():
            OUTBOX_PUBLISHED.labels(self._service, topic).inc(count)
        if failure is not None:
            # Its sequence numbers are spent: only a new producer can send on without leaving a gap.
            raise failure
        return upcoming

    async def _delivered(self, outcomes: "asyncio.Future[list[Any]]", session: "_Session", stop: asyncio.Event) -> None:
        """Waits for the acknowledgements for as long as this session leads."""
        began = time.monotonic()
        stopped_at: float | None = None
        while True:
            await _any_of(outcomes, session.lost, within=_DELIVERY_CHECK_SECONDS)
            if outcomes.done():
                return
            if session.lost.is_set():
                raise LeadershipLostError
            await session.connection.fetchval("SELECT 1")
            now = time.monotonic()
            if stop.is_set():
                stopped_at = stopped_at or now
                if now - stopped_at > _ABANDON_SECONDS:
                    raise DeliveryAbandonedError
            elif now - began > _DELIVERY_SECONDS:
                raise KafkaTimeoutError

    def _arrived(
        self, batches: Mapping[PartitionBatch, Sequence[asyncpg.Record]], outcomes: Sequence[Any]
    ) -> tuple[list[asyncpg.Record], list[tuple[asyncpg.Record, BaseException]], BaseException | None]:
        """The records that arrived with nothing of their partition missing before them, those that Kafka refuses for
        good, and the first failure. A refused batch of several makes each of them suspect.
        """
        arrived: list[asyncpg.Record] = []
        refused: list[tuple[asyncpg.Record, BaseException]] = []
        broken: set[tuple[str, int]] = set()
        failure: BaseException | None = None
        for (batch, rows), outcome in zip(batches.items(), outcomes, strict=True):
            place = (batch.topic, batch.partition)
            if isinstance(outcome, BaseException):
                failure = failure or outcome
                if isinstance(outcome, TopicAuthorizationFailedError):
                    self._withheld.until_allowed(batch.topic)
                if isinstance(outcome, _REFUSALS) and place not in broken:
                    if len(rows) == 1:
                        refused.append((rows[0], outcome))
                    else:
                        self._suspects.update(row["seq"] for row in rows)
                broken.add(place)
            elif place not in broken:
                arrived += rows
        return arrived, refused, failure

    async def _set_aside(self, row: asyncpg.Record, error: BaseException) -> None:
        """Keeps a record that Kafka refuses in the dead-letter topic, before it may leave the outbox."""
        record = LostRecord(
            topic=row["topic"],
            partition=-1,
            offset=row["seq"],
            key=row["key"].encode(errors="replace"),
            value=row["payload"],
            headers=[(name, str(value).encode()) for name, value in orjson.loads(row["headers"]).items()],
        )
        cause = Cause(code="refused_by_kafka", detail=type(error).__name__, handler="relay")
        await self._dead_letters.write(record, cause)
        OUTBOX_REFUSED.labels(self._service, row["topic"]).inc()
        log.error("event_refused", topic=row["topic"], seq=row["seq"], cause=type(error).__name__)

    async def _report(self) -> None:
        """Tells what is pending, whether or not this relay leads or Kafka answers."""
        async with self._database.system_transaction() as session:
            pending, age = (await session.execute(_STATISTICS)).one()
        self._pending.set(pending)
        self._lag.set(age)


class _Session:
    """The database session that leads: its locks, its reads."""

    def __init__(self, connection: asyncpg.Connection, lanes: int) -> None:
        self.connection = connection
        self.lost = asyncio.Event()
        """Set as soon as the connection is known to be gone: the locks went with it."""
        connection.add_termination_listener(lambda _: self.lost.set())
        self._lanes = lanes
        self._held: list[int] = []
        self._layout_is_ours = False
        self._asked_at = float("-inf")

    async def take_lanes(self) -> bool:
        """Asks for the lanes that are still missing, once in a while; whether any is held."""
        now = time.monotonic()
        if len(self._held) < self._lanes and now - self._asked_at >= _LOCK_SECONDS:
            self._asked_at = now
            if self._layout_is_ours or await self._agree_on_layout():
                missing = sorted(set(range(self._lanes)) - set(self._held))
                taken = [row["lane"] for row in await self.connection.fetch(_TAKE_LANES, _LANE_LOCKS, missing)]
                self._held += taken
                if taken:
                    log.info("relay_holds_lanes", lanes=len(self._held), of=self._lanes)
        return bool(self._held)

    async def _agree_on_layout(self) -> bool:
        """Whether no relay divides the keys into another number of lanes, as one of an older release may."""
        await self.connection.execute(_TAKE_LAYOUT, _LAYOUT_LOCKS, self._lanes)
        if await self.connection.fetchval(_OTHER_LAYOUTS, _LAYOUT_LOCKS, self._lanes):
            await self.connection.execute("SELECT pg_advisory_unlock_shared($1, $2)", _LAYOUT_LOCKS, self._lanes)
            return False
        self._layout_is_ours = True
        return True

    async def read(
        self, withheld: Sequence[str], limit: int, *, besides: Sequence[asyncpg.Record] = ()
    ) -> list[asyncpg.Record]:
        """The oldest records that are not `besides`.

        Not those after a sequence number: one that commits late has a lower number than what was read before.
        """
        read = [row["seq"] for row in besides]
        newest = max(read, default=0)
        rows: list[asyncpg.Record] = await self.connection.fetch(
            _READ, self._lanes, self._held, withheld, newest, read, limit
        )
        return rows


class _Withheld:
    """Topics that Kafka does not know (yet), or that this login may not write to: their records wait, and the others
    go on.
    """

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def topics(self) -> list[str]:
        now = time.monotonic()
        return [topic for topic, until in self._until.items() if until > now]

    async def unless_known(self, producer: AIOKafkaProducer, topic: str) -> None:
        cluster = producer.client.cluster
        partitions = cluster.partitions_for_topic(topic)
        if partitions and cluster.available_partitions_for_topic(topic) == partitions:
            return
        if partitions:
            # aiokafka's sender would ask for leaders as fast as it is answered: ask once in a while instead.
            self._until[topic] = time.monotonic() + _NO_LEADER_SECONDS
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(producer.client.force_metadata_update(), _NO_LEADER_SECONDS)
            return
        try:
            async with asyncio.timeout(2):
                await producer.partitions_for(topic)
        except (TimeoutError, UnknownTopicOrPartitionError):
            self._withhold(topic, "Kafka does not know the topic")
        except TopicAuthorizationFailedError:
            self.until_allowed(topic)

    def until_allowed(self, topic: str) -> None:
        self._withhold(topic, "this login may not write to the topic")

    def _withhold(self, topic: str, reason: str) -> None:
        log.error("relay_withholds_topic", topic=topic, reason=reason)
        self._until[topic] = time.monotonic() + _WITHHOLD_SECONDS


def _batched(
    producer: AIOKafkaProducer, rows: Sequence[asyncpg.Record], *, alone: Collection[int]
) -> tuple[dict[PartitionBatch, list[asyncpg.Record]], list[tuple[asyncpg.Record, BaseException]]]:
    """The rows of each batch that they are to be sent in, the batches in the order in which they are to be sent;
    and the rows that no client could send.
    """
    batching = Batching(producer)
    batched: dict[PartitionBatch, list[asyncpg.Record]] = {}
    unsendable: list[tuple[asyncpg.Record, BaseException]] = []
    for row in rows:
        try:
            key = row["key"].encode()
            headers = [(name, value.encode()) for name, value in orjson.loads(row["headers"]).items()]
        except (AttributeError, ValueError) as error:
            unsendable.append((row, error))
            continue
        batch = batching.add(row["topic"], key, row["payload"], headers, alone=row["seq"] in alone)
        batched.setdefault(batch, []).append(row)
    return batched, unsendable


async def _any_of(future: "asyncio.Future[Any]", event: asyncio.Event, *, within: float) -> None:
    waiting = asyncio.ensure_future(event.wait())
    await asyncio.wait({future, waiting}, timeout=within, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
