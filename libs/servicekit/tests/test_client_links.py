from base64 import urlsafe_b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from slotstream_servicekit.client_links import ClientLink, LinkSealer, ShownAppointment, checked_link_keys, link_address

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
OLD_KEY, NEW_KEY = (urlsafe_b64encode(bytes([value]) * 32).decode() for value in (1, 2))


def a_link(**more: object) -> ClientLink:
    link = ClientLink(
        organization_id=uuid4(),
        client_id=uuid4(),
        issued_at=NOW,
        expires_at=NOW + timedelta(days=30),
        appointment=ShownAppointment(id=uuid4(), starts_at=NOW + timedelta(days=1, microseconds=7)),
    )
    return replace(link, **more)  # type: ignore[arg-type]


def test_a_link_opens_as_it_was_sealed_and_is_short() -> None:
    sealer = LinkSealer([NEW_KEY])
    for link in (a_link(), a_link(appointment=None)):
        token = sealer.seal(link)
        assert sealer.open(token) == link
        assert len(token) <= 110
        assert token == sealer.seal(link)
    assert link_address("https://desk.example.com/", token) == f"https://desk.example.com/p/{token}"


def test_a_link_to_a_far_appointment_can_be_made() -> None:
    sealer = LinkSealer([NEW_KEY])
    far = datetime(2199, 1, 1, tzinfo=UTC)
    opened = sealer.open(sealer.seal(a_link(expires_at=far, appointment=ShownAppointment(id=uuid4(), starts_at=far))))
    assert opened is not None
    assert opened.appointment is not None
    assert opened.appointment.starts_at == far
    assert opened.expires_at.year == 2106


def test_nothing_of_the_content_can_be_read() -> None:
    link = a_link()
    token = LinkSealer([NEW_KEY]).seal(link)
    ids = (link.organization_id, link.client_id)
    assert not any(urlsafe_b64encode(value.bytes)[:8].decode() in token for value in ids)
    # Another second changes it from its first letter on.
    assert LinkSealer([NEW_KEY]).seal(replace(link, issued_at=NOW + timedelta(seconds=1)))[:8] != token[:8]


def test_every_altered_letter_closes_it() -> None:
    sealer = LinkSealer([NEW_KEY])
    token = sealer.seal(a_link())
    for place in range(len(token)):
        for letter in "Aa_":
            if token[place] != letter:
                assert sealer.open(token[:place] + letter + token[place + 1 :]) is None


@pytest.mark.parametrize("token", ["", "x", "\x00", "ü" * 20, "A" * 100_000, "=" * 20, "../..", " " * 40, "a+/b" * 20])
def test_what_is_no_token_is_no_link(token: str) -> None:
    assert LinkSealer([NEW_KEY]).open(token) is None


def test_a_token_has_one_spelling() -> None:
    sealer = LinkSealer([NEW_KEY])
    token = sealer.seal(a_link())
    assert all(sealer.open(other) is None for other in (token + "=", token + "\n", " " + token, token + "A"))


def test_the_former_key_still_opens_and_a_strangers_does_not() -> None:
    link = a_link()
    before = LinkSealer([OLD_KEY]).seal(link)
    assert LinkSealer([NEW_KEY, OLD_KEY]).open(before) == link
    assert LinkSealer([NEW_KEY]).open(before) is None
    assert LinkSealer([OLD_KEY]).open(LinkSealer([NEW_KEY, OLD_KEY]).seal(link)) is None


@pytest.mark.parametrize("key", ["", "short", "ü", urlsafe_b64encode(b"x" * 31).decode()])
def test_a_key_that_is_none_is_refused_without_telling_it(key: str) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        checked_link_keys([key])
    with pytest.raises(ValueError, match="no key"):
        LinkSealer([])
