import dataclasses
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import jsonschema
import pytest

from slotstream_contracts import wrap
from slotstream_contracts.base import Actor
from slotstream_contracts.clients import ClientState
from slotstream_contracts.imports import ImportUploaded
from slotstream_contracts.testing import assert_valid_message

ORGANIZATION = UUID("0190a000-0000-7000-8000-00000000000f")
NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)


@dataclasses.dataclass(frozen=True)
class ARecord:
    organization_id: UUID
    topic: str
    key: str
    type: str
    payload: bytes | None
    headers: Mapping[str, str]


def a_record() -> ARecord:
    data = ImportUploaded(
        import_id=uuid4(),
        organization_id=ORGANIZATION,
        business_id=uuid4(),
        rows=3,
        actor=Actor(type="user", id="anna"),
        occurred_at=NOON,
    )
    envelope = wrap(
        data,
        organization=ORGANIZATION,
        subject=str(data.import_id),
        sequence=1,
        time=NOON,
        source="/slotstream/imports",
        correlation_id="request-1",
    )
    return ARecord(
        organization_id=ORGANIZATION,
        topic=envelope.topic,
        key=envelope.partitionkey,
        type=envelope.type,
        payload=envelope.to_json(),
        headers=envelope.headers(),
    )


TOMBSTONE_HEADERS = {"ce_type": ClientState.type, "ce_organization": str(ORGANIZATION), "ce_sequence": "3"}


def a_tombstone(**changes: Any) -> ARecord:
    headers = {**TOMBSTONE_HEADERS, "ce_id": str(uuid4())}
    tombstone = ARecord(ORGANIZATION, ClientState.topic.name, "c1", ClientState.type, None, headers)
    return dataclasses.replace(tombstone, **changes)


def changed(record: ARecord, **members: Any) -> ARecord:
    document = json.loads(record.payload or b"")
    data = {**document["data"], **members}
    kept = {name: value for name, value in data.items() if value is not None}
    return dataclasses.replace(record, payload=json.dumps({**document, "data": kept}).encode())


def test_what_the_contract_writes_is_valid() -> None:
    record = a_record()
    assert assert_valid_message(record) == json.loads(record.payload or b"")
    assert assert_valid_message(a_tombstone()) is None


@pytest.mark.parametrize("members", [{"rows": None}, {"rows": "three"}, {"row_count": 3}])
def test_a_member_that_is_missing_wrong_or_unknown_fails(members: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        assert_valid_message(changed(a_record(), **members))


@pytest.mark.parametrize(
    "changes",
    [
        {"topic": "slotstream.clients.v1"},
        {"key": "another"},
        {"type": "slotstream.import.lost"},
        {"organization_id": uuid4()},
        {"headers": {}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_record_that_says_something_else_than_its_message_fails(changes: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        assert_valid_message(dataclasses.replace(a_record(), **changes))


@pytest.mark.parametrize("missing", ["ce_type", "ce_organization", "ce_sequence"])
def test_a_tombstone_tells_type_organization_and_version(missing: str) -> None:
    headers = {name: value for name, value in a_tombstone().headers.items() if name != missing}
    with pytest.raises(AssertionError):
        assert_valid_message(a_tombstone(headers=headers))
