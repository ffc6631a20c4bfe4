"""What the topics hold of the run's organizations, and sending it all again."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from harness.platform import Platform
from harness.records import content_of, read_topic, write_records
from harness.subscriptions import SUBSCRIBERS

from checker.evidence.model import Event
from slotstream_contracts.topics import SERVICES, TOPICS, dead_letter_topic

EVENTS = "slotstream.appointments.v1"
STATES = "slotstream.appointments.state.v1"
CLIENTS = "slotstream.clients.v1"
COMMANDS = "slotstream.booking.commands.v1"
RESULTS = "slotstream.booking.results.v1"
EXTERNAL_BUSY = "slotstream.external-busy.v1"

REPLAYED = (EVENTS, STATES, CLIENTS)


async def read_events(platform: Platform, organizations: frozenset[str]) -> list[Event]:
    contents = [content_of(record) for record in await read_topic(platform.bootstrap, EVENTS)]
    return [
        Event(content["id"], content["organization"], content["subject"], content["sequence"])
        for content in contents
        if content.get("organization") in organizations
    ]


async def read_results(platform: Platform, organizations: frozenset[str]) -> dict[str, str]:
    contents = [content_of(record) for record in await read_topic(platform.bootstrap, RESULTS)]
    return {
        content["data"]["command_id"]: content["type"]
        for content in contents
        if content.get("organization") in organizations
    }


async def read_unlabelled(platform: Platform, organizations: frozenset[str]) -> list[str]:
    """Records of these organizations, tombstones among them, that a reader of headers alone would not know for theirs.

    Commands are left out: those of a run are not sent by a service.
    """
    found: list[str] = []
    for topic in TOPICS:
        if topic.name != COMMANDS:
            records = await read_topic(platform.bootstrap, topic.name)
            found += [f"{topic.name} {record.key!r}" for record in _unlabelled(records, organizations)]
    return found


def _unlabelled(records: Sequence[ConsumerRecord], organizations: frozenset[str]) -> Iterator[ConsumerRecord]:
    labels: dict[bytes | None, tuple[bytes, bytes]] = {}
    for record in records:
        content = content_of(record)
        if content.get("organization") in organizations:
            labels[record.key] = (content["organization"].encode(), content["type"].encode())
        if record.key in labels and (content or record.value is None):
            headers = {name: bytes(value) for name, value in record.headers}
            if (headers.get("ce_organization"), headers.get("ce_type")) != labels[record.key]:
                yield record


async def read_set_aside(platform: Platform) -> dict[str, frozenset[str]]:
    """By service: the keys of what it could not read."""
    keys = {}
    for service in SERVICES:
        letters = await read_topic(platform.bootstrap, dead_letter_topic(service).name)
        own = [dict(letter.headers).get("dlq_key", b"") for letter in letters if letter.value is not None]
        keys[service] = frozenset(key.decode(errors="replace") for key in own)
    return keys


async def count_behind(platform: Platform, *, tries: int = 30) -> dict[str, int]:
    """By group and topic: how many records are not committed, where there are any.

    Kafka that has just come back does not know its groups' coordinators for a while.
    """
    for _ in range(tries):
        with contextlib.suppress(KafkaError):
            return await _count_behind(platform)
        await asyncio.sleep(1)
    return await _count_behind(platform)


async def _count_behind(platform: Platform) -> dict[str, int]:
    admin = AIOKafkaAdminClient(bootstrap_servers=platform.bootstrap)
    consumer = AIOKafkaConsumer(*SUBSCRIBERS, bootstrap_servers=platform.bootstrap, enable_auto_commit=False)
    try:
        await admin.start()
        await consumer.start()
        partitions = [TopicPartition(name, number) for name in SUBSCRIBERS for number in _partitions(consumer, name)]
        begins, ends = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
        committed = {service: await admin.list_consumer_group_offsets(service) for service in SERVICES}
    finally:
        await consumer.stop()
        await admin.close()
    behind: Counter[str] = Counter()
    for partition in partitions:
        for service in SUBSCRIBERS[partition.topic]:
            place = committed[service].get(partition)
            behind[f"{service} {partition.topic}"] += ends[partition] - max(
                begins[partition], 0 if place is None else place.offset
            )
    return {name: records for name, records in behind.items() if records > 0}


def _partitions(consumer: AIOKafkaConsumer, topic: str) -> Collection[int]:
    return consumer.partitions_for_topic(topic) or ()


async def replay(platform: Platform, organizations: frozenset[str]) -> None:
    """Every record that tells of these organizations again, three times, in any order; of no tombstone.

    External busy time is left out: what stands behind its tombstone is new to whoever reads it.
    """
    chance = random.Random(len(organizations))
    for topic in REPLAYED:
        records = [
            record
            for record in await read_topic(platform.bootstrap, topic)
            if content_of(record).get("organization") in organizations
        ]
        again = records * 3
        chance.shuffle(again)
        await write_records(platform.bootstrap, topic, [_as_it_was(record) for record in again])


def _as_it_was(record: ConsumerRecord) -> tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes]]]:
    return record.key, record.value, [(name, bytes(value)) for name, value in record.headers]


def last_by_key(records: Sequence[ConsumerRecord]) -> dict[bytes, ConsumerRecord]:
    """What a compacted topic says in the end."""
    return {record.key: record for record in records if record.key is not None}
