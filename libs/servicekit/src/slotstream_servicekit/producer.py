"""Kafka producers: idempotent, acknowledged by all in-sync replicas, and closed in bounded time."""

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
"""The largest record that our producers send. The limit of a topic is usually lower."""
_CLOSE_SECONDS: Final = 5.0


@asynccontextmanager
async def durable_producer(
    kafka: KafkaConnection, *, client_id: str, close_within: float = _CLOSE_SECONDS
) -> AsyncIterator[AIOKafkaProducer]:
    """A started producer. Raises KafkaError where no broker answers, or the login is refused.

    It retries a record for as long as it lives, so the caller must limit how long it waits.
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
        # The caller may have lost the right to send (its lock), so records that still wait are not sent.
        await _close(producer, 0)
        raise
    await _close(producer, close_within)


_hash_of = lru_cache(maxsize=16_384)(murmur2)
_unkeyed = DefaultPartitioner()


def _partition_of(key: bytes | None, partitions: Sequence[int], available: Sequence[int]) -> Any:
    """Chooses as Java and aiokafka do. The hash is pure Python, so it is cached: events of one entity share a key."""
    if key is None:
        return _unkeyed(key, partitions, available)
    return partitions[(_hash_of(key) & 0x7FFFFFFF) % len(partitions)]


async def partition_of(producer: AIOKafkaProducer, topic: str, key: bytes | None) -> int:
    """The partition to which the producer sends a record. Raises UnknownTopicOrPartitionError."""
    return partition_of_key(key, sorted(await producer.partitions_for(topic)))


def partition_of_key(key: bytes | None, partitions: Sequence[int]) -> int:
    """The partition of a record with this key, of all `partitions` of its topic in order."""
    return int(_partition_of(key, partitions, partitions))


class PartitionBatch:
    """Records for one partition that are sent together, and arrive or fail together."""

    def __init__(self, topic: str, partition: int, builder: BatchBuilder) -> None:
        self.topic = topic
        self.partition = partition
        self._builder = builder

    def add(self, key: bytes, value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> bool:
        """Whether there was room. There always is for the first record."""
        return self._builder.append(timestamp=None, key=key, value=value, headers=headers) is not None

    async def send(self, producer: AIOKafkaProducer) -> "asyncio.Future[Any]":
        """Gives the batch to the producer, after earlier ones of its partition. The future ends when it has arrived.

        Raises KafkaTimeoutError where the earlier ones are stuck.
        """
        future: asyncio.Future[Any] = await producer.send_batch(self._builder, self.topic, partition=self.partition)
        return future


class Batching:
    """Puts records into batches by the partition of their key, in the order in which they are added.

    Sending records one by one costs aiokafka far more. The producer must know the topics.
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
        """The batch of the record; with `alone`, a batch of its own. Raises UnknownTopicOrPartitionError."""
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
    """Flush and stop. If that takes too long, close the connections, which ends the requests in flight."""
    stopping = asyncio.ensure_future(producer.stop())
    try:
        done, _ = await asyncio.wait({stopping}, timeout=within)
        if not done:
            await producer.client.close()
            stopping.cancel()
    finally:
        with suppress(KafkaError, OSError, TimeoutError, asyncio.CancelledError):
            await stopping
