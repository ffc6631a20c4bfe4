"""The dead letter: its topic, its headers, and how it is read from a record."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from slotstream_servicekit.errors import SlotstreamError
from slotstream_servicekit.telemetry import current_traceparent
from slotstream_servicekit.telemetry.logs import redacted

PREFIX: Final = "dlq_"
_DETAIL_LENGTH: Final = 500

Headers = Sequence[tuple[str, bytes]]


def dead_letter_topic_name(service: str) -> str:
    """The dead-letter topic of a service, by its package name. It has one partition."""
    return f"slotstream.{service.replace('_', '-')}.dead-letter.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why a record was set aside. `detail` quotes no value of the record: it may hold personal data."""

    code: str
    detail: str
    handler: str


def cause_of(error: BaseException, *, handler: str) -> Cause:
    """The cause that `error` gives: its `code` and `detail` where it has them, else its type alone.

    A driver's or a library's own words are left out, since they may quote a row.
    """
    coded = isinstance(error, SlotstreamError) or hasattr(error, "code")
    detail = redacted(str(getattr(error, "detail", ""))) if coded else type(error).__qualname__
    code = str(getattr(error, "code", None) or "handler_failed") if coded else "handler_failed"
    return Cause(code=code, detail=detail[:_DETAIL_LENGTH], handler=handler)


@dataclass(frozen=True, slots=True, kw_only=True)
class LostRecord:
    """A record that Kafka never accepted. `offset` is its number in the outbox, `partition` is -1."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One record set aside. `offset` is the dead letter's; topic, partition and `source_offset` are the origin."""

    offset: int
    place: bytes
    """The key of the dead letter: topic/partition/offset of the original record."""
    service: str
    topic: str
    partition: int
    source_offset: int
    code: str
    detail: str
    handler: str
    traceparent: str | None
    set_aside_at: datetime
    key: bytes | None
    value: bytes | None
    value_omitted: bool
    """The value was too large for the dead-letter topic: a replay reads it from the original record."""
    headers: Headers
    """The headers of the original record."""
    organization_id: str | None = None
    type: str | None = None
    """Organization and event type, from the headers of the original record."""
    replayed_at: datetime | None = None


def original_headers(headers: Headers) -> list[tuple[str, bytes]]:
    return [(name, value) for name, value in headers if not name.startswith(PREFIX)]


def cause_headers(service: str, record: Any, cause: Cause) -> list[tuple[str, bytes]]:
    facts = {
        "service": service,
        "handler": cause.handler,
        "code": cause.code,
        "detail": cause.detail,
        "topic": record.topic,
        "partition": str(record.partition),
        "offset": str(record.offset),
        "at": str(int(time.time() * 1000)),
        "traceparent": current_traceparent() or "",
    }
    return [(PREFIX + name, value.encode()) for name, value in facts.items() if value]


def letter_of(record: Any) -> DeadLetter:
    raw = {name.removeprefix(PREFIX): value for name, value in record.headers if name.startswith(PREFIX)}
    facts: Mapping[str, str] = {name: value.decode(errors="replace") for name, value in raw.items()}
    own = dict(original_headers(record.headers))
    valueless = "null_value" in facts or "value_omitted" in facts
    return DeadLetter(
        offset=record.offset,
        place=record.key,
        service=facts.get("service", ""),
        topic=facts.get("topic", ""),
        partition=int(facts.get("partition", "0")),
        source_offset=int(facts.get("offset", "0")),
        code=facts.get("code", ""),
        detail=facts.get("detail", ""),
        handler=facts.get("handler", ""),
        traceparent=facts.get("traceparent"),
        set_aside_at=datetime.fromtimestamp(int(facts.get("at", "0")) / 1000, UTC),
        key=raw.get("key"),
        value=None if valueless else record.value,
        value_omitted="value_omitted" in facts,
        headers=tuple(original_headers(record.headers)),
        organization_id=_text(own.get("ce_organization")),
        type=_text(own.get("ce_type")),
    )


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")
