"""The attributes of a message whose data need not be valid: enough to answer whoever sent it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """What identifies a message and leads back to its sender. `data` is as it came: nothing of it is checked."""

    id: UUID
    type: str
    organization: UUID
    partitionkey: str
    correlationid: str
    traceparent: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, value: bytes | None, headers: Sequence[tuple[str, bytes | None]] = ()) -> Self | None:
        """The attributes of a record in structured or binary mode; None where they do not identify it."""
        told = {name.removeprefix("ce_"): (raw or b"").decode(errors="replace") for name, raw in headers}
        document = _object_in(value)
        if "specversion" not in document and "specversion" in told:
            document = {**told, "data": document}
        try:
            identity, organization = UUID(document["id"]), UUID(document["organization"])
            type_name, key = document["type"], document.get("partitionkey") or document["subject"]
        except (KeyError, ValueError, TypeError, AttributeError):
            return None
        if not isinstance(type_name, str) or not isinstance(key, str):
            return None
        data, traceparent = document.get("data"), document.get("traceparent")
        return cls(
            id=identity,
            type=type_name,
            organization=organization,
            partitionkey=key,
            correlationid=str(document.get("correlationid") or identity),
            traceparent=traceparent if isinstance(traceparent, str) else None,
            data=data if isinstance(data, dict) else {},
        )

    def uuid_in_data(self, name: str) -> UUID | None:
        """An id that `data` names, where it is one."""
        try:
            return UUID(self.data[name])
        except (KeyError, ValueError, TypeError, AttributeError):
            return None


def _object_in(value: bytes | None) -> dict[str, Any]:
    try:
        document = json.loads(value or b"null")
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
