"""Access tokens for OAUTHBEARER by the client-credentials grant, kept until shortly before they expire."""

import asyncio
import threading
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote

import httpx2
from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import KafkaError
from pydantic import SecretStr

from slotstream_servicekit.kafka.connection import OAuthLogin, read_secret

_ANSWER_SECONDS: Final = 5.0
_USUAL_LIFETIME_SECONDS: Final = 60.0
"""The lifetime of a token for which the issuer gives none."""
_RENEW_AT: Final = 0.8
"""After which part of its lifetime a token is replaced."""
_ASK_AGAIN_SECONDS: Final = 2.0
_WORD_LENGTH: Final = 60


class TokenError(KafkaError):  # type: ignore[misc]
    """The issuer gave no token, for the reason in the text. It is a Kafka error, so that clients try again."""

    retriable = True


@dataclass(frozen=True, slots=True)
class AccessToken:
    value: SecretStr
    renew_at: float
    expires_at: float
    """Both in seconds since 1970."""


class TokenSource:
    """The tokens of one login, shared by all clients of a process, in all threads."""

    def __init__(self, login: OAuthLogin) -> None:
        self._login = login
        self._lock = threading.Lock()
        self._token: AccessToken | None = None
        self._failure: TokenError | None = None
        self._failed_at = float("-inf")

    def current(self) -> AccessToken:
        """Blocks while it asks for a new one. Raises TokenError."""
        with self._lock:
            if self._token is None or time.time() >= self._token.renew_at:
                self._token = self._renew()
            return self._token

    def _renew(self) -> AccessToken:
        if self._failure is not None and time.monotonic() - self._failed_at < _ASK_AGAIN_SECONDS:
            # Clients ask many times a second; the issuer must not be asked as often.
            raise TokenError(*self._failure.args)
        try:
            token = request_token(self._login)
        except TokenError as error:
            self._failure, self._failed_at = error, time.monotonic()
            raise
        self._failure = None
        return token


@lru_cache(maxsize=16)
def token_source(login: OAuthLogin) -> TokenSource:
    """The one source of tokens for `login` in this process."""
    return TokenSource(login)


def request_token(login: OAuthLogin) -> AccessToken:
    """Gets a token of the issuer (RFC 6749 §4.4.2). Raises TokenError."""
    form = {"grant_type": "client_credentials"} | ({"scope": login.scope} if login.scope else {})
    asked_at = time.time()
    try:
        # RFC 6749 §2.3.1: both parts are form-encoded before they become Basic credentials.
        credentials = (quote(login.client_id, safe=""), quote(read_secret(login.client_secret), safe=""))
        answer = httpx2.post(login.token_url, data=form, auth=credentials, timeout=_ANSWER_SECONDS)
        document = answer.json()
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        raise TokenError(f"{login.token_url} gives no token ({type(error).__name__})") from None
    except ValueError:
        raise TokenError(f"{login.token_url} answers {answer.status_code} without JSON") from None
    token = document.get("access_token") if isinstance(document, dict) else None
    if answer.status_code != httpx2.codes.OK or not isinstance(token, str) or not token:
        raise TokenError(f"{login.token_url} gives no token ({answer.status_code}{_error_code(document)})")
    lifetime = document.get("expires_in")
    if not isinstance(lifetime, int | float) or lifetime <= 0:
        lifetime = _USUAL_LIFETIME_SECONDS
    return AccessToken(SecretStr(token), renew_at=asked_at + _RENEW_AT * lifetime, expires_at=asked_at + lifetime)


def _error_code(document: Any) -> str:
    """The error code of the issuer, such as `invalid_client`. Its description may quote what was sent."""
    code = document.get("error") if isinstance(document, dict) else None
    return f" {code}" if isinstance(code, str) and len(code) < _WORD_LENGTH and code.isascii() else ""


class TokenProvider(AbstractTokenProvider):  # type: ignore[misc]
    """aiokafka calls it for every new connection."""

    def __init__(self, login: OAuthLogin) -> None:
        self._source = token_source(login)

    async def token(self) -> str:
        token = await asyncio.to_thread(self._source.current)
        return token.value.get_secret_value()
