"""The relay: reads the outbox, sends to Kafka, and deletes what has arrived."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Mapping, Sequence
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
    UnsupportedForMessageFormatError,
)
from sqlalchemy import text

from slotstream_servicekit.background import pause_for, repeatedly
from slotstream_servicekit.database import DATABASE_AWAY, Database, unavailable_as_transient
from slotstream_servicekit.dead_letters import Cause, DeadLetterWriter, LostRecord
from slotstream_servicekit.errors import DatabaseUnavailableError
from slotstream_servicekit.kafka import KafkaConnection
from slotstream_servicekit.kafka.refusals import refusals_of
from slotstream_servicekit.outbox import LANES
from slotstream_servicekit.producer import PartitionBatch, durable_producer
from slotstream_servicekit.relay.batches import batched
from slotstream_servicekit.relay.lanes import LOCK_SECONDS, LaneSession
from slotstream_servicekit.relay.withheld import WithheldTopics
from slotstream_servicekit.telemetry import (
    OUTBOX_LAG_SECONDS,
    OUTBOX_PENDING,
    OUTBOX_PUBLISHED,
    OUTBOX_REFUSED,
    get_logger,
)
from slotstream_servicekit.wakeups import listen_for_publications

log = get_logger(__name__)

_BATCH: Final = 1_000
_BUSY_SECONDS: Final = 0.02
_IDLE_SECONDS: Final = 0.1
"""How often an idle relay looks for records that other processes committed. Those of its own process wake it."""
_RETRY_SECONDS: Final = 1.0
_REFUSED_SECONDS: Final = 5.0
"""How long it waits after Kafka has refused the login."""
_DELIVERY_CHECK_SECONDS: Final = 2.0
"""How often a relay that waits for acknowledgements checks that its database session still lives."""
_ABANDON_SECONDS: Final = 5.0
"""How long a relay that was told to stop waits for acknowledgements."""
_DELIVERY_SECONDS: Final = 20.0
"""After how long without an acknowledgement the producer is closed, and a new one sends the records again."""
_STATISTICS_SECONDS: Final = 15.0
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
"""Refusals that a retry of the same record does not change."""


class LeadershipLostError(Exception):
    """The database session is closed, and its locks with it: another relay may hold the lanes by now."""


class DeliveryAbandonedError(Exception):
    """The relay is stopping and Kafka has not acknowledged. The records stay in the outbox."""


class Relay:
    """Publishes the outbox of one service. `lanes` must be the same for all relays of a service."""

    def __init__(
        self,
        database: Database,
        *,
        service: str,
        kafka: KafkaConnection,
        lanes: int = 8,
        batch_size: int = _BATCH,
        idle_seconds: float = _IDLE_SECONDS,
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
        """Numbers of the records of batches that Kafka refused. Each is sent alone, to find the one that is refused."""
        self._withheld = WithheldTopics()
        self._dead_letters = DeadLetterWriter(service=service, kafka=kafka)
        self._pending = OUTBOX_PENDING.labels(service)
        self._lag = OUTBOX_LAG_SECONDS.labels(service)

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop` is set, and finishes the current batch. No outage ends it."""
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
        """Logs what interrupted the work and waits. A refused login is logged elsewhere, once for the whole process."""
        if isinstance(error, KafkaError | OSError) and await refusals_of(self._kafka).reason() is not None:
            await pause_for(_REFUSED_SECONDS, stop)
            return
        log.warning("relay_interrupted", cause=type(error.__cause__ or error).__name__)
        await pause_for(_RETRY_SECONDS, stop)

    async def _take_part(self, stop: asyncio.Event) -> None:
        """With one database session: waits for lanes, then publishes with one producer until either fails or `stop`."""
        connection = await self._database.dial(application_name=f"{self._service}-relay")
        try:
            session = await LaneSession.begin(connection, self._lanes)
            while not stop.is_set() and not await session.take_lanes():
                await pause_for(LOCK_SECONDS, stop)
            if stop.is_set():
                return
            async with durable_producer(self._kafka, client_id=f"{self._service}-relay") as producer:
                await self._lead(session, producer, stop)
        finally:
            with contextlib.suppress(*DATABASE_AWAY):
                await connection.close(timeout=2)

    async def _lead(self, session: "LaneSession", producer: AIOKafkaProducer, stop: asyncio.Event) -> None:
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
                # More records are likely to follow: a short pause lets them be read together.
                await pause_for(pause, stop)
            else:
                await pause_for(pause, stop, committed)

    async def _publish(
        self,
        rows: Sequence[asyncpg.Record],
        session: "LaneSession",
        producer: AIOKafkaProducer,
        stop: asyncio.Event,
    ) -> list[asyncpg.Record]:
        """Sends the rows, waits for the acknowledgements, and deletes the rows that arrived.

        Returns the next rows, read while waiting, where these filled a batch. Raises the first error of a delivery,
        after it has deleted the rows that arrived in order.
        """
        for topic in {row["topic"] for row in rows}:
            await self._withheld.unless_known(producer, topic)
        hidden = self._withheld.topics()
        sent = [row for row in rows if row["topic"] not in hidden] if hidden else rows
        batches, unsendable = batched(producer, sent, alone=self._suspects)
        outcomes = asyncio.gather(*[await batch.send(producer) for batch in batches], return_exceptions=True)
        upcoming: list[asyncpg.Record] = []
        if len(rows) == self._batch_size:
            # To keep the order, they are sent only once these have arrived.
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
        await session.delete(done)
        self._suspects.difference_update(row["seq"] for row in done)
        for topic, count in Counter(row["topic"] for row in arrived).items():
            OUTBOX_PUBLISHED.labels(self._service, topic).inc(count)
        if failure is not None:
            # The producer has used their sequence numbers: only a new producer can go on without a gap.
            raise failure
        return upcoming

    async def _delivered(
        self, outcomes: "asyncio.Future[list[Any]]", session: "LaneSession", stop: asyncio.Event
    ) -> None:
        """Waits for the acknowledgements, as long as the session holds its locks."""
        began = time.monotonic()
        stopped_at: float | None = None
        while True:
            await _any_of(outcomes, session.lost, within=_DELIVERY_CHECK_SECONDS)
            if outcomes.done():
                return
            if session.lost.is_set():
                raise LeadershipLostError
            await session.check()
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
        """The records that arrived with no gap before them in their partition, those that Kafka refuses for good, and
        the first error. Where Kafka refuses a batch of several records, each of them becomes a suspect.
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
        """Writes a record that Kafka refuses to the dead-letter topic, before it is deleted from the outbox."""
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
        """Sets the gauges of what is pending, whether or not this relay holds lanes or Kafka answers."""
        async with self._database.system_transaction() as session:
            pending, age = (await session.execute(_STATISTICS)).one()
        self._pending.set(pending)
        self._lag.set(age)


async def _any_of(future: "asyncio.Future[Any]", event: asyncio.Event, *, within: float) -> None:
    waiting = asyncio.ensure_future(event.wait())
    await asyncio.wait({future, waiting}, timeout=within, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
