"""Access tokens by the client-credentials grant."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from slotstream_servicekit.kafka import OAuthLogin
from slotstream_servicekit.kafka.tokens import TokenError, TokenProvider, TokenSource, request_token, token_source
from slotstream_servicekit.testing.token_issuer import CLIENT_SECRET, TokenIssuer, a_token_issuer


@pytest.fixture
def issuer() -> Iterator[TokenIssuer]:
    with a_token_issuer(lambda client: f"token of {client}") as issuer:
        yield issuer


def login_at(issuer: TokenIssuer, *, secret: str = CLIENT_SECRET, scope: str | None = "kafka") -> OAuthLogin:
    return OAuthLogin(token_url=issuer.url, client_id="a client", client_secret=SecretStr(secret), scope=scope)


def test_a_token_is_asked_for_with_the_clients_credentials_and_scope(issuer: TokenIssuer) -> None:
    token = request_token(login_at(issuer))
    assert token.value.get_secret_value() == "token of a client"
    assert issuer.asked == [{"grant_type": ["client_credentials"], "scope": ["kafka"]}]
    assert token.renew_at < token.expires_at == pytest.approx(time.time() + 3600, abs=10)


def test_the_secret_may_be_in_a_file(issuer: TokenIssuer, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(CLIENT_SECRET + "\n")
    assert request_token(replace(login_at(issuer), client_secret=file))


async def test_clients_of_one_login_share_a_token_until_it_is_old(issuer: TokenIssuer) -> None:
    login = login_at(issuer)
    tokens = await asyncio.gather(*(TokenProvider(login).token() for _ in range(20)))
    assert set(tokens) == {"token of a client"}
    assert len(issuer.asked) == 1
    assert token_source(login) is token_source(login_at(issuer))


def test_an_old_token_is_replaced_before_it_expires(issuer: TokenIssuer) -> None:
    issuer.lifetime = 0.01
    source = TokenSource(login_at(issuer))
    first = source.current()
    time.sleep(max(0.0, first.renew_at - time.time()))
    assert source.current() is not first
    assert len(issuer.asked) == 2


@pytest.mark.parametrize("lifetime", [None, "soon", -1])
def test_a_token_without_a_lifetime_is_kept_for_a_minute(issuer: TokenIssuer, lifetime: object) -> None:
    issuer.lifetime = lifetime
    assert request_token(login_at(issuer)).expires_at == pytest.approx(time.time() + 60, abs=10)


def test_a_refusal_tells_the_issuers_code_and_no_secret(issuer: TokenIssuer) -> None:
    with pytest.raises(TokenError, match=r"/token gives no token \(401 invalid_client\)") as caught:
        request_token(login_at(issuer, secret="hunter2"))
    assert "hunter2" not in str(caught.value)


def test_an_issuer_that_refuses_is_not_asked_again_at_once(issuer: TokenIssuer) -> None:
    source = TokenSource(login_at(issuer, secret="wrong"))
    for _ in range(5):
        with pytest.raises(TokenError):
            source.current()
    assert len(issuer.asked) == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/token", "http://[", "http://"])
def test_an_issuer_that_does_not_answer_is_a_token_error(url: str) -> None:
    with pytest.raises(TokenError, match="gives no token"):
        request_token(OAuthLogin(token_url=url, client_id="a", client_secret=SecretStr("b")))
