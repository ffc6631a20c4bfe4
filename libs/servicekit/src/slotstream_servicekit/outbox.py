"""The transactional outbox: messages are written to a table in the transaction that they tell of.

Columns are named for Debezium's outbox event router, so that it can take over from the relay:
https://debezium.io/documentation/reference/stable/transformations/outbox-event-router.html
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from uuid import UUID

import orjson
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from slotstream_servicekit.database import PUBLISHES
from slotstream_servicekit.errors import ErrorKind, SlotstreamError
from slotstream_servicekit.ids import new_id

LANES: Final = 256
"""Keys are hashed to so many lanes. A relay takes them modulo its own number of lanes."""

MAX_PAYLOAD_BYTES: Final = 1_000_000
"""A little less than a topic accepts by default: a message that Kafka would refuse must not be committed."""


class EventTooLargeError(SlotstreamError):
    code = "event_too_large"
    kind = ErrorKind.too_large


class EventEnvelope(Protocol):
    """What the outbox needs of a message. The Envelope of the contracts has it."""

    @property
    def id(self) -> UUID: ...
    @property
    def organization(self) -> UUID: ...
    @property
    def partitionkey(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def topic(self) -> str: ...
    def to_json(self) -> bytes: ...
    def headers(self) -> dict[str, str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRecord:
    """One record as it is sent to Kafka. A tombstone has no `payload`."""

    id: UUID
    organization_id: UUID
    topic: str
    key: str
    aggregatetype: str
    aggregateid: str
    type: str
    payload: bytes | None
    headers: Mapping[str, str]

    def __post_init__(self) -> None:
        if self.payload is not None and len(self.payload) > MAX_PAYLOAD_BYTES:
            raise EventTooLargeError(
                f"The event {self.type} would hold {len(self.payload)} bytes; the most is {MAX_PAYLOAD_BYTES}"
            )

    @property
    def lane(self) -> int:
        return lane_of(self.key)


def outbox_table(metadata: MetaData) -> Table:
    """The table `outbox`, in the service's own metadata."""
    return Table(
        "outbox",
        metadata,
        Column("seq", BigInteger, Identity(always=True, cache=1), primary_key=True),
        Column("id", Uuid, nullable=False),
        Column("organization_id", Uuid, nullable=False),
        Column("lane", SmallInteger, nullable=False),
        Column("topic", Text, nullable=False),
        Column("key", Text, nullable=False),
        Column("aggregatetype", Text, nullable=False),
        Column("aggregateid", Text, nullable=False),
        Column("type", Text, nullable=False),
        Column("payload", LargeBinary, nullable=True),
        Column("headers", JSONB, nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        # Rows are deleted within moments. So compressing those above PostgreSQL's usual 2 kB would cost more than
        # writing them, and the pages that they leave empty are kept for the next rows.
        postgresql_with={"toast_tuple_target": 8160, "vacuum_truncate": False},
    )


def lane_of(key: str) -> int:
    """A stable hash of the key: records of one key are in one lane, which keeps their order."""
    return zlib.crc32(key.encode()) % LANES


def record_of(envelope: EventEnvelope, *, aggregatetype: str) -> OutboxRecord:
    """The outbox record of a message, whose payload is serialised here."""
    return OutboxRecord(
        id=envelope.id,
        organization_id=envelope.organization,
        topic=envelope.topic,
        key=envelope.partitionkey,
        aggregatetype=aggregatetype,
        aggregateid=envelope.subject,
        type=envelope.type,
        payload=envelope.to_json(),
        headers=envelope.headers(),
    )


def tombstone(
    *,
    organization_id: UUID,
    topic: str,
    key: str,
    type: str,  # noqa: A002 (the outbox column's name)
    aggregatetype: str,
    aggregateid: str,
    version: int,
) -> OutboxRecord:
    """A record without a value, so that compaction removes the key. `type` is that of the states before it.

    `version` must be higher than theirs, so that none of them is applied after it.
    """
    identity = new_id()
    return OutboxRecord(
        id=identity,
        organization_id=organization_id,
        topic=topic,
        key=key,
        aggregatetype=aggregatetype,
        aggregateid=aggregateid,
        type=type,
        payload=None,
        headers={
            "ce_id": str(identity),
            "ce_type": type,
            "ce_organization": str(organization_id),
            "ce_sequence": str(version),
        },
    )


_ENQUEUE = text(
    """
    INSERT INTO outbox (id, organization_id, lane, topic, key, aggregatetype, aggregateid, type, payload, headers)
    SELECT id, organization_id, lane, topic, key, aggregatetype, aggregateid, type, payload, headers::jsonb
    FROM unnest(
        CAST(:ids AS uuid[]), CAST(:organizations AS uuid[]), CAST(:lanes AS smallint[]), CAST(:topics AS text[]),
        CAST(:keys AS text[]), CAST(:aggregatetypes AS text[]), CAST(:aggregateids AS text[]),
        CAST(:types AS text[]), CAST(:payloads AS bytea[]), CAST(:headers AS text[])
    ) WITH ORDINALITY AS r(
        id, organization_id, lane, topic, key, aggregatetype, aggregateid, type, payload, headers, position
    )
    ORDER BY position
    """
)


_FORBIDDEN: Final = "slotstream_outbox_forbidden"


def forbid_publishing(session: AsyncSession) -> None:
    """Make `enqueue` refuse this session: a rebuild repeats what was published before."""
    session.info[_FORBIDDEN] = True


async def enqueue(session: AsyncSession, records: Sequence[OutboxRecord]) -> None:
    """Write `records`, in their order, in the transaction of `session`."""
    if records:
        if _FORBIDDEN in session.info:
            raise RuntimeError("a projection is being rebuilt: its handler must publish nothing")
        await session.execute(_ENQUEUE, outbox_arrays(records))
        session.info[PUBLISHES] = True


def outbox_arrays(records: Sequence[OutboxRecord]) -> dict[str, list[Any]]:
    """The records as one array for each column, for `unnest`."""
    return {
        "ids": [record.id for record in records],
        "organizations": [record.organization_id for record in records],
        "lanes": [record.lane for record in records],
        "topics": [record.topic for record in records],
        "keys": [record.key for record in records],
        "aggregatetypes": [record.aggregatetype for record in records],
        "aggregateids": [record.aggregateid for record in records],
        "types": [record.type for record in records],
        "payloads": [record.payload for record in records],
        "headers": [orjson.dumps(dict(record.headers)).decode() for record in records],
    }
