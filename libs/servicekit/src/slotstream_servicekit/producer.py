"""The one way this kit produces: idempotent, acknowledged by every in-sync replica, and closable at any time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError
from aiokafka.partitioner import DefaultPartitioner, murmur2
from aiokafka.producer.message_accumulator import BatchBuilder

from slotstream_servicekit.kafka import KafkaConnection
from slotstream_servicekit.kafka.clients import aiokafka_arguments

MAX_RECORD_BYTES: Final = 4_194_304
"""What a producer of ours lets through; a topic's own limit is usually lower."""
_CLOSE_SECONDS: Final = 5.0


@asynccontextmanager
async def durable_producer(
    kafka: KafkaConnection, *, client_id: str, close_within: float = _CLOSE_SECONDS
) -> AsyncIterator[AIOKafkaProducer]:
    """A started producer. Raises KafkaError where no broker answers or lets in.

    Once sent, a record is retried for as long as the producer lives: whoever waits for it sets the limit.
    """
    producer = AIOKafkaProducer(
        **aiokafka_arguments(kafka),
        client_id=client_id,
        acks="all",
        enable_idempotence=True,
        max_batch_size=262_144,
        max_request_size=MAX_RECORD_BYTES,
        request_timeout_ms=10_000,
        metadata_max_age_ms=30_000,
        retry_backoff_ms=250,
        partitioner=_partition_of,
    )
    try:
        await producer.start()
        yield producer
    except BaseException:
        # Whoever failed may have lost the right to send: what is still waiting is not sent.
        await _close(producer, 0)
        raise
    await _close(producer, close_within)


_hash_of = lru_cache(maxsize=16_384)(murmur2)
_unkeyed = DefaultPartitioner()


def _partition_of(key: bytes | None, partitions: Sequence[int], available: Sequence[int]) -> Any:
    """Java's choice, as aiokafka makes it too; but its hash is pure Python, and an aggregate's events share a key."""
    if key is None:
        return _unkeyed(key, partitions, available)
    return partitions[(_hash_of(key) & 0x7FFFFFFF) % len(partitions)]


async def partition_of(producer: AIOKafkaProducer, topic: str, key: bytes | None) -> int:
    """Where the producer puts a record. Raises UnknownTopicOrPartitionError."""
    return partition_of_key(key, sorted(await producer.partitions_for(topic)))


def partition_of_key(key: bytes | None, partitions: Sequence[int]) -> int:
    """Which of all the partitions of a topic, in their order, a record with this key stands in."""
    return int(_partition_of(key, partitions, partitions))


class PartitionBatch:
    """Records for one partition that are sent, and arrive or fail, together."""

    def __init__(self, topic: str, partition: int, builder: BatchBuilder) -> None:
        self.topic = topic
        self.partition = partition
        self._builder = builder

    def add(self, key: bytes, value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> bool:
        """Whether there was room: the first record always has it."""
        return self._builder.append(timestamp=None, key=key, value=value, headers=headers) is not None

    async def send(self, producer: AIOKafkaProducer) -> "asyncio.Future[Any]":
        """Hands the batch over, after those before it of its partition; the future says when it has arrived.

        Raises KafkaTimeoutError where those before it are stuck.
        """
        future: asyncio.Future[Any] = await producer.send_batch(self._builder, self.topic, partition=self.partition)
        return future


class Batching:
    """Divides records among batches, each to the partition of its key and in the order in which they are added.

    Sent one by one, each record would cost aiokafka far more than adding it does. Topics must be known to the producer.
    """

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._partitions: dict[str, list[int]] = {}
        self._filling: dict[tuple[str, int], PartitionBatch] = {}

    def add(
        self,
        topic: str,
        key: bytes,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]],
        *,
        alone: bool = False,
    ) -> PartitionBatch:
        """The batch that the record went to, one of its own if it goes `alone`. Raises UnknownTopicOrPartitionError."""
        partition = self._partition_of(topic, key)
        batch = self._filling.get((topic, partition))
        if alone or batch is None or not batch.add(key, value, headers):
            batch = PartitionBatch(topic, partition, self._producer.create_batch())
            batch.add(key, value, headers)
            self._filling[topic, partition] = batch
            if alone:
                del self._filling[topic, partition]
        return batch

    def _partition_of(self, topic: str, key: bytes) -> int:
        partitions = self._partitions.get(topic)
        if partitions is None:
            known = self._producer.client.cluster.partitions_for_topic(topic)
            if not known:
                raise UnknownTopicOrPartitionError(topic)
            partitions = self._partitions[topic] = sorted(known)
        return int(_partition_of(key, partitions, partitions))


async def _close(producer: AIOKafkaProducer, within: float) -> None:
    """Flush and stop; with no broker to flush to, hang up, which ends the requests in flight."""
    stopping = asyncio.ensure_future(producer.stop())
    try:
        done, _ = await asyncio.wait({stopping}, timeout=within)
        if not done:
            await producer.client.close()
            stopping.cancel()
    finally:
        with suppress(KafkaError, OSError, TimeoutError, asyncio.CancelledError):
            await stopping
