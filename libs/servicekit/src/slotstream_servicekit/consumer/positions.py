"""How far a consumer is, by aiokafka's public API: positions, high-water marks and times of answers."""

import asyncio
import contextlib
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

_ANSWER_SECONDS: Final = 3.0


def rewind(consumer: AIOKafkaConsumer, remaining: Sequence[ConsumerRecord]) -> None:
    """Move each partition that is still assigned back to its first record in `remaining`."""
    for partition, offset in first_offsets(remaining).items():
        if partition in consumer.assignment():
            consumer.seek(partition, offset)


def first_offsets(records: Sequence[ConsumerRecord]) -> dict[TopicPartition, int]:
    """The lowest offset of each partition."""
    first: dict[TopicPartition, int] = {}
    for record in records:
        partition = TopicPartition(record.topic, record.partition)
        first[partition] = min(first.get(partition, record.offset), record.offset)
    return first


def positions_after(
    records: Sequence[ConsumerRecord], remaining: Sequence[ConsumerRecord]
) -> dict[TopicPartition, int]:
    """The offset to commit for each partition of `records` when `remaining` must be delivered again."""
    ends = {TopicPartition(record.topic, record.partition): record.offset + 1 for record in records}
    return ends | first_offsets(remaining)


async def lag_of(consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition]) -> int | None:
    """How many records of `partitions` are not processed yet; None where it is unknown for one of them.

    Kafka is asked about partitions that are paused, since they are not fetched.
    """
    lag = 0
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            ends = await _ends_of_paused(consumer, partitions)
            for partition in partitions:
                end = ends.get(partition, consumer.highwater(partition))
                if end is None:
                    return None
                lag += max(0, end - await consumer.position(partition))
    except (KafkaError, TimeoutError, AssertionError):
        # aiokafka fails an assertion where a rebalance has just taken the partition away.
        return None
    return lag


async def _ends_of_paused(
    consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition]
) -> Mapping[TopicPartition, int]:
    paused = consumer.paused().intersection(partitions)
    ends: Mapping[TopicPartition, int] = await consumer.end_offsets(paused) if paused else {}
    return ends


def seconds_since_answer(consumer: AIOKafkaConsumer) -> float | None:
    """How long ago Kafka last answered a fetch; None where nothing is assigned or nothing was fetched yet."""
    answered = 0
    with contextlib.suppress(AssertionError):
        for partition in consumer.assignment():
            answered = max(answered, consumer.last_poll_timestamp(partition) or 0)
    return max(0.0, time.time() - answered / 1000) if answered else None
