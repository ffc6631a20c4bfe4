"""Reads dead letters, and topics in general, from an offset to the present end."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import UnknownTopicOrPartitionError

from slotstream_servicekit.dead_letters.letters import DeadLetter, dead_letter_topic_name, letter_of
from slotstream_servicekit.kafka import KafkaConnection
from slotstream_servicekit.kafka.clients import aiokafka_arguments
from slotstream_servicekit.producer import MAX_RECORD_BYTES

MARK: Final = "dlq_mark"
"""The header of a tombstone that says what became of the dead letter: `replayed` or `dropped`."""


async def list_dead_letters(
    kafka: KafkaConnection, service: str, *, from_offset: int = 0, limit: int = 100
) -> list[DeadLetter]:
    """Up to `limit` dead letters of `service`, oldest first, from `from_offset` on; dropped ones are left out."""
    letters: list[DeadLetter] = []
    if limit > 0:
        async with topic_reader(kafka) as consumer:
            place = TopicPartition(dead_letter_topic_name(service), 0)
            marks = await _marks(consumer, place)
            async for letter in _letters(consumer, place, from_offset, marks):
                letters.append(letter)
                if len(letters) == limit:
                    break
    return letters


async def chosen_letters(kafka: KafkaConnection, service: str, offsets: Collection[int] | None) -> list[DeadLetter]:
    """The letters at `offsets`; None means all that were neither dropped nor sent back."""
    wanted = None if offsets is None else set(offsets)
    async with topic_reader(kafka) as consumer:
        place = TopicPartition(dead_letter_topic_name(service), 0)
        marks = await _marks(consumer, place)
        return [
            letter
            async for letter in _letters(consumer, place, min(wanted or {0}), marks)
            if (letter.replayed_at is None if wanted is None else letter.offset in wanted)
        ]


@dataclass(frozen=True, slots=True)
class _Mark:
    offset: int
    kind: str
    made_at: datetime


async def _marks(consumer: AIOKafkaConsumer, place: TopicPartition) -> dict[bytes, _Mark]:
    """The last mark of each dead letter that has one, by the key of the dead letter."""
    marks: dict[bytes, _Mark] = {}
    async for record in records_of(consumer, place, 0):
        headers = dict(record.headers)
        if MARK in headers:
            made_at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
            marks[record.key] = _Mark(record.offset, headers[MARK].decode(), made_at)
    return marks


async def _letters(
    consumer: AIOKafkaConsumer, place: TopicPartition, from_offset: int, marks: Mapping[bytes, _Mark]
) -> AsyncIterator[DeadLetter]:
    """The dead letters that were not dropped. A mark is about earlier letters only: a record may be set aside again."""
    async for record in records_of(consumer, place, from_offset):
        if record.value is None:
            continue
        mark = marks.get(record.key)
        if mark is None or mark.offset < record.offset:
            yield letter_of(record)
        elif mark.kind == "replayed":
            yield replace(letter_of(record), replayed_at=mark.made_at)


@asynccontextmanager
async def topic_reader(kafka: KafkaConnection) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        **aiokafka_arguments(kafka),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=MAX_RECORD_BYTES,
    )
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


async def require_readable(consumer: AIOKafkaConsumer, topic: str) -> None:
    """Raises at once for a topic that is missing: aiokafka would ask for its metadata in a loop until a timeout."""
    if topic not in await consumer.topics():
        raise UnknownTopicOrPartitionError(f"there is no {topic}, or this login may not read it")


async def records_of(consumer: AIOKafkaConsumer, place: TopicPartition, from_offset: int) -> AsyncIterator[Any]:
    """The records in the partition now, from `from_offset` on. Raises UnknownTopicOrPartitionError."""
    await require_readable(consumer, place.topic)
    consumer.assign([place])
    end = (await consumer.end_offsets([place]))[place]
    begin = (await consumer.beginning_offsets([place]))[place]
    consumer.seek(place, max(from_offset, begin))
    while await consumer.position(place) < end:
        fetched = await consumer.getmany(place, timeout_ms=1_000)
        for record in fetched.get(place, ()):
            if record.offset < end:
                yield record
