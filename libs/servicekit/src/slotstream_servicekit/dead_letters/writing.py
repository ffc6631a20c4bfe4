"""Writes dead letters."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError

from slotstream_servicekit.dead_letters.letters import (
    PREFIX,
    Cause,
    cause_headers,
    dead_letter_topic_name,
    original_headers,
)
from slotstream_servicekit.kafka import KafkaConnection
from slotstream_servicekit.producer import durable_producer

_WRITE_SECONDS: Final = 20.0


class DeadLetterWriter:
    """Sets records aside. A record counts as processed only once Kafka has acknowledged its dead letter."""

    def __init__(self, *, service: str, kafka: KafkaConnection) -> None:
        self._service = service
        self._topic = dead_letter_topic_name(service)
        self._kafka = kafka
        self._opened = AsyncExitStack()
        self._producer: AIOKafkaProducer | None = None
        self._turn = asyncio.Lock()

    async def write(self, record: Any, cause: Cause) -> None:
        """Append aiokafka's `record` with its cause; raises KafkaError or TimeoutError where it cannot now."""
        headers = [*original_headers(record.headers), *cause_headers(self._service, record, cause)]
        if record.key is not None:
            headers.append((PREFIX + "key", record.key))
        if record.value is None:
            # Without a value it would be a tombstone in this topic as well.
            headers.append((PREFIX + "null_value", b"1"))
        key = f"{record.topic}/{record.partition}/{record.offset}".encode()
        async with self._turn:
            try:
                await self._send(record.value or b"", key, headers)
            except MessageSizeTooLargeError:
                omitted = (PREFIX + "value_omitted", str(len(record.value)).encode())
                await self._send(b"", key, [*headers, omitted])

    async def _send(self, value: bytes, key: bytes, headers: list[tuple[str, bytes]]) -> None:
        try:
            async with asyncio.timeout(_WRITE_SECONDS):
                producer = await self._open()
                await producer.send_and_wait(self._topic, value=value, key=key, headers=headers)
        except BaseException:
            # A producer with a failed batch has a gap in its sequence, and one cut off may still be sending.
            await self.close()
            raise

    async def _open(self) -> AIOKafkaProducer:
        if self._producer is None:
            client_id = f"{self._service}-dead-letters"
            self._producer = await self._opened.enter_async_context(
                durable_producer(self._kafka, client_id=client_id, close_within=2.0)
            )
        return self._producer

    async def close(self) -> None:
        self._producer = None
        await self._opened.aclose()
