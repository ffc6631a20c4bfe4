"""Compares projections with their topics, all the time and at a limited rate.

One partition after another is read from its beginning. Each round takes a sample of its keys (all, if there are few)
and compares their last records with the table: the row of a state must have its version and content, the row of a
tombstone must be gone, and every row must have a record. A gauge tells the differences and must stay 0.
"""

import asyncio
import contextlib
import random
import zlib
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncSession

from slotstream_servicekit.background import BackgroundTask, pause_for
from slotstream_servicekit.consumer.records import Decode, read_record
from slotstream_servicekit.database import Database
from slotstream_servicekit.errors import SlotstreamError
from slotstream_servicekit.kafka import KafkaConnection
from slotstream_servicekit.kafka.clients import aiokafka_arguments
from slotstream_servicekit.producer import MAX_RECORD_BYTES, partition_of_key
from slotstream_servicekit.projections import Key, VersionedTable
from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)

DRIFT: Final = Gauge(
    "slotstream_projection_drift",
    "Rows that are otherwise than their topic says, as found in the last round: must be 0",
    ("service", "projection"),
)
_MOST_KEYS: Final = 2_000
"""How many keys one round compares, and for how many rows it looks for a record."""
_RECORDS_PER_SECOND: Final = 2_000
_BETWEEN_ROUNDS_SECONDS: Final = 20.0
_CATCH_UP_SECONDS: Final = 20.0
"""How long a round waits until the consumer has processed what was read."""
_AT_ONCE: Final = 200
_TOLD_KEYS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedProjection:
    """One table, and how its rows follow from the records of a compacted topic."""

    name: str
    topic: str
    table: VersionedTable
    row_of: Callable[[str, Any], Any | None]
    """The row for a record key and event; None if this table has none, or housekeeping may have deleted it."""
    record_key_of: Callable[[Key], str]
    """The record key for the primary key of a row."""
    key_of: Callable[[UUID, str], Key] | None = None
    """The primary key that a tombstone deletes, by organization and record key. None: the topic has no tombstones."""
    types: frozenset[str] | None = None
    mark_of: Callable[[UUID, str, int], Any] | None = None
    """The row that a tombstone leaves as a mark, by organization, record key and version. None: it leaves no mark.
    Marks stay longer than tombstones, so rows of such a table need no record.
    """


@dataclass(slots=True)
class Round:
    """The last record of each sampled key of one partition, when the round began."""

    place: TopicPartition
    partitions: int
    end: int
    share: int
    sampled: int
    newest: dict[bytes, Any] = field(default_factory=dict)

    def samples(self, key: bytes) -> bool:
        return zlib.crc32(key) % self.share == self.sampled

    def vouches_for(self, key: bytes) -> bool:
        """Whether a row with this record key must have a record in this round."""
        return partition_of_key(key, range(self.partitions)) == self.place.partition and self.samples(key)


class ProjectionAudit:
    """Audits the projections of one service, one partition at a time."""

    def __init__(
        self,
        *,
        service: str,
        kafka: KafkaConnection,
        database: Database,
        decode: Decode,
        audited: Sequence[AuditedProjection],
    ) -> None:
        self._service = service
        self._kafka = kafka
        self._database = database
        self._decode = decode
        self._audited = audited
        self._cursors: dict[str, Key | None] = {}
        self._found: dict[tuple[str, TopicPartition], int] = {}
        for projection in audited:
            DRIFT.labels(service, projection.name).set(0)

    async def run(self, stop: asyncio.Event) -> None:
        """Audits until `stop` is set. No error ends it."""
        while not stop.is_set():
            for topic in dict.fromkeys(projection.topic for projection in self._audited):
                await self._guarded(topic, stop)
            await pause_for(_BETWEEN_ROUNDS_SECONDS, stop)

    async def _guarded(self, topic: str, stop: asyncio.Event) -> None:
        try:
            await self.audit_topic(topic, stop)
        except (KafkaError, OSError, TimeoutError, SlotstreamError) as error:
            log.warning("audit_postponed", topic=topic, cause=type(error).__name__)
        except Exception:
            log.exception("audit_failed", topic=topic)

    async def audit_topic(self, topic: str, stop: asyncio.Event) -> None:
        """Audits all partitions of a topic once, with pauses."""
        async with self._consumer() as consumer:
            partitions = sorted(await _partitions_of(consumer, topic))
        for partition in partitions:
            if stop.is_set():
                return
            await self.audit_partition(TopicPartition(topic, partition), len(partitions), stop)
            await pause_for(_BETWEEN_ROUNDS_SECONDS / len(partitions), stop)

    async def audit_partition(self, place: TopicPartition, partitions: int, stop: asyncio.Event) -> None:
        """Compares one partition with the tables of its topic. Skips it where the consumer is behind."""
        async with self._consumer() as consumer:
            consumer.assign([place])
            seen = await self._read(consumer, place, partitions, stop)
            if seen is None or not await _worked_through(consumer, seen, stop):
                return
            for projection in self._audited:
                if projection.topic == place.topic:
                    suspects = await self.suspects(projection, seen)
                    changed = await _changed_since(consumer, seen) if suspects else frozenset()
                    self.tell(projection, place, [key for key in suspects if key not in changed])

    async def _read(
        self, consumer: AIOKafkaConsumer, place: TopicPartition, partitions: int, stop: asyncio.Event
    ) -> Round | None:
        begin = (await consumer.beginning_offsets([place]))[place]
        end = (await consumer.end_offsets([place]))[place]
        share = max(1, -(-(end - begin) // _MOST_KEYS))
        # At random, so that in time every page of rows is compared with every sample of keys.
        seen = Round(place=place, partitions=partitions, end=end, share=share, sampled=random.randrange(share))  # noqa: S311
        consumer.seek(place, begin)
        async for records in _until(consumer, place, end):
            for record in records:
                if record.key is not None and seen.samples(record.key):
                    seen.newest[record.key] = record
            await pause_for(len(records) / _RECORDS_PER_SECOND, stop)
            if stop.is_set():
                return None
        return seen

    async def suspects(self, projection: AuditedProjection, seen: Round) -> list[bytes]:
        """The record keys of rows that differ from the records."""
        suspects: list[bytes] = []
        records = list(seen.newest.values())
        for first in range(0, len(records), _AT_ONCE):
            rows, gone = self._expected(projection, records[first : first + _AT_ONCE])
            async with self._database.system_transaction() as session:
                wrong = await projection.table.differing(session, rows)
                wrong |= await projection.table.kept(session, gone)
            suspects += [projection.record_key_of(key).encode() for key in wrong]
        if projection.mark_of is not None:
            return suspects
        async with self._database.system_transaction() as session:
            keys = await self._next_rows(session, projection)
        named = [projection.record_key_of(key).encode() for key in keys]
        suspects += [key for key in named if seen.vouches_for(key) and key not in seen.newest]
        return suspects

    def _expected(
        self, projection: AuditedProjection, records: Iterable[Any]
    ) -> tuple[list[Any], dict[Key, int | None]]:
        """The rows that must exist, and the keys (with versions) that must not."""
        rows: list[Any] = []
        gone: dict[Key, int | None] = {}
        for record in records:
            # A record that cannot be read was set aside, and is counted as a dead letter.
            with contextlib.suppress(Exception):
                received = read_record(record, self._decode, types=projection.types)
                if received is None:
                    continue
                if received.event is not None:
                    row = projection.row_of(received.key, received.event)
                    rows += [] if row is None else [row]
                elif received.organization_id is None:
                    continue
                elif projection.mark_of is not None:
                    if received.sequence is not None:
                        rows.append(projection.mark_of(received.organization_id, received.key, received.sequence))
                elif projection.key_of is not None:
                    gone[projection.key_of(received.organization_id, received.key)] = received.sequence
        return rows, gone

    async def _next_rows(self, session: AsyncSession, projection: AuditedProjection) -> list[Key]:
        """The next rows for which this round looks for a record. In time all rows have their turn."""
        keys = await projection.table.keys_after(session, self._cursors.get(projection.name), limit=_MOST_KEYS)
        self._cursors[projection.name] = keys[-1] if len(keys) == _MOST_KEYS else None
        return keys

    def tell(self, projection: AuditedProjection, place: TopicPartition, wrong: Collection[bytes]) -> None:
        """Sets the gauge to the sum of this partition and the last results of the others."""
        self._found[projection.name, place] = len(wrong)
        found = sum(count for (name, _), count in self._found.items() if name == projection.name)
        DRIFT.labels(self._service, projection.name).set(found)
        if wrong:
            keys = [key.decode(errors="replace") for key in list(wrong)[:_TOLD_KEYS]]
            log.error("projection_drifts", projection=projection.name, rows=len(wrong), keys=keys)

    @contextlib.asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        """A consumer that is not a member of the group whose progress it reads."""
        consumer = AIOKafkaConsumer(
            **aiokafka_arguments(self._kafka),
            group_id=self._service,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=MAX_RECORD_BYTES,
        )
        try:
            await consumer.start()
            yield consumer
        finally:
            await consumer.stop()


def audit_task(audit: ProjectionAudit) -> BackgroundTask:
    async def projection_audit(stop: asyncio.Event) -> None:
        await audit.run(stop)

    return projection_audit


async def _partitions_of(consumer: AIOKafkaConsumer, topic: str) -> Collection[int]:
    await consumer.topics()
    return consumer.partitions_for_topic(topic) or ()


async def _until(consumer: AIOKafkaConsumer, place: TopicPartition, end: int) -> AsyncIterator[Sequence[Any]]:
    """What stands before an offset, from where the consumer is, a few hundred records at a time."""
    while await consumer.position(place) < end:
        fetched: Mapping[TopicPartition, Sequence[Any]] = await consumer.getmany(
            place, timeout_ms=1_000, max_records=500
        )
        for records in fetched.values():
            yield [record for record in records if record.offset < end]


async def _worked_through(consumer: AIOKafkaConsumer, seen: Round, stop: asyncio.Event) -> bool:
    """Waits until the service has processed what was read; returns whether it has."""
    deadline = asyncio.get_running_loop().time() + _CATCH_UP_SECONDS
    while not stop.is_set():
        committed = await consumer.committed(seen.place)
        if seen.end == 0 or (committed or 0) >= seen.end:
            return True
        if asyncio.get_running_loop().time() >= deadline:
            return False
        await pause_for(1.0, stop)
    return False


async def _changed_since(consumer: AIOKafkaConsumer, seen: Round) -> frozenset[bytes]:
    """The keys that have newer records since the round began: the table may have these already."""
    end = (await consumer.end_offsets([seen.place]))[seen.place]
    consumer.seek(seen.place, seen.end)
    return frozenset({record.key async for records in _until(consumer, seen.place, end) for record in records})
