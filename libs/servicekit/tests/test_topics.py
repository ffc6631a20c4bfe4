from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import InvalidReplicationFactorError
from kit_world import TopicOf

from slotstream_servicekit import topics
from slotstream_servicekit.testing.plugin import until
from slotstream_servicekit.topics import AppliedTopics, apply_topics, topic_configuration

pytestmark = pytest.mark.service


def a_topic(**facts: Any) -> TopicOf:
    return TopicOf(name=f"topics-job-{uuid4().hex[:8]}", **facts)


@asynccontextmanager
async def admin_of(kafka: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def partitions_of(kafka: str, name: str) -> int:
    async with admin_of(kafka) as admin:
        (described,) = await admin.describe_topics([name])
    return len(described["partitions"])


async def settings_of(kafka: str, name: str) -> dict[str, str]:
    async with admin_of(kafka) as admin:
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    return {
        entry["config_names"]: entry["config_value"] for entry in answer.to_object()["resources"][0]["config_entries"]
    }


async def until_partitions(kafka: str, name: str, count: int) -> None:
    """A broker learns what the controller decided a moment later."""

    async def grown() -> bool:
        return await partitions_of(kafka, name) == count

    await until(grown, what=f"{count} partitions")


async def until_settings(kafka: str, name: str, expected: dict[str, str]) -> None:
    async def told() -> bool:
        return expected.items() <= (await settings_of(kafka, name)).items()

    await until(told, what=f"{expected}")


def test_retention_is_for_ever_unless_given() -> None:
    assert topic_configuration(a_topic())["retention.ms"] == "-1"
    assert topic_configuration(a_topic(retention=timedelta(days=14)))["retention.ms"] == "1209600000"
    assert "retention.ms" not in topic_configuration(a_topic(cleanup="compact"))


async def test_missing_topics_are_created_as_declared(kafka: str) -> None:
    log, states = a_topic(partitions=5, retention=timedelta(days=2)), a_topic(cleanup="compact", partitions=2)
    applied = await apply_topics(kafka, [log, states])
    assert applied == AppliedTopics(created=(log.name, states.name), grown=(), configured=(), unchanged=())
    await until_partitions(kafka, log.name, 5)
    await until_settings(kafka, log.name, {"retention.ms": "172800000"})
    await until_settings(kafka, states.name, {"cleanup.policy": "compact"})


async def test_applying_again_changes_nothing(kafka: str) -> None:
    topic = a_topic()
    await apply_topics(kafka, [topic])
    assert await apply_topics(kafka, [topic]) == AppliedTopics((), (), (), (topic.name,))


async def test_partitions_grow_and_never_shrink(kafka: str) -> None:
    topic = a_topic(partitions=2)
    await apply_topics(kafka, [topic])
    assert (await apply_topics(kafka, [replace(topic, partitions=6)])).grown == (topic.name,)
    await until_partitions(kafka, topic.name, 6)
    assert (await apply_topics(kafka, [topic])).unchanged == (topic.name,)
    assert await partitions_of(kafka, topic.name) == 6


async def test_settings_follow_the_declaration_and_leave_others_alone(kafka: str) -> None:
    topic = a_topic(retention=timedelta(days=1))
    await apply_topics(kafka, [topic])
    by_hand = {"segment.ms": "3600000"}
    async with admin_of(kafka) as admin:
        own = topic_configuration(topic) | by_hand
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name, configs=own)])
    await until_settings(kafka, topic.name, by_hand)
    assert (await apply_topics(kafka, [topic])).unchanged == (topic.name,)
    changed = replace(topic, retention=timedelta(days=3), max_message_bytes=2_000_000)
    assert (await apply_topics(kafka, [changed])).configured == (topic.name,)
    await until_settings(kafka, topic.name, {"retention.ms": "259200000", "max.message.bytes": "2000000"} | by_hand)


async def test_a_setting_that_a_broker_does_not_tell_yet_is_kept(kafka: str, monkeypatch: pytest.MonkeyPatch) -> None:
    topic = a_topic(retention=timedelta(days=1))
    await apply_topics(kafka, [topic])
    by_hand = {"segment.ms": "3600000"}
    async with admin_of(kafka) as admin:
        own = topic_configuration(topic) | by_hand
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name, configs=own)])

    async def told_too_early(_admin: Any, names: list[str]) -> dict[str, dict[str, str]]:
        return {name: topic_configuration(topic) for name in names}

    monkeypatch.setattr(topics, "_own_settings", told_too_early)
    await apply_topics(kafka, [replace(topic, retention=timedelta(days=3))])
    await until_settings(kafka, topic.name, {"retention.ms": "259200000"} | by_hand)


async def test_a_topic_that_is_no_longer_declared_is_not_deleted(kafka: str) -> None:
    kept, forgotten = a_topic(), a_topic()
    await apply_topics(kafka, [kept, forgotten])
    await apply_topics(kafka, [kept])
    assert await partitions_of(kafka, forgotten.name) == 3


async def test_what_kafka_refuses_is_an_error(kafka: str) -> None:
    with pytest.raises(InvalidReplicationFactorError):
        await apply_topics(kafka, [a_topic()], replication_factor=9)
