"""Origins as `frame-ancestors` takes them."""

import pytest

from slotstream_servicekit.browsers import is_embed_origin


@pytest.mark.parametrize(
    "origin",
    [
        "https://example.com",
        "https://www.example.com:8443",
        "https://xn--bcher-kva.example",
        "http://localhost:5173",
        "http://127.0.0.1",
    ],
)
def test_what_browsers_call_an_origin_is_one(origin: str) -> None:
    assert is_embed_origin(origin)


@pytest.mark.parametrize(
    "text",
    [
        "https://example.com\n",
        "https://example.com\r\nX: y",
        "https://example.com; script-src *",
        "https://example.com https://evil.test",
        "https://*.example.com",
        "https://example.com/",
        "https://localhost.evil.test:70000x",
        "http://localhost.evil.test",
        "https://example",
        "https://-a.example.com",
        "https://" + "a" * 64 + ".com",
        "https://" + "a." * 130 + "com",
        "*",
    ],
)
def test_nothing_else_is(text: str) -> None:
    assert not is_embed_origin(text)
