"""Records that a service could not work through: kept with their cause, shown, and sent back when mended."""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

_PREFIX: Final = "dlq_"
MAX_RECORD_BYTES: Final = 2_097_152

Headers = Sequence[tuple[str, bytes]]


def dead_letter_topic_name(service: str) -> str:
    """The dead-letter topic of a service, by its package name."""
    return f"slotstream.{service.replace('_', '-')}.dead-letter.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why a record was set aside. `detail` quotes no value of the record: it may hold personal data."""

    code: str
    detail: str
    handler: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One record set aside. `offset` is its place in the dead-letter topic, the rest where it came from."""

    offset: int
    topic: str
    partition: int
    source_offset: int
    code: str
    detail: str
    handler: str
    set_aside_at: datetime
    key: bytes | None
    value: bytes | None
    headers: Headers
    """The original headers, as they were."""


class DeadLetterWriter:
    """Sets records aside durably: a record counts as worked through only once its dead letter is acknowledged."""

    def __init__(self, *, service: str, bootstrap_servers: str) -> None:
        self._service = service
        self._topic = dead_letter_topic_name(service)
        self._bootstrap_servers = bootstrap_servers
        self._producer: AIOKafkaProducer | None = None

    async def write(self, record: Any, cause: Cause) -> None:
        """Append aiokafka's `record` with its cause; raises KafkaError where that cannot be done now."""
        if self._producer is None:
            producer = _producer(self._bootstrap_servers, f"{self._service}-dead-letters")
            await producer.start()
            self._producer = producer
        headers = [*record.headers, *_cause_headers(self._service, record, cause)]
        await self._producer.send_and_wait(self._topic, value=record.value, key=record.key, headers=headers)

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()


def _producer(bootstrap_servers: str, client_id: str) -> AIOKafkaProducer:
    return AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers,
        client_id=client_id,
        acks="all",
        enable_idempotence=True,
        max_request_size=MAX_RECORD_BYTES,
    )


def _cause_headers(service: str, record: Any, cause: Cause) -> list[tuple[str, bytes]]:
    facts = {
        "service": service,
        "handler": cause.handler,
        "code": cause.code,
        "detail": cause.detail[:500],
        "topic": record.topic,
        "partition": str(record.partition),
        "offset": str(record.offset),
        "at": str(int(time.time() * 1000)),
    }
    return [(_PREFIX + name, value.encode()) for name, value in facts.items()]


async def list_dead_letters(
    bootstrap_servers: str, service: str, *, from_offset: int = 0, limit: int = 100
) -> list[DeadLetter]:
    """Up to `limit` dead letters of `service`, oldest first, from `from_offset` on."""
    topic = TopicPartition(dead_letter_topic_name(service), 0)
    letters: list[DeadLetter] = []
    async with _reader(bootstrap_servers, topic) as consumer:
        end = (await consumer.end_offsets([topic]))[topic]
        begin = (await consumer.beginning_offsets([topic]))[topic]
        consumer.seek(topic, max(from_offset, begin))
        while len(letters) < limit and await consumer.position(topic) < end:
            batch = await consumer.getmany(topic, timeout_ms=1_000, max_records=limit - len(letters))
            letters.extend(_letter(record) for record in batch.get(topic, ()))
    return letters


async def replay_dead_letters(bootstrap_servers: str, service: str, offsets: Sequence[int]) -> int:
    """Send the dead letters at `offsets` back to where they came from; returns how many were sent.

    The record keeps its key, value and headers, so consumers that had it already recognise it.
    """
    wanted = set(offsets)
    producer = _producer(bootstrap_servers, f"{service}-replay")
    await producer.start()
    sent = 0
    try:
        for offset in sorted(wanted):
            found = await list_dead_letters(bootstrap_servers, service, from_offset=offset, limit=1)
            for letter in found:
                if letter.offset == offset:
                    headers = [*letter.headers, ("dlq_replayed_from", str(offset).encode())]
                    await producer.send_and_wait(letter.topic, value=letter.value, key=letter.key, headers=headers)
                    sent += 1
    finally:
        await producer.stop()
    return sent


@asynccontextmanager
async def _reader(bootstrap_servers: str, topic: TopicPartition) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign([topic])
        yield consumer
    finally:
        await consumer.stop()


def _letter(record: Any) -> DeadLetter:
    facts: Mapping[str, str] = {
        name.removeprefix(_PREFIX): value.decode(errors="replace")
        for name, value in record.headers
        if name.startswith(_PREFIX)
    }
    return DeadLetter(
        offset=record.offset,
        topic=facts.get("topic", ""),
        partition=int(facts.get("partition", "0")),
        source_offset=int(facts.get("offset", "0")),
        code=facts.get("code", ""),
        detail=facts.get("detail", ""),
        handler=facts.get("handler", ""),
        set_aside_at=datetime.fromtimestamp(int(facts.get("at", "0")) / 1000, UTC),
        key=record.key,
        value=record.value,
        headers=tuple((name, value) for name, value in record.headers if not name.startswith(_PREFIX)),
    )
