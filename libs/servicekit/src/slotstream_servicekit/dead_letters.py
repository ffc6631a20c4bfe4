"""Records that a service could not work through: kept with their cause, shown, and sent back when mended.

A dead letter is the record as it was (key, value, headers) with headers `dlq_…` that say why and from where.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import MessageSizeTooLargeError

from slotstream_servicekit.errors import SlotstreamError
from slotstream_servicekit.kafka import KafkaConnection
from slotstream_servicekit.kafka.clients import aiokafka_arguments
from slotstream_servicekit.producer import MAX_RECORD_BYTES, durable_producer
from slotstream_servicekit.telemetry import current_traceparent
from slotstream_servicekit.telemetry.logs import redacted

_PREFIX: Final = "dlq_"
_REPLAYED: Final = "dlq_replayed_from"
_MARK: Final = "dlq_mark"
_MARKED: Final = "dlq_marked"
_WRITE_SECONDS: Final = 20.0
_DETAIL_LENGTH: Final = 500

Headers = Sequence[tuple[str, bytes]]


def dead_letter_topic_name(service: str) -> str:
    """The dead-letter topic of a service, by its package name. It has one partition."""
    return f"slotstream.{service.replace('_', '-')}.dead-letter.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why a record was set aside. `detail` quotes no value of the record: it may hold personal data."""

    code: str
    detail: str
    handler: str


def cause_of(error: BaseException, *, handler: str) -> Cause:
    """The cause that `error` gives: its `code` and `detail` where it has them, else its type alone.

    A driver's or a library's own words are left out, since they may quote a row.
    """
    coded = isinstance(error, SlotstreamError) or hasattr(error, "code")
    detail = redacted(str(getattr(error, "detail", ""))) if coded else type(error).__qualname__
    code = str(getattr(error, "code", None) or "handler_failed") if coded else "handler_failed"
    return Cause(code=code, detail=detail[:_DETAIL_LENGTH], handler=handler)


@dataclass(frozen=True, slots=True, kw_only=True)
class LostRecord:
    """A record that never came to stand in its topic; `offset` is its place in the outbox, `partition` -1."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One record set aside. `offset` is its place in the dead-letter topic, the rest where it came from."""

    offset: int
    service: str
    topic: str
    partition: int
    source_offset: int
    code: str
    detail: str
    handler: str
    traceparent: str | None
    set_aside_at: datetime
    key: bytes | None
    value: bytes | None
    value_omitted: bool
    """The value was too large for the dead-letter topic; it is read from where it came from."""
    headers: Headers
    """The original headers, as they were."""
    organization_id: str | None = None
    type: str | None = None
    """Whose it is and what, as the record's own headers say."""
    replayed_at: datetime | None = None


class DeadLetterWriter:
    """Sets records aside durably: a record counts as worked through only once its dead letter is acknowledged."""

    def __init__(self, *, service: str, kafka: KafkaConnection) -> None:
        self._service = service
        self._topic = dead_letter_topic_name(service)
        self._kafka = kafka
        self._opened = AsyncExitStack()
        self._producer: AIOKafkaProducer | None = None
        self._turn = asyncio.Lock()

    async def write(self, record: Any, cause: Cause) -> None:
        """Append aiokafka's `record` with its cause; raises KafkaError or TimeoutError where it cannot now."""
        headers = [*_original(record.headers), *_facts(self._service, record, cause)]
        async with self._turn:
            try:
                await self._send(record.value, record.key, headers)
            except MessageSizeTooLargeError:
                omitted = (_PREFIX + "value_omitted", str(len(record.value)).encode())
                await self._send(None, record.key or b"", [*headers, omitted])

    async def _send(self, value: bytes | None, key: bytes | None, headers: list[tuple[str, bytes]]) -> None:
        try:
            async with asyncio.timeout(_WRITE_SECONDS):
                producer = await self._open()
                # A record needs a key or a value.
                key = b"" if key is None and value is None else key
                await producer.send_and_wait(self._topic, value=value, key=key, headers=headers)
        except BaseException:
            # A producer with a failed batch has a gap in its sequence, and one cut off may still be sending.
            await self.close()
            raise

    async def _open(self) -> AIOKafkaProducer:
        if self._producer is None:
            client_id = f"{self._service}-dead-letters"
            self._producer = await self._opened.enter_async_context(
                durable_producer(self._kafka, client_id=client_id, close_within=2.0)
            )
        return self._producer

    async def close(self) -> None:
        self._producer = None
        await self._opened.aclose()


def _original(headers: Headers) -> list[tuple[str, bytes]]:
    return [(name, value) for name, value in headers if not name.startswith(_PREFIX)]


def _facts(service: str, record: Any, cause: Cause) -> list[tuple[str, bytes]]:
    facts = {
        "service": service,
        "handler": cause.handler,
        "code": cause.code,
        "detail": cause.detail,
        "topic": record.topic,
        "partition": str(record.partition),
        "offset": str(record.offset),
        "at": str(int(time.time() * 1000)),
        "traceparent": current_traceparent() or "",
    }
    return [(_PREFIX + name, value.encode()) for name, value in facts.items() if value]


async def list_dead_letters(
    kafka: KafkaConnection, service: str, *, from_offset: int = 0, limit: int = 100
) -> list[DeadLetter]:
    """Up to `limit` dead letters of `service`, oldest first, from `from_offset` on; dropped ones are left out."""
    letters: list[DeadLetter] = []
    if limit > 0:
        async with _reader(kafka) as consumer:
            place = TopicPartition(dead_letter_topic_name(service), 0)
            marks = await _marks(consumer, place)
            async for letter in _letters(consumer, place, from_offset, marks):
                letters.append(letter)
                if len(letters) == limit:
                    break
    return letters


async def replay_dead_letters(kafka: KafkaConnection, service: str, offsets: Collection[int] | None = None) -> int:
    """Send the dead letters at `offsets` back to where they came from, and mark them; returns how many were sent.

    None means all that have not been sent back yet. The record keeps its key, value and headers, so consumers that
    had it already recognise it; a header says which dead letter it was.
    """
    async with durable_producer(kafka, client_id=f"{service}-replay") as producer:

        async def send_back(letter: DeadLetter) -> None:
            value = await _value_at_origin(kafka, letter) if letter.value_omitted else letter.value
            origin = f"{dead_letter_topic_name(service)}:{letter.offset}".encode()
            headers = [*letter.headers, (_REPLAYED, origin)]
            await producer.send_and_wait(letter.topic, value=value, key=letter.key, headers=headers)
            await _mark(producer, service, letter, "replayed")

        wanted = await _chosen(kafka, service, offsets)
        for letter in wanted:
            await send_back(letter)
    return len(wanted)


async def drop_dead_letters(kafka: KafkaConnection, service: str, offsets: Collection[int]) -> int:
    """Mark the dead letters at `offsets` as done with: they are listed and replayed no more. Returns how many."""
    async with durable_producer(kafka, client_id=f"{service}-drop") as producer:
        wanted = await _chosen(kafka, service, offsets)
        for letter in wanted:
            await _mark(producer, service, letter, "dropped")
    return len(wanted)


async def _chosen(kafka: KafkaConnection, service: str, offsets: Collection[int] | None) -> list[DeadLetter]:
    """Those at `offsets`; with None, all that were neither dropped nor sent back."""
    wanted = None if offsets is None else set(offsets)
    async with _reader(kafka) as consumer:
        place = TopicPartition(dead_letter_topic_name(service), 0)
        marks = await _marks(consumer, place)
        return [
            letter
            async for letter in _letters(consumer, place, min(wanted or {0}), marks)
            if (letter.replayed_at is None if wanted is None else letter.offset in wanted)
        ]


async def _mark(producer: AIOKafkaProducer, service: str, letter: DeadLetter, mark: str) -> None:
    """A record of its own, behind the letter: the topic is a log."""
    headers = [(_MARK, mark.encode()), (_MARKED, str(letter.offset).encode())]
    await producer.send_and_wait(dead_letter_topic_name(service), value=b"", key=letter.key or b"", headers=headers)


async def _marks(consumer: AIOKafkaConsumer, place: TopicPartition) -> dict[int, tuple[str, datetime]]:
    """The last mark of each letter that has one, and when it was made."""
    marks: dict[int, tuple[str, datetime]] = {}
    async for record in _records(consumer, place, 0):
        headers = dict(record.headers)
        if _MARK in headers:
            made_at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
            marks[int(headers[_MARKED])] = headers[_MARK].decode(), made_at
    return marks


async def _letters(
    consumer: AIOKafkaConsumer, place: TopicPartition, from_offset: int, marks: Mapping[int, tuple[str, datetime]]
) -> AsyncIterator[DeadLetter]:
    async for record in _records(consumer, place, from_offset):
        mark, marked_at = marks.get(record.offset, ("", None))
        if mark != "dropped" and not any(name == _MARK for name, _ in record.headers):
            letter = _letter(record)
            yield replace(letter, replayed_at=marked_at) if mark == "replayed" else letter


class OriginGoneError(SlotstreamError):
    """The dead letter holds no value, and the record that did is no longer in its topic."""

    code = "origin_gone"


async def _value_at_origin(kafka: KafkaConnection, letter: DeadLetter) -> bytes | None:
    async with _reader(kafka) as consumer:
        place = TopicPartition(letter.topic, letter.partition)
        async for record in _records(consumer, place, letter.source_offset):
            if record.offset != letter.source_offset:
                break
            value: bytes | None = record.value
            return value
    raise OriginGoneError(f"{letter.topic} no longer holds offset {letter.source_offset} of {letter.partition}")


@asynccontextmanager
async def _reader(kafka: KafkaConnection) -> AsyncIterator[AIOKafkaConsumer]:
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


async def _records(consumer: AIOKafkaConsumer, place: TopicPartition, from_offset: int) -> AsyncIterator[Any]:
    """The records that `place` holds now, from `from_offset` on."""
    consumer.assign([place])
    end = (await consumer.end_offsets([place]))[place]
    begin = (await consumer.beginning_offsets([place]))[place]
    consumer.seek(place, max(from_offset, begin))
    while await consumer.position(place) < end:
        fetched = await consumer.getmany(place, timeout_ms=1_000)
        for record in fetched.get(place, ()):
            if record.offset < end:
                yield record


def _letter(record: Any) -> DeadLetter:
    facts: Mapping[str, str] = {
        name.removeprefix(_PREFIX): value.decode(errors="replace")
        for name, value in record.headers
        if name.startswith(_PREFIX)
    }
    own = dict(_original(record.headers))
    return DeadLetter(
        offset=record.offset,
        service=facts.get("service", ""),
        topic=facts.get("topic", ""),
        partition=int(facts.get("partition", "0")),
        source_offset=int(facts.get("offset", "0")),
        code=facts.get("code", ""),
        detail=facts.get("detail", ""),
        handler=facts.get("handler", ""),
        traceparent=facts.get("traceparent"),
        set_aside_at=datetime.fromtimestamp(int(facts.get("at", "0")) / 1000, UTC),
        key=record.key,
        value=record.value,
        value_omitted="value_omitted" in facts,
        headers=tuple(_original(record.headers)),
        organization_id=_text(own.get("ce_organization")),
        type=_text(own.get("ce_type")),
    )


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")
