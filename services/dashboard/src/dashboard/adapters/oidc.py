"""Companies' identity providers: OpenID Connect Core and Discovery, over HTTP that reaches no private network.

Everything that a provider says is read as if it were hostile: it is a tenant's. It is bounded in time and size, its
addresses are dialled through the guard, and its words go into no page.
"""

import asyncio
import base64
import re
import unicodedata
import warnings
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any, Final
from urllib.parse import quote_plus, urlsplit

import orjson
from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning

from dashboard.adapters.oidc_logout import LOGOUT_TYPES, notice_of, session_of
from dashboard.domain.errors import ProviderFailedError
from dashboard.domain.identity_providers import (
    CLOCK_SKEW,
    MAX_SUBJECT,
    AnswerSecrets,
    IdentityProvider,
    LogoutNotice,
    ProvedIdentity,
    ProviderMetadata,
)
from dashboard.domain.users import normal_email
from slotstream_servicekit.clock import Clock
from slotstream_servicekit.http.guarded import GuardedHttp, GuardedHttpError
from slotstream_servicekit.http.jwks import IssuerUnreachableError, KeyStore
from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)

ALGORITHMS: Final = frozenset({"RS256", "ES256", "EdDSA", "Ed25519"})
"""Neither `none` nor anything that is verified with a secret."""
MAX_ANSWER_BYTES: Final = 262_144
MAX_ID_TOKEN_CHARACTERS: Final = 32_768
MAX_EMAIL: Final = 254
KNOWN_FOR: Final = timedelta(minutes=10)
REMEMBERED: Final = 500
_TIMES: Final = (("exp", None), ("iat", None), ("nbf", 0))
"""The first two must be there."""
_ADDRESS: Final = re.compile(r"[^@\s\x00-\x1f<>,;:\"\\]+@[^@\s\x00-\x1f<>,;:\"\\]+")

Network = IPv4Network | IPv6Network
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Known:
    metadata: ProviderMetadata
    until: float


class OidcProviders:
    """Metadata is read anew every ten minutes; keys too, and at once for a key that is not known, with a pause."""

    def __init__(self, http: GuardedHttp, *, own_networks: Sequence[Network], seconds: float, clock: Clock) -> None:
        """`http` must follow no redirects. In `own_networks` plain http is taken."""
        self._http = http
        self._own_networks = tuple(own_networks)
        self._seconds = seconds
        self._clock = clock
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._keys: OrderedDict[str, KeyStore] = OrderedDict()

    async def aclose(self) -> None:
        await self._http.aclose()

    async def metadata(self, issuer: str, *, anew: bool = False) -> ProviderMetadata:
        now = self._clock().timestamp()
        known = self._known.get(issuer) if not anew else None
        if known is not None and now < known.until:
            return known.metadata
        document = await self._json(f"{self._address(issuer, 'issuer')}/.well-known/openid-configuration")
        metadata = self._checked(document, issuer)
        self._known[issuer] = _Known(metadata, now + KNOWN_FOR.total_seconds())
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return metadata

    async def check_keys(self, metadata: ProviderMetadata) -> None:
        document = await self._json(metadata.jwks_uri)
        if not isinstance(document.get("keys"), list) or not document["keys"]:
            raise ProviderFailedError("keys_unreadable")

    async def redeem(
        self, provider: IdentityProvider, *, client_secret: str, code: str, secrets: AnswerSecrets, return_to: str
    ) -> ProvedIdentity:
        metadata = await self.metadata(provider.issuer)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": return_to,
            "code_verifier": secrets.verifier,
        }
        headers = {"accept": "application/json"}
        if metadata.takes_secret_in_form:
            form |= {"client_id": provider.client_id, "client_secret": client_secret}
        else:
            headers["authorization"] = _basic(provider.client_id, client_secret)
        document = await self._json(metadata.token_endpoint, form=form, headers=headers, failed="code_refused")
        token = document.get("id_token")
        if not isinstance(token, str):
            raise ProviderFailedError("no_id_token")
        claims = await self._verified(token, metadata)
        self._check(claims, provider, nonce=secrets.nonce)
        return _identity_of(claims)

    async def read_logout(self, provider: IdentityProvider, token: str) -> LogoutNotice:
        """OpenID Connect Back-Channel Logout 1.0 §2.6."""
        metadata = await self.metadata(provider.issuer)
        if _header_of(token).get("typ", "JWT") not in LOGOUT_TYPES:
            raise ProviderFailedError("type_wrong")
        claims = await self._verified(token, metadata)
        return notice_of(claims, provider, now=self._clock())

    async def _verified(self, token: str, metadata: ProviderMetadata) -> Document:
        """The claims of a token that one of the provider's published keys has signed."""
        header = _header_of(token)
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS or "crit" in header:
            raise ProviderFailedError("algorithm_refused")
        try:
            async with asyncio.timeout(self._seconds):
                key = await self._keys_of(metadata.jwks_uri).key(header.get("kid"), algorithm)
        except (GuardedHttpError, IssuerUnreachableError, TimeoutError) as error:
            raise ProviderFailedError("keys_unreadable") from error
        if key is None:
            raise ProviderFailedError("key_unknown")
        try:
            with warnings.catch_warnings():
                # "EdDSA" is on its way out in favour of "Ed25519"; providers still use the old name.
                warnings.simplefilter("ignore", SecurityWarning)
                signed = jws.deserialize_compact(token.encode(), key, algorithms=[algorithm])
            claims = orjson.loads(signed.payload)
        except (JoseError, ValueError) as error:
            raise ProviderFailedError("signature_wrong") from error
        if not isinstance(claims, dict):
            raise ProviderFailedError("id_token_malformed")
        return claims

    def _check(self, claims: Document, provider: IdentityProvider, *, nonce: str) -> None:
        """OpenID Connect Core §3.1.3.7."""
        now, skew = self._clock().timestamp(), CLOCK_SKEW.total_seconds()
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        expires, issued, begins = (_number(claims.get(name, missing)) for name, missing in _TIMES)
        wrong = {
            "issuer_wrong": claims.get("iss") != provider.issuer,
            "audience_wrong": provider.client_id not in audiences,
            "authorized_party_wrong": (len(audiences) > 1 or "azp" in claims)
            and claims.get("azp") != provider.client_id,
            "nonce_wrong": claims.get("nonce") != nonce,
            "expired": expires is None or expires <= now - skew,
            "issued_wrong": issued is None or issued > now + skew,
            "not_valid_yet": begins is None or begins > now + skew,
        }
        for reason, is_wrong in wrong.items():
            if is_wrong:
                raise ProviderFailedError(reason)

    def _keys_of(self, url: str) -> KeyStore:
        store = self._keys.get(url)
        if store is None:
            store = self._keys[url] = KeyStore(url, self._http.client, clock=lambda: self._clock().timestamp())
            while len(self._keys) > REMEMBERED:
                self._keys.popitem(last=False)
        return store

    def _checked(self, document: Document, issuer: str) -> ProviderMetadata:
        if document.get("issuer") != issuer:
            raise ProviderFailedError("issuer_wrong")
        ways = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        methods = document.get("code_challenge_methods_supported", ["S256"])
        if not isinstance(ways, list) or not isinstance(methods, list) or "S256" not in methods:
            raise ProviderFailedError("pkce_unsupported")
        return ProviderMetadata(
            issuer=issuer,
            authorization_endpoint=self._address(document.get("authorization_endpoint"), "authorization_endpoint"),
            token_endpoint=self._address(document.get("token_endpoint"), "token_endpoint"),
            jwks_uri=self._address(document.get("jwks_uri"), "jwks_uri"),
            takes_secret_in_form="client_secret_basic" not in ways,
            names_itself_in_answers=document.get("authorization_response_iss_parameter_supported") is True,
        )

    def _address(self, value: object, what: str) -> str:
        """An address that may be asked, without its last slash. Raises ProviderFailedError."""
        may_ask = what == "authorization_endpoint"
        if not isinstance(value, str) or not is_provider_address(value, self._own_networks, may_ask=may_ask):
            raise ProviderFailedError(f"{what}_invalid")
        return value.rstrip("/") if what == "issuer" else value

    async def _json(
        self,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        failed: str = "unusable_answer",
    ) -> Document:
        try:
            answer = (
                await self._http.get(url, headers) if form is None else await self._http.post_form(url, form, headers)
            )
            if answer.status != 200:
                log.info("provider_refused", status=answer.status, reason=failed)
                raise ProviderFailedError(failed)
            document = orjson.loads(answer.body)
        except GuardedHttpError as error:
            raise ProviderFailedError(error.code) from error
        except ValueError as error:
            raise ProviderFailedError("unusable_answer") from error
        if not isinstance(document, dict):
            raise ProviderFailedError("unusable_answer")
        return document


def is_provider_address(url: str, own_networks: Sequence[Network], *, may_ask: bool = False) -> bool:
    """https, without a name, password or fragment, and without a query unless it `may_ask`.

    Plain http only at an address of one's own networks.
    """
    if len(url) > 500 or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return False
    try:
        parts = urlsplit(url)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        return False
    if not parts.hostname or "@" in parts.netloc or "#" in url or ("?" in url and not may_ask) or not port_is_valid:
        return False
    if parts.scheme == "https":
        return True
    try:
        address = ip_address(parts.hostname)
    except ValueError:
        return False
    return parts.scheme == "http" and any(address in network for network in own_networks)


def _identity_of(claims: Document) -> ProvedIdentity:
    subject, email, name = claims.get("sub"), claims.get("email"), claims.get("name")
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT or "\x00" in subject:
        raise ProviderFailedError("subject_wrong")
    address = normal_email(email) if isinstance(email, str) and len(email) <= MAX_EMAIL else ""
    verified = claims.get("email_verified")
    readable = bool(_ADDRESS.fullmatch(address))
    return ProvedIdentity(
        issuer=str(claims["iss"]),
        subject=subject,
        email=address if readable else "",
        # Some providers write the boolean as text.
        email_is_verified=readable and (verified is True or verified == "true"),
        name=_plain(name) if isinstance(name, str) else "",
        claims=claims,
        session=session_of(claims),
    )


def _plain(text: str) -> str:
    """One line, nothing that is not shown."""
    return " ".join("".join(sign if unicodedata.category(sign)[0] != "C" else " " for sign in text[:400]).split())


def _header_of(token: str) -> Document:
    """Nothing of it is verified."""
    if len(token) > MAX_ID_TOKEN_CHARACTERS or not token.isascii():
        raise ProviderFailedError("id_token_malformed")
    try:
        header = jws.extract_compact(token.encode()).headers()
    except (JoseError, ValueError, TypeError) as error:
        raise ProviderFailedError("id_token_malformed") from error
    if not isinstance(header, dict):
        raise ProviderFailedError("id_token_malformed")
    return header


def _basic(client_id: str, secret: str) -> str:
    """RFC 6749 §2.3.1: both are form-encoded first."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()
    return f"Basic {base64.b64encode(pair).decode()}"


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
