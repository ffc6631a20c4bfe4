"""Records as handlers see them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

T = TypeVar("T")


class Envelope(Protocol):
    """What consumers need of a decoded message. The Envelope of the contracts has it."""

    @property
    def id(self) -> UUID: ...
    @property
    def type(self) -> str: ...
    @property
    def organization(self) -> UUID: ...
    @property
    def traceparent(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Received(Generic[T]):
    """One decoded record. A tombstone has no `event`. `timestamp` is that of the record, in UTC."""

    event: T | None
    key: str
    topic: str
    partition: int
    offset: int
    timestamp: datetime
    organization_id: UUID | None = None
    """The tenant, also of a tombstone; None where the headers of a tombstone have none."""
    sequence: int | None = None
    """The version of the entity, from the headers, if they have it. A tombstone has the last version."""
    traceparent: str | None = None
    """The trace of the record. What is done because of the record continues that trace."""


Handler = Callable[[AsyncSession, Sequence[Received[Any]]], Awaitable[None]]
"""Applies a batch within the given transaction. Any error rolls the batch back.

After a transient error the batch is tried again. After any other error its records are handled one by one, and those
that fail are set aside. So a handler may be called again, with any part of a batch. A batch may hold several records of
one key, also tombstones; their order counts.
"""

Weigh = Callable[[Any], int]
"""How much work an event is; an ordinary event, or a tombstone, is 1."""

Decode = Callable[[bytes | None, Sequence[tuple[str, bytes]]], Any]
"""Reads the value and headers of a record into an Envelope. Its errors have a `code`.

The code `unknown_type` means a type that only newer programs know.
"""

_TYPE_HEADER = "ce_type"
_ORGANIZATION_HEADER = "ce_organization"
_SEQUENCE_HEADER = "ce_sequence"
_TRACE_HEADER = "traceparent"
_MOST_DIGITS = 18
"""Versions have 64 bits at most."""


def read_record(
    record: Any, decode: Decode, *, types: frozenset[str] | None = None, tombstones: bool = True
) -> Received[Any] | None:
    """Decode one of aiokafka's records. Raises what `decode` raises.

    Returns None for types other than `types` (by the header, if there is one, without decoding the value), and for
    types that only newer programs know.
    """
    if types is not None and (type_name := header_of(record, _TYPE_HEADER)) is not None and type_name not in types:
        return None
    if record.value is None and tombstones:
        return _received(record, None)
    try:
        event: Envelope = decode(record.value, record.headers)
    except Exception as error:
        if getattr(error, "code", None) == "unknown_type":
            return None
        raise
    if types is not None and event.type not in types:
        return None
    return _received(record, event)


def _received(record: Any, event: Envelope | None) -> Received[Any]:
    traceparent = event.traceparent if event is not None else None
    return Received(
        event=event,
        key=(record.key or b"").decode(errors="replace"),
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp=datetime.fromtimestamp(record.timestamp / 1000, UTC),
        organization_id=event.organization if event is not None else _organization_in(record),
        sequence=sequence_in(record),
        traceparent=traceparent or header_of(record, _TRACE_HEADER),
    )


def _organization_in(record: Any) -> UUID | None:
    try:
        return UUID(header_of(record, _ORGANIZATION_HEADER) or "")
    except ValueError:
        return None


def sequence_in(record: Any) -> int | None:
    """The version in the headers of the record; None where there is none, or one that no column could hold."""
    told = header_of(record, _SEQUENCE_HEADER) or ""
    return int(told) if told.isascii() and told.isdecimal() and len(told) <= _MOST_DIGITS else None


def header_of(record: Any, name: str) -> str | None:
    """The first header of that name as text. Bytes that are not UTF-8 are replaced."""
    for header, value in record.headers:
        if header == name:
            decoded: str = value.decode(errors="replace")
            return decoded
    return None
