"""The declarative topics job: creates what is missing, grows partitions, sets configuration; deletes nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Protocol

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import NoError, TopicAlreadyExistsError, for_code

from slotstream_servicekit.incremental_configs import SetTopicConfigs

_SET_ON_TOPIC: Final = 1
"""Kafka's code for a setting that was made on the topic itself, not inherited."""
_DAY_MILLISECONDS: Final = 86_400_000


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
    configured: tuple[str, ...]
    unchanged: tuple[str, ...]


def topic_configuration(topic: TopicDefinition) -> dict[str, str]:
    """Kafka's own settings for a topic."""
    settings = {"cleanup.policy": topic.cleanup, "max.message.bytes": str(topic.max_message_bytes)}
    if topic.cleanup == "compact":
        # A consumer that is away for less than this still sees that a key was erased.
        return settings | {"delete.retention.ms": str(7 * _DAY_MILLISECONDS), "min.cleanable.dirty.ratio": "0.1"}
    retention = -1 if topic.retention is None else int(topic.retention / timedelta(milliseconds=1))
    return settings | {"retention.ms": str(retention), "retention.bytes": "-1"}


async def apply_topics(
    bootstrap_servers: str, topics: Iterable[TopicDefinition], *, replication_factor: int = 1
) -> AppliedTopics:
    """Bring the cluster to `topics`; safe to run again and beside running services.

    Settings made by hand on a topic that are not ours to say stay as they are. Fewer partitions than there are
    is not an error: Kafka cannot take any away.
    """
    wanted = {topic.name: topic for topic in topics}
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    try:
        await admin.start()
        existing = await _partitions_by_topic(admin, wanted)
        missing = [topic for name, topic in wanted.items() if name not in existing]
        present = [topic for name, topic in wanted.items() if name in existing]
        created = await _create(admin, missing, replication_factor)
        too_few = [topic for topic in present if existing[topic.name] < topic.partitions]
        await _grow(admin, too_few)
        changed = await _configure(admin, present)
    finally:
        await admin.close()
    grown = tuple(topic.name for topic in too_few)
    touched = {*created, *grown, *changed}
    return AppliedTopics(
        created=created,
        grown=grown,
        configured=changed,
        unchanged=tuple(name for name in wanted if name not in touched),
    )


async def _partitions_by_topic(admin: AIOKafkaAdminClient, wanted: Mapping[str, TopicDefinition]) -> dict[str, int]:
    present = [name for name in await admin.list_topics() if name in wanted]
    if not present:
        return {}
    return {each["topic"]: len(each["partitions"]) for each in await admin.describe_topics(present)}


async def _create(
    admin: AIOKafkaAdminClient, topics: Sequence[TopicDefinition], replication_factor: int
) -> tuple[str, ...]:
    """Names what was created; what another job created first, or a broker did not list yet, is none of it."""
    if not topics:
        return ()
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
    for name, code, *_ in answer.topic_errors:
        _require(code, f"topic {name} could not be created", tolerated=TopicAlreadyExistsError)
    return tuple(name for name, code, *_ in answer.topic_errors if not code)


async def _grow(admin: AIOKafkaAdminClient, topics: Sequence[TopicDefinition]) -> None:
    if topics:
        await admin.create_partitions({topic.name: NewPartitions(total_count=topic.partitions) for topic in topics})


async def _configure(admin: AIOKafkaAdminClient, topics: Sequence[TopicDefinition]) -> tuple[str, ...]:
    """Sets what differs, and nothing else: a broker may tell settings that are a moment old."""
    if not topics:
        return ()
    own = await _own_settings(admin, [topic.name for topic in topics])
    changed = {
        topic.name: differing
        for topic in topics
        if (differing := dict(topic_configuration(topic).items() - own[topic.name].items()))
    }
    if changed:
        answer = await admin._send_request(SetTopicConfigs(changed))  # noqa: SLF001 - its only way to send a request
        for code, message, _, name in answer.resources:
            _require(code, f"topic {name} could not be configured: {message}")
    return tuple(changed)


async def _own_settings(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    own: dict[str, dict[str, str]] = {name: {} for name in names}
    answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    for answer in answers:
        for resource in answer.to_object()["resources"]:
            _require(resource["error_code"], f"topic {resource['resource_name']} could not be read")
            own[resource["resource_name"]] |= {
                each["config_names"]: each["config_value"]
                for each in resource["config_entries"]
                if each.get("config_source") == _SET_ON_TOPIC
            }
    return own


def _require(code: int, complaint: str, *, tolerated: Any = NoError) -> None:
    error = for_code(code)
    if code and error is not tolerated:
        raise error(complaint)
