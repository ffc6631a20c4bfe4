"""Rebuilding projections from offset zero while the service runs.

Every record up to the end offsets taken at the start goes through the same handler again, which applies
states by version; then rows that no record of the topics vouches for (`applied_at` before the start) go.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from sqlalchemy import text

from slotstream_servicekit.consumer import Decode, Handler, _NotForUs, received_from
from slotstream_servicekit.database import Database

_BATCH = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """Tables that are nothing but the newest states of `topics`, kept by `handler`.

    Each table has `applied_at timestamptz`, set to now() whenever a state is applied.
    """

    name: str
    topics: Sequence[str]
    handler: Handler
    tables: Sequence[str]
    types: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """How many records were applied, how many could not be read, and how many rows went."""

    projection: str
    applied: int
    unreadable: int
    swept: int


async def rebuild(
    projection: Projection,
    *,
    database: Database,
    bootstrap_servers: str,
    decode: Decode,
    progress: Callable[[int], None] = lambda _: None,
) -> RebuildReport:
    """Rebuild one projection; safe beside the running service and safe to run again."""
    async with database.system_transaction() as session:
        started_at = (await session.execute(text("SELECT clock_timestamp()"))).scalar_one()
    applied = unreadable = 0
    async for records in _all_records(bootstrap_servers, projection.topics):
        batch = []
        for record in records:
            try:
                batch.append(received_from(record, decode, types=projection.types))
            except _NotForUs:
                continue
            except Exception:  # noqa: BLE001 - the running consumer has set it aside already
                unreadable += 1
        if batch:
            async with database.system_transaction() as session:
                await projection.handler(session, batch)
            applied += len(batch)
            progress(applied)
    swept = 0
    async with database.system_transaction() as session:
        for table in projection.tables:
            result: Any = await session.execute(
                text(f"DELETE FROM {table} WHERE applied_at < :started_at"), {"started_at": started_at}
            )
            swept += result.rowcount
    return RebuildReport(projection.name, applied, unreadable, swept)


async def _all_records(bootstrap_servers: str, topics: Sequence[str]) -> AsyncIterator[list[Any]]:
    """Batches of every record that `topics` hold now, topic by topic, in offset order per partition."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers, enable_auto_commit=False)
    await consumer.start()
    try:
        for topic in topics:
            numbers = await _partitions(consumer, topic)
            partitions = [TopicPartition(topic, number) for number in numbers]
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            await consumer.seek_to_beginning(*partitions)
            waiting = {partition for partition, end in ends.items() if end > 0}
            while waiting:
                fetched = await consumer.getmany(*waiting, timeout_ms=500, max_records=_BATCH)
                for partition, records in fetched.items():
                    wanted = [record for record in records if record.offset < ends[partition]]
                    if wanted:
                        yield wanted
                waiting = {each for each in waiting if await consumer.position(each) < ends[each]}
    finally:
        await consumer.stop()


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> list[int]:
    await consumer._client.force_metadata_update()  # noqa: SLF001 - a fresh client knows no topic yet
    return sorted(consumer.partitions_for_topic(topic) or ())
