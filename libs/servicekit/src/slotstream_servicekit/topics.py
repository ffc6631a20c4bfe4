"""The declarative topics job: creates what is missing, grows partitions, sets configuration; deletes nothing.

Needs the extra `topics`: the services themselves do without its client.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Protocol

from aiokafka.errors import (
    InvalidPartitionsError,
    KafkaConnectionError,
    KafkaTimeoutError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)
from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewPartitions,
    NewTopic,
    ResourceType,
)

from slotstream_servicekit.kafka import KafkaConnection
from slotstream_servicekit.kafka.clients import confluent_arguments

_HOUR_MILLISECONDS: Final = 3_600_000
_DAY_MILLISECONDS: Final = 24 * _HOUR_MILLISECONDS
_SEGMENT_MILLISECONDS: Final = 12 * _HOUR_MILLISECONDS
_ANSWER_SECONDS: Final = 15
_TOLD_WITHIN_SECONDS: Final = 60
_LOOK_AGAIN_SECONDS: Final = 0.05

_COMPACTED: Final = {
    # Erased and replaced records are gone from the log a day later, however little is written.
    "max.compaction.lag.ms": str(_DAY_MILLISECONDS),
    "segment.ms": str(_SEGMENT_MILLISECONDS),
    "min.cleanable.dirty.ratio": "0.1",
    # A consumer that is away for less than this still sees that a key was erased.
    "delete.retention.ms": str(7 * _DAY_MILLISECONDS),
}


class TopicDefinition(Protocol):
    """What the job needs of a topic. Without `retention` records are kept for ever.

    `cleanup` is `delete`, `compact` or `compact,delete`.
    """

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


def topic_configuration(topic: TopicDefinition, *, min_insync_replicas: int = 1) -> dict[str, str]:
    """Kafka's own settings for a topic."""
    settings = {"max.message.bytes": str(topic.max_message_bytes), "min.insync.replicas": str(min_insync_replicas)}
    settings["cleanup.policy"] = topic.cleanup
    if "compact" in topic.cleanup:
        settings |= _COMPACTED
    if "delete" in topic.cleanup:
        settings |= _retention_of(topic.retention)
    return settings


def _retention_of(retention: timedelta | None) -> dict[str, str]:
    """Kafka deletes whole segments, by their newest record: one that is written for a week keeps what is a week old
    beyond any retention. So with a retention a segment is closed after a quarter of it, or half a day.
    """
    if retention is None:
        return {"retention.ms": "-1", "retention.bytes": "-1"}
    milliseconds = int(retention / timedelta(milliseconds=1))
    segment = min(_SEGMENT_MILLISECONDS, milliseconds // 4)
    return {"retention.ms": str(milliseconds), "retention.bytes": "-1", "segment.ms": str(segment)}


def usual_min_insync_replicas(replication_factor: int) -> int:
    """One less than the replicas, so that one broker may be away, and no acknowledged record is on one broker only."""
    return max(1, min(replication_factor - 1, 2))


async def apply_topics(
    kafka: KafkaConnection,
    topics: Iterable[TopicDefinition],
    *,
    replication_factor: int = 1,
    min_insync_replicas: int | None = None,
) -> AppliedTopics:
    """Make the topics of the cluster equal `topics`. It may be run again, and while services run.

    Settings made by hand on a topic that are not ours to say stay as they are. Fewer partitions than there are
    is not an error: Kafka cannot take any away. Returns when the brokers tell what was done: they learn of it a
    moment later than the controller, and what they tell before is old. Raises KafkaTimeoutError where they do not.
    """
    job = _Job(
        admin_client(kafka),
        {topic.name: topic for topic in topics},
        replication_factor,
        min_insync_replicas or usual_min_insync_replicas(replication_factor),
    )
    return await asyncio.to_thread(job.run)


def admin_client(kafka: KafkaConnection) -> AdminClient:
    """confluent-kafka's admin client, which raises errors instead of printing them. Raises KafkaConnectionError."""
    try:
        return AdminClient({**confluent_arguments(kafka), "log_level": 2})
    except KafkaException as error:
        raise as_kafka_error(error) from error


@dataclass(slots=True)
class _Job:
    admin: AdminClient
    wanted: Mapping[str, TopicDefinition]
    replication_factor: int
    min_insync_replicas: int
    created: set[str] = field(default_factory=set)
    grown: set[str] = field(default_factory=set)
    configured: set[str] = field(default_factory=set)

    def run(self) -> AppliedTopics:
        deadline = time.monotonic() + _TOLD_WITHIN_SECONDS
        while self._reconcile():
            if time.monotonic() > deadline:
                raise KafkaTimeoutError(f"The brokers do not tell what was asked of them {_TOLD_WITHIN_SECONDS} s ago.")
            time.sleep(_LOOK_AGAIN_SECONDS)
        changed = self.created | self.grown | self.configured
        return AppliedTopics(
            created=tuple(name for name in self.wanted if name in self.created),
            grown=tuple(name for name in self.wanted if name in self.grown),
            configured=tuple(name for name in self.wanted if name in self.configured),
            unchanged=tuple(name for name in self.wanted if name not in changed),
        )

    def _reconcile(self) -> bool:
        """Finds out what is missing, and does it. Returns whether anything was."""
        existing = partitions_by_topic(self.admin, self.wanted)
        missing = [topic for name, topic in self.wanted.items() if name not in existing]
        present = [topic for name, topic in self.wanted.items() if name in existing]
        too_few = [topic for topic in present if existing[topic.name] < topic.partitions]
        own = own_settings(self.admin, [topic.name for topic in present])
        differing = {
            topic.name: differs
            for topic in present
            if topic.name in own and (differs := dict(self._settings(topic).items() - own[topic.name].items()))
        }
        self.created |= self._create(missing)
        self.grown |= self._grow(too_few)
        # For a topic that was created a moment ago, a broker may still tell old settings.
        self.configured |= self._configure(differing) - self.created
        return bool(missing or too_few or differing or len(own) < len(present))

    def _settings(self, topic: TopicDefinition) -> dict[str, str]:
        return topic_configuration(topic, min_insync_replicas=self.min_insync_replicas)

    def _create(self, topics: Sequence[TopicDefinition]) -> set[str]:
        """Creates topics; returns their names, without those that another job has created first."""
        if not topics:
            return set()
        new = [
            NewTopic(
                topic.name,
                num_partitions=topic.partitions,
                replication_factor=self.replication_factor,
                config=self._settings(topic),
            )
            for topic in topics
        ]
        return _succeeded(self.admin.create_topics(new), besides=TopicAlreadyExistsError)

    def _grow(self, topics: Sequence[TopicDefinition]) -> set[str]:
        """Adds partitions; returns the names of the topics, without those that have them already."""
        if not topics:
            return set()
        more = [NewPartitions(topic.name, topic.partitions) for topic in topics]
        return _succeeded(self.admin.create_partitions(more), besides=InvalidPartitionsError)

    def _configure(self, settings: Mapping[str, Mapping[str, str]]) -> set[str]:
        if not settings:
            return set()
        # Changes only the given settings (KIP-339).
        resources = [
            ConfigResource(
                ResourceType.TOPIC,
                topic,
                incremental_configs=[
                    ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
                    for name, value in configs.items()
                ],
            )
            for topic, configs in settings.items()
        ]
        answers = self.admin.incremental_alter_configs(resources)
        return _succeeded({resource.name: answer for resource, answer in answers.items()})


def partitions_by_topic(admin: AdminClient, names: Iterable[str]) -> dict[str, int]:
    """The number of partitions of each of the named topics that exists."""
    try:
        listed = admin.list_topics(timeout=_ANSWER_SECONDS).topics
    except KafkaException as error:
        raise as_kafka_error(error) from error
    return {name: len(listed[name].partitions) for name in names if name in listed and listed[name].error is None}


def own_settings(admin: AdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """The settings of each topic; none for a topic that this broker does not know yet, although another does."""
    if not names:
        return {}
    asked = admin.describe_configs([ConfigResource(ResourceType.TOPIC, name) for name in names])
    answers = {resource.name: answer for resource, answer in asked.items()}
    known = _succeeded(answers, besides=UnknownTopicOrPartitionError)
    return {
        name: {
            entry.name: entry.value
            for entry in answers[name].result().values()
            if entry.source == ConfigSource.DYNAMIC_TOPIC_CONFIG.value
        }
        for name in known
    }


def _succeeded(answers: Mapping[str, Future[Any]], *, besides: type[Exception] | None = None) -> set[str]:
    """The names whose request succeeded. Raises aiokafka's error for a failure with another error than `besides`."""
    names = set()
    for name, answer in answers.items():
        try:
            answer.result(timeout=_ANSWER_SECONDS)
        except KafkaException as failure:
            error = as_kafka_error(failure, about=name)
            if besides is None or not isinstance(error, besides):
                raise error from failure
        else:
            names.add(name)
    return names


def as_kafka_error(failure: KafkaException, *, about: str | None = None) -> Exception:
    """The same error as a class of aiokafka. Positive codes are those of the protocol, negative ones of the client."""
    error = failure.args[0]
    sentence = error.str() if about is None else f"{about}: {error.str()}"
    kind: type[Exception] = for_code(error.code()) if error.code() > 0 else KafkaConnectionError
    return kind(sentence)
