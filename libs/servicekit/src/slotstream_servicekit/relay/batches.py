"""Outbox records as batches for Kafka."""

from collections.abc import Collection, Sequence

import asyncpg
import orjson
from aiokafka import AIOKafkaProducer

from slotstream_servicekit.producer import Batching, PartitionBatch


def batched(
    producer: AIOKafkaProducer, rows: Sequence[asyncpg.Record], *, alone: Collection[int]
) -> tuple[dict[PartitionBatch, list[asyncpg.Record]], list[tuple[asyncpg.Record, BaseException]]]:
    """The batches in the order in which they are to be sent, each with its rows; and the rows that cannot be encoded.

    A row whose number is in `alone` gets a batch of its own.
    """
    batching = Batching(producer)
    batched: dict[PartitionBatch, list[asyncpg.Record]] = {}
    unsendable: list[tuple[asyncpg.Record, BaseException]] = []
    for row in rows:
        try:
            key = row["key"].encode()
            headers = [(name, value.encode()) for name, value in orjson.loads(row["headers"]).items()]
        except (AttributeError, ValueError) as error:
            unsendable.append((row, error))
            continue
        batch = batching.add(row["topic"], key, row["payload"], headers, alone=row["seq"] in alone)
        batched.setdefault(batch, []).append(row)
    return batched, unsendable
