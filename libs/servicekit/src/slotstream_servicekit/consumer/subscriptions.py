"""Subscriptions of a service, and what they share."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from aiokafka import ConsumerRecord
from sqlalchemy.ext.asyncio import AsyncSession

from slotstream_servicekit.consumer.failure_rate import FailureRate
from slotstream_servicekit.consumer.records import Decode, Handler, Weigh
from slotstream_servicekit.database import Database
from slotstream_servicekit.dead_letters import Cause, DeadLetterWriter
from slotstream_servicekit.health import ConsumerProgress
from slotstream_servicekit.kafka import KafkaConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidRecord:
    """A record that is about to be set aside, as it is in its topic, with the cause."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    cause: Cause
    event: Any | None
    """The decoded envelope, if the handler failed; None if the record cannot be read."""

    @classmethod
    def of(cls, record: ConsumerRecord, cause: Cause, event: Any | None) -> "InvalidRecord":
        return cls(
            topic=record.topic,
            key=record.key,
            value=record.value,
            headers=record.headers,
            cause=cause,
            event=event,
        )


OnInvalid = Callable[[AsyncSession, InvalidRecord], Awaitable[None]]
"""Answers the sender of a record that is set aside, in a transaction of its own. It may be called again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One topic and how its records are handled."""

    topic: str
    handler: Handler
    group: str
    types: frozenset[str] | None
    dedupe: bool
    failures: FailureRate
    weigh: Weigh
    most: int
    """The most that the events of one transaction may weigh; a single event may weigh more."""
    on_invalid: OnInvalid | None = None
    progress: ConsumerProgress = field(default_factory=ConsumerProgress)

    @property
    def handler_name(self) -> str:
        return getattr(self.handler, "__name__", type(self.handler).__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerContext:
    """What all subscriptions of a service share."""

    service: str
    kafka: KafkaConnection
    database: Database
    decode: Decode
    dead_letters: DeadLetterWriter
    inbox_retention: timedelta
    batch_size: int
    stop: asyncio.Event
