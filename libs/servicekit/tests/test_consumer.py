import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kit_world import (
    INBOX,
    Note,
    UnreadableNoteError,
    World,
    decode,
    make_dead_letter_topic,
    make_topic,
    on_notes,
    producing,
    read_topic,
    running,
    send_note,
    send_notes,
    versions_of,
)
from sqlalchemy.ext.asyncio import AsyncSession

from slotstream_servicekit.consumer import Consumers, Received, is_transient, read_record
from slotstream_servicekit.consumer.poison import PoisonGauge
from slotstream_servicekit.consumer.retries import patiently
from slotstream_servicekit.errors import DatabaseUnavailableError, NotFoundError, TransientError
from slotstream_servicekit.health import Health
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.telemetry import (
    configure_tracing,
    current_traceparent,
    parse_traceparent,
    shutdown_tracing,
)

NewTopic = Callable[..., Awaitable[str]]
Until = Callable[..., Awaitable[Any]]
service = pytest.mark.service

TRACE = f"00-{'a' * 32}-{'b' * 16}-01"
OTHER_TRACE = f"00-{'c' * 32}-{'d' * 16}-01"


class Ear:
    """A handler that remembers what it heard and then keeps it as `on_notes` does."""

    def __init__(self, *failures: Exception) -> None:
        self.batches: list[list[Received[Note]]] = []
        self.traces: list[str | None] = []
        self._failures = list(failures)

    @property
    def heard(self) -> list[str]:
        return [each.event.subject if each.event else f"gone {each.key}" for batch in self.batches for each in batch]

    async def __call__(self, session: AsyncSession, batch: Sequence[Received[Note]]) -> None:
        if self._failures:
            raise self._failures.pop(0)
        await on_notes(session, batch)
        self.batches.append(list(batch))
        for each in batch:
            with each.in_trace():
                self.traces.append(current_traceparent())


async def kept(world: World) -> int:
    return int(await world.value("SELECT count(*) FROM notes"))


async def keeps(world: World, until: Until, count: int, *, within: float = 60) -> None:
    async def enough() -> bool:
        return await kept(world) >= count

    await until(enough, within=within, what=f"{count} notes")
    assert await kept(world) == count


async def dead_letters_of(world: World, kafka: str) -> list[Any]:
    return await read_topic(kafka, world.service, service_dead_letters=True)


def causes(records: Sequence[Any]) -> list[str]:
    return [dict(record.headers)["dlq_code"].decode() for record in records]


def notes(count: int, **facts: Any) -> list[Note]:
    return [Note(subject=f"n{number}", **facts) for number in range(count)]


# Reading one record


class ARecord:
    def __init__(self, value: bytes | None, headers: Sequence[tuple[str, bytes]] = ()) -> None:
        self.value = value
        self.headers = headers
        self.key = b"k"
        self.topic = "notes"
        self.partition = 3
        self.offset = 7
        self.timestamp = 1_767_225_600_000


def test_a_record_is_read_with_where_and_when_it_stood() -> None:
    note = Note(subject="n1", traceparent=TRACE)
    received = read_record(ARecord(note.to_json()), decode)
    assert received == Received(
        event=note,
        key="k",
        topic="notes",
        partition=3,
        offset=7,
        timestamp=datetime(2026, 1, 1, tzinfo=UTC),
        traceparent=TRACE,
    )


def test_a_type_that_is_not_asked_for_is_told_by_its_header_without_reading_the_value() -> None:
    record = ARecord(b"not even JSON", [("ce_type", b"note.burnt")])
    assert read_record(record, decode, types=frozenset({"note.written"})) is None


def test_a_type_that_is_not_asked_for_is_told_by_its_value_where_there_is_no_header() -> None:
    record = ARecord(Note(subject="n1", type="note.read").to_json())
    assert read_record(record, decode, types=frozenset({"note.written"})) is None


def test_a_type_that_only_newer_programs_know_is_of_no_interest() -> None:
    assert read_record(ARecord(Note(subject="n1", type="note.sung").to_json()), decode) is None


def test_a_null_value_is_a_tombstone_only_where_tombstones_are_wanted() -> None:
    received = read_record(ARecord(None), decode)
    assert received is not None
    assert received.event is None
    with pytest.raises(UnreadableNoteError):
        read_record(ARecord(None), decode, tombstones=False)


def test_a_header_that_is_not_utf8_does_not_matter() -> None:
    record = ARecord(Note(subject="n1").to_json(), [("x", b"\xff\xfe"), ("ce_type", b"\xff"), ("traceparent", b"\xff")])
    assert read_record(record, decode) is not None


# When setting aside stops


def test_poison_in_a_row_is_too_much_at_the_limit() -> None:
    gauge = PoisonGauge(3)
    for _ in range(2):
        gauge.set_aside()
    gauge.handled(1)
    for _ in range(2):
        gauge.set_aside()
    assert not gauge.too_many
    gauge.set_aside()
    assert gauge.too_many


def test_poison_in_most_of_the_last_records_is_too_much_although_some_went_through() -> None:
    gauge = PoisonGauge(3)
    for _ in range(20):
        gauge.handled(1)
        gauge.set_aside()
    assert not gauge.too_many
    for _ in range(8):
        gauge.handled(1)
        gauge.set_aside()
        gauge.set_aside()
    assert gauge.too_many


# Patience


@pytest.mark.parametrize(
    ("error", "transient"),
    [
        (DatabaseUnavailableError(), True),
        (TransientError("soon"), True),
        (ConnectionResetError(), True),
        (TimeoutError(), True),
        (NotFoundError("none"), False),
        (KeyError("name"), False),
    ],
)
def test_which_errors_pass_by_themselves(error: Exception, transient: bool) -> None:
    assert is_transient(error) is transient


async def test_work_is_tried_again_while_its_errors_may_pass() -> None:
    failures: list[Exception] = [TransientError("a"), TransientError("b")]
    retried: list[Exception] = []

    async def work() -> None:
        if failures:
            raise failures.pop(0)

    await patiently(work, stop=asyncio.Event(), on_retry=retried.append)
    assert len(retried) == 2


async def test_work_that_fails_for_good_is_not_tried_again() -> None:
    async def work() -> None:
        raise NotFoundError("none")

    with pytest.raises(NotFoundError):
        await patiently(work, stop=asyncio.Event(), on_retry=lambda _: pytest.fail("tried again"))


async def test_patience_ends_when_the_process_is_to_stop() -> None:
    stop = asyncio.Event()
    retried: list[Exception] = []

    async def work() -> None:
        raise TransientError("soon")

    def told(error: Exception) -> None:
        retried.append(error)
        stop.set()

    with pytest.raises(TransientError):
        await asyncio.wait_for(patiently(work, stop=stop, on_retry=told), 30)
    assert len(retried) == 1


# With Kafka and PostgreSQL


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
async def test_poison_of_every_kind_is_set_aside_with_its_cause_while_the_rest_goes_on(
    world: World, kafka: str, new_topic: NewTopic, until: Until
) -> None:
    topic = await new_topic(partitions=1)
    await make_dead_letter_topic(kafka, world.service)
    huge = Note(subject="huge", words="poison" + "x" * 1_000_000).to_json().replace(b'"sequence":1', b'"sequence":"1"')
    async with producing(kafka) as producer:
        await send_note(producer, topic, Note(subject="before"))
        await producer.send(topic, b"{not JSON", key=b"a")
        await producer.send(topic, b'{"type": "note.written"}', key=b"b", headers=[("x", b"\xff\xfe")])
        await producer.send(topic, Note(subject="odd header").to_json(), key=b"c", headers=[("x", b"\xff\xfe")])
        await producer.send(topic, None, key=b"d")
        await producer.send(topic, huge, key=b"e")
        await producer.send(topic, b"", key=None)
        await send_note(producer, topic, Note(subject="handler", words="poison"))
        await send_note(producer, topic, Note(subject="newer", type="note.sung"))
        await send_note(producer, topic, Note(subject="after"))
    consumers = world.consumers(kafka)
    consumers.subscribe(topic, on_notes)
    async with running(consumers):
        await keeps(world, until, 3)

        async def all_aside() -> bool:
            return len(await dead_letters_of(world, kafka)) == 6

        await until(all_aside)
    assert await world.rows("SELECT id FROM notes ORDER BY id") == [("after",), ("before",), ("odd header",)]
    letters = await dead_letters_of(world, kafka)
    assert sorted(causes(letters)) == [
        "bad_json",
        "bad_json",
        "null_value",
        "poisonous_words",
        "wrong_schema",
        "wrong_schema",
    ]
    by_key = {letter.key: letter for letter in letters}
    assert by_key[b"e"].value == huge
    facts = dict(by_key[b"b"].headers)
    assert facts["x"] == b"\xff\xfe"
    assert facts["dlq_service"] == world.service.encode()
    assert (facts["dlq_topic"], facts["dlq_partition"], facts["dlq_offset"]) == (topic.encode(), b"0", b"2")
    assert facts["dlq_detail"] == b"sequence: an integer is wanted"
    assert parse_traceparent(facts.get("dlq_traceparent", b"").decode()) or "dlq_traceparent" not in facts


@service
async def test_one_poisonous_record_costs_the_others_of_its_batch_nothing(
    world: World, kafka: str, new_topic: NewTopic, until: Until
) -> None:
    topic = await new_topic()
    await make_dead_letter_topic(kafka, world.service)
    await send_notes(kafka, topic, [*notes(50), Note(subject="bad", words="poison"), Note(subject="last")])
    consumers = world.consumers(kafka)
    consumers.subscribe(topic, on_notes)
    async with running(consumers):
        await keeps(world, until, 51)

        async def aside() -> bool:
            return len(await dead_letters_of(world, kafka)) == 1

        await until(aside)
    assert await world.value("SELECT count(*) FROM inbox") == 51
    assert await world.value("SELECT max(applied) FROM notes") == 1


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
async def test_a_consumer_that_would_set_everything_aside_stops_and_says_so_and_goes_on_when_mended(
    world: World, kafka: str, new_topic: NewTopic, until: Until
) -> None:
    topic, fine = await new_topic(partitions=1), await new_topic()
    await make_dead_letter_topic(kafka, world.service)
    health = Health()
    consumers = world.consumers(kafka, health=health, poison_limit=5)
    consumers.subscribe(topic, on_notes)
    consumers.subscribe(fine, on_notes)
    async with running(consumers):

        async def all_joined() -> bool:
            return (await health.report()).ready

        # A member that joins later would take the place of what the first has begun: it is then set aside twice.
        await until(all_joined)
        await send_notes(kafka, topic, notes(100, words="poison"))

        async def stopped() -> bool:
            return "stopped" in (await health.report()).checks[f"consumer {topic}"].detail

        await until(stopped)
        await send_notes(kafka, fine, [Note(subject="fine")])
        await keeps(world, until, 1)
        report = await health.report()
    assert not report.ready
    assert "poisonous_words" in report.checks[f"consumer {topic}"].detail
    assert report.checks[f"consumer {fine}"].ok
    assert len(await dead_letters_of(world, kafka)) == 5

    async def mended(session: AsyncSession, batch: Sequence[Received[Note]]) -> None:
        harmless = [replace(each, event=replace(each.event, words="fine")) for each in batch if each.event]
        await on_notes(session, harmless)

    consumers = world.consumers(kafka, poison_limit=5)
    consumers.subscribe(topic, mended)
    async with running(consumers):
        await keeps(world, until, 1 + 95)
    assert len(await dead_letters_of(world, kafka)) == 5


@service
async def test_a_record_older_than_the_inbox_remembers_is_set_aside_instead_of_repeated(
    world: World, kafka: str, new_topic: NewTopic, until: Until
) -> None:
    topic = await new_topic()
    await make_dead_letter_topic(kafka, world.service)
    long_ago = int((datetime.now(UTC) - timedelta(days=30)).timestamp() * 1000)
    async with producing(kafka) as producer:
        await producer.send_and_wait(topic, Note(subject="old").to_json(), key=b"old", timestamp_ms=long_ago)
        await send_note(producer, topic, Note(subject="new"))
    consumers = world.consumers(kafka)
    consumers.subscribe(topic, on_notes)
    async with running(consumers):
        await keeps(world, until, 1)

        async def aside() -> bool:
            return causes(await dead_letters_of(world, kafka)) == ["too_old_to_dedupe"]

        await until(aside)


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
    consumers.subscribe(topic, ear, weigh=lambda received: 40 if received.event.subject in heavy else 4)
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
    assert (await health.report()).checks[f"consumer {topic}"].detail == "has not polled yet"
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
