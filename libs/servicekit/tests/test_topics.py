from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import InvalidReplicationFactorError
from confluent_kafka.admin import AdminClient
from kit_world import TopicOf

from slotstream_servicekit import topics
from slotstream_servicekit.kafka import KafkaConnection
from slotstream_servicekit.testing.plugin import until
from slotstream_servicekit.topics import (
    AppliedTopics,
    apply_topics,
    topic_configuration,
    usual_min_insync_replicas,
)

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


async def set_by_hand(kafka: str, topic: TopicOf) -> None:
    async with admin_of(kafka) as admin:
        own = topic_configuration(topic) | {"flush.ms": "3600000"}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name, configs=own)])

    async def told() -> bool:
        return (await settings_of(kafka, topic.name))["flush.ms"] == "3600000"

    await until(told, what="the setting")


def test_retention_is_for_ever_unless_given() -> None:
    assert topic_configuration(a_topic())["retention.ms"] == "-1"
    assert topic_configuration(a_topic(retention=timedelta(days=14)))["retention.ms"] == "1209600000"
    assert "retention.ms" not in topic_configuration(a_topic(cleanup="compact"))


def test_an_erased_value_is_gone_from_a_compacted_topic_in_bounded_time() -> None:
    settings = topic_configuration(a_topic(cleanup="compact"))
    bounds = {name: int(settings[name]) for name in ("max.compaction.lag.ms", "segment.ms", "delete.retention.ms")}
    day = 24 * 60 * 60 * 1000
    assert bounds == {"max.compaction.lag.ms": day, "segment.ms": day // 2, "delete.retention.ms": 7 * day}


@pytest.mark.parametrize(
    ("retention", "segment"), [(timedelta(hours=4), 1), (timedelta(days=2), 12), (timedelta(90), 12)]
)
def test_a_segment_is_closed_in_time_for_its_retention(retention: timedelta, segment: int) -> None:
    hours = int(topic_configuration(a_topic(retention=retention))["segment.ms"]) / 3_600_000
    assert hours == segment
    assert "segment.ms" not in topic_configuration(a_topic())


def test_a_topic_may_be_compacted_and_deleted() -> None:
    settings = topic_configuration(a_topic(cleanup="compact,delete", retention=timedelta(days=7)))
    assert settings["cleanup.policy"] == "compact,delete"
    assert settings["retention.ms"] == str(7 * 24 * 3_600_000)
    assert "max.compaction.lag.ms" in settings


@pytest.mark.parametrize(("replicas", "in_sync"), [(1, 1), (2, 1), (3, 2), (5, 2)])
def test_one_broker_may_be_away_and_no_record_is_on_one_alone_where_there_are_three(
    replicas: int, in_sync: int
) -> None:
    assert usual_min_insync_replicas(replicas) == in_sync
    assert topic_configuration(a_topic(), min_insync_replicas=in_sync)["min.insync.replicas"] == str(in_sync)


async def test_missing_topics_are_created_as_declared(kafka: str) -> None:
    log, states = a_topic(partitions=5, retention=timedelta(days=2)), a_topic(cleanup="compact", partitions=2)
    applied = await apply_topics(KafkaConnection(kafka), [log, states])
    assert applied == AppliedTopics(created=(log.name, states.name), grown=(), configured=(), unchanged=())
    assert await partitions_of(kafka, log.name) == 5
    assert (await settings_of(kafka, log.name))["retention.ms"] == "172800000"
    assert (await settings_of(kafka, states.name))["cleanup.policy"] == "compact"


async def test_applying_again_changes_nothing(kafka: str) -> None:
    topic = a_topic()
    await apply_topics(KafkaConnection(kafka), [topic])
    assert await apply_topics(KafkaConnection(kafka), [topic]) == AppliedTopics((), (), (), (topic.name,))


async def test_partitions_grow_and_never_shrink(kafka: str) -> None:
    topic = a_topic(partitions=2)
    await apply_topics(KafkaConnection(kafka), [topic])
    assert (await apply_topics(KafkaConnection(kafka), [replace(topic, partitions=6)])).grown == (topic.name,)
    assert await partitions_of(kafka, topic.name) == 6
    assert (await apply_topics(KafkaConnection(kafka), [topic])).unchanged == (topic.name,)
    assert await partitions_of(kafka, topic.name) == 6


async def test_settings_follow_the_declaration_and_leave_others_alone(kafka: str) -> None:
    topic = a_topic(retention=timedelta(days=1))
    await apply_topics(KafkaConnection(kafka), [topic])
    await set_by_hand(kafka, topic)
    assert (await apply_topics(KafkaConnection(kafka), [topic])).unchanged == (topic.name,)
    changed = replace(topic, retention=timedelta(days=3), max_message_bytes=2_000_000)
    assert (await apply_topics(KafkaConnection(kafka), [changed])).configured == (topic.name,)
    settings = await settings_of(kafka, topic.name)
    assert (settings["retention.ms"], settings["max.message.bytes"]) == ("259200000", "2000000")
    assert settings["flush.ms"] == "3600000"


async def test_what_a_broker_tells_too_early_undoes_nothing(kafka: str, monkeypatch: pytest.MonkeyPatch) -> None:
    topic = a_topic(retention=timedelta(days=1))
    await apply_topics(KafkaConnection(kafka), [topic])
    await set_by_hand(kafka, topic)
    told = topics.own_settings
    stale = iter([topic_configuration(topic)])

    def told_too_early(admin: AdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
        return {name: next(stale, own) for name, own in told(admin, names).items()}

    monkeypatch.setattr(topics, "own_settings", told_too_early)
    await apply_topics(KafkaConnection(kafka), [replace(topic, retention=timedelta(days=3))])
    settings = await settings_of(kafka, topic.name)
    assert (settings["retention.ms"], settings["flush.ms"]) == ("259200000", "3600000")


async def test_a_topic_that_a_broker_does_not_list_yet_grows_all_the_same(
    kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = a_topic(partitions=2)
    await apply_topics(KafkaConnection(kafka), [topic])
    told = topics.partitions_by_topic
    stale: Iterator[dict[str, int]] = iter([{}, {topic.name: 1}])

    def told_too_early(admin: AdminClient, names: Iterable[str]) -> dict[str, int]:
        return next(stale, told(admin, names))

    monkeypatch.setattr(topics, "partitions_by_topic", told_too_early)
    assert (await apply_topics(KafkaConnection(kafka), [topic])).unchanged == (topic.name,)
    stale = iter([{}])
    assert (await apply_topics(KafkaConnection(kafka), [replace(topic, partitions=6)])).grown == (topic.name,)
    assert await partitions_of(kafka, topic.name) == 6


async def test_a_topic_that_is_no_longer_declared_is_not_deleted(kafka: str) -> None:
    kept, forgotten = a_topic(), a_topic()
    await apply_topics(KafkaConnection(kafka), [kept, forgotten])
    await apply_topics(KafkaConnection(kafka), [kept])
    assert await partitions_of(kafka, forgotten.name) == 3


async def test_what_kafka_refuses_is_an_error(kafka: str) -> None:
    with pytest.raises(InvalidReplicationFactorError):
        await apply_topics(KafkaConnection(kafka), [a_topic()], replication_factor=9)
