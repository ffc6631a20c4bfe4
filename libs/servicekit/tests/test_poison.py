"""What cannot be worked through is set aside with its cause, and the rest goes on."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from kit_world import (
    Note,
    World,
    make_dead_letter_topic,
    on_notes,
    producing,
    running,
    send_note,
    send_notes,
)
from listening import NewTopic, Until, causes, dead_letters_of, keeps, notes
from sqlalchemy.ext.asyncio import AsyncSession

from slotstream_servicekit.consumer import Received
from slotstream_servicekit.health import Health
from slotstream_servicekit.telemetry import (
    parse_traceparent,
)

pytestmark = pytest.mark.service


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
