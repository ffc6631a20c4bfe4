import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder
from kit_world import (
    ORGANIZATION,
    Note,
    TopicOf,
    World,
    inversions,
    make_dead_letter_topic,
    make_topic,
    read_topic,
    running,
    versions_of,
)

from slotstream_servicekit.kafka import KafkaConnection
from slotstream_servicekit.outbox import enqueue, record_of, tombstone
from slotstream_servicekit.producer import PartitionBatch, durable_producer
from slotstream_servicekit.relay import LeadershipLostError, Relay
from slotstream_servicekit.telemetry import OUTBOX_LAG_SECONDS, OUTBOX_PENDING
from slotstream_servicekit.testing.infrastructure import a_kafka
from slotstream_servicekit.topics import apply_topics

pytestmark = pytest.mark.service

NewTopic = Callable[..., Awaitable[str]]
Until = Callable[..., Awaitable[Any]]


async def emptied(world: World, until: Until, *, within: float = 60) -> None:
    async def empty() -> bool:
        return await world.outbox_size() == 0

    await until(empty, within=within, what="the outbox to empty")


async def kill_relay_sessions(world: World) -> int:
    return int(
        await world.value(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name LIKE '%-relay'"
        )
    )


async def write_at_random(
    world: World, topic: str, *, keys: int, versions: int, seed: int, prefix: str = "key"
) -> set[str]:
    """Many writers at once, each keeping the versions of its keys in order; returns the ids committed."""
    chance = random.Random(seed)

    async def write(key: str) -> list[str]:
        notes = versions_of(Note(subject=key, topic=topic), versions)
        for note in notes:
            await world.write(note)
            await asyncio.sleep(chance.random() / 50)
        return [str(note.id) for note in notes]

    written = await asyncio.gather(*(write(f"{prefix}-{number}") for number in range(keys)))
    return {each for ids in written for each in ids}


async def test_committed_events_reach_kafka_with_key_and_headers(
    world: World, kafka: str, new_topic: NewTopic, until: Until
) -> None:
    topic = await new_topic()
    note = Note(subject="n1", topic=topic, traceparent=f"00-{'a' * 32}-{'b' * 16}-01")
    await world.write(note)
    async with running(world.relay(kafka)):
        await emptied(world, until)
    (record,) = await read_topic(kafka, topic)
    assert (record.key, record.value) == (b"n1", note.to_json())
    assert dict(record.headers) == {name: value.encode() for name, value in note.headers().items()}


async def test_a_tombstone_reaches_kafka_without_a_value(
    world: World, kafka: str, new_topic: NewTopic, until: Until
) -> None:
    topic = await new_topic(cleanup="compact")
    grave = tombstone(
        organization_id=ORGANIZATION,
        topic=topic,
        key="n1",
        type="note.state",
        aggregatetype="note",
        aggregateid="n1",
        version=4,
    )
    async with world.database.transaction(ORGANIZATION) as session:
        await enqueue(session, [grave])
    async with running(world.relay(kafka)):
        await emptied(world, until)
    (record,) = await read_topic(kafka, topic)
    assert (record.key, record.value) == (b"n1", None)


async def test_records_too_many_or_too_large_for_one_batch_arrive_in_the_order_of_their_keys(
    world: World, kafka: str, new_topic: NewTopic, until: Until
) -> None:
    topic = await new_topic(partitions=2)
    notes = [
        replace(note, words="x" * size)
        for size, note in zip(
            [900_000, 10, 100_000, 250_000, 900_000] * 8,
            (note for number in range(8) for note in versions_of(Note(subject=f"n{number}", topic=topic), 5)),
            strict=True,
        )
    ]
    await world.write(*notes)
    async with running(world.relay(kafka)):
        await emptied(world, until)
    records = await read_topic(kafka, topic)
    assert sorted(record.value for record in records) == sorted(note.to_json() for note in notes)
    assert inversions(records) == []
    assert {record.partition for record in records} == {0, 1}


async def test_the_relay_sends_each_key_to_the_partition_that_every_producer_chooses(
    world: World, kafka: str, new_topic: NewTopic, until: Until
) -> None:
    relayed, sent = await new_topic(partitions=5), await new_topic(partitions=5)
    keys = [f"key-{number}" for number in range(50)]
    await world.write(*(Note(subject=key, topic=relayed) for key in keys))
    async with running(world.relay(kafka)):
        await emptied(world, until)
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for key in keys:
            await producer.send_and_wait(sent, b"", key=key.encode())
    partitions = [
        {record.key: record.partition for record in await read_topic(kafka, topic)} for topic in (relayed, sent)
    ]
    assert partitions[0] == partitions[1]


def test_what_follows_a_failed_batch_in_its_partition_has_not_arrived(world: World) -> None:
    failed, behind, other = (PartitionBatch("t", partition, BatchBuilder(1_000, 0)) for partition in (0, 0, 1))
    error = KafkaError()

    batches = {failed: ["a"], behind: ["b"], other: ["c"]}
    arrived, refused, failure = world.relay("")._arrived(batches, [error, None, None])

    assert (arrived, refused, failure) == (["c"], [], error)


async def test_an_event_is_on_its_way_within_a_blink(
    world: World, kafka: str, new_topic: NewTopic, until: Until
) -> None:
    topic = await new_topic()
    loop = asyncio.get_running_loop()
    took: list[float] = []
    async with running(world.relay(kafka)):
        await world.write(Note(subject="first", topic=topic))
        await emptied(world, until)
        # A busy machine is late now and then, but not every time.
        while len(took) < 40 and min(took, default=1) >= 0.5:
            await asyncio.sleep(0.3)
            started = loop.time()
            await world.write(Note(subject=f"n{len(took)}", topic=topic))
            await emptied(world, until)
            took.append(loop.time() - started)
    assert min(took) < 0.5


async def test_two_relays_and_killed_leaders_lose_nothing_and_keep_the_order_of_each_key(
    world: World, kafka: str, new_topic: NewTopic, until: Until
) -> None:
    topic = await new_topic(partitions=4)
    relays = [world.relay(kafka, batch_size=7) for _ in range(2)]
    async with running(*relays):
        killed = 0
        committed: set[str] = set()
        for attempt in range(20):
            writing = asyncio.ensure_future(
                write_at_random(world, topic, keys=20, versions=150, seed=7 + attempt, prefix=f"key-{attempt}")
            )
            while not writing.done():
                await asyncio.sleep(0.3)
                killed += await kill_relay_sessions(world)
            committed |= await writing
            if killed > 2:
                break
        await emptied(world, until, within=180)
    records = await read_topic(kafka, topic)
    assert killed > 2
    assert {orjson.loads(record.value)["id"] for record in records} == committed
    assert inversions(records) == []


async def test_a_relay_cancelled_in_the_middle_repeats_but_loses_nothing(
    world: World, kafka: str, new_topic: NewTopic, until: Until
) -> None:
    topic = await new_topic()
    committed = set()
    for attempt in range(8):
        committed |= await write_at_random(world, topic, keys=20, versions=4, seed=attempt, prefix=f"key-{attempt}")
        waiting = await world.outbox_size()
        relay = asyncio.ensure_future(world.relay(kafka, batch_size=5).run(asyncio.Event()))

        async def sends(waiting: int = waiting) -> bool:
            return await world.outbox_size() < waiting

        await until(sends)
        relay.cancel()
        await asyncio.gather(relay, return_exceptions=True)
    async with running(world.relay(kafka)):
        await emptied(world, until)
    records = await read_topic(kafka, topic)
    assert {orjson.loads(record.value)["id"] for record in records} == committed
    assert inversions(records) == []


async def test_a_second_relay_takes_over_when_the_first_stops(
    world: World, kafka: str, new_topic: NewTopic, until: Until
) -> None:
    topic = await new_topic()
    async with running(world.relay(kafka)):
        await world.write(Note(subject="n1", topic=topic))
        await emptied(world, until)
        async with running(world.relay(kafka)):
            await asyncio.sleep(0.2)
    async with running(world.relay(kafka)):
        await world.write(Note(subject="n2", topic=topic))
        await emptied(world, until)
    assert len(await read_topic(kafka, topic)) == 2


async def test_relays_that_divide_the_keys_differently_never_work_side_by_side(
    world: World, kafka: str, new_topic: NewTopic, until: Until
) -> None:
    topic = await new_topic()
    leader, newcomer = world.relay(kafka, lanes=4), world.relay(kafka, lanes=16)
    held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 7227014"
    held += " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"

    async def lanes() -> int:
        return int(await world.value(held))

    async with running(leader):

        async def leads() -> bool:
            return await lanes() == 4

        await until(leads, what="the first to lead")
        async with running(newcomer):
            await asyncio.sleep(1.5)
            assert await lanes() == 4
    async with running(newcomer):

        async def leads_differently() -> bool:
            return await lanes() == 16

        await world.write(Note(subject="n1", topic=topic))
        await emptied(world, until)
        await until(leads_differently, what="the newcomer to lead")


async def test_a_topic_that_does_not_exist_holds_back_only_its_own_events(
    world: World, kafka: str, new_topic: NewTopic, until: Until
) -> None:
    topic = await new_topic()
    await world.write(Note(subject="lost", topic="no-such-topic"))
    async with running(world.relay(kafka)):
        await world.write(*(Note(subject=f"n{number}", topic=topic) for number in range(5)))

        async def others_left() -> bool:
            return await world.outbox_size() == 1

        await until(others_left)
    assert len(await read_topic(kafka, topic)) == 5
    assert await world.rows("SELECT key FROM outbox") == [("lost",)]


async def test_a_record_that_kafka_refuses_for_good_is_set_aside_and_holds_nothing_up(
    world: World, kafka: str, until: Until
) -> None:
    topic = TopicOf(name=f"small-{uuid4().hex[:8]}", partitions=1, max_message_bytes=10_000)
    await apply_topics(KafkaConnection(kafka), [topic])
    await make_dead_letter_topic(kafka, world.service)
    await world.write(
        Note(subject="n0", topic=topic.name),
        Note(subject="n1", topic=topic.name, words="x" * 20_000),
        Note(subject="n2", topic=topic.name),
    )
    async with world.database.transaction(ORGANIZATION) as session:
        unsendable = replace(record_of(Note(subject="n3", topic=topic.name), aggregatetype="note"), headers={"x": 1})
        await enqueue(session, [unsendable])
    await world.write(Note(subject="n4", topic=topic.name))
    async with running(world.relay(kafka)):
        await emptied(world, until)
    assert [record.key for record in await read_topic(kafka, topic.name)] == [b"n0", b"n2", b"n4"]
    letters = await read_topic(kafka, world.service, service_dead_letters=True)
    assert sorted(dict(letter.headers)["dlq_key"] for letter in letters) == [b"n1", b"n3"]
    assert {dict(letter.headers)["dlq_code"] for letter in letters} == {b"refused_by_kafka"}


async def test_a_producer_left_by_an_error_sends_nothing_that_was_still_waiting() -> None:
    with a_kafka() as server:
        kafka = server.bootstrap_servers
        topic = await make_topic(kafka, "notes", partitions=1)
        with pytest.raises(LeadershipLostError):
            async with durable_producer(KafkaConnection(kafka), client_id="left") as producer:
                await producer.send_and_wait(topic, b"before")
                await asyncio.to_thread(server.freeze)
                await producer.send(topic, b"on its way")
                await asyncio.sleep(0.5)
                await producer.send(topic, b"waiting")
                raise LeadershipLostError
        await asyncio.to_thread(server.thaw)
        await asyncio.sleep(2)
        values = [record.value for record in await read_topic(kafka, topic)]
    assert b"before" in values
    assert b"waiting" not in values


async def test_what_is_pending_is_told_while_kafka_is_down(world: World, until: Until) -> None:
    await world.write(*(Note(subject=f"n{number}", topic="notes") for number in range(7)))
    async with running(world.relay("127.0.0.1:1")):

        async def told() -> bool:
            return OUTBOX_PENDING.labels(world.service)._value.get() == 7

        await until(told)
        assert OUTBOX_LAG_SECONDS.labels(world.service)._value.get() > 0


async def test_a_frozen_kafka_delays_but_loses_nothing(world: World, until: Until) -> None:
    with a_kafka() as server:
        kafka = server.bootstrap_servers
        topic = await make_topic(kafka, "notes")
        async with running(world.relay(kafka, batch_size=50)):
            writing = asyncio.ensure_future(write_at_random(world, topic, keys=10, versions=30, seed=3))
            await asyncio.sleep(0.3)
            await asyncio.to_thread(server.freeze)
            late = Note(subject="late", topic=topic)
            await world.write(late)
            committed = await writing | {str(late.id)}
            await asyncio.sleep(12)
            assert await world.outbox_size() > 0
            await asyncio.to_thread(server.thaw)
            await emptied(world, until)
        records = await read_topic(kafka, topic)
    assert {orjson.loads(record.value)["id"] for record in records} == committed
    assert inversions(records) == []


async def test_a_relay_outlives_a_kafka_that_is_not_there_yet_and_goes_away(world: World, until: Until) -> None:
    with a_kafka() as server:
        kafka = server.bootstrap_servers
        topic = await make_topic(kafka, "notes")
        await asyncio.to_thread(server.stop)
        await world.write(Note(subject="n1", topic=topic))
        async with running(world.relay(kafka)):
            await asyncio.sleep(2.5)
            assert await world.outbox_size() == 1
            await asyncio.to_thread(server.start)
            await emptied(world, until, within=120)
            await asyncio.to_thread(server.stop)
            await world.write(Note(subject="n2", topic=topic))
            await asyncio.sleep(3)
            assert await world.outbox_size() == 1
            await asyncio.to_thread(server.start)
            await emptied(world, until, within=120)
        assert len(await read_topic(kafka, topic)) >= 2


async def test_a_relay_stops_in_time_although_kafka_does_not_answer(world: World, until: Until) -> None:
    with a_kafka() as server:
        kafka = server.bootstrap_servers
        topic = await make_topic(kafka, "notes")
        stop = asyncio.Event()
        relay = asyncio.ensure_future(world.relay(kafka).run(stop))
        await world.write(Note(subject="n0", topic=topic))
        await emptied(world, until)
        await asyncio.to_thread(server.freeze)
        await world.write(Note(subject="n1", topic=topic))
        await asyncio.sleep(1)
        stop.set()
        await asyncio.wait_for(relay, 30)
        await asyncio.to_thread(server.thaw)
    assert await world.outbox_size() == 1


async def test_a_stop_finishes_the_batch_in_hand(world: World, kafka: str, new_topic: NewTopic, until: Until) -> None:
    topic = await new_topic()
    async with world.database.transaction(ORGANIZATION) as session:
        notes = [Note(subject=f"n{number}", topic=topic) for number in range(2_000)]
        await enqueue(session, [record_of(note, aggregatetype="note") for note in notes])
    stop = asyncio.Event()
    relay = asyncio.ensure_future(world.relay(kafka).run(stop))

    async def begun() -> bool:
        return await world.outbox_size() < 2_000

    await until(begun)
    stop.set()
    await asyncio.wait_for(relay, 30)
    assert len(await read_topic(kafka, topic)) == 2_000 - await world.outbox_size()


def test_a_relay_has_at_least_one_lane_and_at_most_as_many_as_keys_are_hashed_to(world: World) -> None:
    for lanes in (0, 257):
        with pytest.raises(ValueError, match="lanes"):
            Relay(world.database, service="kit", kafka=KafkaConnection(""), lanes=lanes)
