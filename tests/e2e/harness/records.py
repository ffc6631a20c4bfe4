"""Reading topics from the start, and writing records that no service would write."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition


async def read_topic(bootstrap: str, topic: str) -> list[ConsumerRecord]:
    """Every record of `topic` from offset zero to its end now, in offset order per partition."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    try:
        await consumer.start()
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        assert partitions, f"there is no topic {topic}"
        ends = await consumer.end_offsets(partitions)
        await consumer.seek_to_beginning(*partitions)
        records: list[ConsumerRecord] = []
        while [each for each, end in ends.items() if await consumer.position(each) < end]:
            for batch in (await consumer.getmany(timeout_ms=500, max_records=5_000)).values():
                records.extend(record for record in batch)
        return [record for record in records if record.offset < ends[TopicPartition(topic, record.partition)]]
    finally:
        await consumer.stop()


def content_of(record: ConsumerRecord) -> Mapping[str, Any]:
    """The envelope; empty where the record is a tombstone, or poison: other tests write some to any topic."""
    try:
        content = json.loads(record.value or b"null")
    except ValueError:
        return {}
    return content if isinstance(content, dict) and "organization" in content else {}


async def write_record(
    bootstrap: str,
    topic: str,
    *,
    key: bytes | None,
    value: bytes | None,
    headers: Sequence[tuple[str, bytes]] = (),
) -> None:
    """Produce one record as it is."""
    await write_records(bootstrap, topic, [(key, value, headers)])


async def write_records(
    bootstrap: str,
    topic: str,
    records: Sequence[tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes]]]],
) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", max_request_size=2_000_000)
    try:
        await producer.start()
        for key, value, headers in records:
            await producer.send(topic, key=key, value=value, headers=list(headers))
        await producer.flush()
    finally:
        await producer.stop()
