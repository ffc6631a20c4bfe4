"""Reads request bodies, limits their size whatever the headers say, and refuses values that nothing can store."""

import re
from collections.abc import Iterator
from typing import Any, Final

import orjson
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope

from slotstream_servicekit.errors import ErrorKind, SlotstreamError
from slotstream_servicekit.http.problems import MalformedRequestError

MAX_DEPTH = 32
NO_BODY: Final = object()
_INT64 = range(-(2**63), 2**63)
_SUSPICIOUS = re.compile(rb"\\u0000|\d{19}")
_JSON = re.compile(r"application/(?:[\w.+-]+\+)?json\s*(?:;.*)?", re.IGNORECASE)


class UnsupportedMediaTypeError(SlotstreamError):
    code = "unsupported_media_type"
    kind = ErrorKind.unsupported_media_type


class JsonRequest(Request):
    """A request whose JSON body has been read and checked by `load`."""

    value: Any = NO_BODY

    async def load(self) -> None:
        """Raises UnsupportedMediaTypeError, MalformedRequestError, RequestValidationError, or a 413."""
        body = await self.body()
        if not body:
            return
        if not _JSON.fullmatch(self.headers.get("content-type", "")):
            raise UnsupportedMediaTypeError("The body must be JSON, with Content-Type: application/json")
        self.value = parse_json(body)

    async def json(self) -> Any:
        """FastAPI calls it for the body."""
        return self.value


def bounded(scope: Scope, receive: Receive, limit: int) -> Receive:
    """`receive`, which fails as soon as the body is known to be longer than `limit` bytes.

    It raises Starlette's exception, because FastAPI answers any other one from a form parser with its own 400.
    """
    declared, received = _declared_length(scope), 0

    async def receive_bounded() -> Message:
        nonlocal received
        if declared > limit:
            raise HTTPException(413)
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise HTTPException(413)
        return message

    return receive_bounded


def parse_json(body: bytes) -> Any:
    """The JSON value. Refuses malformed text, deep nesting, NUL characters and integers beyond 64 bits."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedRequestError(
            f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}",
            code="malformed_json",
        ) from None
    # Both tests are fast; only a body that fails one of them is searched value by value.
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH or _SUSPICIOUS.search(body):
        errors = list(_objections(value))
        if errors:
            raise RequestValidationError(errors)
    return value


def _objections(value: Any) -> Iterator[dict[str, Any]]:
    """Values that no field may hold. Found without recursion, because the caller decides how deep the nesting is."""
    pending: list[tuple[tuple[str | int, ...], Any]] = [(("body",), value)]
    while pending:
        path, part = pending.pop()
        if isinstance(part, dict | list):
            if len(path) > MAX_DEPTH:
                yield _objection("too_deep", path, f"Values are nested deeper than {MAX_DEPTH}")
                return
            for key, item in part.items() if isinstance(part, dict) else enumerate(part):
                if isinstance(key, str) and "\x00" in key:
                    yield _objection("nul_character", path, "A name holds a NUL character")
                    return
                pending.append(((*path, key), item))
        elif isinstance(part, str) and "\x00" in part:
            yield _objection("nul_character", path, "The text holds a NUL character")
        elif isinstance(part, int) and part not in _INT64:
            yield _objection("out_of_range", path, "The number does not fit into 64 bits")


def _objection(kind: str, path: tuple[str | int, ...], message: str) -> dict[str, Any]:
    return {"type": kind, "loc": path, "msg": message}


def _declared_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0
