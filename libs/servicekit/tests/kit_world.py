"""A service in miniature: it keeps notes, says what happens to them, and hears it."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Column, DateTime, Integer, MetaData, Table, Text, Uuid, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from slotstream_servicekit.consumer import Consumers, Received
from slotstream_servicekit.database import Database
from slotstream_servicekit.dead_letters import dead_letter_topic_name
from slotstream_servicekit.health import Health
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.inbox import inbox_table
from slotstream_servicekit.kafka import KafkaConnection
from slotstream_servicekit.kafka.clients import aiokafka_arguments
from slotstream_servicekit.migrations import enable_tenant_isolation, grant_app
from slotstream_servicekit.outbox import enqueue, outbox_table, record_of
from slotstream_servicekit.relay import Relay
from slotstream_servicekit.testing.databases import FreshDatabase
from slotstream_servicekit.topics import apply_topics

Kafka = str | KafkaConnection
"""A broker without logins by its address, or any connection."""


def at(kafka: Kafka) -> KafkaConnection:
    return KafkaConnection(kafka) if isinstance(kafka, str) else kafka


METADATA = MetaData()
OUTBOX = outbox_table(METADATA)
INBOX = inbox_table(METADATA)
NOTES = Table(
    "notes",
    METADATA,
    Column("organization_id", Uuid, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("words", Text, nullable=False),
    Column("applied", Integer, nullable=False, server_default=text("1")),
    Column("applied_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
)

ORGANIZATION = UUID(int=1)
OTHER_ORGANIZATION = UUID(int=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """An event that fits the kit's protocols; `words` decides what handlers make of it."""

    subject: str
    topic: str = ""
    sequence: int = 1
    words: str = "hello"
    type: str = "note.written"
    id: UUID = field(default_factory=new_id)
    organization: UUID = ORGANIZATION
    traceparent: str | None = None

    @property
    def partitionkey(self) -> str:
        return self.subject

    def to_json(self) -> bytes:
        return orjson.dumps(
            {
                "id": str(self.id),
                "type": self.type,
                "subject": self.subject,
                "sequence": self.sequence,
                "organization": str(self.organization),
                "traceparent": self.traceparent,
                "words": self.words,
            }
        )

    def headers(self) -> dict[str, str]:
        headers = {"ce_id": str(self.id), "ce_type": self.type, "ce_organization": str(self.organization)}
        return headers | ({"traceparent": self.traceparent} if self.traceparent else {})


class UnreadableNoteError(Exception):
    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def decode(value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> Note:
    if value is None:
        raise UnreadableNoteError("null_value", "the record has no value")
    try:
        document = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise UnreadableNoteError("bad_json", "not JSON") from error
    if document.get("type") not in {"note.written", "note.read"}:
        raise UnreadableNoteError("unknown_type", "newer than we are")
    if not isinstance(document.get("sequence"), int):
        raise UnreadableNoteError("wrong_schema", "sequence: an integer is wanted")
    return Note(
        id=UUID(document["id"]),
        type=document["type"],
        subject=document["subject"],
        sequence=document["sequence"],
        words=document["words"],
        organization=UUID(document["organization"]),
        traceparent=document["traceparent"],
    )


class PoisonousWordsError(Exception):
    code = "poisonous_words"
    detail = "the handler cannot bear these words"


_WRITE = text(
    """
    INSERT INTO notes (organization_id, id, version, words)
    SELECT * FROM unnest(
        CAST(:organizations AS uuid[]), CAST(:ids AS text[]), CAST(:versions AS int[]), CAST(:words AS text[])
    )
    ON CONFLICT (organization_id, id) DO UPDATE
    SET version = excluded.version, words = excluded.words, applied = notes.applied + 1, applied_at = now()
    WHERE excluded.version >= notes.version
    """
)


async def on_notes(session: AsyncSession, batch: Sequence[Received[Note]]) -> None:
    """Keeps the newest state of each note and counts how often it was applied."""
    newest = {each.key: each.event for each in batch}
    gone = [key for key, event in newest.items() if event is None]
    if gone:
        await session.execute(text("DELETE FROM notes WHERE id = ANY(:ids)"), {"ids": gone})
    events = {
        (each.event.organization, each.event.subject): each.event
        for each in sorted(batch, key=lambda each: each.event.sequence if each.event else 0)
        if each.event is not None and newest[each.key] is not None
    }
    if any(event.words == "poison" for event in events.values()):
        raise PoisonousWordsError
    if events:
        await session.execute(
            _WRITE,
            {
                "organizations": [event.organization for event in events.values()],
                "ids": [event.subject for event in events.values()],
                "versions": [event.sequence for event in events.values()],
                "words": [event.words for event in events.values()],
            },
        )


async def create_tables(owner_url: str) -> None:
    engine = create_async_engine(owner_url)
    async with engine.begin() as connection:
        await connection.run_sync(METADATA.create_all)
        await connection.run_sync(_isolate)
    await engine.dispose()


def _isolate(connection: Any) -> None:
    op = Operations(MigrationContext.configure(connection))
    enable_tenant_isolation(op, "notes", "outbox")
    grant_app(op, service="kit", tables=["notes", "outbox", "inbox"])


@dataclass(slots=True)
class World:
    """A service's database, its relays and its consumers."""

    fresh: FreshDatabase
    service: str = field(default_factory=lambda: f"kit-{uuid4().hex[:8]}")

    @property
    def database(self) -> Database:
        return self.fresh.database

    def relay(self, kafka: Kafka, **options: Any) -> Relay:
        return Relay(self.database, service=self.service, kafka=at(kafka), **options)

    def consumers(self, kafka: Kafka, **options: Any) -> Consumers:
        defaults: dict[str, Any] = {
            "service": self.service,
            "kafka": at(kafka),
            "database": self.database,
            "decode": decode,
            "health": Health(),
            "inbox": INBOX,
        }
        return Consumers(**(defaults | options))

    async def write(self, *notes: Note) -> None:
        """What a use case does: one transaction per note, its event in the outbox."""
        for note in notes:
            async with self.database.transaction(note.organization) as session:
                await enqueue(session, [record_of(note, aggregatetype="note")])

    async def outbox_size(self) -> int:
        return int(await self.value("SELECT count(*) FROM outbox"))

    async def value(self, query: str, **parameters: Any) -> Any:
        async with self.database.system_transaction() as session:
            return (await session.execute(text(query), parameters)).scalar_one_or_none()

    async def rows(self, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
        async with self.database.system_transaction() as session:
            return [tuple(row) for row in await session.execute(text(query), parameters)]

    async def run(self, query: str, **parameters: Any) -> None:
        async with self.database.system_transaction() as session:
            await session.execute(text(query), parameters)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicOf:
    name: str
    partitions: int = 3
    cleanup: str = "delete"
    retention: timedelta | None = None
    max_message_bytes: int = 1_048_576


async def make_topic(kafka: Kafka, name: str, *, partitions: int = 3, cleanup: str = "delete") -> str:
    topic = TopicOf(name=f"{name}-{uuid4().hex[:8]}", partitions=partitions, cleanup=cleanup)
    await apply_topics(at(kafka), [topic])
    return topic.name


async def make_dead_letter_topic(kafka: Kafka, service: str, *, max_message_bytes: int = 2_097_152) -> None:
    name = dead_letter_topic_name(service)
    await apply_topics(at(kafka), [TopicOf(name=name, partitions=1, max_message_bytes=max_message_bytes)])


@asynccontextmanager
async def running(*runnables: Any) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Relays and consumers at work for the length of the block, then stopped in good order."""
    stop = asyncio.Event()
    tasks = [asyncio.ensure_future(each.run(stop)) for each in runnables]
    try:
        yield tasks
    finally:
        stop.set()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome


@asynccontextmanager
async def producing(kafka: Kafka) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(**aiokafka_arguments(at(kafka)), max_request_size=4_194_304)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def send_notes(kafka: Kafka, topic: str, notes: Iterable[Note]) -> None:
    async with producing(kafka) as producer:
        for note in notes:
            await send_note(producer, topic, note)


async def send_note(producer: AIOKafkaProducer, topic: str, note: Note) -> None:
    headers = [(name, value.encode()) for name, value in note.headers().items()]
    await producer.send(topic, note.to_json(), key=note.partitionkey.encode(), headers=headers)


async def read_topic(kafka: Kafka, topic: str, *, service_dead_letters: bool = False) -> list[Any]:
    """All records that the topic holds now, partition by partition."""
    topic = dead_letter_topic_name(topic) if service_dead_letters else topic
    consumer = AIOKafkaConsumer(
        topic, **aiokafka_arguments(at(kafka)), auto_offset_reset="earliest", max_partition_fetch_bytes=4_194_304
    )
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, each) for each in consumer.partitions_for_topic(topic) or ()]
        ends = await consumer.end_offsets(partitions)
        records: list[Any] = []
        while any([await consumer.position(each) < ends[each] for each in partitions]):
            for fetched in (await consumer.getmany(timeout_ms=200)).values():
                records += fetched
        return sorted(records, key=lambda record: (record.partition, record.offset))
    finally:
        await consumer.stop()


def inversions(records: Iterable[Any]) -> list[str]:
    """Keys whose records, repetitions left out, do not come in the order of their versions."""
    seen: dict[str, list[int]] = {}
    for record in records:
        note = orjson.loads(record.value)
        versions = seen.setdefault(note["subject"], [])
        if note["sequence"] not in versions:
            versions.append(note["sequence"])
    return [key for key, versions in seen.items() if versions != sorted(versions)]


def versions_of(note: Note, count: int) -> list[Note]:
    return [replace(note, id=new_id(), sequence=each) for each in range(1, count + 1)]


def long_ago() -> datetime:
    return datetime(2020, 1, 1, tzinfo=UTC)
