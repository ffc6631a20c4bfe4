"""How far a consumer is, from what aiokafka tells publicly: positions, high-water marks and times of answers."""

import asyncio
import contextlib
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

_ANSWER_SECONDS: Final = 3.0


def rewind(consumer: AIOKafkaConsumer, remaining: Sequence[ConsumerRecord]) -> None:
    """Let the next poll begin again with the first of `remaining` in each partition still assigned."""
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
    """Where each partition of `records` stands when only `remaining` of them are left."""
    ends = {TopicPartition(record.topic, record.partition): record.offset + 1 for record in records}
    return ends | first_offsets(remaining)


async def lag_of(consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition]) -> int | None:
    """Records of `partitions` not yet worked through; None where Kafka has not told of one.

    A partition that is not fetched, because it is paused, is asked about.
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
        # An assertion fails inside aiokafka where a rebalance has just taken the partition.
        return None
    return lag


async def _ends_of_paused(
    consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition]
) -> Mapping[TopicPartition, int]:
    paused = consumer.paused().intersection(partitions)
    ends: Mapping[TopicPartition, int] = await consumer.end_offsets(paused) if paused else {}
    return ends


def seconds_since_answer(consumer: AIOKafkaConsumer) -> float | None:
    """How long ago Kafka last answered a fetch; None where nothing is assigned, or nothing has been fetched."""
    answered = 0
    with contextlib.suppress(AssertionError):
        for partition in consumer.assignment():
            answered = max(answered, consumer.last_poll_timestamp(partition) or 0)
    return max(0.0, time.time() - answered / 1000) if answered else None
