"""What operators are told by gauges: records set aside, connections in use, refusals by code, what waits."""

from collections.abc import Awaitable, Callable

import pytest
from kit_world import Note, World, make_dead_letter_topic, read_topic, send_notes

from slotstream_servicekit.dead_letters import (
    Cause,
    DeadLetterCount,
    DeadLetterWriter,
    drop_dead_letters,
    replay_dead_letters,
)
from slotstream_servicekit.health import ConsumerProgress
from slotstream_servicekit.kafka import KafkaConnection
from slotstream_servicekit.telemetry import DEAD_LETTERS

NewTopic = Callable[..., Awaitable[str]]


@pytest.mark.service
async def test_the_number_of_dead_letters_is_of_those_that_are_left(
    world: World, kafka: str, new_topic: NewTopic
) -> None:
    topic = await new_topic(partitions=1)
    await make_dead_letter_topic(kafka, world.service)
    await send_notes(kafka, topic, [Note(subject=f"n{number}") for number in range(5)])
    count = DeadLetterCount(service=world.service, kafka=KafkaConnection(kafka))

    async def told() -> float:
        await count.measure()
        return float(DEAD_LETTERS.labels(world.service)._value.get())

    assert await told() == 0
    writer = DeadLetterWriter(service=world.service, kafka=KafkaConnection(kafka))
    for record in await read_topic(kafka, topic):
        await writer.write(record, Cause(code="bad_json", detail="", handler="on_notes"))
    await writer.close()
    assert await told() == 5
    await replay_dead_letters(KafkaConnection(kafka), world.service, [0])
    await drop_dead_letters(KafkaConnection(kafka), world.service, [1, 2])
    assert await told() == 2


async def test_the_number_of_dead_letters_stays_as_it_was_while_kafka_is_away() -> None:
    DEAD_LETTERS.labels("away").set(3)
    await DeadLetterCount(service="away", kafka=KafkaConnection("127.0.0.1:1")).measure()
    assert DEAD_LETTERS.labels("away")._value.get() == 3


def test_the_age_of_what_waits_is_that_of_the_oldest_record() -> None:
    progress = ConsumerProgress()
    assert progress.oldest_unapplied_seconds == 0
    progress.in_hand([2_000, 1_000])
    assert progress.oldest_unapplied_at == 1.0
    assert progress.oldest_unapplied_seconds > 1_000_000
    progress.in_hand([])
    assert progress.oldest_unapplied_seconds == 0


@pytest.mark.parametrize(("assigned", "lag"), [(3, 0), (0, None)], ids=["all worked through", "another member's now"])
def test_what_is_no_longer_ours_to_work_through_does_not_wait_here(assigned: int, lag: int | None) -> None:
    progress = ConsumerProgress()
    progress.in_hand([1_000])
    progress.measured(assigned_partitions=3, lag=5)
    assert progress.oldest_unapplied_seconds > 0
    progress.measured(assigned_partitions=assigned, lag=lag)
    assert progress.oldest_unapplied_seconds == 0


@pytest.mark.service
async def test_a_pool_tells_how_many_of_its_connections_are_in_use(world: World) -> None:
    assert world.database.connections_in_use() == 0
    async with world.database.system_transaction() as session:
        await session.connection()
        assert world.database.connections_in_use() == 1
    assert world.database.connections_in_use() == 0
