"""A cluster without leaders is asked after them now and then, and not all the time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer

from slotstream_servicekit.metadata import calm_metadata
from slotstream_servicekit.producer import durable_producer

pytestmark = pytest.mark.service

NewTopic = Callable[..., Awaitable[str]]


def count_updates(client: Any, monkeypatch: pytest.MonkeyPatch) -> list[None]:
    asked: list[None] = []
    update = client._metadata_update

    async def counted(*arguments: Any) -> Any:
        asked.append(None)
        return await update(*arguments)

    monkeypatch.setattr(client, "_metadata_update", counted)
    monkeypatch.setattr(client.cluster, "leader_for_partition", lambda partition: None)
    return asked


async def test_a_consumer_asks_a_few_times_a_second(
    kafka: str, new_topic: NewTopic, monkeypatch: pytest.MonkeyPatch
) -> None:
    consumer = AIOKafkaConsumer(await new_topic(), bootstrap_servers=kafka)
    await consumer.start()
    try:
        calm_metadata(consumer._client)
        asked = count_updates(consumer._client, monkeypatch)
        began = time.monotonic()
        await consumer.getmany(timeout_ms=1_500)
        took = time.monotonic() - began
    finally:
        await consumer.stop()

    assert 1 <= len(asked) <= 2 + 4 * took


async def test_a_producer_asks_a_few_times_a_second_and_sends_when_there_is_a_leader(
    kafka: str, new_topic: NewTopic, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = await new_topic()
    async with durable_producer(kafka, client_id="calm") as producer:
        await producer.send_and_wait(topic, b"one")
        asked = count_updates(producer.client, monkeypatch)
        began = time.monotonic()
        sending = await producer.send(topic, b"two")
        await asyncio.sleep(1.5)
        assert not sending.done()
        assert 1 <= len(asked) <= 2 + 4 * (time.monotonic() - began)

        monkeypatch.undo()
        await asyncio.wait_for(sending, 30)
