"""Secrets are sealed to what they are for, and keys can be rotated."""

import pytest
from cryptography.fernet import Fernet

from slotstream_servicekit.sealing import Sealer, UnsealableError

KEY = Fernet.generate_key().decode()


def test_a_sealed_secret_opens_for_what_it_is_for_and_does_not_show() -> None:
    sealed = Sealer([KEY]).seal("s3cret", "account", "a")
    assert b"s3cret" not in sealed
    assert Sealer([KEY]).open(sealed, "account", "a") == "s3cret"


@pytest.mark.parametrize("bound_to", [("account", "b"), ("account",), (), ("account", "a", "s3cret"), ("a", "account")])
def test_for_anything_else_it_stays_shut(bound_to: tuple[str, ...]) -> None:
    sealed = Sealer([KEY]).seal("s3cret", "account", "a")
    with pytest.raises(UnsealableError):
        Sealer([KEY]).open(sealed, *bound_to)


def test_what_is_under_an_older_key_is_sealed_anew_once() -> None:
    sealed, newest = Sealer([KEY]).seal("s3cret", "a"), Fernet.generate_key().decode()
    both = Sealer([newest, KEY])
    assert not both.is_sealed_by_first(sealed)
    anew = both.sealed_anew(sealed)
    assert anew is not None
    assert both.sealed_anew(anew) is None
    assert Sealer([newest]).open(anew, "a") == "s3cret"


@pytest.mark.parametrize(
    "sealed",
    [b"", b"x", Fernet(KEY.encode()).encrypt(b"7"), Fernet(KEY.encode()).encrypt(b"[]")],
    ids=["nothing", "no token", "a number", "a list"],
)
def test_what_was_never_sealed_does_not_open(sealed: bytes) -> None:
    with pytest.raises(UnsealableError):
        Sealer([KEY]).open(sealed, "a")


def test_without_its_key_it_cannot_be_sealed_anew() -> None:
    with pytest.raises(UnsealableError):
        Sealer([Fernet.generate_key().decode()]).sealed_anew(Sealer([KEY]).seal("s3cret", "a"))
