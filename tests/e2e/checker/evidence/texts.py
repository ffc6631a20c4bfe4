"""Where text about people is: every column of every table, and what every topic says for good."""

import re
from collections.abc import Sequence

from harness.platform import Platform
from harness.records import read_topic

from checker.evidence.database import query, tables_of
from checker.evidence.topics import last_by_key
from slotstream_contracts.topics import ALL_TOPICS, SERVICES, Topic

MARKS = r"zqx[0-9a-f]{12}|4915[0-9]{9}"
"""A person's mark or phone, whatever is around it."""
_IN_RECORDS = re.compile(MARKS.encode())
KEPT_FOR_HOURS = frozenset({"slotstream.booking.commands.v1", "slotstream.notifications.commands.v1"})
"""Commands carry what was typed, and are deleted after two days, with or without an erase."""


async def read_texts(platform: Platform, *, with_topics: bool) -> dict[str, frozenset[str]]:
    """By table and topic: the marks in it, where there are any."""
    texts: dict[str, frozenset[str]] = {}
    for service in SERVICES:
        for table, columns in (await tables_of(platform, service)).items():
            texts[f"table {service}.{table}"] = await _marks_in_table(platform, service, table, columns)
    if with_topics:
        for topic in ALL_TOPICS:
            if topic.name not in KEPT_FOR_HOURS:
                texts[f"topic {topic.name}"] = await _marks_in_topic(platform, topic)
    return {place: marks for place, marks in texts.items() if marks}


async def _marks_in_table(
    platform: Platform, service: str, table: str, columns: Sequence[tuple[str, str]]
) -> frozenset[str]:
    texts = ", ".join(
        f"encode(\"{name}\", 'escape')" if kind == "bytea" else f'"{name}"::text' for name, kind in columns
    )
    found = await query(
        platform,
        service,
        f"SELECT DISTINCT (regexp_matches(lower(concat_ws(' ', {texts})), $1, 'g'))[1] FROM \"{table}\"",
        f"({MARKS})",
    )
    return frozenset(row[0] for row in found)


async def _marks_in_topic(platform: Platform, topic: Topic) -> frozenset[str]:
    """Of a compacted topic only the last record of a key counts: what stood before it goes within a day."""
    records = await read_topic(platform.bootstrap, topic.name)
    if "compact" in topic.cleanup:
        records = list(last_by_key(records).values())
    contents = b"\n".join(
        part
        for record in records
        for part in (record.key or b"", record.value or b"", *(value for _, value in record.headers))
    )
    return frozenset(mark.decode() for mark in _IN_RECORDS.findall(contents.lower()))
