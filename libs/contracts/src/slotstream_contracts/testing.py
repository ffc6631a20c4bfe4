"""For the tests of whoever publishes: is a record what the contract says? Needs the extra `testing`."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Protocol
from uuid import UUID

import jsonschema

from slotstream_contracts.envelope import ContractData, envelope_of, record_headers
from slotstream_contracts.registry import MESSAGE_TYPES
from slotstream_contracts.schemas import SCHEMAS_FOLDER
from slotstream_contracts.topics import TOPICS


class PublishedRecord(Protocol):
    """An outbox record, before it is written or as a row of the table."""

    @property
    def organization_id(self) -> UUID: ...
    @property
    def topic(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def payload(self) -> bytes | None: ...
    @property
    def headers(self) -> Mapping[str, str]: ...


def assert_valid_message(record: PublishedRecord) -> dict[str, Any] | None:
    """Fails unless `record` is exactly what its type's closed producer schema and the record rules say.

    The schema is the committed one. Returns the message as JSON, None for a tombstone.
    """
    assert record.type in MESSAGE_TYPES, f"{record.type} is no message type"  # noqa: S101 - a test's assertion
    assert_on_its_topic(record)
    if record.payload is None:
        assert_valid_tombstone(record)
        return None
    message: dict[str, Any] = json.loads(record.payload)
    _validator_of(record.type).validate(message)
    envelope = envelope_of(record.type).model_validate_json(record.payload)
    assert record.key == envelope.partitionkey, "the record key is not the partition key"  # noqa: S101
    assert record.organization_id == envelope.organization, "the message is another tenant's"  # noqa: S101
    assert dict(record.headers) == record_headers(  # noqa: S101
        id=envelope.id,
        type=envelope.type,
        organization=envelope.organization,
        sequence=envelope.sequence,
        traceparent=envelope.traceparent,
    ), "the headers repeat something else than the message says"
    return message


def assert_on_its_topic(record: PublishedRecord) -> None:
    """Fails unless the record goes to the topic of its type."""
    model: type[ContractData] = MESSAGE_TYPES[record.type]  # type: ignore[assignment]
    assert record.topic == model.topic.name, f"{record.type} does not travel on {record.topic}"  # noqa: S101


def assert_valid_tombstone(record: PublishedRecord) -> None:
    """Fails unless the record stands on a compacted topic and tells type, organization and version in its headers."""
    compacted = {topic.name for topic in TOPICS if topic.cleanup == "compact"}
    assert record.topic in compacted, f"{record.topic} is not compacted: a tombstone means nothing there"  # noqa: S101
    told = {name: record.headers.get(name) for name in ("ce_type", "ce_organization")}
    assert told == {"ce_type": record.type, "ce_organization": str(record.organization_id)}  # noqa: S101
    UUID(record.headers["ce_id"])
    assert record.headers.get("ce_sequence", "").isdecimal(), "the tombstone has no version"  # noqa: S101


@cache
def _validator_of(type_name: str) -> jsonschema.Draft202012Validator:
    schema = json.loads((SCHEMAS_FOLDER / "producer" / f"{type_name}.json").read_text(encoding="utf-8"))
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
