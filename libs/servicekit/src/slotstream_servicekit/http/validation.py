"""Makes field errors of pydantic's errors: with stable codes and JSON Pointers, and never with the input itself."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_CODES: Mapping[str, str] = {
    "missing": "missing",
    "extra_forbidden": "unknown_field",
    "enum": "unknown_value",
    "literal_error": "unknown_value",
    "union_tag_invalid": "unknown_value",
    "union_tag_not_found": "missing",
    "string_too_short": "too_short",
    "string_too_long": "too_long",
    "bytes_too_long": "too_long",
    "too_short": "too_short",
    "too_long": "too_long",
    "string_pattern_mismatch": "malformed",
    "uuid_parsing": "malformed_id",
    "uuid_type": "malformed_id",
    "uuid_version": "malformed_id",
    "date_parsing": "malformed_date",
    "date_from_datetime_parsing": "malformed_date",
    "date_from_datetime_inexact": "malformed_date",
    "time_parsing": "malformed_time",
    "datetime_parsing": "malformed_time",
    "datetime_from_date_parsing": "malformed_time",
    "timezone_aware": "time_without_offset",
    "url_parsing": "malformed_url",
    "url_scheme": "malformed_url",
    "url_syntax_violation": "malformed_url",
    "url_too_long": "too_long",
    "greater_than": "out_of_range",
    "greater_than_equal": "out_of_range",
    "less_than": "out_of_range",
    "less_than_equal": "out_of_range",
    "multiple_of": "out_of_range",
    "finite_number": "out_of_range",
    "int_parsing_size": "out_of_range",
    "date_past": "out_of_range",
    "date_future": "out_of_range",
    "decimal_max_digits": "out_of_range",
    "decimal_max_places": "out_of_range",
    "decimal_whole_digits": "out_of_range",
    "recursion_loop": "too_deep",
    "value_error": "invalid",
    "assertion_error": "invalid",
}
_WORDS: Mapping[str, str] = {
    "missing": "This is needed",
    "extra_forbidden": "There is no such field",
}
_WRONG_TYPE_ENDINGS = ("_type", "_parsing", "_from_float", "_attributes_type")


def field_errors(errors: Iterable[Mapping[str, Any]]) -> list[dict[str, object]]:
    """Our `errors` for pydantic's, as `RequestValidationError.errors()` gives them."""
    return [field_error(error["type"], error["loc"], error["msg"]) for error in errors]


def field_error(kind: str, location: Sequence[str | int], message: str) -> dict[str, object]:
    place, *path = location or ("body",)
    return {
        "in": str(place),
        "pointer": pointer_of(path),
        "code": code_of(kind),
        "detail": _WORDS.get(kind) or message.removeprefix("Value error, "),
    }


def code_of(kind: str) -> str:
    """Our code for a pydantic error type. A custom type (PydanticCustomError) is its own code."""
    if kind in _CODES:
        return _CODES[kind]
    return "wrong_type" if kind.endswith(_WRONG_TYPE_ENDINGS) else kind


def pointer_of(path: Sequence[str | int]) -> str:
    """A JSON Pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def code_of_all(errors: Sequence[Mapping[str, object]]) -> str:
    """The code of the problem: that of its errors, if all have the same, else `invalid`."""
    codes = {str(error["code"]) for error in errors}
    return codes.pop() if len(codes) == 1 else "invalid"
