"""RFC 9457 problem details: the shape of all answers other than success."""

from collections.abc import Mapping, Sequence
from datetime import date
from http import HTTPStatus
from typing import Any
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from slotstream_servicekit.errors import STATUS_BY_KIND, ErrorKind, Reason, SlotstreamError
from slotstream_servicekit.telemetry import current_trace_id

PROBLEM_CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 1


class FieldErrorOut(BaseModel):
    """One thing wrong with the request: where (`in` and a JSON Pointer), a stable code, and a sentence."""

    model_config = ConfigDict(populate_by_name=True)

    in_: str = Field(alias="in", examples=["body"])
    pointer: str = Field(examples=["/client/phone"])
    code: str = Field(examples=["missing"])
    detail: str


class ReasonOut(BaseModel):
    """One reason of a refusal; `conflicts_with` holds the ids of what is in the way."""

    code: str = Field(examples=["slot_taken"])
    detail: str
    conflicts_with: list[str] = Field(default_factory=list)


class OccurrenceReasonsOut(BaseModel):
    """Why one date of a series cannot be had."""

    occurs_on: date
    reasons: list[ReasonOut]


class ProblemOut(BaseModel):
    """RFC 9457 problem details; `code` is stable and meant for programs, `detail` for people."""

    model_config = ConfigDict(extra="allow", title="Problem")

    type: str = Field(examples=["urn:slotstream:problem:slot_taken"])
    title: str
    status: int
    detail: str
    code: str
    trace_id: str | None = None
    errors: list[FieldErrorOut] | None = None
    reasons: list[ReasonOut] | None = None
    current_version: int | None = Field(default=None, description="Of a version_conflict: the version to read again")
    retry_after: int | None = Field(default=None, description="Seconds until it is worth while to try again")
    required_scopes: list[str] | None = Field(default=None, description="Any one of these scopes would do")
    field: str | None = Field(default=None, description="The field or query parameter that is at fault")
    existing_id: UUID | None = Field(default=None, description="What exists already")
    occurrences: list[OccurrenceReasonsOut] | None = Field(
        default=None, description="Of a series: the dates that cannot be had"
    )


PROBLEM_CODE = "slotstream.problem_code"
"""The key in the ASGI scope for the code of the problem that was answered."""


class ProblemResponse(Response):
    media_type = PROBLEM_CONTENT_TYPE

    def __init__(self, content: bytes, *, code: str, status_code: int, headers: Mapping[str, str] | None) -> None:
        super().__init__(content, status_code=status_code, headers=headers)
        self.code = code

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[PROBLEM_CODE] = self.code
        await super().__call__(scope, receive, send)


class MalformedRequestError(SlotstreamError):
    """The request itself cannot be read, whatever it asks for: 400, where a wrong value would be 422."""

    code = "malformed_request"
    kind = ErrorKind.invalid
    status = HTTPStatus.BAD_REQUEST

    def __init__(self, detail: str, *, code: str | None = None) -> None:
        super().__init__(detail)
        if code is not None:
            self.code = code


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    errors: Sequence[Mapping[str, object]] = (),
    reasons: Sequence[Reason] = (),
    extra: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> ProblemResponse:
    """The response for a problem. `extra`: further members of ProblemOut, such as the current version."""
    content: dict[str, Any] = {
        **(extra or {}),
        "type": f"urn:slotstream:problem:{code}",
        "title": title_of(code, status),
        "status": status,
        "detail": detail,
        "code": code,
        "trace_id": current_trace_id(),
    }
    if errors:
        content["errors"] = list(errors)
    if reasons:
        content["reasons"] = [
            {"code": reason.code, "detail": reason.detail, "conflicts_with": list(reason.conflicts_with)}
            for reason in reasons
        ]
    return ProblemResponse(
        orjson.dumps(content, default=str), code=code, status_code=status, headers=dict(headers) if headers else None
    )


def problem_of(error: SlotstreamError) -> ProblemResponse:
    """The response for one of our errors. Its kind gives the status, and its `extra` further members."""
    status = error.status if isinstance(error, MalformedRequestError) else STATUS_BY_KIND[error.kind]
    return problem(
        status,
        error.code,
        error.detail,
        reasons=error.reasons,
        extra=error.extra,
        headers=_headers_of(error, status),
    )


def _headers_of(error: SlotstreamError, status: int) -> dict[str, str]:
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        return {"Retry-After": str(error.extra.get("retry_after", RETRY_AFTER_SECONDS))}
    if error.kind is ErrorKind.unauthenticated:
        return {"WWW-Authenticate": challenge(error.code, error.detail)}
    if error.kind is ErrorKind.forbidden:
        return {"WWW-Authenticate": _insufficient_scope(error)}
    return {}


def _insufficient_scope(error: SlotstreamError) -> str:
    scopes = error.extra.get("required_scopes")
    told = f', scope="{" ".join(map(str, scopes))}"' if isinstance(scopes, list) else ""
    return f'Bearer realm="slotstream", error="insufficient_scope"{told}'


def challenge(code: str, detail: str) -> str:
    """The `WWW-Authenticate` header of a 401 (RFC 6750 §3). It names no error if no token was sent."""
    if code == "token_missing":
        return 'Bearer realm="slotstream"'
    description = detail.replace('"', "'").encode("ascii", "replace").decode()
    return f'Bearer realm="slotstream", error="invalid_token", error_description="{description}"'


def title_of(code: str, status: int) -> str:
    if code == "internal_error":
        return HTTPStatus(status).phrase
    return code.replace("_", " ").capitalize()
