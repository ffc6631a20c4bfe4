from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import yaml

from slotstream_contracts import MESSAGE_TYPES, TOPICS
from slotstream_contracts.asyncapi import asyncapi_document
from slotstream_contracts.schemas import ASYNCAPI_FILE


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(ASYNCAPI_FILE.read_text(encoding="utf-8"))
    return loaded


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for child in node.values():
            yield from references(child)
    elif isinstance(node, list):
        for child in node:
            yield from references(child)


def resolve(document: dict[str, Any], reference: str) -> Any:
    target: Any = document
    for step in reference.removeprefix("#/").split("/"):
        target = target[step]
    return target


def test_the_file_holds_the_document_of_the_models(document: dict[str, Any]) -> None:
    assert document == asyncapi_document()


def test_the_document_has_the_shape_that_asyncapi_3_asks_for(document: dict[str, Any]) -> None:
    assert document["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= document["info"].keys()
    assert document.keys() <= {
        "asyncapi", "id", "info", "servers", "defaultContentType", "channels", "operations", "components",
    }  # fmt: skip
    for operation in document["operations"].values():
        assert operation["action"] in {"send", "receive"}
        assert resolve(document, operation["channel"]["$ref"]) in document["channels"].values()


def test_every_reference_resolves(document: dict[str, Any]) -> None:
    found = set(references(document))
    assert found
    for reference in found:
        assert resolve(document, reference)


def test_every_component_schema_is_a_schema(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        jsonschema.Draft7Validator.check_schema(schema)
        jsonschema.Draft202012Validator.check_schema(schema)
        assert "$defs" not in schema, name


def test_every_topic_is_a_channel_and_every_message_is_on_one(document: dict[str, Any]) -> None:
    assert {channel["address"] for channel in document["channels"].values()} == {topic.name for topic in TOPICS}
    on_channels = [name for channel in document["channels"].values() for name in channel["messages"]]
    assert sorted(on_channels) == sorted(MESSAGE_TYPES)
    assert document["components"]["messages"].keys() == MESSAGE_TYPES.keys()


def test_each_channel_says_how_its_topic_is_kept(document: dict[str, Any]) -> None:
    kafka = document["channels"]["booking-commands-v1"]["bindings"]["kafka"]
    assert kafka["topicConfiguration"]["retention.ms"] == 48 * 3600 * 1000
    compacted = document["channels"]["clients-v1"]["bindings"]["kafka"]
    assert compacted["topicConfiguration"]["cleanup.policy"] == ["compact"]
