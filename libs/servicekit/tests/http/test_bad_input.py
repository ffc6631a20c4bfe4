"""Bad input gets a problem document with a code, and never a 500."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import orjson
import pytest
from pydantic_core import PydanticCustomError

from slotstream_servicekit.http.models import parse_instant
from slotstream_servicekit.http.problems import PROBLEM_CONTENT_TYPE

GOOD = {"name": "Cut", "starts_at": "2026-03-29T07:30:00Z"}


def code_and_pointer(answer: httpx2.Response) -> tuple[str, str]:
    error = answer.json()["errors"][0]
    return error["code"], error["pointer"]


BODIES: list[tuple[str, dict[str, Any], str, str]] = [
    ("unknown field", {"colour": "red"}, "unknown_field", "/colour"),
    ("missing field", {"name": ...}, "missing", "/name"),
    ("null for text", {"name": None}, "wrong_type", "/name"),
    ("number for text", {"name": 7}, "wrong_type", "/name"),
    ("list for text", {"name": ["a"]}, "wrong_type", "/name"),
    ("empty text", {"name": ""}, "too_short", "/name"),
    ("blank text", {"name": "   "}, "too_short", "/name"),
    ("long text", {"name": "x" * 201}, "too_long", "/name"),
    ("NUL in text", {"name": "a\x00b"}, "nul_character", "/name"),
    ("NUL deep inside", {"anything": {"a": [{"b": "\x00"}]}}, "nul_character", "/anything/a/0/b"),
    ("NUL in a name", {"anything": {"a\x00": 1}}, "nul_character", "/anything"),
    ("nesting", {"anything": orjson.loads('{"a":' * 60 + "1" + "}" * 60)}, "too_deep", "*"),
    ("integer beyond 64 bits", {"anything": {"n": 2**63}}, "out_of_range", "/anything/n"),
    ("time without offset", {"starts_at": "2026-03-29T07:30:00"}, "time_without_offset", "/starts_at"),
    ("unescaped plus", {"starts_at": "2026-03-29T07:30:00 02:00"}, "malformed_time", "/starts_at"),
    ("time without time", {"starts_at": "2026-03-29"}, "malformed_time", "/starts_at"),
    ("time as a number", {"starts_at": 1774769400}, "wrong_type", "/starts_at"),
    ("time as a digit string", {"starts_at": "1774769400"}, "malformed_time", "/starts_at"),
    ("no such day", {"starts_at": "2026-02-30T07:30:00Z"}, "malformed_time", "/starts_at"),
    ("no such hour", {"starts_at": "2026-02-03T25:30:00Z"}, "malformed_time", "/starts_at"),
    ("no such offset", {"starts_at": "2026-02-03T05:30:00+27:00"}, "malformed_time", "/starts_at"),
    ("year 1", {"starts_at": "0001-01-01T00:00:00+14:00"}, "time_out_of_range", "/starts_at"),
    ("year 9999", {"starts_at": "9999-12-31T23:59:59-12:00"}, "time_out_of_range", "/starts_at"),
    ("unicode digits", {"starts_at": "２０２６-03-29T07:30:00Z"}, "malformed_time", "/starts_at"),
    ("unknown zone", {"zone": "Europe/Berlinn"}, "unknown_zone", "/zone"),
    ("zone as a path", {"zone": "../../etc/passwd"}, "unknown_zone", "/zone"),
    ("empty zone", {"zone": ""}, "too_short", "/zone"),
    ("not an id", {"id": "seven"}, "malformed_id", "/id"),
    ("zero duration", {"duration_minutes": 0}, "out_of_range", "/duration_minutes"),
    ("negative duration", {"duration_minutes": -5}, "out_of_range", "/duration_minutes"),
    ("absurd duration", {"duration_minutes": 10**9}, "out_of_range", "/duration_minutes"),
    ("duration as text", {"duration_minutes": "30"}, "wrong_type", "/duration_minutes"),
    ("fractional duration", {"duration_minutes": 30.5}, "wrong_type", "/duration_minutes"),
    ("duration as a truth", {"duration_minutes": True}, "wrong_type", "/duration_minutes"),
    ("price as a number", {"price": 45}, "wrong_type", "/price"),
    ("amount as a float", {"price": {"amount": 45.1, "currency": "EUR"}}, "wrong_type", "/price/amount"),
    ("amount as words", {"price": {"amount": "many", "currency": "EUR"}}, "wrong_type", "/price/amount"),
    ("negative amount", {"price": {"amount": "-1", "currency": "EUR"}}, "out_of_range", "/price/amount"),
    ("fractions of a cent", {"price": {"amount": "1.001", "currency": "EUR"}}, "out_of_range", "/price/amount"),
    ("absurd amount", {"price": {"amount": "1e400", "currency": "EUR"}}, "out_of_range", "/price/amount"),
    ("no number", {"price": {"amount": "NaN", "currency": "EUR"}}, "out_of_range", "/price/amount"),
    ("no currency", {"price": {"amount": "1", "currency": "eur"}}, "malformed", "/price/currency"),
    ("unknown field inside", {"price": {"amount": "1", "currency": "EUR", "x": 1}}, "unknown_field", "/price/x"),
    ("error inside a list", {"tags": ["ok", ""]}, "too_short", "/tags/1"),
    ("pointer escaping", {"a/b~c": 1}, "unknown_field", "/a~1b~0c"),
]


@pytest.mark.parametrize(("what", "change", "code", "pointer"), BODIES, ids=[row[0] for row in BODIES])
async def test_a_bad_field_is_named_with_a_code(
    client: httpx2.AsyncClient, creating: str, what: str, change: dict[str, Any], code: str, pointer: str
) -> None:
    body = {name: value for name, value in {**GOOD, **change}.items() if value is not ...}
    answer = await client.post(creating, content=_json(body), headers={"Content-Type": "application/json"})
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == PROBLEM_CONTENT_TYPE
    problem = answer.json()
    assert problem["code"] == code
    assert problem["trace_id"]
    found_code, found_pointer = code_and_pointer(answer)
    assert found_code == code
    assert pointer in {"*", found_pointer}
    assert problem["errors"][0]["in"] == "body"
    assert "input" not in problem["errors"][0]


def _json(body: Any) -> bytes:
    import json

    return json.dumps(body).encode()


MALFORMED: list[tuple[str, bytes, str | None, int, str]] = [
    ("not JSON", b"{bad", "application/json", 400, "malformed_json"),
    ("cut off", b'{"name": "a', "application/json", 400, "malformed_json"),
    ("trailing text", b"{} x", "application/json", 400, "malformed_json"),
    ("NaN", b'{"name": NaN}', "application/json", 400, "malformed_json"),
    ("infinite number", b'{"name": 1e999}', "application/json", 400, "malformed_json"),
    ("lone surrogate", b'{"name": "\\ud800"}', "application/json", 400, "malformed_json"),
    ("not UTF-8", b'{"name": "\xff"}', "application/json", 400, "malformed_json"),
    ("raw NUL", b'{"name": "\x00"}', "application/json", 400, "malformed_json"),
    ("bottomless nesting", b"[" * 4000, "application/json", 400, "malformed_json"),
    ("a list", b"[]", "application/json", 422, "wrong_type"),
    ("a text", b'"x"', "application/json", 422, "wrong_type"),
    ("null", b"null", "application/json", 422, "wrong_type"),
    ("nothing", b"", "application/json", 422, "missing"),
    ("nothing, untyped", b"", None, 422, "missing"),
    ("plain text", b"{}", "text/plain", 415, "unsupported_media_type"),
    ("a form", b"name=a", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
    ("untyped", b"{}", None, 415, "unsupported_media_type"),
    ("nearly JSON", b"{}", "application/jsonp", 415, "unsupported_media_type"),
    ("too long", b'{"name": "' + b"x" * 5000 + b'"}', "application/json", 413, "body_too_large"),
]


@pytest.mark.parametrize(
    ("what", "body", "content_type", "status", "code"), MALFORMED, ids=[row[0] for row in MALFORMED]
)
async def test_a_body_that_cannot_be_read_is_refused(
    client: httpx2.AsyncClient, creating: str, what: str, body: bytes, content_type: str | None, status: int, code: str
) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    answer = await client.post(creating, content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == PROBLEM_CONTENT_TYPE


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "application/vnd.x+json"]
)
async def test_json_may_be_called_by_its_other_names(
    client: httpx2.AsyncClient, creating: str, content_type: str
) -> None:
    answer = await client.post(creating, content=_json(GOOD), headers={"Content-Type": content_type})
    assert answer.status_code == 201


async def test_a_streamed_body_without_a_length_is_cut_off_at_the_limit(
    client: httpx2.AsyncClient, creating: str
) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100_000_000:
            sent += 1_000
            yield b" " * 1_000

    answer = await client.post(creating, content=endless(), headers={"Content-Type": "application/json"})
    assert answer.json()["code"] == "body_too_large"


async def test_an_upload_is_cut_off_at_the_limit(client: httpx2.AsyncClient) -> None:
    assert (await client.post("/v1/files", files={"file": b"x" * 100})).json() == 100
    answer = await client.post("/v1/files", files={"file": b"x" * 10_000})
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_a_form_that_is_none_is_refused(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/v1/files", content=b"x", headers={"Content-Type": "multipart/form-data"})
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_request")
    missing = await client.post("/v1/files", json={})
    assert (missing.status_code, missing.json()["code"]) == (422, "missing")


QUERIES: list[tuple[str, str, int, str]] = [
    ("unknown parameter", "colour=red", 422, "unknown_parameter"),
    ("misspelt parameter", "limt=5", 422, "unknown_parameter"),
    ("escaped name", "l%69mit=5", 200, ""),
    ("repeated list", "status=a&status=b", 200, ""),
    ("limit zero", "limit=0", 422, "out_of_range"),
    ("limit too high", "limit=201", 422, "out_of_range"),
    ("limit not a number", "limit=ten", 422, "wrong_type"),
    ("absurd limit", "limit=" + "9" * 5000, 422, "out_of_range"),
    ("NUL", "status=%00", 422, "nul_character"),
    ("bad cursor", "cursor=nonsense", 400, "invalid_cursor"),
    ("empty cursor", "cursor=", 200, ""),
    ("long cursor", "cursor=" + "x" * 2000, 422, "too_long"),
    ("bad UTF-8", "status=%ff", 200, ""),
    ("empty", "", 200, ""),
]


@pytest.mark.parametrize(("what", "query", "status", "code"), QUERIES, ids=[row[0] for row in QUERIES])
async def test_a_bad_query_is_refused(
    client: httpx2.AsyncClient, what: str, query: str, status: int, code: str
) -> None:
    answer = await client.get(f"/v1/things?{query}")
    assert answer.status_code == status, answer.text
    if code:
        assert answer.json()["code"] == code


async def test_a_bad_path_parameter_is_refused(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/v1/things/seven")
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed_id")
    assert answer.json()["errors"][0]["in"] == "path"


async def test_a_nul_in_the_path_is_refused(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/v1/things/a%00b")
    assert (answer.status_code, answer.json()["code"]) == (422, "nul_character")


async def test_several_faults_are_all_told(client: httpx2.AsyncClient, creating: str) -> None:
    answer = await client.post(creating, json={"colour": 1, "duration_minutes": 0})
    problem = answer.json()
    assert problem["code"] == "invalid"
    assert {each["pointer"] for each in problem["errors"]} == {
        "/name",
        "/starts_at",
        "/duration_minutes",
        "/colour",
    }


def test_an_unescaped_plus_is_named_as_the_likely_cause() -> None:
    with pytest.raises(PydanticCustomError, match="must be written as %2B"):
        parse_instant("2026-03-29T07:30:00 02:00")
    with pytest.raises(PydanticCustomError, match="RFC 3339"):
        parse_instant("29.3.2026 07:30")
