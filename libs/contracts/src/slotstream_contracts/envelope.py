"""The CloudEvents 1.0 envelope: written in structured mode, read in structured and binary mode.

Spec: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Generic, Literal, Protocol, TypeVar, cast
from uuid import UUID, uuid4

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SerializeAsAny, ValidationError
from pydantic_core import from_json

from slotstream_contracts.base import Instant, Message
from slotstream_contracts.registry import MESSAGE_TYPES
from slotstream_contracts.topics import Topic

DataT = TypeVar("DataT", bound=Message)

SPEC_VERSION = "1.0"
SCHEMA_BASE = "https://slotstream.invalid/schemas/consumer"
STRUCTURED_CONTENT_TYPE = "application/cloudevents+json; charset=UTF-8"
_STRUCTURED = "application/cloudevents+json"


class ContractData(Protocol):
    """A message's data model: its CloudEvents type and the topic it travels on."""

    type: ClassVar[str]
    topic: ClassVar[Topic]


class MalformedEventError(Exception):
    """The record is not a CloudEvent that this library can read. `code` is stable.

    Codes: `null_value`, `bad_json`, `bad_envelope`, `unknown_type`, `wrong_schema`.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class UnknownTypeError(MalformedEventError):
    """A well-formed event of a type that this version of the library does not know: newer than we are."""

    def __init__(self, type_name: str) -> None:
        super().__init__("unknown_type", f"no message of type {type_name!r} is known")
        self.type_name = type_name


def media_type(value: Any) -> Any:
    """A content type without its parameters, in lower case (RFC 9110 §8.3.1); what is no text as it is."""
    return value.partition(";")[0].strip().lower() if isinstance(value, str) else value


class Envelope(BaseModel, Generic[DataT]):
    """One message with its CloudEvents attributes; `id` is the dedupe key, `sequence` the aggregate's version."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: Literal["1.0"] = "1.0"
    id: UUID
    source: str
    type: str
    subject: str
    time: Instant
    datacontenttype: Annotated[Literal["application/json"], BeforeValidator(media_type)] = "application/json"
    dataschema: str
    organization: UUID
    partitionkey: str
    sequence: int = Field(ge=0)
    correlationid: str
    causationid: str | None = None
    traceparent: str | None = None
    data: SerializeAsAny[DataT]

    @property
    def topic(self) -> str:
        """The topic that this message travels on."""
        return cast("ContractData", self.data).topic.name

    def to_json(self) -> bytes:
        """The structured-mode record value."""
        return self.model_dump_json(exclude_none=True, by_alias=True).encode()

    def headers(self) -> dict[str, str]:
        """The record headers: content type, and what filters and tracers want without parsing the value."""
        return record_headers(
            id=self.id,
            type=self.type,
            organization=self.organization,
            sequence=self.sequence,
            traceparent=self.traceparent,
        )


def record_headers(
    *,
    id: UUID,  # noqa: A002 (the attribute's name in CloudEvents)
    type: str,  # noqa: A002 (likewise)
    organization: UUID,
    sequence: int,
    traceparent: str | None = None,
) -> dict[str, str]:
    """The headers of a record in structured mode."""
    headers = {
        "content-type": STRUCTURED_CONTENT_TYPE,
        "ce_id": str(id),
        "ce_type": type,
        "ce_organization": str(organization),
        "ce_sequence": str(sequence),
    }
    return headers if traceparent is None else {**headers, "traceparent": traceparent}


def schema_uri(type_name: str) -> str:
    """The open (consumer's) JSON Schema of a message type's `data`: a part of the published schema of the message."""
    return f"{message_schema_uri(type_name)}#/properties/data"


def message_schema_uri(type_name: str) -> str:
    """Where the open (consumer's) JSON Schema of a whole message in structured mode is published."""
    return f"{SCHEMA_BASE}/{type_name}.json"


def wrap(
    data: DataT,
    *,
    organization: UUID,
    subject: str,
    sequence: int,
    time: datetime,
    source: str,
    correlation_id: str,
    key: str | None = None,
    causation_id: str | None = None,
    traceparent: str | None = None,
    id: UUID | None = None,  # noqa: A002 (the attribute's name in CloudEvents)
) -> Envelope[DataT]:
    """Put `data` into its envelope. `key` is the record key and defaults to the subject."""
    type_name = cast("ContractData", data).type
    return Envelope[DataT](
        id=id or uuid4(),
        source=source,
        type=type_name,
        subject=subject,
        time=time,
        dataschema=schema_uri(type_name),
        organization=organization,
        partitionkey=key or subject,
        sequence=sequence,
        correlationid=correlation_id,
        causationid=causation_id,
        traceparent=traceparent,
        data=data,
    )


def parse(value: bytes | None, headers: Sequence[tuple[str, bytes | None]] = ()) -> Envelope[Any]:
    """Read one record in structured or binary mode.

    Headers that are not UTF-8 are passed over, unless binary mode needs them.
    Raises MalformedEventError; UnknownTypeError for a type that is not known here.
    """
    if value is None:
        raise MalformedEventError("null_value", "the record has no value")
    if _is_binary(headers):
        return _parse_binary(value, _attributes(headers))
    return _parse_structured(value)


def _is_binary(headers: Sequence[tuple[str, bytes | None]]) -> bool:
    """Attributes as headers, and no content type that says that they are in the value."""
    content_types = (raw for name, raw in headers if name == "content-type" and raw is not None)
    if any(media_type(raw.decode(errors="replace")) == _STRUCTURED for raw in content_types):
        return False
    return any(name == "ce_specversion" for name, _ in headers)


def _parse_structured(value: bytes) -> Envelope[Any]:
    """The type is guessed from the first bytes, so that the document is walked only once where it is right."""
    guess = _TYPE_NEAR_THE_START.search(value, 0, 2_048)
    if guess is not None and (model := _MODELS.get(guess[1].decode())) is not None:
        try:
            envelope = model.model_validate_json(value)
        except (ValidationError, ValueError):
            pass
        else:
            if envelope.type.encode() == guess[1]:
                return envelope
    return _parse_structured_in_two_steps(value)


def _parse_structured_in_two_steps(value: bytes) -> Envelope[Any]:
    document = _json_of(value)
    type_name = document.get("type") if isinstance(document, dict) else None
    if not isinstance(type_name, str):
        raise MalformedEventError("bad_envelope", "the record is not a CloudEvent: it has no type")
    return _validated(type_name, lambda model: model.model_validate_json(value))


def _parse_binary(value: bytes, attributes: dict[str, str]) -> Envelope[Any]:
    if "type" not in attributes:
        raise MalformedEventError("bad_envelope", "the record has no readable ce_type")
    document = {**attributes, "data": _json_of(value)}
    return _validated(attributes["type"], lambda model: model.model_validate(document))


def _attributes(headers: Sequence[tuple[str, bytes | None]]) -> dict[str, str]:
    """The CloudEvents attributes among the headers of a binary-mode record."""
    attributes: dict[str, str] = {}
    for name, raw in headers:
        try:
            text = (raw or b"").decode()
        except UnicodeDecodeError:
            continue
        if name.startswith("ce_"):
            attributes[name.removeprefix("ce_")] = text
        elif name == "traceparent":
            attributes.setdefault(name, text)
        elif name == "content-type":
            attributes["datacontenttype"] = text
    return attributes


def _validated(type_name: str, validate: Callable[[type[Envelope[Any]]], Envelope[Any]]) -> Envelope[Any]:
    model = _MODELS.get(type_name)
    if model is None:
        raise UnknownTypeError(type_name)
    try:
        return validate(model)
    except ValidationError as error:
        code, problem = _first_problem(error)
        raise MalformedEventError(code, problem) from error


def _json_of(value: bytes) -> Any:
    try:
        return from_json(value)
    except ValueError as error:
        raise MalformedEventError("bad_json", str(error)) from error


def _first_problem(error: ValidationError) -> tuple[str, str]:
    """A stable code and a sentence that quotes none of the input: it may be personal."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    code = "wrong_schema" if first["loc"][:1] == ("data",) else "bad_envelope"
    return code, f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


def envelope_of(type_name: str) -> type[Envelope[Any]]:
    """The envelope specialised for one message type. Raises UnknownTypeError."""
    model = _MODELS.get(type_name)
    if model is None:
        raise UnknownTypeError(type_name)
    return model


_TYPE_NEAR_THE_START = re.compile(rb'"type"\s*:\s*"(slotstream\.[a-z_.]+)"')
_MODELS: Mapping[str, type[Envelope[Any]]] = {
    name: Envelope[model]  # type: ignore[valid-type]
    for name, model in MESSAGE_TYPES.items()
}
