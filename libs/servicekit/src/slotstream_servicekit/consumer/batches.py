"""Processes one batch of one subscription: reads it, handles it, and sets aside the records that fail for good."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from aiokafka import ConsumerRecord
from sqlalchemy.ext.asyncio import AsyncSession

from slotstream_servicekit.consumer.records import Received, header_of, read_record
from slotstream_servicekit.consumer.retries import is_transient, retry_with_backoff
from slotstream_servicekit.consumer.subscriptions import ConsumerContext, InvalidRecord, Subscription
from slotstream_servicekit.consumer.topic_locks import topic_lock
from slotstream_servicekit.consumer.tracing import batch_span
from slotstream_servicekit.dead_letters import Cause, cause_of
from slotstream_servicekit.inbox import claim
from slotstream_servicekit.telemetry import CONSUMER_BATCH_SECONDS, CONSUMER_RECORDS, get_logger, parse_traceparent

log = get_logger(__name__)

_SET_ASIDE_BETWEEN_COMMITS: Final = 50
"""How many records are set aside until the offsets are committed within a batch."""
_LOOKED_AT_BEFORE_STOPPING: Final = 100
"""How many later records are tried before the consumer decides that the fault is its own."""

Settle = Callable[[Sequence[ConsumerRecord]], Awaitable[None]]
"""Commits the offsets of the batch, except for the given records, which remain."""


class ConsumerAtFaultError(Exception):
    """Records of many tenants fail and none succeeds: the consumer is at fault, not the records."""

    def __init__(self, cause: Exception) -> None:
        super().__init__()
        self.cause = cause


@dataclass(slots=True)
class _Part:
    """The first `length` remaining records: those for the handler, and those that cannot be read."""

    length: int = 0
    batch: list[Received[Any]] = field(default_factory=list)
    unreadable: list[tuple[ConsumerRecord, Exception]] = field(default_factory=list)


class BatchWork:
    """The work on one batch. `remaining` holds the records that are delivered again if it is interrupted."""

    def __init__(
        self, context: ConsumerContext, subscription: Subscription, records: Sequence[ConsumerRecord], settle: Settle
    ) -> None:
        self._context = context
        self._subscription = subscription
        self._settle = settle
        self._unsettled = 0
        self.remaining = records

    async def run(self) -> None:
        """Processes the batch. Raises ConsumerAtFaultError, and transient errors that outlast all retries."""
        timer = CONSUMER_BATCH_SECONDS.labels(self._context.service, self._subscription.topic)
        progress = self._subscription.progress
        progress.in_hand(record.timestamp for record in self.remaining)
        while self.remaining and not self._context.stop.is_set():
            with timer.time():
                await self._work_through(self._next_part())
            progress.in_hand(record.timestamp for record in self.remaining)
            progress.alive()

    async def _work_through(self, part: "_Part") -> None:
        after = self.remaining[part.length :]
        try:
            await self._handle_with_retries(part.batch)
        except Exception as error:
            if is_transient(error):
                raise
            log.warning(
                "batch_isolated",
                topic=self._subscription.topic,
                records=len(part.batch),
                cause=type(error).__name__,
            )
            await self._one_by_one(part.length)
        else:
            for position, (record, fault) in enumerate(part.unreadable):
                self.remaining = [*(later for later, _ in part.unreadable[position:]), *after]
                await self._set_aside(record, fault, None)
        self.remaining = after

    def _next_part(self) -> "_Part":
        """As many of the remaining records as fit into one transaction."""
        part = _Part()
        weight = 0
        for record in self.remaining:
            received = self._read_one(record)
            if isinstance(received, Exception):
                part.unreadable.append((record, received))
            elif received is not None:
                weight += 1 if received.event is None else self._subscription.weigh(received.event)
                if part.batch and weight > self._subscription.most:
                    break
                part.batch.append(received)
            part.length += 1
        return part

    def _read_one(self, record: ConsumerRecord) -> Received[Any] | Exception | None:
        """The record as the handler sees it; or the error, if it cannot be read; or None, if it is skipped."""
        subscription = self._subscription
        try:
            received = read_record(
                record, self._context.decode, types=subscription.types, tombstones=not subscription.dedupe
            )
        except Exception as error:  # noqa: BLE001 - whatever decoding raises means that the record cannot be read
            return error
        if received is None:
            self._count("ignored", 1)
        elif subscription.dedupe and datetime.now(UTC) - received.timestamp >= self._context.inbox_retention:
            # The inbox has forgotten whether it was handled, so it may not be handled now.
            self._count("too_old", 1)
            return None
        return received

    async def _one_by_one(self, length: int) -> None:
        """Handles the records one by one, in order, so that only those that fail are set aside."""
        records = self.remaining
        for position, record in enumerate(records[:length]):
            self.remaining = records[position:]
            received = self._read_one(record)
            if isinstance(received, Exception):
                await self._set_aside(record, received, None)
            elif received is not None:
                try:
                    await self._handle_with_retries([received])
                except Exception as error:
                    if is_transient(error):
                        raise
                    await self._set_aside(record, error, received.event)

    async def _handle_with_retries(self, batch: Sequence[Received[Any]]) -> None:
        if not batch:
            return

        def on_retry(error: Exception) -> None:
            cause = type(error.__cause__ or error).__name__
            log.warning("batch_retried", topic=self._subscription.topic, records=len(batch), cause=cause)

        await retry_with_backoff(lambda: self._handle(batch), stop=self._context.stop, on_retry=on_retry)

    async def _handle(self, batch: Sequence[Received[Any]]) -> None:
        """Claims the messages in the inbox and calls the handler, in one transaction."""
        subscription = self._subscription
        with batch_span(subscription.topic, batch) as traced:
            async with self._context.database.system_transaction(shared_lock=topic_lock(subscription.topic)) as session:
                fresh = await self._fresh(session, traced) if subscription.dedupe else traced
                if fresh:
                    await subscription.handler(session, fresh)
        self._count("handled", len(fresh))
        self._count("duplicate", len(batch) - len(fresh))
        subscription.failures.succeeded(len(batch))

    async def _fresh(self, session: AsyncSession, batch: Sequence[Received[Any]]) -> Sequence[Received[Any]]:
        first_seen: dict[Any, Received[Any]] = {}
        for received in batch:
            if received.event is not None:
                first_seen.setdefault(received.event.id, received)
        claimed = await claim(session, consumer=self._subscription.group, ids=list(first_seen))
        return [received for identity, received in first_seen.items() if identity in claimed]

    async def _set_aside(self, record: ConsumerRecord, error: Exception, event: Any | None) -> None:
        """Answers the sender and writes the dead letter. Only then may the offset move past the record."""
        sender = sender_of(record, event)
        if self._subscription.failures.suspects_consumer(sender):
            if not await self._anything_works():
                raise ConsumerAtFaultError(error)
            # The consumer may have been repaired since the record failed.
            if await self._works(record):
                return
        cause = cause_of(error, handler=self._subscription.handler_name)
        await self._tell_sender(record, cause, event)
        await self._context.dead_letters.write(record, cause)
        self._subscription.failures.failed(sender)
        self._count("dead_lettered", 1)
        trace = parse_traceparent(header_of(record, "traceparent"))
        log.error(
            "record_set_aside",
            trace_id=trace.trace_id if trace else None,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            organization=sender,
            event_id=header_of(record, "ce_id"),
            code=cause.code,
            # For an error with a code the code is enough; any other is a fault of ours, which needs the stack.
            exc_info=None if hasattr(error, "code") else error,
        )
        self._unsettled += 1
        if self._unsettled >= _SET_ASIDE_BETWEEN_COMMITS:
            self._unsettled = 0
            await self._settle(self.remaining[1:])

    async def _tell_sender(self, record: ConsumerRecord, cause: Cause, event: Any | None) -> None:
        on_invalid = self._subscription.on_invalid
        if on_invalid is None:
            return
        invalid = InvalidRecord.of(record, cause, event)

        async def tell() -> None:
            async with self._context.database.system_transaction() as session:
                await on_invalid(session, invalid)

        try:
            await retry_with_backoff(tell, stop=self._context.stop, on_retry=lambda _: None)
        except Exception as error:
            if is_transient(error):
                raise
            log.exception("invalid_record_unanswered", topic=record.topic, offset=record.offset)

    async def _anything_works(self) -> bool:
        """Whether a later record can be handled: then the consumer is not at fault.

        A record that is handled here is delivered again in its turn, which has no second effect.
        """
        for record in self.remaining[1 : 1 + _LOOKED_AT_BEFORE_STOPPING]:
            if await self._works(record):
                return True
        return False

    async def _works(self, record: ConsumerRecord) -> bool:
        """Handles the record; returns whether that succeeded."""
        received = self._read_one(record)
        if received is None or isinstance(received, Exception):
            return False
        try:
            await self._handle([received])
        except Exception as error:
            if is_transient(error):
                raise
            return False
        return True

    def _count(self, outcome: str, amount: int) -> None:
        if amount:
            CONSUMER_RECORDS.labels(self._context.service, self._subscription.topic, outcome).inc(amount)


def sender_of(record: ConsumerRecord, event: Any | None) -> str:
    """The tenant whose record it is. Records that name none count as those of one sender."""
    organization = getattr(event, "organization", None) or header_of(record, "ce_organization")
    return str(organization or "unknown")
