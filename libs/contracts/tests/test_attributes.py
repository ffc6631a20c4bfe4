import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from slotstream_contracts.attributes import Attributes

GOLDEN = Path(__file__).parent / "golden" / "slotstream.command.book_appointment.json"


def a_record(mode: str, **changes: Any) -> tuple[bytes, list[tuple[str, bytes | None]]]:
    record = json.loads(GOLDEN.read_text(encoding="utf-8"))[mode]
    headers: list[tuple[str, bytes | None]] = [(name, value.encode()) for name, value in record["headers"].items()]
    return json.dumps({**record["value"], **changes}).encode(), headers


@pytest.mark.parametrize("mode", ["structured", "binary"])
def test_a_message_whose_data_is_wrong_can_be_answered(mode: str) -> None:
    value, headers = a_record(mode, **({"data": {"actor": 7}} if mode == "structured" else {"actor": 7}))
    attributes = Attributes.of(value, headers)
    assert attributes is not None
    assert attributes.type == "slotstream.command.book_appointment"
    assert attributes.data["actor"] == 7
    assert isinstance(attributes.organization, UUID)


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b"7", b'{"id": "x"}'])
def test_what_is_no_message_has_no_attributes(value: bytes | None) -> None:
    assert Attributes.of(value) is None


@pytest.mark.parametrize("changes", [{"id": 7}, {"organization": "mine"}, {"type": None}, {"partitionkey": 7}])
def test_attributes_that_identify_nothing_are_none(changes: dict[str, Any]) -> None:
    assert Attributes.of(a_record("structured", **changes)[0]) is None


def test_an_id_in_the_data_is_told_where_it_is_one() -> None:
    value, _ = a_record("structured", data={"batch_id": "0190a000-0000-7000-8000-000000000001", "appointment_id": "?"})
    attributes = Attributes.of(value)
    assert attributes is not None
    assert attributes.uuid_in_data("batch_id") == UUID("0190a000-0000-7000-8000-000000000001")
    assert attributes.uuid_in_data("appointment_id") is None
