"""Verifies bearer tokens: signature and claims. Verified tokens are kept in a bounded cache."""

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
from joserfc.errors import ExpiredTokenError, JoseError, SecurityWarning
from joserfc.jwt import JWTClaimsRegistry

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


class _Claims(JWTClaimsRegistry):
    """The leeway is for issuers whose clocks are ahead. It does not make an expired token valid."""

    def validate_exp(self, value: Any) -> None:
        super().validate_exp(value)
        if value <= self.now:
            raise ExpiredTokenError("exp")


class Authenticator:
    """Turns a bearer token into a Principal.

    Only RS256, ES256 and EdDSA, with keys of the configured issuers, are accepted; `none` and HMAC never are. A
    verified token is cached by its hash until it expires, but for five minutes at most, so that a key that its issuer
    withdraws stops working soon.
    """

    def __init__(
        self,
        issuers: Sequence[IssuerSettings],
        *,
        client: httpx2.AsyncClient | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if client is None and not all(is_local(issuer.jwks_url) for issuer in issuers):
            client = httpx2.AsyncClient(timeout=5.0, follow_redirects=False)
        self._client = client
        self._keys = {issuer.issuer: KeyStore(issuer.jwks_url, client) for issuer in issuers}
        self._claims = {
            issuer.issuer: _Claims(
                now=lambda: int(self._clock()),
                leeway=LEEWAY_SECONDS,
                exp={"essential": True},
                aud={"essential": True, "value": issuer.audience},
            )
            for issuer in issuers
        }
        self._clock = clock
        self._remembered: dict[bytes, _Remembered] = {}

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def authenticate(self, token: str) -> Principal:
        """Raises UnauthenticatedError, or a transient error while the keys of the issuer cannot be fetched."""
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
            self._remembered = {
                key: remembered for key, remembered in self._remembered.items() if remembered.until > now
            }
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
                # "Ed25519" replaces "EdDSA", but issuers still use the old name.
                warnings.simplefilter("ignore", SecurityWarning)
                jws.deserialize_compact(token.encode(), key, algorithms=[algorithm])
        except (JoseError, ValueError):
            raise TokenInvalidError("The token's signature does not match") from None
        try:
            self._claims[issuer].validate(dict(claims))
        except ExpiredTokenError:
            raise TokenExpiredError("The token has expired") from None
        except JoseError as error:
            raise TokenInvalidError(f"The token's claims are not valid here: {error.description}") from None
        return claims


def _decoded(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a compact JWS, without verification."""
    malformed = TokenMalformedError("The bearer token is not a signed JWT")
    if len(token) > MAX_TOKEN_BYTES or not token.isascii():
        raise malformed
    try:
        compact = jws.extract_compact(token.encode())
        header, claims = compact.headers(), orjson.loads(compact.payload)
    except (JoseError, ValueError, TypeError):
        raise malformed from None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise malformed
    return header, claims


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
        business_ids=_businesses_of(claims) if role is not Role.VISITOR else _only_business_of(claims),
        resource_id=_resource_of(claims),
        client_id=_client_of(claims) if role is Role.CLIENT else None,
    )


def _businesses_of(claims: Mapping[str, Any]) -> frozenset[UUID] | None:
    """Raises where a limit cannot be read: the caller must not go without it."""
    if "businesses" not in claims:
        return None
    try:
        return frozenset(UUID(business_id) for business_id in claims["businesses"])
    except (ValueError, TypeError, AttributeError):
        raise TokenInvalidError("The token's businesses cannot be read (claim businesses)") from None


def _only_business_of(claims: Mapping[str, Any]) -> frozenset[UUID]:
    """The one business whose page a visitor is on."""
    businesses = _businesses_of(claims)
    if businesses is None or len(businesses) != 1:
        raise TokenInvalidError("A visitor's token names one business (claim businesses)")
    return businesses


def _resource_of(claims: Mapping[str, Any]) -> UUID | None:
    if "resource" not in claims:
        return None
    try:
        return UUID(claims["resource"])
    except (ValueError, TypeError, AttributeError):
        raise TokenInvalidError("The token's resource cannot be read (claim resource)") from None


def _client_of(claims: Mapping[str, Any]) -> UUID:
    """The client whose portal it is; no other role has one."""
    try:
        return UUID(claims["client"])
    except (KeyError, ValueError, TypeError, AttributeError):
        raise TokenInvalidError("The token names no client (claim client)") from None
