"""The AsyncAPI 3 document of Slotstream's topics, made from the same models as everything else."""

from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

from slotstream_contracts.base import Message
from slotstream_contracts.envelope import STRUCTURED_CONTENT_TYPE, Envelope, envelope_of, schema_uri
from slotstream_contracts.registry import MESSAGE_TYPES
from slotstream_contracts.topics import BOOKING_COMMANDS, NOTIFICATION_COMMANDS, TOPICS, Topic

_MODE: JsonSchemaMode = "serialization"
_REF = "#/components/schemas/{model}"

DESCRIPTION = """\
Everything that Slotstream says on Kafka. Records are CloudEvents 1.0 in structured mode: the value is one \
JSON document with the attributes and, in `data`, the message. `ce_id`, `ce_type`, `ce_organization`, \
`ce_sequence` and `traceparent` are repeated as record headers; tombstones carry them too, `traceparent` apart. \
Messages grow by optional members only; a breaking change gets a new topic version.

Readers: ignore members you do not know and types you have no use for; drop a message whose `id` you have \
seen; of events and states, per topic and subject, ignore a `sequence` that is not higher than the last one you \
applied. On compacted topics a record without value is a tombstone: what the key names is gone.
"""


class UntitledFields(GenerateJsonSchema):
    """Leaves out the titles that only repeat the names."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        return False


def asyncapi_document(version: str = "1.0.0") -> dict[str, Any]:
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Slotstream",
            "version": version,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": STRUCTURED_CONTENT_TYPE,
        "channels": {channel_id(topic): _channel(topic) for topic in TOPICS},
        "operations": {
            operation: definition for topic in TOPICS for operation, definition in _operation(topic).items()
        },
        "components": {
            "messages": {name: _message(name) for name in sorted(MESSAGE_TYPES)},
            "schemas": _schemas(),
        },
    }


def channel_id(topic: Topic) -> str:
    return topic.name.removeprefix("slotstream.").replace(".", "-")


def _types_on(topic: Topic) -> list[str]:
    return sorted(name for name, model in MESSAGE_TYPES.items() if _topic_of(model) == topic)


def _topic_of(model: type[Message]) -> Topic:
    topic: Topic = model.topic  # type: ignore[attr-defined]
    return topic


def _channel(topic: Topic) -> dict[str, Any]:
    configuration: dict[str, Any] = {
        "cleanup.policy": topic.cleanup.split(","),
        "retention.ms": -1 if topic.retention is None else int(topic.retention.total_seconds() * 1000),
        "max.message.bytes": topic.max_message_bytes,
    }
    return {
        "address": topic.name,
        "description": f"Key: {topic.key}.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _types_on(topic)},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": configuration,
                "bindingVersion": "0.5.0",
            }
        },
    }


def _operation(topic: Topic) -> Mapping[str, Any]:
    """Slotstream sends on every topic; on the command topics it also listens."""
    name = channel_id(topic)
    channel = {"$ref": f"#/channels/{name}"}
    sent = {f"send-{name}": {"action": "send", "channel": channel}}
    if topic in {BOOKING_COMMANDS, NOTIFICATION_COMMANDS}:
        return {**sent, f"receive-{name}": {"action": "receive", "channel": channel}}
    return sent


def _message(type_name: str) -> dict[str, Any]:
    model = MESSAGE_TYPES[type_name]
    message = {
        "name": type_name,
        "title": model.__name__,
        "contentType": STRUCTURED_CONTENT_TYPE,
        "headers": {"$ref": "#/components/schemas/RecordHeaders"},
        "payload": {"$ref": f"#/components/schemas/{envelope_name(model)}"},
        "bindings": {"kafka": {"key": {"type": "string"}, "bindingVersion": "0.5.0"}},
    }
    if own_docstring := model.__doc__:
        message["description"] = own_docstring.strip()
    return message


def envelope_name(model: type[Message]) -> str:
    return f"{model.__name__}Envelope"


def _schemas() -> dict[str, Any]:
    envelopes = {name: envelope_of(name) for name in MESSAGE_TYPES}
    _, generated = models_json_schema(
        [(envelope, _MODE) for envelope in envelopes.values()], ref_template=_REF, schema_generator=UntitledFields
    )
    schemas: dict[str, Any] = {"RecordHeaders": _record_headers()}
    definitions = generated["$defs"]
    for type_name, envelope in envelopes.items():
        schema = definitions.pop(_generated_name(envelope))
        schema["properties"]["type"] = {"const": type_name, "type": "string"}
        schema["properties"]["dataschema"] = {"const": schema_uri(type_name), "type": "string"}
        schema["title"] = envelope_name(MESSAGE_TYPES[type_name])
        schemas[schema["title"]] = schema
    return dict(sorted({**schemas, **definitions}.items()))


def _generated_name(envelope: type[Envelope[Any]]) -> str:
    return envelope.__name__.replace("[", "_").replace("]", "_")


def _record_headers() -> dict[str, Any]:
    return {
        "title": "RecordHeaders",
        "type": "object",
        "required": ["content-type", "ce_id", "ce_type", "ce_organization", "ce_sequence"],
        "properties": {
            "content-type": {"type": "string", "const": STRUCTURED_CONTENT_TYPE},
            "ce_id": {"type": "string", "format": "uuid"},
            "ce_type": {"type": "string"},
            "ce_organization": {"type": "string", "format": "uuid"},
            "ce_sequence": {"type": "string", "pattern": "^[0-9]+$"},
            "traceparent": {"type": "string", "description": "W3C Trace Context"},
        },
    }
