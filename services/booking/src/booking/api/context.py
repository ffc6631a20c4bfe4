"""What every route of booking needs, made once in main."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

from booking.api.dependencies import CurrentDependencies, Dependencies, sees_internal_notes
from booking.domain.model import Actor
from booking.publishers import Cause
from slotstream_servicekit.http.etags import etag
from slotstream_servicekit.http.principal import Principal
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.telemetry import current_traceparent

JSON = "application/json"


Context = Dependencies
CurrentContext = CurrentDependencies


def actor_of(principal: Principal) -> Actor:
    return Actor(type=principal.actor_type, id=principal.subject, call_id=principal.call_id)


def cause_of(principal: Principal) -> Cause:
    """Correlated by the AI's call where there is one, else by the request itself."""
    traceparent = current_traceparent()
    return Cause(correlation_id=principal.call_id or str(new_id()), traceparent=traceparent)


def source_of(principal: Principal) -> str:
    return {"ai_agent": "voice_ai", "integration": "api"}.get(principal.actor_type, "manual")


def json_response(body: bytes, *, status: int = 200, version: int | None = None, **headers: str) -> Response:
    if version is not None:
        headers["ETag"] = etag(version)
    return Response(body, status_code=status, media_type=JSON, headers=headers)


def model_response(model: Any, *, status: int = 200, version: int | None = None) -> Response:
    return json_response(model.model_dump_json().encode(), status=status, version=version)


def shown(state: bytes, principal: Principal) -> bytes:
    """An appointment's JSON as this caller may see it."""
    if sees_internal_notes(principal) or b'"internal_notes":null' in state:
        return state
    document: Mapping[str, Any] = orjson.loads(state)
    return orjson.dumps({**document, "internal_notes": None})


__all__ = [
    "Context",
    "CurrentContext",
    "actor_of",
    "cause_of",
    "json_response",
    "model_response",
    "sees_internal_notes",
    "shown",
    "source_of",
]
