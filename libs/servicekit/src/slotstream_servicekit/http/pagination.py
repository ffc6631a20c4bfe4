"""Keyset pagination: a cursor has the sort key of the last row, so that pages neither skip nor repeat rows.

A cursor is not secret and not signed: it gives access to nothing that a query could not ask for. Its checksum detects
mistakes, and a cursor of another list or sort order. Anybody could compute it, so the values in a cursor are accepted
only if a database can compare them with a column.
"""

import base64
import binascii
import zlib
from collections.abc import Callable, Container, Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, Generic, NewType, Protocol, TypeVar
from uuid import UUID

import orjson
from fastapi import Query
from pydantic import Field

from slotstream_servicekit.http.models import ResponseModel
from slotstream_servicekit.http.problems import MalformedRequestError

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
BigInt = NewType("BigInt", int)
"""The type of a number in a cursor that comes from a column of 64 bits. An `int` has 32."""
_BITS: Final[dict[Any, int]] = {int: 32, BigInt: 64}

ItemT = TypeVar("ItemT")
RowT = TypeVar("RowT")


class _Identified(Protocol):
    @property
    def id(self) -> UUID: ...


IdentifiedT = TypeVar("IdentifiedT", bound=_Identified)
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


def decode_cursor(cursor: str, *types: type[Any], scope: str = "", nullable: Container[int] = ()) -> tuple[Any, ...]:
    """The sort key in `cursor`, each value as one of `types`. Raises InvalidCursorError.

    `nullable`: the places at which a row may have no value.
    """
    try:
        raw = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        check, content = raw[:4], raw[4:]
        values = orjson.loads(content)
        if check != _check(content, scope) or not isinstance(values, list) or len(values) != len(types):
            raise InvalidCursorError.because()
        return tuple(
            None if value is None and place in nullable else _typed(value, wanted)
            for place, (value, wanted) in enumerate(zip(values, types, strict=True))
        )
    except (ValueError, TypeError, OverflowError, binascii.Error):
        raise InvalidCursorError.because() from None


def id_in(cursor: str | None, *, scope: str) -> UUID | None:
    """The id after which the page begins, of a list by id; None for the first page. Raises InvalidCursorError."""
    return decode_cursor(cursor, UUID, scope=scope)[0] if cursor else None


def page_by_id(rows: Sequence[IdentifiedT], *, limit: int, scope: str) -> tuple[Sequence[IdentifiedT], str | None]:
    """As `page_of`, of a list by id."""
    return page_of(rows, limit=limit, cursor_of=lambda row: encode_cursor(row.id, scope=scope))


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
    if wanted in _BITS:
        return _whole(value, bits=_BITS[wanted])
    if wanted in _READ_FROM_TEXT:
        return _READ_FROM_TEXT[wanted](_text(value))
    if type(value) is not wanted:
        raise TypeError
    return _text(value) if wanted is str else value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    if "\0" in value:
        raise ValueError
    return value


def _whole(value: Any, *, bits: int) -> int:
    if type(value) is not int:
        raise TypeError
    if not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
        raise ValueError
    return value


def _instant(value: str) -> datetime:
    """In UTC, in which a time at either end of the calendar may not exist."""
    instant = datetime.fromisoformat(value)
    if instant.tzinfo is None:
        raise ValueError
    return instant.astimezone(UTC)


_READ_FROM_TEXT: Final[dict[type[Any], Callable[[str], Any]]] = {
    datetime: _instant,
    date: date.fromisoformat,
    UUID: UUID,
}
