"""Cursors: opaque, typed, and useless once tampered with."""

import base64
import zlib
from datetime import UTC, date, datetime
from uuid import UUID, uuid4

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slotstream_servicekit.http import decode_cursor, encode_cursor, page_of
from slotstream_servicekit.http.pagination import BigInt, InvalidCursorError

ID = uuid4()
WHEN = datetime(2026, 3, 29, 7, 30, 0, 123456, tzinfo=UTC)


def test_a_cursor_gives_back_what_went_in() -> None:
    cursor = encode_cursor(WHEN, ID, "name", 7, date(2026, 3, 29), None, 2**40, True, scope="a:-starts_at")
    types = (datetime, UUID, str, int, date, str, BigInt, bool)
    values = decode_cursor(cursor, *types, scope="a:-starts_at", nullable=(5,))
    assert values == (WHEN, ID, "name", 7, date(2026, 3, 29), None, 2**40, True)


def test_the_same_row_gives_the_same_cursor() -> None:
    assert encode_cursor(WHEN, ID) == encode_cursor(WHEN, ID)


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: raw.decode("latin-1")))
def test_no_text_makes_decoding_fail_otherwise_than_by_its_error(cursor: str) -> None:
    with pytest.raises(InvalidCursorError):
        decode_cursor(cursor, datetime, UUID)


@given(st.data())
def test_a_cursor_with_one_character_changed_is_refused(data: st.DataObject) -> None:
    cursor = encode_cursor(WHEN, ID)
    position = data.draw(st.integers(0, len(cursor) - 2))
    replacement = data.draw(st.sampled_from("ABCabc019-_").filter(lambda each: each != cursor[position]))
    with pytest.raises(InvalidCursorError):
        decode_cursor(cursor[:position] + replacement + cursor[position + 1 :], datetime, UUID)


def test_a_cursor_of_another_list_or_order_is_refused() -> None:
    cursor = encode_cursor(WHEN, ID, scope="a:starts_at")
    for wrong in ("a:-starts_at", "b:starts_at", ""):
        with pytest.raises(InvalidCursorError):
            decode_cursor(cursor, datetime, UUID, scope=wrong)


@pytest.mark.parametrize("types", [(), (datetime,), (datetime, UUID, str), (UUID, datetime), (int, UUID)])
def test_a_cursor_of_other_types_is_refused(types: tuple[type, ...]) -> None:
    with pytest.raises(InvalidCursorError):
        decode_cursor(encode_cursor(WHEN, ID), *types)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("0001-01-01T00:00:00+14:00", datetime),
        ("9999-12-31T23:59:59-14:00", datetime),
        ("2026-03-29T07:30:00", datetime),
        ("2026-03-29T07:30:00Z\0", datetime),
        (1_800_000_000, datetime),
        ("10000-01-01", date),
        (5, date),
        (5, UUID),
        (True, UUID),
        ("5", UUID),
        ("a\0", str),
        (5, str),
        (2**31, int),
        (-(2**31) - 1, int),
        (2**63, BigInt),
        (True, int),
        ("5", int),
        (1, bool),
        *((None, wanted) for wanted in (datetime, date, UUID, str, int, BigInt, bool)),
    ],
)
def test_a_value_that_no_column_of_its_type_has_is_refused(value: str | int | None, wanted: type) -> None:
    """Whoever forges a cursor knows the check digits."""
    with pytest.raises(InvalidCursorError):
        decode_cursor(encode_cursor(value), wanted)


@pytest.mark.parametrize("values", [b"[[]]", b"[{}]", b"[1e400]", b"[18446744073709551616]", b'["\\ud800"]', b"[NaN]"])
@pytest.mark.parametrize("wanted", [datetime, date, UUID, str, int, BigInt, bool])
def test_what_a_cursor_is_never_made_of_is_refused(values: bytes, wanted: type) -> None:
    forged = base64.urlsafe_b64encode(zlib.crc32(values).to_bytes(4, "big") + values).rstrip(b"=").decode()
    with pytest.raises(InvalidCursorError):
        decode_cursor(forged, wanted)


def test_a_page_has_a_cursor_only_where_there_is_more() -> None:
    assert page_of([1, 2, 3], limit=3, cursor_of=str) == ([1, 2, 3], None)
    assert page_of([1, 2, 3], limit=2, cursor_of=str) == ([1, 2], "2")
    assert page_of([], limit=2, cursor_of=str) == ([], None)


async def test_following_the_cursors_meets_every_item_once(client: httpx2.AsyncClient) -> None:
    seen: list[str] = []
    cursor = None
    while True:
        page = (await client.get("/v1/things", params={"limit": 50, **({"cursor": cursor} if cursor else {})})).json()
        seen += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [str(number) for number in range(120)]
