"""What a projection holds is compared with what its topic says, and every kind of difference is found."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiokafka import TopicPartition
from kit_world import ORGANIZATION, Note, World, decode, on_notes, producing, running, send_notes
from sqlalchemy import Column, DateTime, Integer, MetaData, Table, Text, Uuid

from slotstream_servicekit import drift
from slotstream_servicekit.drift import DRIFT, AuditedProjection, ProjectionAudit
from slotstream_servicekit.kafka import KafkaConnection
from slotstream_servicekit.projections import VersionedTable

pytestmark = pytest.mark.service

NewTopic = Callable[..., Awaitable[str]]
Until = Callable[..., Awaitable[Any]]

NOTES = VersionedTable(
    Table(
        "notes",
        MetaData(),
        Column("organization_id", Uuid, primary_key=True),
        Column("id", Text, primary_key=True),
        Column("version", Integer),
        Column("words", Text),
        Column("applied_at", DateTime(timezone=True)),
    )
)


def row_of(key: str, note: Note) -> dict[str, Any] | None:
    if note.words == "past":
        return None
    return {"organization_id": note.organization, "id": key, "version": note.sequence, "words": note.words}


def an_audit(world: World, kafka: str, topic: str) -> ProjectionAudit:
    audited = AuditedProjection(
        name="notes",
        topic=topic,
        table=NOTES,
        row_of=row_of,
        key_of=lambda organization_id, key: (organization_id, key),
        record_key_of=lambda key: str(key[1]),
    )
    return ProjectionAudit(
        service=world.service, kafka=KafkaConnection(kafka), database=world.database, decode=decode, audited=[audited]
    )


async def drift_of(world: World, kafka: str, topic: str, *, partitions: int = 3) -> float:
    audit = an_audit(world, kafka, topic)
    for partition in range(partitions):
        await audit.audit_partition(TopicPartition(topic, partition), partitions, asyncio.Event())
    return float(DRIFT.labels(world.service, "notes")._value.get())


async def applied(world: World, kafka: str, topic: str, until: Until, count: int) -> None:
    """Lets a consumer work through the topic, and leave its offsets committed."""
    consumers = world.consumers(kafka)
    consumers.subscribe(topic, on_notes, dedupe=False)

    async def all_there() -> bool:
        return bool(await world.value("SELECT count(*) FROM notes") == count)

    async with running(consumers):
        await until(all_there)


async def a_projection(world: World, kafka: str, new_topic: NewTopic, until: Until) -> str:
    """Twenty notes, one of them erased."""
    topic = await new_topic(cleanup="compact")
    await send_notes(kafka, topic, [Note(subject=f"n{number}") for number in range(20)])
    async with producing(kafka) as producer:
        headers = [("ce_organization", str(ORGANIZATION).encode()), ("ce_sequence", b"2")]
        await producer.send_and_wait(topic, None, key=b"n0", headers=headers)
    await applied(world, kafka, topic, until, 19)
    return topic


async def test_a_projection_that_holds_what_its_topic_says_does_not_drift(
    world: World, kafka: str, new_topic: NewTopic, until: Until
) -> None:
    topic = await a_projection(world, kafka, new_topic, until)
    assert await drift_of(world, kafka, topic) == 0


@pytest.mark.parametrize(
    "fault",
    [
        "DELETE FROM notes WHERE id = 'n1'",
        "UPDATE notes SET words = 'others' WHERE id = 'n1'",
        "UPDATE notes SET version = 0 WHERE id = 'n1'",
        "INSERT INTO notes (organization_id, id, version, words) VALUES (:organization, 'n0', 1, 'back')",
        "INSERT INTO notes (organization_id, id, version, words) VALUES (:organization, 'ghost', 1, 'never said')",
    ],
    ids=["missing", "other content", "older", "erased and back", "without a record"],
)
async def test_every_kind_of_difference_is_found(
    world: World, kafka: str, new_topic: NewTopic, until: Until, fault: str
) -> None:
    topic = await a_projection(world, kafka, new_topic, until)
    await world.run(fault, **({"organization": ORGANIZATION} if ":organization" in fault else {}))
    assert await drift_of(world, kafka, topic) == 1


async def test_a_difference_that_was_mended_is_told_no_more(
    world: World, kafka: str, new_topic: NewTopic, until: Until
) -> None:
    topic = await a_projection(world, kafka, new_topic, until)
    audit = an_audit(world, kafka, topic)
    told = []
    for words in ("others", "hello"):
        await world.run("UPDATE notes SET words = :words WHERE id = 'n1'", words=words)
        for partition in range(3):
            await audit.audit_partition(TopicPartition(topic, partition), 3, asyncio.Event())
        told.append(DRIFT.labels(world.service, "notes")._value.get())
    assert told == [1, 0]


async def test_what_may_be_swept_already_and_what_is_newer_than_the_topic_are_no_drift(
    world: World, kafka: str, new_topic: NewTopic, until: Until
) -> None:
    topic = await new_topic(cleanup="compact")
    await send_notes(kafka, topic, [Note(subject="old", words="past"), Note(subject="n1")])
    await applied(world, kafka, topic, until, 2)
    await world.run("DELETE FROM notes WHERE id = 'old'")
    await world.run("UPDATE notes SET version = 9 WHERE id = 'n1'")
    assert await drift_of(world, kafka, topic) == 0


async def test_a_consumer_that_is_behind_is_no_drift(
    world: World, kafka: str, new_topic: NewTopic, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = await a_projection(world, kafka, new_topic, until)
    monkeypatch.setattr(drift, "_CATCH_UP_SECONDS", 0.0)
    await send_notes(kafka, topic, [Note(subject=f"n{number}", sequence=2) for number in range(1, 20)])
    assert await drift_of(world, kafka, topic) == 0


async def test_what_changes_during_a_round_is_no_drift(
    world: World, kafka: str, new_topic: NewTopic, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = await a_projection(world, kafka, new_topic, until)
    worked_through = drift._worked_through

    async def erased_meanwhile(*arguments: Any) -> bool:
        async with producing(kafka) as producer:
            await producer.send_and_wait(topic, None, key=b"n1")
        await world.run("DELETE FROM notes WHERE id = 'n1'")
        return await worked_through(*arguments)

    monkeypatch.setattr(drift, "_worked_through", erased_meanwhile)
    assert await drift_of(world, kafka, topic) == 0


async def test_of_a_large_partition_each_round_compares_a_share_until_all_was_seen(
    world: World, kafka: str, new_topic: NewTopic, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift, "_MOST_KEYS", 4)
    topic = await new_topic(cleanup="compact", partitions=1)
    await send_notes(kafka, topic, [Note(subject=f"n{number}") for number in range(8)])
    await applied(world, kafka, topic, until, 8)
    await world.run("UPDATE notes SET words = 'others' WHERE id = 'n1'")
    ghost = "INSERT INTO notes (organization_id, id, version, words) VALUES (:org, 'ghost', 1, '')"
    await world.run(ghost, org=ORGANIZATION)
    found: set[bytes] = set()
    monkeypatch.setattr(ProjectionAudit, "tell", lambda _, __, ___, wrong: found.update(wrong))
    audit = an_audit(world, kafka, topic)
    rounds = 0
    while found != {b"n1", b"ghost"}:
        await audit.audit_partition(TopicPartition(topic, 0), 1, asyncio.Event())
        rounds += 1
        assert rounds < 100
