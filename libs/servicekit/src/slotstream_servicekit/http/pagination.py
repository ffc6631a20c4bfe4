"""Keyset pagination: a cursor holds the last row's sort key, so pages neither skip nor repeat.

A cursor is opaque but not secret and not signed: it grants nothing that a query could not ask for.
Its check digits catch tampering and a cursor used with another sort order.
"""

import base64
import binascii
import zlib
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import orjson
from fastapi import Query
from pydantic import Field

from slotstream_servicekit.http.models import ResponseModel
from slotstream_servicekit.http.problems import MalformedRequestError

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
_INTEGERS = 2**63
"""What a database can hold and compare: others no list has given out."""

ItemT = TypeVar("ItemT")
RowT = TypeVar("RowT")
CursorValue = str | int | bool | datetime | date | UUID | None

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="How many items at most")]
"""`limit: Limit = DEFAULT_LIMIT`"""
Cursor = Annotated[str | None, Query(max_length=1_024, description="`next_cursor` of the page before")]
"""`cursor: Cursor = None`"""


class InvalidCursorError(MalformedRequestError):
    code = "invalid_cursor"

    @classmethod
    def because(cls) -> "InvalidCursorError":
        return cls("The cursor is not one that this list has given out; begin again without it")


class Page(ResponseModel, Generic[ItemT]):
    """One page of a list; `next_cursor` is null on the last."""

    items: list[ItemT]
    next_cursor: str | None = Field(default=None)


def encode_cursor(*values: CursorValue, scope: str = "") -> str:
    """The cursor for a row's sort key. `scope` names list and order, as in `appointments:-starts_at`."""
    content = orjson.dumps([_plain(value) for value in values])
    return base64.urlsafe_b64encode(_check(content, scope) + content).rstrip(b"=").decode()


def decode_cursor(cursor: str, *types: type[Any], scope: str = "") -> tuple[Any, ...]:
    """The sort key in `cursor`, each value as one of `types`. Raises InvalidCursorError."""
    try:
        raw = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        check, content = raw[:4], raw[4:]
        values = orjson.loads(content)
        if check != _check(content, scope) or not isinstance(values, list) or len(values) != len(types):
            raise InvalidCursorError.because()
        return tuple(_typed(value, wanted) for value, wanted in zip(values, types, strict=True))
    except (ValueError, TypeError, binascii.Error):
        raise InvalidCursorError.because() from None


def page_of(rows: Sequence[RowT], *, limit: int, cursor_of: Callable[[RowT], str]) -> tuple[Sequence[RowT], str | None]:
    """Cuts `rows`, read with `LIMIT limit + 1`, to one page and the cursor of the next, if there is one."""
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], cursor_of(rows[limit - 1])


def _check(content: bytes, scope: str) -> bytes:
    return zlib.crc32(content, zlib.crc32(scope.encode())).to_bytes(4, "big")


def _plain(value: CursorValue) -> str | int | bool | None:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def _typed(value: Any, wanted: type[Any]) -> Any:
    if value is None:
        return None
    if wanted is datetime:
        return _aware(datetime.fromisoformat(value))
    if wanted is date:
        return date.fromisoformat(value)
    if wanted is UUID:
        return UUID(value)
    if type(value) is not wanted:
        raise TypeError
    if (wanted is str and "\0" in value) or (wanted is int and not -_INTEGERS <= value < _INTEGERS):
        raise ValueError
    return value


def _aware(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError
    return instant
