"""One record as a handler sees it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

T = TypeVar("T")


class Envelope(Protocol):
    """What a consumer needs to know of a decoded message; the contracts' Envelope has it."""

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
    """One decoded record; `event` None is a tombstone. `timestamp` is the record's, in UTC."""

    event: T | None
    key: str
    topic: str
    partition: int
    offset: int
    timestamp: datetime
    organization_id: UUID | None = None
    """Whose it is, also of a tombstone; None where a tombstone's headers do not tell."""
    sequence: int | None = None
    """The version of what its key names, as its headers tell; None where they do not. A tombstone's is its last."""
    traceparent: str | None = None
    """The trace that this record belongs to: what is done because of it continues there."""


Handler = Callable[[AsyncSession, Sequence[Received[Any]]], Awaitable[None]]
"""Applies a batch within the given transaction. Any error it raises undoes the batch.

Transient errors are tried again; any other makes the batch run record by record, and what fails then is set
aside. So a handler must bear being called again, with any part of a batch. A batch may hold several records of
one key, a tombstone among them: the order of a key's records counts.
"""

Weigh = Callable[[Any], int]
"""How much work an event is, where an ordinary one is 1; a tombstone is."""

Decode = Callable[[bytes | None, Sequence[tuple[str, bytes]]], Any]
"""Reads a record's value and headers into an Envelope; its errors carry a `code`.

The code `unknown_type` means "newer than we are".
"""

_TYPE_HEADER = "ce_type"
_ORGANIZATION_HEADER = "ce_organization"
_SEQUENCE_HEADER = "ce_sequence"
_TRACE_HEADER = "traceparent"
_MOST_DIGITS = 18
"""Versions are 64-bit integers at most."""


def read_record(
    record: Any, decode: Decode, *, types: frozenset[str] | None = None, tombstones: bool = True
) -> Received[Any] | None:
    """Decode one of aiokafka's records; None where it is of no interest. Raises whatever `decode` raises.

    Of no interest are types other than `types`, told by the header without reading the value where it is
    there, and types that only newer programs know.
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
    """The version that the record's headers tell; None where they tell none, or one that no table could hold."""
    told = header_of(record, _SEQUENCE_HEADER) or ""
    return int(told) if told.isascii() and told.isdecimal() and len(told) <= _MOST_DIGITS else None


def header_of(record: Any, name: str) -> str | None:
    """The first header of that name as text, bytes that are not UTF-8 replaced."""
    for header, value in record.headers:
        if header == name:
            decoded: str = value.decode(errors="replace")
            return decoded
    return None
