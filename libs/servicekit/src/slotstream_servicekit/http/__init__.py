"""HTTP conventions of all services: the application, problem responses, authentication, pages, idempotency."""

from slotstream_servicekit.http.app import create_app
from slotstream_servicekit.http.auth import (
    Authenticator,
    CurrentPrincipal,
    Principal,
    Right,
    Role,
    requires,
    requires_any,
)
from slotstream_servicekit.http.etags import IfMatch, etag
from slotstream_servicekit.http.idempotency import IdempotencyKey, idempotency_table, idempotent
from slotstream_servicekit.http.limits import rate_limited
from slotstream_servicekit.http.models import (
    CurrencyCode,
    DurationMinutes,
    InstantIn,
    InstantOut,
    LongText,
    MoneyIn,
    MoneyOut,
    RequestModel,
    ResponseModel,
    ShortText,
    ZoneName,
)
from slotstream_servicekit.http.pagination import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    Page,
    decode_cursor,
    encode_cursor,
    page_of,
)
from slotstream_servicekit.http.problems import MalformedRequestError, problem, problem_of
from slotstream_servicekit.http.routes import Router

__all__ = [
    "DEFAULT_LIMIT",
    "Authenticator",
    "CurrencyCode",
    "CurrentPrincipal",
    "Cursor",
    "DurationMinutes",
    "IdempotencyKey",
    "IfMatch",
    "InstantIn",
    "InstantOut",
    "Limit",
    "LongText",
    "MalformedRequestError",
    "MoneyIn",
    "MoneyOut",
    "Page",
    "Principal",
    "RequestModel",
    "ResponseModel",
    "Right",
    "Role",
    "Router",
    "ShortText",
    "ZoneName",
    "create_app",
    "decode_cursor",
    "encode_cursor",
    "etag",
    "idempotency_table",
    "idempotent",
    "page_of",
    "problem",
    "problem_of",
    "rate_limited",
    "requires",
    "requires_any",
]
