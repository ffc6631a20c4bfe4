"""Where a word is still to be found: in every table of every service, and in every topic."""

from collections.abc import Iterable
from dataclasses import dataclass

import asyncpg
from aiokafka import ConsumerRecord

from harness.platform import Platform
from harness.records import read_topic
from slotstream_contracts.topics import ALL_TOPICS
from slotstream_local.layout import SERVICES


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Found:
    """One word in one place: a table of a service, or a topic."""

    place: str
    word: str


async def found_in_databases(platform: Platform, words: Iterable[str]) -> set[Found]:
    """Every table of every service as its administrator sees it: text as it is, bytes as what they spell."""
    found: set[Found] = set()
    for service in SERVICES:
        connection = await asyncpg.connect(platform.database_url(service))
        try:
            tables = await connection.fetch(
                "SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                "WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
            )
            for table in tables:
                rows = await connection.fetch(f"SELECT t::text AS row FROM {table['name']} AS t")
                text = "\n".join(row["row"] for row in rows).lower()
                place = f"{service}.{table['name']}"
                found |= {
                    Found(place=place, word=word) for word in words if word in text or word.encode().hex() in text
                }
        finally:
            await connection.close()
    return found


async def found_in_topics(platform: Platform, words: Iterable[str]) -> set[Found]:
    """Every topic, dead letters included. Of compacted ones each key's last record: compaction removes the others."""
    found: set[Found] = set()
    for topic in ALL_TOPICS:
        records = await read_topic(platform.bootstrap, topic.name)
        if "compact" in topic.cleanup:
            records = list({(record.partition, record.key): record for record in records}.values())
        text = "\n".join(_text(record) for record in records)
        found |= {Found(place=topic.name, word=word) for word in words if word in text}
    return found


def _text(record: ConsumerRecord) -> str:
    parts = [record.key or b"", record.value or b"", *(value for _, value in record.headers)]
    return b"\n".join(parts).decode(errors="replace").lower()
