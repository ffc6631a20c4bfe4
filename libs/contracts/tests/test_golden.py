"""Messages as they were once written. They are never edited: what was sent must stay readable."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from slotstream_contracts import MESSAGE_TYPES, parse
from slotstream_contracts.schemas import SIDES, json_schema

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("*.json"))


def the_golden(path: Path, mode: str) -> tuple[bytes, list[tuple[str, bytes]]]:
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))[mode]
    headers = [(name, value.encode()) for name, value in record["headers"].items()]
    return json.dumps(record["value"]).encode(), headers


def test_every_message_type_has_a_golden_message() -> None:
    assert {path.stem for path in FILES} >= set(MESSAGE_TYPES)


@pytest.mark.parametrize("mode", ["structured", "binary"])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_golden_message_still_parses(path: Path, mode: str) -> None:
    envelope = parse(*the_golden(path, mode))
    assert envelope.type == path.stem
    assert type(envelope.data) is MESSAGE_TYPES[path.stem]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_both_modes_of_a_golden_message_mean_the_same(path: Path) -> None:
    assert parse(*the_golden(path, "structured")) == parse(*the_golden(path, "binary"))


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_we_write_satisfies_both_schemas(path: Path, side: Any) -> None:
    written = json.loads(parse(*the_golden(path, "structured")).to_json())
    jsonschema.Draft202012Validator(json_schema(path.stem, side)).validate(written)
