"""Verifying bearer tokens: signatures, claims, and a bounded memory of those already verified."""

import base64
import binascii
import hashlib
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx2
import orjson
from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning

from slotstream_servicekit.errors import ErrorKind, SlotstreamError
from slotstream_servicekit.http.jwks import KeyStore, is_local
from slotstream_servicekit.http.principal import Principal
from slotstream_servicekit.http.rights import Role, rights_of
from slotstream_servicekit.settings import IssuerSettings

ALGORITHMS = frozenset({"RS256", "ES256", "EdDSA", "Ed25519"})
MAX_TOKEN_BYTES = 8_192
LEEWAY_SECONDS = 30
REMEMBERED_SECONDS = 300
REMEMBERED_TOKENS = 10_000


class UnauthenticatedError(SlotstreamError):
    kind = ErrorKind.unauthenticated


class TokenMissingError(UnauthenticatedError):
    code = "token_missing"


class TokenMalformedError(UnauthenticatedError):
    code = "token_malformed"


class TokenInvalidError(UnauthenticatedError):
    code = "token_invalid"


class TokenExpiredError(UnauthenticatedError):
    code = "token_expired"


@dataclass(frozen=True, slots=True)
class _Remembered:
    principal: Principal
    until: float


class Authenticator:
    """Turns a bearer token into a Principal.

    RS256, ES256 and EdDSA by keys of the configured issuers only; `none` and HMAC are refused whatever the
    token says. A verified token is remembered, by its hash, until it expires and for five minutes at most, so
    that a key withdrawn by its issuer stops working soon.
    """

    def __init__(
        self,
        issuers: Sequence[IssuerSettings],
        *,
        client: httpx2.AsyncClient | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if client is None and not all(is_local(each.jwks_url) for each in issuers):
            client = httpx2.AsyncClient(timeout=5.0, follow_redirects=False)
        self._client = client
        self._audiences = {each.issuer: each.audience for each in issuers}
        self._keys = {each.issuer: KeyStore(each.jwks_url, client) for each in issuers}
        self._clock = clock
        self._remembered: dict[bytes, _Remembered] = {}

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def authenticate(self, token: str) -> Principal:
        """Raises UnauthenticatedError, or a transient error while the issuer's keys cannot be had."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        remembered = self._remembered.get(digest)
        if remembered is not None and remembered.until > self._clock():
            return remembered.principal
        claims = await self._verify(token)
        principal = _principal_of(claims)
        self._remember(digest, principal, expires_at=float(claims["exp"]))
        return principal

    def _remember(self, digest: bytes, principal: Principal, *, expires_at: float) -> None:
        now = self._clock()
        if len(self._remembered) >= REMEMBERED_TOKENS:
            self._remembered = {key: each for key, each in self._remembered.items() if each.until > now}
            for key in list(self._remembered)[: len(self._remembered) - REMEMBERED_TOKENS + 1]:
                del self._remembered[key]
        until = min(expires_at, now + REMEMBERED_SECONDS)
        self._remembered[digest] = _Remembered(principal, until)

    async def _verify(self, token: str) -> Mapping[str, Any]:
        header, claims = _decoded(token)
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
            raise TokenInvalidError("The token is not signed with RS256, ES256 or EdDSA")
        issuer = claims.get("iss")
        store = self._keys.get(issuer) if isinstance(issuer, str) else None
        if store is None or not isinstance(issuer, str):
            raise TokenInvalidError("The token's issuer is not known here")
        key = await store.key(header.get("kid"), algorithm)
        if key is None:
            raise TokenInvalidError("The token is signed with a key that its issuer does not publish")
        try:
            with warnings.catch_warnings():
                # "EdDSA" is on its way out in favour of "Ed25519"; issuers still use the old name.
                warnings.simplefilter("ignore", SecurityWarning)
                jws.deserialize_compact(token.encode(), key, algorithms=[algorithm])
        except (JoseError, ValueError):
            raise TokenInvalidError("The token's signature does not match") from None
        self._check(claims, audience=self._audiences[issuer])
        return claims

    def _check(self, claims: Mapping[str, Any], *, audience: str) -> None:
        now = self._clock()
        audiences = claims.get("aud")
        if audience not in (audiences if isinstance(audiences, list) else [audiences]):
            raise TokenInvalidError("The token is meant for another audience")
        if _seconds(claims, "exp") <= now:
            raise TokenExpiredError("The token has expired")
        for name in ("nbf", "iat"):
            if name in claims and _seconds(claims, name) > now + LEEWAY_SECONDS:
                raise TokenInvalidError(f"The token's {name} lies in the future")


def _decoded(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a compact JWS, nothing of it verified."""
    parts = token.split(".")
    if len(token) > MAX_TOKEN_BYTES or len(parts) != 3 or not token.isascii():
        raise TokenMalformedError("The bearer token is not a signed JWT")
    try:
        header, claims = (orjson.loads(_base64(part)) for part in parts[:2])
    except (ValueError, binascii.Error):
        raise TokenMalformedError("The bearer token is not a signed JWT") from None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise TokenMalformedError("The bearer token is not a signed JWT")
    return header, claims


def _base64(part: str) -> bytes:
    return base64.b64decode(part.encode() + b"=" * (-len(part) % 4), altchars=b"-_", validate=True)


def _seconds(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TokenInvalidError(f"The token has no valid {name} claim")
    return float(value)


def _principal_of(claims: Mapping[str, Any]) -> Principal:
    subject, scope = claims.get("sub"), claims.get("scope", "")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255 or "\x00" in subject:
        raise TokenInvalidError("The token names no subject")
    try:
        organization_id = UUID(claims.get("org"))
    except (ValueError, TypeError, AttributeError):
        raise TokenInvalidError("The token names no organization (claim org)") from None
    try:
        role = Role(str(claims.get("role")))
    except ValueError:
        raise TokenInvalidError("The token has no role that is known here (claim role)") from None
    scopes = frozenset(scope.split()) if isinstance(scope, str) else frozenset()
    return Principal(
        subject=subject,
        organization_id=organization_id,
        role=role,
        scopes=scopes,
        rights=rights_of(role, scopes),
    )
