"""A member of a consumer group: it joins when there are topics to consume, and joins again after every failure."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from aiokafka.errors import GroupAuthorizationFailedError, KafkaError

from slotstream_servicekit.background import pause_for
from slotstream_servicekit.consumer.leaders import led_soon
from slotstream_servicekit.consumer.memberships import Membership
from slotstream_servicekit.consumer.subscriptions import ConsumerContext, Subscription
from slotstream_servicekit.kafka.refusals import refusals_of
from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)

_RECONNECT_SECONDS: Final = 1.0
_REFUSED_SECONDS: Final = 5.0
"""How long it waits after Kafka has refused the login or the group."""
_ABSENT: Final = "the topic is missing, has no leader, or this login may not read it"


class Member:
    """Consumes the topics of its subscriptions. Waits while Kafka is away, and for topics that do not exist yet."""

    def __init__(self, context: ConsumerContext, subscriptions: Sequence[Subscription]) -> None:
        self._context = context
        self._subscriptions = {subscription.topic: subscription for subscription in subscriptions}
        (self._group,) = {subscription.group for subscription in subscriptions}
        self._absent: frozenset[str] = frozenset()
        self._said: str | None = None
        """Why Kafka refused it the last time, which is logged only once."""

    async def run(self) -> None:
        """Consumes until told to stop. No error ends it."""
        stop = self._context.stop
        while not stop.is_set():
            pause = _RECONNECT_SECONDS
            try:
                present = await led_soon(self._context.kafka, self._subscriptions)
                self._note_absent(self._subscriptions.keys() - present)
                if present:
                    await self._belong(present)
            except (KafkaError, OSError, TimeoutError) as error:
                pause = await self._after(error)
            except Exception:
                log.exception("consumer_interrupted", topics=self._topics)
            await pause_for(pause, stop)

    @property
    def _topics(self) -> list[str]:
        return sorted(self._subscriptions)

    async def _after(self, error: Exception) -> float:
        """Logs why this member cannot work; returns how long to wait until it tries again."""
        if isinstance(error, GroupAuthorizationFailedError):
            reason: str | None = f"this login may not join the group {self._group}"
            if reason != self._said:
                log.error("consumer_may_not_join", group=self._group, topics=self._topics)
        else:
            # It logs a refused login itself, once for the whole process.
            reason = await refusals_of(self._context.kafka).reason()
        self._said = reason
        for subscription in self._subscriptions.values():
            subscription.progress.waits_because = reason
        if reason is not None:
            return _REFUSED_SECONDS
        log.warning("consumer_waits_for_kafka", topics=self._topics, cause=type(error).__name__)
        return _RECONNECT_SECONDS

    def _note_absent(self, absent: AbstractSet[str]) -> None:
        """Logs once which topics are absent. A topic that the login may not read looks absent as well."""
        for topic, subscription in self._subscriptions.items():
            subscription.progress.waits_because = _ABSENT if topic in absent else None
        if absent and absent != self._absent:
            log.warning("consumer_waits_for_topics", topics=sorted(absent), reason=_ABSENT)
        self._absent = frozenset(absent)

    async def _belong(self, present: frozenset[str]) -> None:
        """Joins the group for the topics that exist, works, and leaves."""
        subscriptions = {topic: self._subscriptions[topic] for topic in sorted(present)}
        membership = Membership(self._context, subscriptions, absent=self._subscriptions.keys() - present)
        try:
            if await membership.join():
                await membership.watch()
        finally:
            await membership.leave()
