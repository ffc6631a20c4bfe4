"""What cannot be worked through is set aside with its cause, answered, and the rest goes on."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from kit_world import (
    OTHER_ORGANIZATION,
    Note,
    PoisonousWordsError,
    World,
    make_dead_letter_topic,
    on_notes,
    producing,
    running,
    send_note,
    send_notes,
)
from listening import NewTopic, Until, causes, dead_letters_of, keeps, kept, notes
from sqlalchemy.ext.asyncio import AsyncSession

from slotstream_servicekit.consumer import InvalidRecord, Received, memberships
from slotstream_servicekit.health import Health
from slotstream_servicekit.telemetry import CONSUMER_RECORDS, configure_logging, parse_traceparent

pytestmark = pytest.mark.service

TRACE = f"00-{'a' * 32}-{'b' * 16}-01"
TENANTS = tuple(UUID(int=number) for number in (1, 2, 3))


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
    by_key = {dict(letter.headers).get("dlq_key"): letter for letter in letters}
    assert by_key[b"e"].value == huge
    facts = dict(by_key[b"b"].headers)
    assert facts["x"] == b"\xff\xfe"
    assert facts["dlq_service"] == world.service.encode()
    assert (facts["dlq_topic"], facts["dlq_partition"], facts["dlq_offset"]) == (topic.encode(), b"0", b"2")
    assert facts["dlq_detail"] == b"sequence: an integer is wanted"
    assert parse_traceparent(facts.get("dlq_traceparent", b"").decode()) or "dlq_traceparent" not in facts


async def test_a_record_that_is_set_aside_is_one_line_of_the_log_with_its_trace_tenant_and_id(
    world: World, kafka: str, new_topic: NewTopic, until: Until, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("kit")
    topic = await new_topic()
    await make_dead_letter_topic(kafka, world.service)
    poison = Note(subject="bad", words="poison", organization=OTHER_ORGANIZATION, traceparent=TRACE)
    await send_notes(kafka, topic, [poison, Note(subject="last")])
    consumers = world.consumers(kafka)
    consumers.subscribe(topic, on_notes)
    async with running(consumers):
        await keeps(world, until, 1)

        async def aside() -> bool:
            return len(await dead_letters_of(world, kafka)) == 1

        await until(aside)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    [line] = [line for line in lines if line["event"] == "record_set_aside"]
    assert (line["trace_id"], line["organization"]) == (TRACE.split("-")[1], str(OTHER_ORGANIZATION))
    assert (line["event_id"], line["code"], line["topic"]) == (str(poison.id), "poisonous_words", topic)


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


async def test_a_flood_of_one_tenant_is_set_aside_and_committed_while_others_go_on(
    world: World, kafka: str, new_topic: NewTopic, until: Until
) -> None:
    topic = await new_topic(partitions=1)
    await make_dead_letter_topic(kafka, world.service)
    flood = [Note(subject=f"bad{number}", words="poison") for number in range(150)]
    await send_notes(kafka, topic, flood)
    async with producing(kafka) as producer:
        headers = [("ce_organization", str(OTHER_ORGANIZATION).encode())]
        for number in range(150):
            await producer.send(topic, b"{not JSON", key=b"broken%d" % number, headers=headers)
    await send_notes(kafka, topic, notes(3))
    answered: list[str | None] = []

    async def on_invalid(_session: AsyncSession, invalid: InvalidRecord) -> None:
        answered.append(invalid.cause.code)

    for already in (0, 3):
        consumers = world.consumers(kafka, failure_limit=5)
        consumers.subscribe(topic, on_notes, on_invalid=on_invalid)
        async with running(consumers):
            await keeps(world, until, already + 3, within=180)
        await send_notes(kafka, topic, [Note(subject=f"later{number}") for number in range(3)])
    assert len(await dead_letters_of(world, kafka)) == 300
    assert sorted(set(answered), key=str) == ["bad_json", "poisonous_words"]
    assert len(answered) == 300


async def test_a_record_that_failed_just_before_the_consumer_was_mended_is_not_set_aside(
    world: World, kafka: str, new_topic: NewTopic, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memberships, "_TRY_AGAIN_SECONDS", 0.1)
    topic = await new_topic(partitions=1)
    await make_dead_letter_topic(kafka, world.service)
    consumers = world.consumers(kafka, failure_limit=6)
    alone: set[str] = set()
    mended = asyncio.Event()

    async def handler(session: AsyncSession, batch: Sequence[Received[Note]]) -> None:
        if not mended.is_set():
            [*subjects] = {received.event.subject for received in batch if received.event}
            if len(subjects) == 1:
                # Each has failed alone, and the seventh for the second time: the next is looked at.
                mended.set() if alone >= {"n6", "n7"} and subjects == ["n7"] else alone.update(subjects)
            if not mended.is_set():
                raise PoisonousWordsError
        await on_notes(session, batch)

    consumers.subscribe(topic, handler)
    senders = [TENANTS[number % len(TENANTS)] for number in range(40)]
    await send_notes(kafka, topic, [Note(subject=f"n{n}", organization=tenant) for n, tenant in enumerate(senders)])
    async with running(consumers):
        await keeps(world, until, 40 - 6)
    assert len(await dead_letters_of(world, kafka)) == 6


async def test_a_consumer_for_which_everybodys_records_fail_stops_says_so_and_goes_on_when_mended(
    world: World, kafka: str, new_topic: NewTopic, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memberships, "_TRY_AGAIN_SECONDS", 1.0)
    topic, fine = await new_topic(partitions=1), await new_topic()
    await make_dead_letter_topic(kafka, world.service)
    health = Health()
    consumers = world.consumers(kafka, health=health, failure_limit=6)
    mended = asyncio.Event()

    async def handler(session: AsyncSession, batch: Sequence[Received[Note]]) -> None:
        if not mended.is_set():
            raise PoisonousWordsError
        await on_notes(session, batch)

    consumers.subscribe(topic, handler)
    consumers.subscribe(fine, on_notes)
    await send_notes(
        kafka, topic, [Note(subject=f"n{number}", organization=tenant) for number in range(40) for tenant in TENANTS]
    )
    async with running(consumers):

        async def stopped() -> bool:
            return "stopped" in (await health.report()).checks[f"consumer {topic}"].detail

        await until(stopped)
        await send_notes(kafka, fine, [Note(subject="fine")])
        await keeps(world, until, 1)

        async def lag_is_true() -> bool:
            return (await health.report()).checks[f"consumer {topic}"].facts["lag"] == 114

        await until(lag_is_true)
        report = await health.report()
        assert not report.ready
        assert "poisonous_words" in report.checks[f"consumer {topic}"].detail
        assert report.checks[f"consumer {fine}"].ok
        assert len(await dead_letters_of(world, kafka)) == 6
        mended.set()

        async def kept_them() -> bool:
            # Those that were set aside as well, where the group has sent it away since: it reads them again.
            return await kept(world) >= 1 + 114

        await until(kept_them, within=60, what="it to take what it had not set aside")

        async def goes_on() -> bool:
            return (await health.report()).checks[f"consumer {topic}"].ok

        await until(goes_on, what="it to say that it goes on")
    assert len(await dead_letters_of(world, kafka)) == 6


async def test_a_record_older_than_the_inbox_remembers_is_passed_over_and_counted(
    world: World, kafka: str, new_topic: NewTopic, until: Until
) -> None:
    topic = await new_topic()
    await make_dead_letter_topic(kafka, world.service)
    long_ago = int((datetime.now(UTC) - timedelta(days=20)).timestamp() * 1000)
    async with producing(kafka) as producer:
        for number in range(100):
            old = Note(subject=f"old{number}")
            await producer.send(topic, old.to_json(), key=old.subject.encode(), timestamp_ms=long_ago)
        await send_note(producer, topic, Note(subject="new"))
    consumers = world.consumers(kafka, failure_limit=5)
    consumers.subscribe(topic, on_notes)
    async with running(consumers):
        await keeps(world, until, 1)
        passed_over = CONSUMER_RECORDS.labels(world.service, topic, "too_old")

        async def all_passed() -> bool:
            return bool(passed_over._value.get() == 100)

        await until(all_passed)
    assert await dead_letters_of(world, kafka) == []
