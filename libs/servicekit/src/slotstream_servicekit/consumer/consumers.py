"""All subscriptions of a service's worker, and the members of its consumer group."""

import asyncio
import dataclasses
from collections.abc import Sequence
from datetime import timedelta
from itertools import chain
from typing import Final

from sqlalchemy import Table

from slotstream_servicekit.background import repeatedly
from slotstream_servicekit.consumer.failure_rate import FailureRate
from slotstream_servicekit.consumer.members import Member
from slotstream_servicekit.consumer.records import Decode, Handler, Weigh
from slotstream_servicekit.consumer.subscriptions import ConsumerContext, OnInvalid, Subscription
from slotstream_servicekit.database import Database
from slotstream_servicekit.dead_letters import DeadLetterWriter
from slotstream_servicekit.health import ConsumerProgress, Health, consumer_check
from slotstream_servicekit.inbox import prune
from slotstream_servicekit.kafka import KafkaConnection
from slotstream_servicekit.telemetry import CONSUMER_LAG, CONSUMER_LAG_SECONDS, OLDEST_UNAPPLIED_SECONDS

FAILURE_LIMIT: Final = 30
"""How many records of several tenants may fail in a row before the consumer itself is suspected."""
INBOX_RETENTION: Final = timedelta(days=14)

_PRUNE_SECONDS: Final = 600.0


class Consumers:
    """All subscriptions of a service's worker."""

    def __init__(
        self,
        *,
        service: str,
        kafka: KafkaConnection,
        database: Database,
        decode: Decode,
        health: Health,
        inbox: Table | None = None,
        batch_size: int = 500,
        failure_limit: int = FAILURE_LIMIT,
        inbox_retention: timedelta = INBOX_RETENTION,
    ) -> None:
        self._service = service
        self._health = health
        self._inbox = inbox
        self._failure_limit = failure_limit
        self._alone: list[Subscription] = []
        self._together: dict[str, list[Subscription]] = {}
        self._context = ConsumerContext(
            service=service,
            kafka=kafka,
            database=database,
            decode=decode,
            dead_letters=DeadLetterWriter(service=service, kafka=kafka),
            inbox_retention=inbox_retention,
            batch_size=batch_size,
            stop=asyncio.Event(),
        )

    def subscribe(
        self,
        topic: str,
        handler: Handler,
        *,
        types: frozenset[str] | None = None,
        dedupe: bool = True,
        group: str | None = None,
        members: int = 1,
        weigh: Weigh = lambda _: 1,
        on_invalid: OnInvalid | None = None,
    ) -> None:
        """Give `handler` the records of `topic` in batches, in order per key.

        `types`: only records of these CloudEvents types.
        `dedupe`: only messages that this group has not processed before. Without it the handler gets every record,
        tombstones included, and must apply states by version.
        `members`: how often this process joins the group for this topic, to work on several partitions at once. All
        topics with one member share it, and take turns.
        `weigh`: how much work an event is. A batch weighs no more than the batch size.
        `on_invalid`: answers the sender of a record that is set aside.
        """
        if dedupe and self._inbox is None:
            raise ValueError(f"{topic}: a subscription with dedupe needs the service's inbox table")
        subscriptions = [
            Subscription(
                topic=topic,
                handler=handler,
                group=group or self._service,
                types=types,
                dedupe=dedupe,
                failures=FailureRate(self._failure_limit),
                weigh=weigh,
                most=self._context.batch_size,
                on_invalid=on_invalid,
            )
            for _ in range(members)
        ]
        if members == 1:
            self._together.setdefault(group or self._service, []).extend(subscriptions)
        else:
            self._alone += subscriptions
        self._report_on(topic, [subscription.progress for subscription in subscriptions])

    @property
    def topics_by_group(self) -> dict[str, frozenset[str]]:
        """The topics subscribed to so far."""
        subscriptions = [*self._alone, *chain.from_iterable(self._together.values())]
        groups = {subscription.group for subscription in subscriptions}
        return {
            group: frozenset(subscription.topic for subscription in subscriptions if subscription.group == group)
            for group in groups
        }

    def _report_on(self, topic: str, progress: Sequence[ConsumerProgress]) -> None:
        for number, member in enumerate(progress, start=1):
            name = f"consumer {topic}" if number == 1 else f"consumer {topic} ({number})"
            self._health.register(name, consumer_check(member))
        CONSUMER_LAG.labels(self._service, topic).set_function(lambda: _lag_of(progress))
        CONSUMER_LAG_SECONDS.labels(self._service, topic).set_function(
            lambda: max(member.lag_seconds for member in progress)
        )
        OLDEST_UNAPPLIED_SECONDS.labels(self._service, topic).set_function(
            lambda: max(member.oldest_unapplied_seconds for member in progress)
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Consumes until `stop` is set. Waits while Kafka is away, and for topics that do not exist yet."""
        context = self._context = dataclasses.replace(self._context, stop=stop)
        members = [Member(context, [subscription]) for subscription in self._alone]
        members += [Member(context, subscriptions) for subscriptions in self._together.values()]
        try:
            async with asyncio.TaskGroup() as group:
                for member in members:
                    group.create_task(member.run())
                if self._inbox is not None:
                    group.create_task(repeatedly("inbox_pruning", self._forget, every=_PRUNE_SECONDS)(stop))
        finally:
            await context.dead_letters.close()

    async def _forget(self) -> bool:
        """Deletes old ids of the inbox; returns whether there may be more of them."""
        async with self._context.database.system_transaction() as session:
            # A record counts as too old a day before the inbox forgets it, because clocks differ.
            return await prune(session, older_than=self._context.inbox_retention + timedelta(days=1)) > 0


def _lag_of(progress: Sequence[ConsumerProgress]) -> float:
    """The sum of the known lags; NaN where none is known yet."""
    known = [member.lag for member in progress if member.lag is not None]
    return float(sum(known)) if known else float("nan")
