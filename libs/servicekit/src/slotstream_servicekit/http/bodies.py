"""Reading request bodies: bounded whatever their headers claim, free of what nothing downstream survives."""

import re
from collections.abc import Iterator
from typing import Any

import orjson
from fastapi import Request
from fastapi._compat import Undefined
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope

from slotstream_servicekit.errors import ErrorKind, SlotstreamError
from slotstream_servicekit.http.problems import MalformedRequestError

MAX_DEPTH = 32
_INT64 = range(-(2**63), 2**63)
_SUSPICIOUS = re.compile(rb"\\u0000|\d{19}")
_JSON = re.compile(rb"application/(?:[\w.+-]+\+)?json\s*(?:;.*)?", re.IGNORECASE)


class BodyTooLargeError(SlotstreamError):
    code = "body_too_large"
    kind = ErrorKind.too_large


class UnsupportedMediaTypeError(SlotstreamError):
    code = "unsupported_media_type"
    kind = ErrorKind.unsupported_media_type


def too_large(limit: int) -> BodyTooLargeError:
    return BodyTooLargeError(f"The request's body is longer than {limit} bytes")


class JsonRequest(Request):
    """A request whose JSON body has been read and checked by `load`."""

    async def load(self, limit: int) -> Any:
        """The JSON value, or Undefined where there is no body."""
        self._body = body = await read_body(self.scope, self.receive, limit)
        if not body:
            return Undefined
        require_json(self.scope)
        self._json: Any = parse_json(body)
        return self._json


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The whole body. Raises BodyTooLargeError as soon as it is known to be longer than `limit`."""
    if _declared_length(scope) > limit:
        raise too_large(limit)
    message = await receive()
    _raise_if_gone(message)
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False) and len(body) <= limit:
        return body
    parts = [body]
    length = len(body)
    while True:
        if length > limit:
            raise too_large(limit)
        if not message.get("more_body", False):
            return b"".join(parts)
        message = await receive()
        _raise_if_gone(message)
        parts.append(message.get("body", b""))
        length += len(parts[-1])


def limited(scope: Scope, receive: Receive, limit: int) -> Receive:
    """`receive` for bodies that are streamed, as uploads are: fails past `limit` bytes."""
    length = 0

    async def receive_limited() -> Message:
        nonlocal length
        if _declared_length(scope) > limit:
            raise HTTPException(413, too_large(limit).detail)
        message = await receive()
        length += len(message.get("body", b""))
        if length > limit:
            # FastAPI turns any other exception of a form parser into its own 400.
            raise HTTPException(413, too_large(limit).detail)
        return message

    return receive_limited


def require_json(scope: Scope) -> None:
    for name, value in scope["headers"]:
        if name == b"content-type":
            if _JSON.fullmatch(value):
                return
            break
    raise UnsupportedMediaTypeError("The body must be JSON, with Content-Type: application/json")


def parse_json(body: bytes) -> Any:
    """The JSON value. Refuses malformed text, deep nesting, NUL characters and integers beyond 64 bits."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedRequestError(
            f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}",
            code="malformed_json",
        ) from None
    # Both tests are one pass in C; only a body that fails one is walked.
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH or _SUSPICIOUS.search(body):
        errors = list(_objections(value))
        if errors:
            raise RequestValidationError(errors)
    return value


def _objections(value: Any) -> Iterator[dict[str, Any]]:
    """What no field may hold, found without recursion: the nesting is the caller's to choose."""
    pending: list[tuple[tuple[str | int, ...], Any]] = [(("body",), value)]
    while pending:
        path, each = pending.pop()
        if isinstance(each, dict | list):
            if len(path) > MAX_DEPTH:
                yield _objection("too_deep", path, f"Values are nested deeper than {MAX_DEPTH}")
                return
            items = each.items() if isinstance(each, dict) else enumerate(each)
            for key, item in items:
                if isinstance(key, str) and "\x00" in key:
                    yield _objection("nul_character", path, "A name holds a NUL character")
                    return
                pending.append(((*path, key), item))
        elif isinstance(each, str) and "\x00" in each:
            yield _objection("nul_character", path, "The text holds a NUL character")
        elif isinstance(each, int) and each not in _INT64:
            yield _objection("out_of_range", path, "The number does not fit into 64 bits")


def _objection(kind: str, path: tuple[str | int, ...], message: str) -> dict[str, Any]:
    return {"type": kind, "loc": path, "msg": message}


def _declared_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


def _raise_if_gone(message: Message) -> None:
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
