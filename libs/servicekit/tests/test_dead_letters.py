import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from kit_world import (
    Note,
    World,
    make_dead_letter_topic,
    on_notes,
    producing,
    read_topic,
    running,
    send_note,
    send_notes,
)
from sqlalchemy.ext.asyncio import AsyncSession

from slotstream_servicekit.consumer import Received
from slotstream_servicekit.dead_letters import (
    Cause,
    DeadLetterWriter,
    LostRecord,
    Replayed,
    cause_of,
    dead_letter_topic_name,
    drop_dead_letters,
    list_dead_letters,
    replay_dead_letters,
)
from slotstream_servicekit.errors import NotFoundError, Reason, RefusedError
from slotstream_servicekit.kafka import KafkaConnection

NewTopic = Callable[..., Awaitable[str]]
Until = Callable[..., Awaitable[Any]]
service = pytest.mark.service

CAUSE = Cause(code="bad_json", detail="not JSON", handler="on_notes")


async def set_aside(world: World, kafka: str, topic: str) -> None:
    """Everything that `topic` holds goes to the dead-letter topic."""
    writer = DeadLetterWriter(service=world.service, kafka=KafkaConnection(kafka))
    for record in await read_topic(kafka, topic):
        await writer.write(record, CAUSE)
    await writer.close()


def test_the_topic_is_named_after_the_package() -> None:
    assert dead_letter_topic_name("calendar_sync") == "slotstream.calendar-sync.dead-letter.v1"


def test_a_cause_has_the_errors_code_and_its_own_words_without_personal_data() -> None:
    cause = cause_of(NotFoundError("no client ada@example.com at +44 20 7946 0958"), handler="on_notes")
    assert (cause.code, cause.detail) == ("not_found", "no client <e-mail> at <phone>")
    assert cause_of(RefusedError((Reason("slot_taken", "taken"),)), handler="").code == "slot_taken"


def test_words_that_are_not_ours_are_not_quoted() -> None:
    assert cause_of(KeyError("Ada Lovelace"), handler="on_notes") == Cause(
        code="handler_failed", detail="KeyError", handler="on_notes"
    )


@service
async def test_a_dead_letter_is_the_record_as_it_was_with_cause_and_origin(
    world: World, kafka: str, new_topic: NewTopic
) -> None:
    topic = await new_topic(partitions=1)
    await make_dead_letter_topic(kafka, world.service)
    headers = [("ce_type", b"x"), ("odd", b"\xff"), ("dlq_code", b"stale"), ("odd", b"twice")]
    async with producing(kafka) as producer:
        await producer.send_and_wait(topic, b"first")
        await producer.send_and_wait(topic, b"\x00\xffvalue", key=b"k", headers=headers)
    await set_aside(world, kafka, topic)
    letter = (await list_dead_letters(KafkaConnection(kafka), world.service))[1]
    assert (letter.key, letter.value) == (b"k", b"\x00\xffvalue")
    assert letter.headers == (("ce_type", b"x"), ("odd", b"\xff"), ("odd", b"twice"))
    assert (letter.service, letter.topic, letter.partition, letter.source_offset) == (world.service, topic, 0, 1)
    assert (letter.code, letter.detail, letter.handler) == ("bad_json", "not JSON", "on_notes")
    assert letter.set_aside_at.tzinfo is not None


@service
async def test_letters_are_listed_from_any_offset_and_only_so_many(
    world: World, kafka: str, new_topic: NewTopic
) -> None:
    topic = await new_topic(partitions=1)
    await make_dead_letter_topic(kafka, world.service)
    assert await list_dead_letters(KafkaConnection(kafka), world.service) == []
    await send_notes(kafka, topic, [Note(subject=f"n{number}") for number in range(5)])
    await set_aside(world, kafka, topic)
    listed = await list_dead_letters(KafkaConnection(kafka), world.service, from_offset=1, limit=3)
    assert [letter.offset for letter in listed] == [1, 2, 3]


@service
async def test_replaying_three_times_has_one_effect(
    world: World, kafka: str, new_topic: NewTopic, until: Until
) -> None:
    topic = await new_topic()
    await make_dead_letter_topic(kafka, world.service)
    mended = asyncio.Event()

    async def handler(session: AsyncSession, batch: Sequence[Received[Note]]) -> None:
        if not mended.is_set() and any(each.event and each.event.subject == "sick" for each in batch):
            raise NotFoundError("the handler has a fault")
        await on_notes(session, batch)

    consumers = world.consumers(kafka)
    consumers.subscribe(topic, handler)
    async with running(consumers):
        await send_notes(kafka, topic, [Note(subject="well"), Note(subject="sick"), Note(subject="fine")])

        async def aside() -> bool:
            return len(await list_dead_letters(KafkaConnection(kafka), world.service)) == 1

        await until(aside)
        mended.set()
        for _ in range(3):
            assert await replay_dead_letters(KafkaConnection(kafka), world.service, [0]) == Replayed(sent=1, outdated=0)
            assert await replay_dead_letters(KafkaConnection(kafka), world.service) == Replayed(sent=0, outdated=0)
        await send_notes(kafka, topic, [Note(subject="sick", sequence=2), Note(subject="last")])

        async def all_kept() -> bool:
            return bool(await world.value("SELECT count(*) = 4 AND max(version) = 2 FROM notes"))

        await until(all_kept)
    assert await world.rows("SELECT applied FROM notes WHERE id = 'sick'") == [(2,)]
    again = [record for record in await read_topic(kafka, topic) if "dlq_replayed_from" in dict(record.headers)]
    assert len(again) == 3
    assert {record.key for record in again} == {b"sick"}


@service
async def test_only_the_letters_asked_for_are_replayed(world: World, kafka: str, new_topic: NewTopic) -> None:
    topic = await new_topic(partitions=1)
    await make_dead_letter_topic(kafka, world.service)
    await send_notes(kafka, topic, [Note(subject=f"n{number}") for number in range(4)])
    await set_aside(world, kafka, topic)
    assert (await replay_dead_letters(KafkaConnection(kafka), world.service, [1, 3, 77])).sent == 2
    assert (await replay_dead_letters(KafkaConnection(kafka), world.service, [])).sent == 0
    assert [record.key for record in await read_topic(kafka, topic)][4:] == [b"n1", b"n3"]


@service
async def test_a_value_too_large_for_the_dead_letter_topic_is_fetched_from_its_origin(
    world: World, kafka: str, new_topic: NewTopic
) -> None:
    topic = await new_topic(partitions=1)
    await make_dead_letter_topic(kafka, world.service, max_message_bytes=50_000)
    huge = Note(subject="huge", words="x" * 900_000)
    async with producing(kafka) as producer:
        await send_note(producer, topic, Note(subject="n1"))
        await send_note(producer, topic, huge)
        await send_note(producer, topic, Note(subject="n2"))
    await set_aside(world, kafka, topic)
    letters = await list_dead_letters(KafkaConnection(kafka), world.service)
    assert [letter.value_omitted for letter in letters] == [False, True, False]
    assert (await replay_dead_letters(KafkaConnection(kafka), world.service)).sent == 3
    replayed = (await read_topic(kafka, topic))[3:]
    assert [record.value == huge.to_json() for record in replayed] == [False, True, False]


@service
async def test_a_letter_that_cannot_be_written_is_an_error_and_the_next_one_may_work(
    world: World, kafka: str, new_topic: NewTopic
) -> None:
    topic = await new_topic(partitions=1)
    await send_notes(kafka, topic, [Note(subject="n1")])
    (record,) = await read_topic(kafka, topic)
    writer = DeadLetterWriter(service=world.service, kafka=KafkaConnection("127.0.0.1:1"))
    with pytest.raises(Exception, match="bootstrap"):
        await writer.write(record, CAUSE)
    writer._kafka = KafkaConnection(kafka)
    await make_dead_letter_topic(kafka, world.service)
    await writer.write(record, CAUSE)
    await writer.close()
    assert len(await list_dead_letters(KafkaConnection(kafka), world.service)) == 1


@service
async def test_a_tombstone_that_was_set_aside_is_kept_and_sent_back_as_one(
    world: World, kafka: str, new_topic: NewTopic
) -> None:
    topic = await new_topic(partitions=1)
    await make_dead_letter_topic(kafka, world.service)
    async with producing(kafka) as producer:
        await producer.send_and_wait(topic, None, key=b"n1")
        await producer.send_and_wait(topic, b"", key=None)
    await set_aside(world, kafka, topic)
    tombstone, empty = await list_dead_letters(KafkaConnection(kafka), world.service)
    assert (tombstone.key, tombstone.value) == (b"n1", None)
    assert (empty.key, empty.value) == (None, b"")
    await replay_dead_letters(KafkaConnection(kafka), world.service)
    assert [(record.key, record.value) for record in await read_topic(kafka, topic)][2:] == [(b"n1", None), (None, b"")]


@service
async def test_what_is_sent_back_or_dropped_is_followed_by_a_tombstone_of_its_own(
    world: World, kafka: str, new_topic: NewTopic
) -> None:
    topic = await new_topic(partitions=1)
    await make_dead_letter_topic(kafka, world.service)
    await send_notes(kafka, topic, [Note(subject=f"n{number}") for number in range(3)])
    await set_aside(world, kafka, topic)
    await replay_dead_letters(KafkaConnection(kafka), world.service, [0])
    assert await drop_dead_letters(KafkaConnection(kafka), world.service, [1]) == 1

    newest = {record.key: record.value for record in await read_topic(kafka, world.service, service_dead_letters=True)}
    places = [f"{topic}/0/{offset}".encode() for offset in range(3)]
    assert [newest[place] is None for place in places] == [True, True, False]
    letters = await list_dead_letters(KafkaConnection(kafka), world.service)
    assert [(letter.offset, letter.replayed_at is not None) for letter in letters] == [(0, True), (2, False)]


@service
async def test_a_record_that_is_set_aside_again_is_a_letter_again(
    world: World, kafka: str, new_topic: NewTopic
) -> None:
    topic = await new_topic(partitions=1)
    await make_dead_letter_topic(kafka, world.service)
    await send_notes(kafka, topic, [Note(subject="n1")])
    await set_aside(world, kafka, topic)
    await drop_dead_letters(KafkaConnection(kafka), world.service, [0])
    await set_aside(world, kafka, topic)
    [letter] = await list_dead_letters(KafkaConnection(kafka), world.service)
    assert letter.offset == 2


@service
async def test_a_state_is_not_sent_back_behind_a_newer_one_or_a_tombstone(
    world: World, kafka: str, new_topic: NewTopic
) -> None:
    topic = await new_topic(partitions=1)
    await make_dead_letter_topic(kafka, world.service)
    await send_notes(kafka, topic, [Note(subject="erased"), Note(subject="changed"), Note(subject="newest")])
    await set_aside(world, kafka, topic)
    async with producing(kafka) as producer:
        await producer.send_and_wait(topic, None, key=b"erased")
        await send_note(producer, topic, Note(subject="changed", sequence=2))

    done = await replay_dead_letters(KafkaConnection(kafka), world.service, compacted={topic})

    assert done == Replayed(sent=1, outdated=2)
    records = await read_topic(kafka, topic)
    newest = {record.key: record.value for record in records}
    assert newest[b"erased"] is None
    assert newest[b"changed"] == records[4].value
    assert [record.key for record in records[5:]] == [b"newest"]
    assert [letter.key for letter in await list_dead_letters(KafkaConnection(kafka), world.service)] == [b"newest"]


@service
async def test_a_state_that_never_came_to_stand_is_not_sent_behind_what_came_after_it(
    world: World, kafka: str, new_topic: NewTopic
) -> None:
    topic = await new_topic(partitions=3)
    await make_dead_letter_topic(kafka, world.service)
    writer = DeadLetterWriter(service=world.service, kafka=KafkaConnection(kafka))
    for number, key in enumerate((b"erased", b"lost")):
        await writer.write(LostRecord(topic=topic, partition=-1, offset=number, key=key, value=b"Ada"), CAUSE)
    await writer.close()
    async with producing(kafka) as producer:
        await producer.send_and_wait(topic, None, key=b"erased")

    assert await replay_dead_letters(KafkaConnection(kafka), world.service, compacted={topic}) == Replayed(
        sent=1, outdated=1
    )
    assert {record.key: record.value for record in await read_topic(kafka, topic)} == {b"erased": None, b"lost": b"Ada"}
