import asyncio
import time
from collections.abc import Sequence

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from kit_world import (
    INBOX,
    Note,
    World,
    make_dead_letter_topic,
    make_topic,
    on_notes,
    producing,
    running,
    send_note,
    send_notes,
    versions_of,
)
from listening import Ear, NewTopic, Until, dead_letters_of, keeps, kept, notes
from sqlalchemy.ext.asyncio import AsyncSession

from slotstream_servicekit.consumer import Consumers, Received, memberships
from slotstream_servicekit.errors import DatabaseUnavailableError, TransientError
from slotstream_servicekit.health import Health
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.telemetry import configure_tracing, shutdown_tracing

service = pytest.mark.service

TRACE = f"00-{'a' * 32}-{'b' * 16}-01"
OTHER_TRACE = f"00-{'c' * 32}-{'d' * 16}-01"


@service
async def test_a_batch_and_its_effect_commit_together(
    world: World, kafka: str, new_topic: NewTopic, until: Until
) -> None:
    topic = await new_topic()
    await send_notes(kafka, topic, notes(300))
    consumers, ear = world.consumers(kafka), Ear()
    consumers.subscribe(topic, ear)
    async with running(consumers):
        await keeps(world, until, 300)
    assert max(len(batch) for batch in ear.batches) > 50
    assert await world.value("SELECT count(*) FROM inbox WHERE consumer = :name", name=world.service) == 300


@service
async def test_a_message_delivered_again_has_no_second_effect(
    world: World, kafka: str, new_topic: NewTopic, until: Until
) -> None:
    topic = await new_topic()
    messages = notes(20)
    await send_notes(kafka, topic, [*messages, *messages, *messages])
    consumers = world.consumers(kafka)
    consumers.subscribe(topic, on_notes)
    async with running(consumers):
        await keeps(world, until, 20)
    again = world.consumers(kafka, service=f"{world.service}-again")
    again.subscribe(topic, on_notes, group=world.service)
    await send_notes(kafka, topic, [*messages, Note(subject="last")])
    async with running(again):
        await keeps(world, until, 21)
    assert await world.value("SELECT max(applied) FROM notes") == 1


@service
async def test_states_are_applied_without_an_inbox_and_tombstones_remove(
    world: World, kafka: str, new_topic: NewTopic, until: Until
) -> None:
    topic = await new_topic(cleanup="compact")
    consumers, ear = world.consumers(kafka, inbox=None), Ear()
    consumers.subscribe(topic, ear, dedupe=False)
    async with running(consumers):
        await send_notes(kafka, topic, notes(2))
        await keeps(world, until, 2)
        async with producing(kafka) as producer:
            await producer.send_and_wait(topic, key=b"n1", value=None)
        await until(lambda: "gone n1" in ear.heard)
    assert await world.rows("SELECT id FROM notes") == [("n0",)]
    assert await world.value("SELECT count(*) FROM inbox") == 0


def test_deduplication_needs_an_inbox(world: World) -> None:
    with pytest.raises(ValueError, match="inbox"):
        world.consumers("", inbox=None).subscribe("notes", on_notes)


@service
async def test_old_and_out_of_order_states_change_nothing(
    world: World, kafka: str, new_topic: NewTopic, until: Until
) -> None:
    topic = await new_topic()
    versions = versions_of(Note(subject="n1"), 5)
    await send_notes(kafka, topic, [versions[4], *versions, versions[0], Note(subject="last")])
    consumers = world.consumers(kafka, batch_size=1)
    consumers.subscribe(topic, on_notes, dedupe=False)
    async with running(consumers):

        async def both() -> bool:
            return bool(await world.value("SELECT version = 5 FROM notes WHERE id = 'n1'")) and await kept(world) == 2

        await until(both)


@service
async def test_errors_that_pass_are_waited_out(world: World, kafka: str, new_topic: NewTopic, until: Until) -> None:
    topic = await new_topic()
    await send_notes(kafka, topic, notes(5))
    ear = Ear(TransientError("soon"), DatabaseUnavailableError(), ConnectionResetError())
    consumers = world.consumers(kafka)
    consumers.subscribe(topic, ear)
    async with running(consumers):
        await keeps(world, until, 5)
    assert sorted(ear.heard) == [f"n{number}" for number in range(5)]


@service
async def test_a_topic_that_does_not_exist_yet_holds_nothing_else_up(
    world: World, kafka: str, new_topic: NewTopic, until: Until
) -> None:
    topic = await new_topic()
    await send_notes(kafka, topic, notes(3))
    health = Health()
    consumers = world.consumers(kafka, health=health)
    consumers.subscribe("not-there-yet", on_notes)
    consumers.subscribe(topic, on_notes)
    async with running(consumers):
        await keeps(world, until, 3)

        async def one_is_ready() -> bool:
            return (await health.report()).checks[f"consumer {topic}"].ok

        await until(one_is_ready)
        assert not (await health.report()).checks["consumer not-there-yet"].ok


@service
async def test_a_consumer_leaves_partitions_to_one_that_joins_and_takes_those_of_one_that_goes(
    world: World, kafka: str, new_topic: NewTopic, until: Until
) -> None:
    topic = await new_topic(partitions=6)

    async def slow(session: AsyncSession, batch: Sequence[Received[Note]]) -> None:
        await asyncio.sleep(0.02)
        await on_notes(session, batch)

    def member() -> Consumers:
        consumers = world.consumers(kafka, batch_size=10)
        consumers.subscribe(topic, slow)
        return consumers

    async with running(member()):
        for round_number in range(3):
            async with running(member()):
                await send_notes(kafka, topic, [Note(subject=f"{round_number}-{each}") for each in range(200)])
                await asyncio.sleep(0.5)
        await keeps(world, until, 600)
    assert await world.value("SELECT max(applied) FROM notes") == 1


@service
async def test_no_member_leaves_because_a_rebalance_forgot_when_kafka_answered_last(
    world: World, kafka: str, new_topic: NewTopic, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One who left then would begin the next rebalance, in which the others leave."""
    left: list[str] = []

    class Log:
        def warning(self, event: str, **_: object) -> None:
            left.append(event)

        info = error = exception = debug = warning

    monkeypatch.setattr(memberships, "log", Log())
    monkeypatch.setattr(memberships, "_WATCH_SECONDS", 0.02)
    # Kafka answers every tenth of a second that there is nothing: on a slow machine, too, in far less than the rest.
    monkeypatch.setattr(memberships, "_FETCH_MILLISECONDS", 100)
    monkeypatch.setattr(memberships, "_SILENCE_SECONDS", 6.0)
    topic = await new_topic(partitions=4)
    first, second = world.consumers(kafka), world.consumers(kafka)
    for consumers in (first, second):
        consumers.subscribe(topic, on_notes)
    joined = time.monotonic()
    async with running(first):
        await until(lambda: _members_of(kafka, world.service, 1), what="the first has joined")
        await until(lambda: time.monotonic() - joined > 7, what="it has been there for longer than it bears silence")
        async with running(second):
            await until(lambda: _members_of(kafka, world.service, 2), what="the second has joined")
            await send_notes(kafka, topic, notes(50))
            await keeps(world, until, 50)
            assert await _members_of(kafka, world.service, 2)
            assert [event for event in left if event == "consumer_hears_nothing"] == []


async def _members_of(kafka: str, group: str, count: int) -> bool:
    """Whether the group has so many members, all of whom have their partitions."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        [answer] = await admin.describe_consumer_groups([group])
    except KafkaError:
        return False  # of a broker that has just started: it does not know its groups yet
    finally:
        await admin.close()
    [(_, _, state, _, _, joined, *_)] = answer.groups
    return bool(state == "Stable" and len(joined) == count)


@service
async def test_a_consumer_killed_in_mid_flight_loses_and_doubles_nothing(
    world: World, kafka: str, new_topic: NewTopic, until: Until
) -> None:
    topic = await new_topic(partitions=2)
    for round_number in range(3):
        await send_notes(kafka, topic, [Note(subject=f"{round_number}-{each}") for each in range(200)])
        consumers = world.consumers(kafka, batch_size=20)
        consumers.subscribe(topic, on_notes)
        killed = asyncio.ensure_future(consumers.run(asyncio.Event()))
        already = await kept(world)

        async def begun(already: int = already) -> bool:
            return await kept(world) > already

        await until(begun)
        killed.cancel()
        await asyncio.gather(killed, return_exceptions=True)
    consumers = world.consumers(kafka)
    consumers.subscribe(topic, on_notes)
    async with running(consumers):
        await keeps(world, until, 600)
    assert await world.value("SELECT max(applied) FROM notes") == 1


@service
async def test_a_transaction_takes_on_no_more_than_the_batch_size_by_weight_whatever_was_polled(
    world: World, kafka: str, new_topic: NewTopic, until: Until
) -> None:
    topic = await new_topic(partitions=1)
    await make_dead_letter_topic(kafka, world.service)
    heavy = {"n0", "n5", "n6"}
    await send_notes(kafka, topic, notes(8))
    async with producing(kafka) as producer:
        await producer.send_and_wait(topic, b"{broken", key=b"poison")
    await send_notes(kafka, topic, [Note(subject="last")])
    ear = Ear()
    consumers = world.consumers(kafka, batch_size=10)
    consumers.subscribe(topic, ear, weigh=lambda note: 40 if note.subject in heavy else 4)
    async with running(consumers):
        await keeps(world, until, 9)

        async def aside() -> bool:
            return len(await dead_letters_of(world, kafka)) == 1

        await until(aside)
    assert [[each.event.subject for each in batch] for batch in ear.batches] == [
        ["n0"],
        ["n1", "n2"],
        ["n3", "n4"],
        ["n5"],
        ["n6"],
        ["n7", "last"],
    ]


@service
async def test_readiness_tells_of_assignment_polls_and_lag(
    world: World, kafka: str, new_topic: NewTopic, until: Until
) -> None:
    topic = await new_topic(partitions=4)
    health = Health()
    consumers = world.consumers(kafka, health=health)
    consumers.subscribe(topic, on_notes)
    assert (await health.report()).checks[f"consumer {topic}"].detail == "has not joined its group yet"
    async with running(consumers):

        async def ready() -> bool:
            report = await health.report()
            facts = report.checks[f"consumer {topic}"].facts
            return report.ready and (facts["assigned"], facts["lag"]) == (4, 0)

        await until(ready)


@service
async def test_what_is_done_for_a_record_continues_its_trace(
    world: World, kafka: str, new_topic: NewTopic, until: Until
) -> None:
    topic = await new_topic(partitions=1)
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    configure_tracing("kit", exporter=exporter)
    try:
        await send_notes(
            kafka, topic, [Note(subject="a", traceparent=TRACE), Note(subject="b", traceparent=OTHER_TRACE)]
        )
        consumers, ear = world.consumers(kafka), Ear()
        consumers.subscribe(topic, ear)
        async with running(consumers):
            await keeps(world, until, 2)
            await send_notes(kafka, topic, [Note(subject="c", traceparent=TRACE)])
            await keeps(world, until, 3)
    finally:
        shutdown_tracing()
    spans = {
        f"{span.context.trace_id:032x}-{span.context.span_id:016x}": span for span in exporter.get_finished_spans()
    }
    ids = [trace and trace[3:-3] for trace in ear.traces]
    assert [each and each[:32] for each in ids] == ["a" * 32, "c" * 32, "a" * 32]
    for each in ids:
        assert each is not None
        parent = spans[each].parent
        assert parent is not None
        assert f"{parent.span_id:016x}" in {"b" * 16, "d" * 16}


@service
async def test_without_a_tracer_the_trace_still_travels(
    world: World, kafka: str, new_topic: NewTopic, until: Until
) -> None:
    topic = await new_topic(partitions=1)
    await send_notes(kafka, topic, [Note(subject="a", traceparent=TRACE), Note(subject="b", traceparent=OTHER_TRACE)])
    consumers, ear = world.consumers(kafka), Ear()
    consumers.subscribe(topic, ear)
    async with running(consumers):
        await keeps(world, until, 2)
    assert ear.traces == [TRACE, OTHER_TRACE]


@service
async def test_the_inbox_is_pruned_while_the_consumer_runs(
    world: World, kafka: str, new_topic: NewTopic, until: Until
) -> None:
    await world.run("INSERT INTO inbox VALUES ('kit', :id, now() - interval '16 days')", id=new_id())
    await world.run("INSERT INTO inbox VALUES ('kit', :id, now() - interval '13 days')", id=new_id())
    consumers = world.consumers(kafka)
    consumers.subscribe(await new_topic(), on_notes)
    async with running(consumers):

        async def pruned() -> bool:
            return bool(await world.value("SELECT count(*) FROM inbox") == 1)

        await until(pruned)


@service
async def test_a_consumer_waits_for_kafka_and_outlives_its_restart(world: World, until: Until) -> None:
    from slotstream_servicekit.testing.infrastructure import a_kafka

    with a_kafka() as server:
        kafka = server.bootstrap_servers
        topic = await make_topic(kafka, "notes")
        await send_notes(kafka, topic, notes(3))
        await asyncio.to_thread(server.stop)
        health = Health()
        consumers = world.consumers(kafka, health=health)
        consumers.subscribe(topic, on_notes)
        async with running(consumers):
            await asyncio.sleep(1.5)
            assert not (await health.report()).ready
            await asyncio.to_thread(server.start)
            await keeps(world, until, 3, within=120)
            await asyncio.to_thread(server.stop)
            await asyncio.to_thread(server.start)
            await send_notes(kafka, topic, notes(5))
            await keeps(world, until, 5, within=120)


@service
async def test_a_stop_finishes_the_batch_in_hand(world: World, kafka: str, new_topic: NewTopic, until: Until) -> None:
    topic = await new_topic()
    await send_notes(kafka, topic, notes(10))
    begun = asyncio.Event()

    async def slow(session: AsyncSession, batch: Sequence[Received[Note]]) -> None:
        begun.set()
        await asyncio.sleep(0.5)
        await on_notes(session, batch)

    stop = asyncio.Event()
    consumers = world.consumers(kafka)
    consumers.subscribe(topic, slow)
    task = asyncio.ensure_future(consumers.run(stop))
    await asyncio.wait_for(begun.wait(), 60)
    stop.set()
    await asyncio.wait_for(task, 30)
    done = await kept(world)
    assert done > 0
    assert await world.value("SELECT count(*) FROM inbox") == done
    assert INBOX.name == "inbox"


@service
async def test_whoever_waits_long_for_records_is_answered_at_once(
    world: World, kafka: str, new_topic: NewTopic, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also after a slow batch, during which records of its own partition came: they must not wait for the answer
    about all the other partitions.
    """
    monkeypatch.setattr(memberships, "_FETCH_MILLISECONDS", 20_000)
    monkeypatch.setattr(memberships, "_SILENCE_SECONDS", 60.0)
    topic = await new_topic()
    handled: list[str] = []
    slow_ones = {"first": asyncio.Event(), "during": asyncio.Event()}
    begun: list[str] = []

    async def on_slow_notes(session: AsyncSession, batch: Sequence[Received[Note]]) -> None:
        subjects = [record.event.words for record in batch if record.event is not None]
        begun.extend(subjects)
        for subject in subjects:
            if subject in slow_ones:
                await slow_ones[subject].wait()
        handled.extend(subjects)

    consumers = world.consumers(kafka)
    consumers.subscribe(topic, on_slow_notes)
    async with running(consumers), producing(kafka) as producer:

        async def send(words: str) -> None:
            await send_note(producer, topic, Note(subject="one key", words=words))
            await producer.flush()

        await send("warm")
        await until(lambda: handled == ["warm"])
        for round_number in range(3):
            await send("first")
            await until(lambda: begun[-1] == "first")
            await send("during")
            # Longer than it takes aiokafka to give up waiting for its records to be taken, and to ask for others.
            await asyncio.sleep(0.4)
            slow_ones["first"].set()
            await until(lambda: begun[-1] == "during")
            await asyncio.sleep(0.4)
            slow_ones["during"].set()
            began = time.monotonic()
            await send(f"after {round_number}")
            await until(lambda number=round_number: handled[-1] == f"after {number}")
            assert time.monotonic() - began < 10
            for event in slow_ones.values():
                event.clear()


@service
async def test_a_member_without_work_joins_anew_before_its_poll_ends(
    world: World, kafka: str, new_topic: NewTopic, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memberships, "_RENEW_SECONDS", 0.5)
    joined = 0
    join = memberships.Membership.join

    async def counted(membership: memberships.Membership) -> bool:
        nonlocal joined
        joined += 1
        return await join(membership)

    monkeypatch.setattr(memberships.Membership, "join", counted)
    topic = await new_topic()
    consumers = world.consumers(kafka)
    consumers.subscribe(topic, on_notes)
    async with running(consumers):
        await until(lambda: joined >= 3, what="it joins again and again while there is nothing to do")
        await send_notes(kafka, topic, notes(5))
        await keeps(world, until, 5)
