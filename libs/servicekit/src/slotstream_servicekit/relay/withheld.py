"""Topics that cannot be written to now: their records wait in the outbox, and the other topics go on."""

import asyncio
import contextlib
import time
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import TopicAuthorizationFailedError, UnknownTopicOrPartitionError

from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)
_NO_LEADER_SECONDS: Final = 1.0
"""How long a topic without leaders is withheld."""
_WITHHOLD_SECONDS: Final = 15.0
"""How long a topic is withheld that Kafka does not know or that this login may not write to."""


class WithheldTopics:
    """Topics that Kafka does not know (yet), that have no leader, or that this login may not write to."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def topics(self) -> list[str]:
        now = time.monotonic()
        return [topic for topic, until in self._until.items() if until > now]

    async def unless_known(self, producer: AIOKafkaProducer, topic: str) -> None:
        """Withholds the topic where Kafka does not know it, or a partition has no leader."""
        cluster = producer.client.cluster
        partitions = cluster.partitions_for_topic(topic)
        if partitions and cluster.available_partitions_for_topic(topic) == partitions:
            return
        if partitions:
            # aiokafka's sender would ask for leaders in a loop without a pause: ask once a second instead.
            self._until[topic] = time.monotonic() + _NO_LEADER_SECONDS
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(producer.client.force_metadata_update(), _NO_LEADER_SECONDS)
            return
        try:
            async with asyncio.timeout(2):
                await producer.partitions_for(topic)
        except (TimeoutError, UnknownTopicOrPartitionError):
            self._withhold(topic, "Kafka does not know the topic")
        except TopicAuthorizationFailedError:
            self.until_allowed(topic)

    def until_allowed(self, topic: str) -> None:
        self._withhold(topic, "this login may not write to the topic")

    def _withhold(self, topic: str, reason: str) -> None:
        log.error("relay_withholds_topic", topic=topic, reason=reason)
        self._until[topic] = time.monotonic() + _WITHHOLD_SECONDS
