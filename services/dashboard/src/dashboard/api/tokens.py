"""Access tokens, for less than a minute each: for the users of sessions, and for API clients."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import httpx2

from dashboard.adapters.tokens import TokenSigner, generate_key, jwks_of
from dashboard.domain.api_clients import ApiClient
from dashboard.domain.portal import Visitor
from dashboard.domain.protocols import KeyBox
from dashboard.domain.public import PageVisitor
from dashboard.domain.sessions import SignedIn
from dashboard.domain.signing_keys import SigningKey, signing_key_at
from dashboard.domain.users import User
from dashboard.storage import NO_ORGANIZATION
from dashboard.usecases.signing_keys import ensure_signing_keys
from slotstream_servicekit.clock import Clock
from slotstream_servicekit.database import Database
from slotstream_servicekit.http.rights import Role
from slotstream_servicekit.ids import new_id

_READ_AGAIN_SECONDS: Final = 60.0
_MOST: Final = 10_000


class KeyRing:
    """The published keys, read again once a minute; the first one is made when there is none."""

    def __init__(self, database: Database, *, box: KeyBox, clock: Clock, lifetime: timedelta) -> None:
        self._database = database
        self._box = box
        self._clock = clock
        self._lifetime = lifetime
        self._keys: Sequence[SigningKey] = ()
        self._read_at = float("-inf")
        self._signer: TokenSigner | None = None

    async def signer(self) -> TokenSigner:
        key = signing_key_at(await self.keys(), self._clock())
        if key is None:
            # The very first one signs from the moment at which it was made, which is later than the request's.
            keys = await self._read()
            key = signing_key_at(keys, self._clock())
        assert key is not None  # noqa: S101 - `ensure_signing_keys` made one that signs now
        if self._signer is None or self._signer.key.id != key.id:
            self._signer = TokenSigner(key, box=self._box)
        return self._signer

    async def keys(self) -> Sequence[SigningKey]:
        if time.monotonic() - self._read_at < _READ_AGAIN_SECONDS:
            return self._keys
        return await self._read()

    async def renew(self) -> None:
        """Makes the next key in time for everybody to have read it before it signs."""
        await self._read()

    async def _read(self) -> Sequence[SigningKey]:
        async with self._database.transaction(NO_ORGANIZATION) as session:
            self._keys = await ensure_signing_keys(session=session, now=self._clock(), make_key=self._make)
        self._read_at = time.monotonic()
        return self._keys

    def _make(self, signs_from: datetime) -> SigningKey:
        return generate_key(box=self._box, now=self._clock(), signs_from=signs_from, lifetime=self._lifetime)


class OwnKeys(httpx2.AsyncBaseTransport):
    """Answers with the ring's JWKS, so that this service verifies its own tokens as every other does."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=jwks_of(await self._ring.keys()), request=request)


@dataclass(frozen=True, slots=True)
class _Issued:
    token: str
    user_version: int
    until: datetime


class TokenIssuer:
    """Signs the tokens. A session's is used for half of its life, then replaced."""

    def __init__(self, ring: KeyRing, *, issuer: str, audience: str, lifetime: timedelta, clock: Clock) -> None:
        self._ring = ring
        self._issuer = issuer
        self._audience = audience
        self._lifetime = lifetime
        self._clock = clock
        self._issued: dict[UUID, _Issued] = {}

    async def for_session(self, signed_in: SignedIn) -> str:
        now, session_id = self._clock(), signed_in.session.id
        issued = self._issued.get(session_id)
        if issued is not None and issued.user_version == signed_in.user.version and now < issued.until:
            return issued.token
        token = await self._sign(str(signed_in.user.id), _claims_of_user(signed_in.user))
        if len(self._issued) >= _MOST:
            self._issued.clear()
        self._issued[session_id] = _Issued(token, signed_in.user.version, now + self._lifetime / 2)
        return token

    async def for_client(self, client: ApiClient) -> tuple[str, int]:
        """The token, and the seconds that it is valid for."""
        return await self._sign(str(client.id), _claims_of_client(client)), int(self._lifetime.total_seconds())

    async def for_visitor(self, visitor: Visitor) -> str:
        """Of a client of the portal. It goes to the services alone, never to a browser."""
        claims = {"org": str(visitor.organization_id), "role": Role.CLIENT.value, "client": str(visitor.client_id)}
        return await self._sign(str(visitor.client_id), claims)

    async def for_page_visitor(self, visitor: PageVisitor) -> str:
        """Of somebody on a public page: bound to its business, and to nothing that a person could be known by."""
        claims = {
            "org": str(visitor.address.organization_id),
            "role": Role.VISITOR.value,
            "businesses": [str(visitor.address.business_id)],
        }
        return await self._sign(visitor.key, claims)

    async def _sign(self, subject: str, claims: Mapping[str, object]) -> str:
        issued_at = int(self._clock().timestamp())
        signer = await self._ring.signer()
        return signer.sign(
            {
                "iss": self._issuer,
                "aud": self._audience,
                "sub": subject,
                "iat": issued_at,
                "exp": issued_at + int(self._lifetime.total_seconds()),
                "jti": str(new_id()),
                **claims,
            }
        )


def _claims_of_user(user: User) -> dict[str, object]:
    """`businesses` and `resource` limit what the services show and take; without them nothing is limited."""
    claims: dict[str, object] = {"org": str(user.organization_id), "role": user.role.value}
    if user.business_ids is not None:
        claims["businesses"] = [str(business_id) for business_id in user.business_ids]
    if user.resource_id is not None:
        claims["resource"] = str(user.resource_id)
    return claims


def _claims_of_client(client: ApiClient) -> dict[str, object]:
    claims: dict[str, object] = {
        "org": str(client.organization_id),
        "role": client.role.value,
        "scope": " ".join(client.scopes),
    }
    if client.business_ids is not None:
        claims["businesses"] = [str(business_id) for business_id in client.business_ids]
    return claims
