"""Records that a service could not work through: kept with their cause, shown, and sent back when mended.

A dead letter is the record as it was (value, headers) with headers `dlq_…` that say why and from where, and its key.
Its own key is where it came from: sent back or dropped, it is followed by a tombstone, and compaction removes it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, UnknownTopicOrPartitionError

from slotstream_servicekit.errors import SlotstreamError
from slotstream_servicekit.kafka import KafkaConnection
from slotstream_servicekit.kafka.clients import aiokafka_arguments
from slotstream_servicekit.producer import MAX_RECORD_BYTES, durable_producer, partition_of
from slotstream_servicekit.telemetry import DEAD_LETTERS, current_traceparent, get_logger
from slotstream_servicekit.telemetry.logs import redacted

_PREFIX: Final = "dlq_"
_REPLAYED: Final = "dlq_replayed_from"
_MARK: Final = "dlq_mark"
_WRITE_SECONDS: Final = 20.0
_DETAIL_LENGTH: Final = 500
_COUNT_SECONDS: Final = 10.0
"""How long one count may take; the next goes on from where it ended."""

log = get_logger(__name__)

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
    place: bytes
    """The letter's own key: where the record came from."""
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
        if record.key is not None:
            headers.append((_PREFIX + "key", record.key))
        if record.value is None:
            # Without a value it would be a tombstone in this topic as well.
            headers.append((_PREFIX + "null_value", b"1"))
        key = f"{record.topic}/{record.partition}/{record.offset}".encode()
        async with self._turn:
            try:
                await self._send(record.value or b"", key, headers)
            except MessageSizeTooLargeError:
                omitted = (_PREFIX + "value_omitted", str(len(record.value)).encode())
                await self._send(b"", key, [*headers, omitted])

    async def _send(self, value: bytes, key: bytes, headers: list[tuple[str, bytes]]) -> None:
        try:
            async with asyncio.timeout(_WRITE_SECONDS):
                producer = await self._open()
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """How many dead letters were sent back, and how many were dropped because a newer record took their place."""

    sent: int
    outdated: int


async def replay_dead_letters(
    kafka: KafkaConnection, service: str, offsets: Collection[int] | None = None, *, compacted: Collection[str] = ()
) -> Replayed:
    """Send the dead letters at `offsets` back to where they came from, and mark them.

    None means all that have not been sent back yet. The record keeps its key, value and headers, so consumers that
    had it already recognise it; a header says which dead letter it was. In a topic of `compacted` the last record of
    a key is what counts for ever: a letter that is followed by one there, perhaps a tombstone, is dropped instead.
    """
    sent = outdated = 0
    async with durable_producer(kafka, client_id=f"{service}-replay") as producer:
        for letter in await _chosen(kafka, service, offsets):
            one_counts = letter.topic in compacted
            if one_counts and await _newest(kafka, producer, letter) is not None:
                await _mark(producer, service, letter, "dropped")
                outdated += 1
                continue
            stands_at = await _send_back(kafka, producer, service, letter)
            newest = await _newest(kafka, producer, letter, before=stands_at) if one_counts else None
            if newest is not None:
                # It came while the letter was on its way, and must be the last one again.
                await producer.send_and_wait(
                    letter.topic, value=newest.value, key=newest.key, headers=list(newest.headers)
                )
            await _mark(producer, service, letter, "replayed")
            sent += 1
    return Replayed(sent=sent, outdated=outdated)


async def _send_back(kafka: KafkaConnection, producer: AIOKafkaProducer, service: str, letter: DeadLetter) -> int:
    """Sends the record as it was; the offset at which it stands now."""
    value = await _value_at_origin(kafka, letter) if letter.value_omitted else letter.value
    origin = f"{dead_letter_topic_name(service)}:{letter.offset}".encode()
    headers = [*letter.headers, (_REPLAYED, origin)]
    sent = await producer.send_and_wait(letter.topic, value=value, key=letter.key, headers=headers)
    return int(sent.offset)


async def drop_dead_letters(kafka: KafkaConnection, service: str, offsets: Collection[int]) -> int:
    """Be done with the dead letters at `offsets`: they are listed and replayed no more, and compaction removes them.

    Returns how many there were.
    """
    async with durable_producer(kafka, client_id=f"{service}-drop") as producer:
        wanted = await _chosen(kafka, service, offsets)
        for letter in wanted:
            await _mark(producer, service, letter, "dropped")
    return len(wanted)


class DeadLetterCount:
    """How many records of a service are set aside and not done with, counted on from where the last count ended."""

    def __init__(self, *, service: str, kafka: KafkaConnection) -> None:
        self._service = service
        self._kafka = kafka
        self._place = TopicPartition(dead_letter_topic_name(service), 0)
        self._offsets: dict[bytes, int] = {}
        """Of those that are left, the offset by where they came from."""
        self._next = 0

    async def measure(self) -> None:
        """Counts what came since, and tells the gauge, which stays as it is where Kafka does not answer."""
        try:
            async with asyncio.timeout(_COUNT_SECONDS):
                await self._count()
        except (KafkaError, OSError, TimeoutError) as error:
            log.warning("dead_letters_not_counted", cause=type(error).__name__)
        else:
            DEAD_LETTERS.labels(self._service).set(len(self._offsets))

    async def _count(self) -> None:
        async with _reader(self._kafka) as consumer:
            await _require_readable(consumer, self._place.topic)
            begin = (await consumer.beginning_offsets([self._place]))[self._place]
            async for record in _records(consumer, self._place, self._next):
                self._next = record.offset + 1
                if record.value is None:
                    self._offsets.pop(record.key, None)
                else:
                    self._offsets[record.key] = record.offset
        self._offsets = {place: offset for place, offset in self._offsets.items() if offset >= begin}


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


async def _newest(
    kafka: KafkaConnection, producer: AIOKafkaProducer, letter: DeadLetter, *, before: int | None = None
) -> Any | None:
    """The last record of the letter's key that came to stand in its topic after it, and `before` an offset; None where
    there is none. After a record that never stood there comes what is younger than its letter.
    """
    stood = letter.partition >= 0
    partition = letter.partition if stood else await partition_of(producer, letter.topic, letter.key)
    newest = None
    async with _reader(kafka) as consumer:
        place = TopicPartition(letter.topic, partition)
        async for record in _records(consumer, place, letter.source_offset + 1 if stood else 0):
            if before is not None and record.offset >= before:
                break
            later = stood or record.timestamp >= letter.set_aside_at.timestamp() * 1_000
            if record.key == letter.key and later:
                newest = record
    return newest


async def _mark(producer: AIOKafkaProducer, service: str, letter: DeadLetter, mark: str) -> None:
    """A tombstone behind the letter: compaction then removes it."""
    headers = [(_MARK, mark.encode())]
    await producer.send_and_wait(dead_letter_topic_name(service), value=None, key=letter.place, headers=headers)


@dataclass(frozen=True, slots=True)
class _Mark:
    offset: int
    kind: str
    made_at: datetime


async def _marks(consumer: AIOKafkaConsumer, place: TopicPartition) -> dict[bytes, _Mark]:
    """The last mark of each record set aside that has one, by where it came from."""
    marks: dict[bytes, _Mark] = {}
    async for record in _records(consumer, place, 0):
        headers = dict(record.headers)
        if _MARK in headers:
            made_at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
            marks[record.key] = _Mark(record.offset, headers[_MARK].decode(), made_at)
    return marks


async def _letters(
    consumer: AIOKafkaConsumer, place: TopicPartition, from_offset: int, marks: Mapping[bytes, _Mark]
) -> AsyncIterator[DeadLetter]:
    """A mark counts for the letters before it: a record that is set aside again is a new letter."""
    async for record in _records(consumer, place, from_offset):
        if record.value is None:
            continue
        mark = marks.get(record.key)
        if mark is None or mark.offset < record.offset:
            yield _letter(record)
        elif mark.kind == "replayed":
            yield replace(_letter(record), replayed_at=mark.made_at)


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


async def _require_readable(consumer: AIOKafkaConsumer, topic: str) -> None:
    """Without it, aiokafka asks for metadata as fast as it is answered, and says after a while that nobody answered."""
    if topic not in await consumer.topics():
        raise UnknownTopicOrPartitionError(f"there is no {topic}, or this login may not read it")


async def _records(consumer: AIOKafkaConsumer, place: TopicPartition, from_offset: int) -> AsyncIterator[Any]:
    """The records that `place` holds now, from `from_offset` on. Raises UnknownTopicOrPartitionError."""
    await _require_readable(consumer, place.topic)
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
    raw = {name.removeprefix(_PREFIX): value for name, value in record.headers if name.startswith(_PREFIX)}
    facts: Mapping[str, str] = {name: value.decode(errors="replace") for name, value in raw.items()}
    own = dict(_original(record.headers))
    valueless = "null_value" in facts or "value_omitted" in facts
    return DeadLetter(
        offset=record.offset,
        place=record.key,
        service=facts.get("service", ""),
        topic=facts.get("topic", ""),
        partition=int(facts.get("partition", "0")),
        source_offset=int(facts.get("offset", "0")),
        code=facts.get("code", ""),
        detail=facts.get("detail", ""),
        handler=facts.get("handler", ""),
        traceparent=facts.get("traceparent"),
        set_aside_at=datetime.fromtimestamp(int(facts.get("at", "0")) / 1000, UTC),
        key=raw.get("key"),
        value=None if valueless else record.value,
        value_omitted="value_omitted" in facts,
        headers=tuple(_original(record.headers)),
        organization_id=_text(own.get("ce_organization")),
        type=_text(own.get("ce_type")),
    )


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")
