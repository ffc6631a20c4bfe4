"""Which topics can be consumed now: those that exist and whose partitions all have a leader.

While a partition has no leader, aiokafka's fetcher asks for metadata in a loop without a pause. All clients of a
cluster together can so keep a broker that is starting, and has no leaders yet, from ever getting ready. Therefore a
member asks here first, about once a second, and joins its group only when there is something to consume.
"""

from collections.abc import Iterable
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient

from slotstream_servicekit.consumer.deadlines import answer_within
from slotstream_servicekit.kafka import KafkaConnection
from slotstream_servicekit.kafka.clients import aiokafka_arguments

_ASK_SECONDS: Final = 10.0


async def led_soon(kafka: KafkaConnection, topics: Iterable[str]) -> frozenset[str]:
    """As `led_topics`. Raises TimeoutError where the brokers do not answer in time, as while one restarts."""
    return await answer_within(_ASK_SECONDS, led_topics(kafka, topics))


async def led_topics(kafka: KafkaConnection, topics: Iterable[str]) -> frozenset[str]:
    """Those of `topics` that exist and whose partitions all have a leader. Raises KafkaError if no broker answers."""
    wanted = set(topics)
    admin = AIOKafkaAdminClient(**aiokafka_arguments(kafka))
    try:
        await admin.start()
        # Asks about existing topics only: some brokers create a topic that they are asked about.
        existing = sorted(wanted.intersection(await admin.list_topics()))
        described = await admin.describe_topics(existing) if existing else []
    finally:
        await admin.close()
    return frozenset(
        topic["topic"]
        for topic in described
        if topic["partitions"] and all(partition["leader"] >= 0 for partition in topic["partitions"])
    )
