"""Rebuilds projections from the beginning of their topics while the service runs.

Every record of the topics is given to the same handler again, which applies states by version, while the consumers go
on. At the end the consumers are blocked for a moment: the last records are applied, and rows without a record (whose
`applied_at` is before the start) are deleted.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import UnknownTopicOrPartitionError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from slotstream_servicekit.clock import system_clock
from slotstream_servicekit.consumer.records import Decode, Handler, Received, read_record
from slotstream_servicekit.consumer.retries import is_transient, retry_with_backoff
from slotstream_servicekit.consumer.topic_locks import lock_topic_alone
from slotstream_servicekit.database import Database
from slotstream_servicekit.errors import ErrorKind, SlotstreamError
from slotstream_servicekit.kafka import KafkaConnection
from slotstream_servicekit.kafka.clients import aiokafka_arguments
from slotstream_servicekit.outbox import forbid_publishing
from slotstream_servicekit.producer import MAX_RECORD_BYTES
from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)

_BATCH: Final = 1_000
_NEARLY_THERE: Final = 2_000
"""How many records may be left to apply while the consumers are blocked."""
_ROUNDS: Final = 20

_SWEPT_FREELY: Final = 1_000
"""Up to so many rows may be deleted although most of the table would be."""

Ends = Mapping[TopicPartition, int]
Progress = Callable[[int], None]


def _quietly(_applied: int) -> None:
    """The progress is shown to nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """Tables that hold only the newest states of `topics`, written by `handler`.

    The handler publishes nothing. It applies a state whose version is at least the stored one, and then sets
    `applied_at timestamptz` of the row to the present instant.
    """

    name: str
    topics: Sequence[str]
    handler: Handler
    tables: Sequence[str]
    types: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """How many records were applied, how many could not be read, and how many rows were deleted."""

    projection: str
    applied: int
    unreadable: int
    swept: int


class HistoryIncompleteError(SlotstreamError):
    """The beginning of the topic was deleted, so it does not have all that happened. Nothing was changed."""

    code = "history_incomplete"
    kind = ErrorKind.conflict


class RebuildFailedError(SlotstreamError):
    """The handler cannot apply a record. Rows may be newer than before, and none was deleted."""

    code = "rebuild_failed"
    kind = ErrorKind.conflict


class MostWouldGoError(SlotstreamError):
    """Most rows have no record, as if data of Kafka was lost. No row was deleted."""

    code = "most_would_go"
    kind = ErrorKind.conflict


async def rebuild(
    projection: Projection,
    *,
    database: Database,
    kafka: KafkaConnection,
    decode: Decode,
    progress: Progress = _quietly,
    sweep_most: bool = False,
) -> RebuildReport:
    """Rebuild one projection. The service may run meanwhile, and an interrupted rebuild may be run again.

    Raises MostWouldGoError where more than half of a table would be deleted, unless `sweep_most` allows it.
    """
    async with database.system_transaction() as session:
        # The handler may take `applied_at` from either clock.
        database_time = (await session.execute(text("SELECT clock_timestamp()"))).scalar_one()
        started_at = min(database_time, system_clock())
    async with _log_of(kafka, projection.topics) as topics:
        run = _Run(projection, database, decode, progress, topics, sweep_most)
        for _ in range(_ROUNDS):
            if await run.catch_up() <= _NEARLY_THERE:
                break
        swept = await run.finish(started_at)
    log.info("projection_rebuilt", projection=projection.name, applied=run.applied, swept=swept)
    return RebuildReport(projection.name, run.applied, run.unreadable, swept)


@dataclass(slots=True)
class _Run:
    projection: Projection
    database: Database
    decode: Decode
    progress: Progress
    topics: "_Log"
    sweep_most: bool
    applied: int = 0
    unreadable: int = 0

    async def catch_up(self) -> int:
        """Applies all that is in the topics now; returns how many records have come meanwhile."""
        async for records in self.topics.until(await self.topics.ends()):
            if batch := self._read(records):
                await self._with_retries(partial(self._apply_alone, batch))
                self._count(batch)
        return await self.topics.left()

    async def finish(self, started_at: datetime) -> int:
        """Applies the last records and deletes the rows without one, while consumers are blocked. Returns how many.

        If they were not blocked, a row that a consumer has just deleted could come back.
        """
        here = dict(self.topics.positions)
        swept = 0

        async def attempt() -> None:
            nonlocal swept
            self.topics.go_to(here)
            async with self.database.system_transaction() as session:
                for topic in sorted(self.projection.topics):
                    await lock_topic_alone(session, topic)
                async for records in self.topics.until(await self.topics.ends()):
                    if batch := self._read(records):
                        await self._apply(session, batch)
                        self._count(batch)
                swept = await self._sweep(session, started_at)

        await self._with_retries(attempt)
        return swept

    async def _with_retries(self, work: Callable[[], Awaitable[None]]) -> None:
        """Consumers lock the same rows, sometimes in another order: after a deadlock one of the two tries again."""

        def on_retry(error: Exception) -> None:
            cause = type(error.__cause__ or error).__name__
            log.warning("rebuild_retried", projection=self.projection.name, cause=cause)

        await retry_with_backoff(work, stop=asyncio.Event(), on_retry=on_retry)

    async def _apply_alone(self, batch: Sequence[Received[Any]]) -> None:
        async with self.database.system_transaction() as session:
            await self._apply(session, batch)

    def _count(self, batch: Sequence[Received[Any]]) -> None:
        self.applied += len(batch)
        self.progress(self.applied)

    def _read(self, records: Sequence[Any]) -> list[Received[Any]]:
        batch = []
        for record in records:
            try:
                received = read_record(record, self.decode, types=self.projection.types)
            except Exception as error:  # noqa: BLE001 - the running consumer has set it aside already
                self.unreadable += 1
                log.warning(
                    "rebuild_skips_record",
                    topic=record.topic,
                    partition=record.partition,
                    offset=record.offset,
                    cause=getattr(error, "code", type(error).__name__),
                )
            else:
                if received is not None:
                    batch.append(received)
        return batch

    async def _apply(self, session: AsyncSession, batch: Sequence[Received[Any]]) -> None:
        forbid_publishing(session)
        try:
            await self.projection.handler(session, batch)
        except Exception as error:
            if is_transient(error):
                raise
            first, last = batch[0], batch[-1]
            raise RebuildFailedError(
                f"{self.projection.name}: the handler failed between offset {first.offset} of {first.topic}"
                f"/{first.partition} and {last.offset} of {last.topic}/{last.partition}; no row was removed"
            ) from error

    async def _sweep(self, session: AsyncSession, started_at: datetime) -> int:
        swept = 0
        for table in self.projection.tables:
            if not self.sweep_most:
                await self._refuse_to_sweep_most(session, table, started_at)
            gone = await session.execute(
                text(f"DELETE FROM {table} WHERE applied_at < :started_at"), {"started_at": started_at}
            )
            swept += int(getattr(gone, "rowcount", 0))
        return swept

    async def _refuse_to_sweep_most(self, session: AsyncSession, table: str, started_at: datetime) -> None:
        counts = await session.execute(
            text(f"SELECT count(*) FILTER (WHERE applied_at < :started_at) AS stale, count(*) AS total FROM {table}"),
            {"started_at": started_at},
        )
        stale, total = counts.one()
        if stale > _SWEPT_FREELY and stale > total / 2:
            raise MostWouldGoError(
                f"{self.projection.name}: no record vouches for {stale:,} of the {total:,} rows of {table}, which "
                "looks as if the topics had lost their history; no row was removed"
            )


@dataclass(slots=True)
class _Log:
    """Reads all partitions of some topics once, from their beginning."""

    consumer: AIOKafkaConsumer
    partitions: Sequence[TopicPartition]
    positions: dict[TopicPartition, int] = field(default_factory=dict)

    async def ends(self) -> Ends:
        ends: Ends = await self.consumer.end_offsets(self.partitions)
        return ends

    async def left(self) -> int:
        return sum(end - self.positions[each] for each, end in (await self.ends()).items())

    def go_to(self, positions: Ends) -> None:
        for partition, offset in positions.items():
            self.consumer.seek(partition, offset)
        self.positions = dict(positions)

    async def until(self, ends: Ends) -> AsyncIterator[list[Any]]:
        """Batches from the end of the last call up to `ends`, in the order of offsets per partition."""
        while waiting := [partition for partition in self.partitions if self.positions[partition] < ends[partition]]:
            fetched = await self.consumer.getmany(*waiting, timeout_ms=500, max_records=_BATCH)
            for partition, records in fetched.items():
                yield records
                self.positions[partition] = records[-1].offset + 1
            for partition in waiting:
                # Compaction leaves gaps between offsets, also at the end of a partition.
                position = await self.consumer.position(partition)
                self.positions[partition] = max(self.positions[partition], position)


@asynccontextmanager
async def _log_of(kafka: KafkaConnection, topics: Sequence[str]) -> AsyncIterator[_Log]:
    consumer = AIOKafkaConsumer(
        *topics,
        **aiokafka_arguments(kafka),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=MAX_RECORD_BYTES,
    )
    try:
        await consumer.start()
        partitions = [TopicPartition(topic, number) for topic in topics for number in _partitions_of(consumer, topic)]
        beginnings = await consumer.beginning_offsets(partitions)
        cut = sorted({partition.topic for partition, offset in beginnings.items() if offset > 0})
        if cut:
            raise HistoryIncompleteError(
                f"{', '.join(cut)} no longer begins at offset 0: the records before are gone, so a rebuild would "
                "lose what only they told of"
            )
        yield _Log(consumer, partitions, dict(beginnings))
    finally:
        await consumer.stop()


def _partitions_of(consumer: AIOKafkaConsumer, topic: str) -> Sequence[int]:
    partitions = consumer.partitions_for_topic(topic)
    if not partitions:
        raise UnknownTopicOrPartitionError(topic)
    return sorted(partitions)
