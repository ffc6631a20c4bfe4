"""Who consumes joins when there are leaders; until then brokers are asked now and then, and not all the time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from itertools import pairwise

import pytest
from aiokafka.errors import KafkaConnectionError
from kit_world import World, on_notes

from slotstream_servicekit.consumer import leaders
from slotstream_servicekit.consumer.leaders import led_topics
from slotstream_servicekit.kafka import KafkaConnection

pytestmark = pytest.mark.service

NewTopic = Callable[..., Awaitable[str]]


async def test_topics_that_exist_and_have_leaders_can_be_used(kafka: str, new_topic: NewTopic) -> None:
    topic = await new_topic(partitions=2)
    assert await led_topics(KafkaConnection(kafka), [topic, "there-is-none"]) == {topic}
    assert await led_topics(KafkaConnection(kafka), []) == frozenset()


async def test_where_no_broker_answers_is_an_error() -> None:
    with pytest.raises(KafkaConnectionError):
        await led_topics(KafkaConnection("127.0.0.1:1"), ["notes"])


async def test_while_partitions_have_no_leader_a_member_asks_once_a_second_and_does_not_join(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    asked_at: list[float] = []
    third = asyncio.Event()

    async def without_leaders(_servers: str, topics: Iterable[str]) -> frozenset[str]:
        asked.append(sorted(topics))
        asked_at.append(asyncio.get_running_loop().time())
        if len(asked) == 3:
            third.set()
        return frozenset()

    monkeypatch.setattr(leaders, "led_topics", without_leaders)
    consumers = world.consumers("127.0.0.1:1")
    for topic in ("a", "b", "c"):
        consumers.subscribe(topic, on_notes, dedupe=False)
    stop = asyncio.Event()
    running = asyncio.ensure_future(consumers.run(stop))
    await asyncio.wait_for(third.wait(), 60)
    stop.set()
    await asyncio.wait_for(running, 30)
    # A slow machine asks later, never sooner.
    assert min(later - earlier for earlier, later in pairwise(asked_at)) > 0.9
    assert asked[0] == ["a", "b", "c"]
