"""The declarative topics job: creates what is missing, grows partitions, sets configuration; deletes nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code


class TopicDefinition(Protocol):
    """What the job needs to know of a topic; `retention` None keeps records for ever."""

    @property
    def name(self) -> str: ...
    @property
    def partitions(self) -> int: ...
    @property
    def cleanup(self) -> str: ...
    @property
    def retention(self) -> timedelta | None: ...
    @property
    def max_message_bytes(self) -> int: ...


@dataclass(frozen=True, slots=True)
class AppliedTopics:
    """What the job did, by topic name."""

    created: tuple[str, ...]
    grown: tuple[str, ...]
    unchanged: tuple[str, ...]


def topic_configuration(topic: TopicDefinition) -> dict[str, str]:
    """Kafka's own settings for a topic."""
    retention = -1 if topic.retention is None else int(topic.retention.total_seconds() * 1000)
    settings = {"cleanup.policy": topic.cleanup, "max.message.bytes": str(topic.max_message_bytes)}
    if topic.cleanup == "compact":
        # A consumer that is away for less than this still sees that a key was erased.
        return settings | {"delete.retention.ms": str(7 * 86_400_000), "min.cleanable.dirty.ratio": "0.1"}
    return settings | {"retention.ms": str(retention)}


async def apply_topics(
    bootstrap_servers: str, topics: Iterable[TopicDefinition], *, replication_factor: int = 1
) -> AppliedTopics:
    """Bring the cluster to `topics`; safe to run again and beside running services."""
    wanted = {topic.name: topic for topic in topics}
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        existing = await _partitions_by_topic(admin, wanted)
        created = await _create(admin, [wanted[name] for name in wanted if name not in existing], replication_factor)
        too_few = {
            name: NewPartitions(total_count=topic.partitions)
            for name, topic in wanted.items()
            if name in existing and existing[name] < topic.partitions
        }
        if too_few:
            await admin.create_partitions(too_few)
        await _configure(admin, [topic for name, topic in wanted.items() if name in existing])
    finally:
        await admin.close()
    touched = {*created, *too_few}
    return AppliedTopics(
        created=tuple(created),
        grown=tuple(too_few),
        unchanged=tuple(name for name in wanted if name not in touched),
    )


async def _partitions_by_topic(admin: AIOKafkaAdminClient, wanted: dict[str, TopicDefinition]) -> dict[str, int]:
    present = [name for name in await admin.list_topics() if name in wanted]
    if not present:
        return {}
    described = await admin.describe_topics(present)
    return {each["topic"]: len(each["partitions"]) for each in described}


async def _create(admin: AIOKafkaAdminClient, topics: list[TopicDefinition], replication_factor: int) -> list[str]:
    if not topics:
        return []
    answer = await admin.create_topics(
        [
            NewTopic(
                topic.name,
                num_partitions=topic.partitions,
                replication_factor=replication_factor,
                topic_configs=topic_configuration(topic),
            )
            for topic in topics
        ]
    )
    created = []
    for name, code, *_ in answer.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise error(f"topic {name} could not be created")
        created.append(name)
    return created


async def _configure(admin: AIOKafkaAdminClient, topics: list[TopicDefinition]) -> None:
    if topics:
        await admin.alter_configs(
            [
                ConfigResource(ConfigResourceType.TOPIC, topic.name, configs=topic_configuration(topic))
                for topic in topics
            ]
        )
