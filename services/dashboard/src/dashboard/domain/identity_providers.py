"""A company's own provider (OpenID Connect): who it may sign in to its organization, and as what."""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from dashboard.domain.users import User, UserRole

VISIT_LIFETIME: Final = timedelta(minutes=10)
CLOCK_SKEW: Final = timedelta(seconds=60)
MAX_SUBJECT: Final = 255
LOGOUT_LIFETIME: Final = timedelta(minutes=5)
"""How old a logout token may be: for so long, and for what clocks differ, it is remembered that it was used."""
MAPPED_ROLES: Final = (UserRole.MANAGER, UserRole.STAFF, UserRole.VIEWER)
"""The strongest first. Owners are made and unmade by owners alone: with them an organization recovers from a provider
that is wrong or gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityProvider:
    """What an owner has set. `role_claim` None: roles are not taken from the provider.

    `default_role` is for whom no value fits; None: they are refused. `creates_users`: whoever the provider knows
    becomes a user. `is_required`: nobody but owners signs in to the organization in another way.
    """

    organization_id: UUID
    issuer: str
    client_id: str
    sealed_client_secret: bytes
    email_domains: tuple[str, ...]
    role_claim: str | None
    role_values: Mapping[str, UserRole]
    default_role: UserRole | None
    creates_users: bool
    is_required: bool
    created_at: datetime
    updated_at: datetime
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderVisit:
    """A browser that was sent to a provider, and where it wants to go afterwards. Used once."""

    organization_id: UUID
    issuer: str
    client_id: str
    target: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderMetadata:
    """What a provider's discovery document says of itself, checked."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    takes_secret_in_form: bool
    names_itself_in_answers: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSecrets:
    """What binds a provider's answer to one browser. All of it follows from what the browser holds."""

    state: str
    nonce: str
    verifier: str

    @property
    def challenge(self) -> str:
        """RFC 7636 §4.2, S256."""
        return _text_of(hashlib.sha256(self.verifier.encode()).digest())


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvedIdentity:
    """Whom an ID token that was verified in every respect names."""

    issuer: str
    subject: str
    email: str
    email_is_verified: bool
    name: str
    claims: Mapping[str, object]
    session: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutNotice:
    """What a verified logout token says: whose sessions are over, or which session. At least one of them is told."""

    token_id: str
    issued_at: datetime
    subject: str | None
    session: str | None


class CompanyProviders(Protocol):
    """Companies' providers over HTTP. Raises ProviderFailedError; what an ID token has wrong is one of them."""

    async def metadata(self, issuer: str, *, anew: bool = False) -> ProviderMetadata:
        """As it was read in the last minutes, or `anew`."""

    async def redeem(
        self, provider: IdentityProvider, *, client_secret: str, code: str, secrets: AnswerSecrets, return_to: str
    ) -> ProvedIdentity: ...

    async def read_logout(self, provider: IdentityProvider, token: str) -> LogoutNotice: ...

    async def check_keys(self, metadata: ProviderMetadata) -> None:
        """Whether its keys can be read."""


def answer_secrets(browser_secret: str) -> AnswerSecrets:
    return AnswerSecrets(
        state=_derived(browser_secret, b"state"),
        nonce=_derived(browser_secret, b"nonce"),
        verifier=_derived(browser_secret, b"verifier"),
    )


def role_of(provider: IdentityProvider, claims: Mapping[str, object]) -> UserRole | None:
    """The strongest role that the claim's values stand for, else the default; None: refused."""
    if provider.role_claim is None:
        return provider.default_role
    given = claims.get(provider.role_claim)
    values = given if isinstance(given, Sequence) and not isinstance(given, str) else [given]
    roles = {
        provider.role_values[value] for value in values if isinstance(value, str) and value in provider.role_values
    }
    return next((role for role in MAPPED_ROLES if role in roles), provider.default_role)


def is_allowed_address(provider: IdentityProvider, identity: ProvedIdentity) -> bool:
    """A verified address in a domain that the owner has listed; a subdomain is another domain."""
    local, _, domain = identity.email.rpartition("@")
    return identity.email_is_verified and bool(local) and domain in provider.email_domains


def vouches_as_before(former: IdentityProvider, current: IdentityProvider) -> bool:
    """Whether whoever came by the former settings may still come, and as what they came."""
    return set(former.email_domains) <= set(current.email_domains) and (
        (former.role_claim, dict(former.role_values), former.default_role)
        == (current.role_claim, dict(current.role_values), current.default_role)
    )


def keeps_role(user: User) -> bool:
    """Owners keep their role, whatever the provider says."""
    return user.role is UserRole.OWNER


def _derived(secret: str, purpose: bytes) -> str:
    mac = hmac.new(secret.encode("utf-8", "surrogateescape"), b"slotstream provider " + purpose, hashlib.sha256)
    return _text_of(mac.digest())


def _text_of(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
