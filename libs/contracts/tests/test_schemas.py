import copy
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Literal

import jsoncompat
import jsonschema
import pytest
from referencing import Registry, Resource

from slotstream_contracts import MESSAGE_TYPES
from slotstream_contracts.schemas import (
    ASYNCAPI_FILE,
    SCHEMAS_FOLDER,
    SIDES,
    differences,
    json_schema,
    main,
    released_schemas,
    schemas_by_type,
)

Schema = dict[str, Any]
CREATED = "slotstream.appointment.created"


def breaks(old: Schema, new: Schema) -> list[str]:
    """What breaks between two versions of one message, each with its `producer` and `consumer` schema."""
    found = []
    if not is_compatible(old["producer"], new["consumer"], "deserializer"):
        found.append("a new reader cannot read an old message")
    if not is_compatible(old["consumer"], new["producer"], "serializer"):
        found.append("an old reader cannot read a new message")
    return found


def is_compatible(old: Schema, new: Schema, role: Literal["serializer", "deserializer"]) -> bool:
    return jsoncompat.check_compat(without_id(old), without_id(new), role)


@cache
def the_schemas() -> dict[str, Schema]:
    return schemas_by_type()


@cache
def the_released() -> dict[str, Schema]:
    return released_schemas()


def without_id(schema: Schema) -> str:
    """The checker takes the schema's own address for a reference elsewhere."""
    return json.dumps({name: value for name, value in schema.items() if name != "$id"})


def test_the_committed_files_are_the_models_own() -> None:
    assert differences(SCHEMAS_FOLDER, ASYNCAPI_FILE) == [], "run python -m slotstream_contracts.schemas write"


@pytest.mark.parametrize("name", sorted(the_released()))
def test_nothing_released_is_broken(name: str) -> None:
    assert name in MESSAGE_TYPES, "a released message type cannot go; a new topic version can stand beside it"
    assert breaks(the_released()[name], the_schemas()[name]) == []


@pytest.mark.parametrize("name", sorted(MESSAGE_TYPES))
@pytest.mark.parametrize("side", SIDES)
def test_every_schema_is_a_schema(name: str, side: Any) -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema(name, side))


def test_the_data_schema_that_a_message_names_is_the_schema_of_its_data() -> None:
    message = json.loads((Path(__file__).parent / "golden" / f"{CREATED}.json").read_text())["structured"]["value"]
    address, _, pointer = message["dataschema"].partition("#")
    schema = the_schemas()[CREATED]["consumer"]
    assert address == schema["$id"]
    registry = Registry().with_resource(address, Resource.from_contents(schema))
    of_data = jsonschema.Draft202012Validator({"$ref": f"{address}#{pointer}"}, registry=registry)
    assert of_data.is_valid(message["data"])
    assert not of_data.is_valid(message)


def test_the_producer_is_closed_and_the_consumer_is_open() -> None:
    both = the_schemas()[CREATED]
    assert both["producer"]["additionalProperties"] is False
    assert both["producer"]["$defs"]["AppointmentSnapshot"]["additionalProperties"] is False
    assert "additionalProperties" not in both["consumer"]
    assert "additionalProperties" not in both["consumer"]["$defs"]["AppointmentSnapshot"]


def snapshot(schema: Schema) -> Schema:
    found: Schema = schema["$defs"]["AppointmentSnapshot"]
    return found


def drop_a_required_member(schema: Schema) -> None:
    del snapshot(schema)["properties"]["zone"]
    snapshot(schema)["required"].remove("zone")


def make_a_required_member_optional(schema: Schema) -> None:
    snapshot(schema)["required"].remove("zone")


def require_a_new_member(schema: Schema) -> None:
    snapshot(schema)["properties"]["mood"] = {"type": "string"}
    snapshot(schema)["required"].append("mood")


def retype_a_member(schema: Schema) -> None:
    snapshot(schema)["properties"]["zone"] = {"type": "integer"}


def rename_a_member(schema: Schema) -> None:
    snapshot(schema)["properties"]["time_zone"] = snapshot(schema)["properties"].pop("zone")
    snapshot(schema)["required"][snapshot(schema)["required"].index("zone")] = "time_zone"


def send_a_value_that_readers_do_not_know(schema: Schema) -> None:
    snapshot(schema)["properties"]["status"]["enum"].append("forgotten")


def take_a_value_away(schema: Schema) -> None:
    snapshot(schema)["properties"]["status"]["enum"].remove("no_show")


@pytest.mark.parametrize(
    "change",
    [
        drop_a_required_member,
        make_a_required_member_optional,
        require_a_new_member,
        retype_a_member,
        rename_a_member,
        send_a_value_that_readers_do_not_know,
        take_a_value_away,
    ],
    ids=lambda change: change.__name__,
)
def test_a_breaking_change_is_found(change: Callable[[Schema], None]) -> None:
    old = the_schemas()[CREATED]
    new = copy.deepcopy(old)
    for side in SIDES:
        change(new[side])
    assert breaks(old, new)


def test_an_added_optional_member_breaks_nothing() -> None:
    old = the_schemas()[CREATED]
    new = copy.deepcopy(old)
    for side in SIDES:
        snapshot(new[side])["properties"]["mood"] = {"type": "string"}
    assert breaks(old, new) == []


def test_the_check_command_names_what_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--folder", str(tmp_path / "schemas"), "--asyncapi", str(tmp_path / "asyncapi.yaml")]
    assert main(["check", *where]) == 1
    assert main(["release", *where]) == 0
    assert main(["check", *where]) == 0
    (tmp_path / "schemas/producer" / f"{CREATED}.json").write_text("{}")
    (tmp_path / "schemas/consumer/slotstream.gone.json").write_text("{}")
    capsys.readouterr()
    assert main(["check", *where]) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"producer/{CREATED}.json differs from the models",
        "consumer/slotstream.gone.json belongs to no message",
    ]
