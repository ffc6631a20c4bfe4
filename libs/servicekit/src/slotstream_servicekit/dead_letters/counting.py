"""Counts the dead letters that are left, for the gauge."""

import asyncio
from typing import Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from slotstream_servicekit.dead_letters.letters import dead_letter_topic_name
from slotstream_servicekit.dead_letters.reading import records_of, require_readable, topic_reader
from slotstream_servicekit.kafka import KafkaConnection
from slotstream_servicekit.telemetry import DEAD_LETTERS, get_logger

_COUNT_SECONDS: Final = 10.0
"""How long one count may take; the next goes on from where it ended."""

log = get_logger(__name__)


class DeadLetterCount:
    """How many dead letters of a service are neither replayed nor dropped. A count goes on where the last one ended."""

    def __init__(self, *, service: str, kafka: KafkaConnection) -> None:
        self._service = service
        self._kafka = kafka
        self._place = TopicPartition(dead_letter_topic_name(service), 0)
        self._offsets: dict[bytes, int] = {}
        """Offsets of the letters that are left, by key."""
        self._next = 0

    async def measure(self) -> None:
        """Counts what has come since, and sets the gauge. Where Kafka does not answer, the gauge keeps its value."""
        try:
            async with asyncio.timeout(_COUNT_SECONDS):
                await self._count()
        except (KafkaError, OSError, TimeoutError) as error:
            log.warning("dead_letters_not_counted", cause=type(error).__name__)
        else:
            DEAD_LETTERS.labels(self._service).set(len(self._offsets))

    async def _count(self) -> None:
        async with topic_reader(self._kafka) as consumer:
            await require_readable(consumer, self._place.topic)
            begin = (await consumer.beginning_offsets([self._place]))[self._place]
            async for record in records_of(consumer, self._place, self._next):
                self._next = record.offset + 1
                if record.value is None:
                    self._offsets.pop(record.key, None)
                else:
                    self._offsets[record.key] = record.offset
        self._offsets = {place: offset for place, offset in self._offsets.items() if offset >= begin}
