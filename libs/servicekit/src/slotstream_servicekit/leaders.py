"""Which topics can be used right now: those that exist and whose partitions all have a leader.

aiokafka's fetcher asks for metadata again as soon as it is answered while a partition has no leader. All clients of a
cluster together then keep a broker that is just starting, and has no leaders yet, from ever finishing. So whoever
consumes asks here first, once in a while, and joins when there is something to join.
"""

from collections.abc import Iterable

from aiokafka.admin import AIOKafkaAdminClient

from slotstream_servicekit.kafka import KafkaConnection
from slotstream_servicekit.kafka.clients import aiokafka_arguments


async def led_topics(kafka: KafkaConnection, topics: Iterable[str]) -> frozenset[str]:
    """Those of `topics` that exist and of which every partition has a leader. Raises KafkaError where none answers."""
    wanted = set(topics)
    admin = AIOKafkaAdminClient(**aiokafka_arguments(kafka))
    try:
        await admin.start()
        # Only those that exist are asked about: some brokers create what they are asked about.
        existing = sorted(wanted.intersection(await admin.list_topics()))
        described = await admin.describe_topics(existing) if existing else []
    finally:
        await admin.close()
    return frozenset(
        topic["topic"]
        for topic in described
        if topic["partitions"] and all(partition["leader"] >= 0 for partition in topic["partitions"])
    )
