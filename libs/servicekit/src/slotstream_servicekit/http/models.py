"""What requests and responses are made of: closed models and the field types that many services share."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainSerializer,
    StringConstraints,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

_RFC_3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?P<offset>[Zz]|[+-]\d{2}:\d{2})?")
_UNESCAPED_PLUS = re.compile(r"(\d{4}-\d{2}-\d{2}[Tt]\S+) (\d{2}:\d{2})")
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)
_MICROSECONDS = re.compile(r"(\.\d{6})\d+")


class RequestModel(BaseModel):
    """A request body or a part of one: an unknown field is an error, surrounding blanks are dropped."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, hide_input_in_errors=True)


class ResponseModel(BaseModel):
    """An answer or a part of one. Build it from rows or domain objects with `model_validate`."""

    model_config = ConfigDict(from_attributes=True, frozen=True, ser_json_timedelta="iso8601")


def parse_instant(value: object) -> datetime:
    """An RFC 3339 time with an offset, as aware UTC; only text is taken, never a number of seconds."""
    if isinstance(value, datetime):
        return _checked(value)
    if not isinstance(value, str):
        raise PydanticCustomError("wrong_type", "A time is text such as 2026-03-29T07:30:00Z")
    match = _RFC_3339.fullmatch(value)
    if match is None and _UNESCAPED_PLUS.fullmatch(value):
        raise PydanticCustomError(
            "malformed_time", "The time has a blank before its offset: in a query a + must be written as %2B, or use Z"
        )
    if match is None:
        raise PydanticCustomError("malformed_time", "A time is written like 2026-03-29T07:30:00Z (RFC 3339)")
    if match["offset"] is None:
        raise PydanticCustomError(
            "time_without_offset", "The time needs an offset, such as 2026-03-29T07:30:00Z or +02:00"
        )
    try:
        parsed = datetime.fromisoformat(_MICROSECONDS.sub(r"\1", value.upper()))
    except ValueError:
        raise PydanticCustomError("malformed_time", "There is no such time") from None
    return _checked(parsed)


def _checked(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise PydanticCustomError("time_without_offset", "The time needs an offset")
    try:
        instant = value.astimezone(UTC)
    except OverflowError:
        instant = _LATEST
    if not _EARLIEST <= instant < _LATEST:
        raise PydanticCustomError("time_out_of_range", "The time lies outside the years 1970 to 2199")
    return instant


class _DateTimeSchema:
    """Says "string, date-time" in OpenAPI where the validator alone would say nothing."""

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "format": "date-time", "examples": ["2026-03-29T07:30:00Z"]}


InstantIn = Annotated[datetime, BeforeValidator(parse_instant), _DateTimeSchema]
"""An instant on the way in: RFC 3339 with any offset, aware UTC once parsed."""


def _rfc_3339(value: datetime) -> str:
    utc = value.astimezone(UTC)
    return utc.isoformat(timespec="microseconds" if utc.microsecond else "seconds").replace("+00:00", "Z")


InstantOut = Annotated[datetime, PlainSerializer(_rfc_3339, return_type=str, when_used="json"), _DateTimeSchema]
"""An instant on the way out: UTC, `2026-03-29T07:30:00Z`."""


@lru_cache(maxsize=1)
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones())


def _known_zone(value: str) -> str:
    if value not in _zone_names():
        raise PydanticCustomError("unknown_zone", "There is no such IANA time zone; one is Europe/Berlin")
    ZoneInfo(value)
    return value


ZoneName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64),
    AfterValidator(_known_zone),
    Field(examples=["Europe/Berlin"]),
]
"""The name of an IANA time zone."""

CurrencyCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), Field(examples=["EUR"])]
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""A name or title of one line."""
LongText = Annotated[str, StringConstraints(max_length=10_000)]
"""Notes and other free text."""
DurationMinutes = Annotated[int, Field(ge=1, le=7 * 24 * 60, strict=True)]
"""A duration in whole minutes, up to a week."""


def _decimal_text(value: Any) -> Any:
    if isinstance(value, bool | float):
        raise PydanticCustomError("wrong_type", 'An amount is text such as "45.00", so that no cent is lost')
    return value


class MoneyIn(RequestModel):
    """An amount of money: `{"amount": "45.00", "currency": "EUR"}`."""

    amount: Annotated[
        Decimal,
        BeforeValidator(_decimal_text),
        Field(ge=0, max_digits=12, decimal_places=2, allow_inf_nan=False),
    ]
    currency: CurrencyCode


class MoneyOut(ResponseModel):
    amount: Annotated[Decimal, PlainSerializer(str, return_type=str, when_used="json")]
    currency: str
