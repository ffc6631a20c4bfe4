"""The declarative topics job: creates what is missing, grows partitions, sets configuration; deletes nothing."""

import asyncio
import contextlib
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Protocol

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    InvalidPartitionsError,
    KafkaTimeoutError,
    NoError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from slotstream_servicekit.incremental_configs import SetTopicConfigs

_SET_ON_TOPIC: Final = 1
"""Kafka's code for a setting that was made on the topic itself, not inherited."""
_DAY_MILLISECONDS: Final = 86_400_000
_TOLD_WITHIN_SECONDS: Final = 60
_LOOK_AGAIN_SECONDS: Final = 0.05


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
    is not an error: Kafka cannot take any away. Returns when the brokers tell what was done: they learn of it a
    moment later than the controller, and what they tell before is old. Raises KafkaTimeoutError where they do not.
    """
    wanted = {topic.name: topic for topic in topics}
    done = _Done()
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    try:
        await admin.start()
        deadline = time.monotonic() + _TOLD_WITHIN_SECONDS
        while await _reconcile(admin, wanted, done, replication_factor):
            if time.monotonic() > deadline:
                raise KafkaTimeoutError(f"The brokers do not tell what was asked of them {_TOLD_WITHIN_SECONDS} s ago.")
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
    finally:
        await admin.close()
    return AppliedTopics(
        created=tuple(name for name in wanted if name in done.created),
        grown=tuple(name for name in wanted if name in done.grown),
        configured=tuple(name for name in wanted if name in done.configured),
        unchanged=tuple(name for name in wanted if name not in done.created | done.grown | done.configured),
    )


@dataclass(slots=True)
class _Done:
    created: set[str] = field(default_factory=set)
    grown: set[str] = field(default_factory=set)
    configured: set[str] = field(default_factory=set)


async def _reconcile(
    admin: AIOKafkaAdminClient, wanted: Mapping[str, TopicDefinition], done: _Done, replication_factor: int
) -> bool:
    """Looks, and does what is missing; whether there was anything."""
    existing = await _partitions_by_topic(admin, wanted)
    missing = [topic for name, topic in wanted.items() if name not in existing]
    present = [topic for name, topic in wanted.items() if name in existing]
    too_few = [topic for topic in present if existing[topic.name] < topic.partitions]
    own = await _own_settings(admin, [topic.name for topic in present])
    differing = {
        topic.name: differs
        for topic in present
        if topic.name in own and (differs := dict(topic_configuration(topic).items() - own[topic.name].items()))
    }
    done.created |= await _create(admin, missing, replication_factor)
    done.grown |= await _grow(admin, too_few)
    # Of what was made a moment ago, old settings are told at most.
    done.configured |= await _configure(admin, differing) - done.created
    return bool(missing or too_few or differing or len(own) < len(present))


async def _partitions_by_topic(admin: AIOKafkaAdminClient, wanted: Mapping[str, TopicDefinition]) -> dict[str, int]:
    present = [name for name in await admin.list_topics() if name in wanted]
    if not present:
        return {}
    return {each["topic"]: len(each["partitions"]) for each in await admin.describe_topics(present)}


async def _create(admin: AIOKafkaAdminClient, topics: Sequence[TopicDefinition], replication_factor: int) -> set[str]:
    """Names what was created; what another job created first, or a broker did not list yet, is none of it."""
    if not topics:
        return set()
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
    return {name for name, code, *_ in answer.topic_errors if not code}


async def _grow(admin: AIOKafkaAdminClient, topics: Sequence[TopicDefinition]) -> set[str]:
    """Names what grew; what has grown already, and a broker did not tell yet, is none of it."""
    grown = set()
    for topic in topics:
        with contextlib.suppress(InvalidPartitionsError):
            await admin.create_partitions({topic.name: NewPartitions(total_count=topic.partitions)})
            grown.add(topic.name)
    return grown


async def _configure(admin: AIOKafkaAdminClient, settings: Mapping[str, Mapping[str, str]]) -> set[str]:
    if settings:
        answer = await admin._send_request(SetTopicConfigs(settings))  # noqa: SLF001 - its only way to send a request
        for code, message, _, name in answer.resources:
            _require(code, f"topic {name} could not be configured: {message}")
    return set(settings)


async def _own_settings(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """What was set on each topic; none for a topic that the broker asked does not know yet, as another does."""
    own: dict[str, dict[str, str]] = {}
    if not names:
        return own
    answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    for answer in answers:
        for resource in answer.to_object()["resources"]:
            name, code = resource["resource_name"], resource["error_code"]
            _require(code, f"topic {name} could not be read", tolerated=UnknownTopicOrPartitionError)
            if not code:
                own[name] = {
                    each["config_names"]: each["config_value"]
                    for each in resource["config_entries"]
                    if each.get("config_source") == _SET_ON_TOPIC
                }
    return own


def _require(code: int, complaint: str, *, tolerated: Any = NoError) -> None:
    error = for_code(code)
    if code and error is not tolerated:
        raise error(complaint)
