import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition
from kit_world import (
    ORGANIZATION,
    Note,
    World,
    decode,
    on_notes,
    producing,
    running,
    send_note,
    send_notes,
    versions_of,
)
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from slotstream_servicekit.consumer import Received
from slotstream_servicekit.consumer.topic_locks import topic_lock
from slotstream_servicekit.kafka import KafkaConnection
from slotstream_servicekit.outbox import enqueue, record_of
from slotstream_servicekit.rebuild import (
    HistoryIncompleteError,
    MostWouldGoError,
    Projection,
    RebuildFailedError,
    RebuildReport,
    rebuild,
)

pytestmark = pytest.mark.service

NewTopic = Callable[..., Awaitable[str]]
Until = Callable[..., Awaitable[Any]]

STALE = "INSERT INTO notes VALUES (:organization, :id, 1, 'stale', 1, now() - interval '1 hour')"


def a_projection(topic: str, handler: Any = on_notes) -> Projection:
    return Projection(name="notes", topics=[topic], handler=handler, tables=["notes"])


async def rebuilt(world: World, kafka: str, projection: Projection) -> RebuildReport:
    return await rebuild(projection, database=world.database, kafka=KafkaConnection(kafka), decode=decode)


async def test_a_rebuild_heals_what_is_wrong_and_sweeps_what_nothing_vouches_for(
    world: World, kafka: str, new_topic: NewTopic
) -> None:
    topic = await new_topic()
    history = [note for number in range(30) for note in versions_of(Note(subject=f"n{number}", words="right"), 4)]
    await send_notes(kafka, topic, history)
    await world.run(STALE, organization=ORGANIZATION, id="ghost")
    await world.run(STALE, organization=ORGANIZATION, id="n1")
    report = await rebuilt(world, kafka, a_projection(topic))
    assert (report.applied, report.unreadable, report.swept) == (120, 0, 1)
    assert await world.value("SELECT count(*) FROM notes WHERE words = 'right' AND version = 4") == 30
    assert await world.value("SELECT count(*) FROM notes") == 30


async def test_a_rebuild_may_be_repeated(world: World, kafka: str, new_topic: NewTopic) -> None:
    topic = await new_topic()
    await send_notes(kafka, topic, [Note(subject="n1"), Note(subject="n2")])
    reports = [await rebuilt(world, kafka, a_projection(topic)) for _ in range(2)]
    assert [(report.applied, report.swept) for report in reports] == [(2, 0), (2, 0)]
    assert await world.value("SELECT count(*) FROM notes") == 2


async def test_an_erased_key_stays_erased(world: World, kafka: str, new_topic: NewTopic) -> None:
    topic = await new_topic(cleanup="compact")
    await send_notes(kafka, topic, [Note(subject="n1"), Note(subject="n2")])
    async with producing(kafka) as producer:
        await producer.send_and_wait(topic, key=b"n1", value=None)
    await rebuilt(world, kafka, a_projection(topic))
    assert await world.rows("SELECT id FROM notes") == [("n2",)]


async def test_an_empty_topic_empties_the_projection(world: World, kafka: str, new_topic: NewTopic) -> None:
    await world.run(STALE, organization=ORGANIZATION, id="ghost")
    report = await rebuilt(world, kafka, a_projection(await new_topic()))
    assert (report.applied, report.swept) == (0, 1)


async def test_a_topic_that_lost_its_history_empties_nothing_unless_that_is_meant(
    world: World, kafka: str, new_topic: NewTopic
) -> None:
    many = "INSERT INTO notes SELECT :organization, 'n' || n, 1, '', 1, now() - interval '1 hour' FROM "
    await world.run(many + "generate_series(1, 1500) AS n", organization=ORGANIZATION)
    projection = a_projection(await new_topic())
    with pytest.raises(MostWouldGoError, match="1,500 of the 1,500 rows"):
        await rebuilt(world, kafka, projection)
    assert await world.value("SELECT count(*) FROM notes") == 1_500
    report = await rebuild(
        projection, database=world.database, kafka=KafkaConnection(kafka), decode=decode, sweep_most=True
    )
    assert report.swept == 1_500


async def test_a_rebuild_beside_running_consumers_ends_where_the_log_ends(
    world: World, kafka: str, new_topic: NewTopic, until: Until
) -> None:
    topic = await new_topic(cleanup="compact", partitions=4)
    keys = [f"n{number}" for number in range(40)]
    await send_notes(kafka, topic, [note for key in keys for note in versions_of(Note(subject=key), 20)])
    consumers = world.consumers(kafka, batch_size=20)
    consumers.subscribe(topic, on_notes, dedupe=False)
    busy = True

    async def write_and_erase() -> None:
        version = 21
        async with producing(kafka) as producer:
            while busy:
                for number, key in enumerate(keys):
                    if (number + version) % 3:
                        await send_note(producer, topic, Note(subject=key, sequence=version))
                    else:
                        await producer.send(topic, key=key.encode(), value=None)
                version += 1
                await asyncio.sleep(0.05)
            for number, key in enumerate(keys):
                if number % 2:
                    await producer.send(topic, key=key.encode(), value=None)
                else:
                    await send_note(producer, topic, Note(subject=key, sequence=version, words="last"))

    async with running(consumers):
        writing = asyncio.ensure_future(write_and_erase())
        await asyncio.sleep(1)
        for _ in range(3):
            await rebuilt(world, kafka, a_projection(topic))
        busy = False
        await writing
        last = sorted(key for number, key in enumerate(keys) if not number % 2)

        async def settled() -> bool:
            rows = await world.rows("SELECT id FROM notes WHERE words = 'last'")
            return sorted(each for (each,) in rows) == last

        await until(settled, within=180)
        await rebuilt(world, kafka, a_projection(topic))
    assert sorted(each for (each,) in await world.rows("SELECT id FROM notes")) == last


async def test_a_row_removed_while_the_rebuild_had_read_past_it_does_not_come_back(
    world: World, kafka: str, new_topic: NewTopic
) -> None:
    """The consumer removes a row between the rebuild's reading of the state and its writing it."""
    topic = await new_topic(partitions=1)
    await send_notes(kafka, topic, [Note(subject="n1")])
    removed = False

    async def interrupted(session: AsyncSession, batch: Sequence[Received[Note]]) -> None:
        nonlocal removed
        if not removed:
            removed = True
            async with producing(kafka) as producer:
                await producer.send_and_wait(topic, key=b"n1", value=None)
            await world.run("DELETE FROM notes WHERE id = 'n1'")
        await on_notes(session, batch)

    await rebuilt(world, kafka, a_projection(topic, interrupted))
    assert await world.value("SELECT count(*) FROM notes") == 0


async def test_consumers_are_held_back_only_while_the_rebuild_ends(
    world: World, kafka: str, new_topic: NewTopic, until: Until
) -> None:
    topic = await new_topic()
    consumers = world.consumers(kafka)
    consumers.subscribe(topic, on_notes, dedupe=False)
    async with running(consumers):
        async with world.database.system_transaction() as session:
            await session.execute(text("SELECT pg_advisory_xact_lock({:d}, {:d})".format(*topic_lock(topic))))
            await send_notes(kafka, topic, [Note(subject="n1")])
            await asyncio.sleep(1.5)
            assert await world.value("SELECT count(*) FROM notes") == 0

        async def kept() -> bool:
            return bool(await world.value("SELECT count(*) FROM notes") == 1)

        await until(kept)


async def test_records_that_cannot_be_read_are_counted_and_passed_over(
    world: World, kafka: str, new_topic: NewTopic
) -> None:
    topic = await new_topic()
    async with producing(kafka) as producer:
        await producer.send_and_wait(topic, b"{not JSON")
        await send_note(producer, topic, Note(subject="n1"))
        await send_note(producer, topic, Note(subject="newer", type="note.sung"))
    report = await rebuilt(world, kafka, a_projection(topic))
    assert (report.applied, report.unreadable) == (1, 1)


async def test_a_handler_that_fails_ends_the_rebuild_and_nothing_is_swept(
    world: World, kafka: str, new_topic: NewTopic
) -> None:
    topic = await new_topic()
    await send_notes(kafka, topic, [Note(subject="n1", words="poison")])
    await world.run(STALE, organization=ORGANIZATION, id="ghost")
    with pytest.raises(RebuildFailedError, match=f"offset 0 of {topic}"):
        await rebuilt(world, kafka, a_projection(topic))
    assert await world.rows("SELECT id FROM notes") == [("ghost",)]


async def test_a_topic_whose_beginning_is_gone_is_refused(world: World, kafka: str, new_topic: NewTopic) -> None:
    topic = await new_topic(partitions=1)
    await send_notes(kafka, topic, [Note(subject="n1"), Note(subject="n2")])
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=1)})
    await admin.close()
    await world.run(STALE, organization=ORGANIZATION, id="n1")
    with pytest.raises(HistoryIncompleteError, match=topic):
        await rebuilt(world, kafka, a_projection(topic))
    assert await world.value("SELECT words FROM notes") == "stale"


async def test_a_rebuild_publishes_nothing(world: World, kafka: str, new_topic: NewTopic) -> None:
    topic = await new_topic()
    await send_notes(kafka, topic, [Note(subject="n1")])

    async def talkative(session: AsyncSession, batch: Sequence[Received[Note]]) -> None:
        await enqueue(session, [record_of(each.event, aggregatetype="note") for each in batch if each.event])

    with pytest.raises(RebuildFailedError):
        await rebuilt(world, kafka, a_projection(topic, talkative))
    assert await world.outbox_size() == 0
