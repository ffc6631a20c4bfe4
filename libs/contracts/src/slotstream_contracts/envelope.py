"""The CloudEvents 1.0 envelope: written in structured mode, read in structured and binary mode.

Spec: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny

from slotstream_contracts.base import Instant, Message
from slotstream_contracts.topics import Topic

DataT = TypeVar("DataT", bound=Message)

STRUCTURED_CONTENT_TYPE = "application/cloudevents+json; charset=UTF-8"


class ContractData(Protocol):
    """A message's data model: its CloudEvents type and the topic it travels on."""

    type: ClassVar[str]
    topic: ClassVar[Topic]


class MalformedEventError(Exception):
    """The record is not a CloudEvent that this library can read. `code` is stable."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class Envelope(BaseModel, Generic[DataT]):
    """One message with its CloudEvents attributes; `id` is the dedupe key, `sequence` the aggregate's version."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: Literal["1.0"] = "1.0"
    id: UUID
    source: str
    type: str
    subject: str
    time: Instant
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: str
    organization: UUID
    partitionkey: str
    sequence: int = Field(ge=0)
    correlationid: str
    causationid: str | None = None
    traceparent: str | None = None
    data: SerializeAsAny[DataT]
