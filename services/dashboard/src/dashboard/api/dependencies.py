"""What the endpoints work with, made once in main."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, cast
from uuid import UUID

from fastapi import Depends, Request

from dashboard.api.browsers import client_address, require_csrf_token, session_secret
from dashboard.api.limits import SESSION, OriginLimits
from dashboard.api.sessions_memory import SessionMemory
from dashboard.api.tokens import KeyRing, TokenIssuer
from dashboard.domain.api_clients import ApiClient
from dashboard.domain.identity_providers import CompanyProviders
from dashboard.domain.passkeys import PasskeyVerifier
from dashboard.domain.portal import PortalServices
from dashboard.domain.protocols import ClientSecrets, KeyBox, PasswordHasher
from dashboard.domain.public import DraftSealer, FrameMemory, PublicServices, VisitorSecrets
from dashboard.domain.sessions import SignedIn
from dashboard.settings import DashboardSettings
from slotstream_servicekit.client_links import LinkSealer
from slotstream_servicekit.context import Actor, Cause, Context
from slotstream_servicekit.database import Database
from slotstream_servicekit.http.auth import Principal, Right, requires
from slotstream_servicekit.http.callers import context_of
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.telemetry import current_traceparent


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    settings: DashboardSettings
    database: Database
    hasher: PasswordHasher
    client_secrets: ClientSecrets
    passkeys: PasskeyVerifier
    providers: CompanyProviders
    box: KeyBox
    key_ring: KeyRing
    tokens: TokenIssuer
    sessions: SessionMemory
    limits: OriginLimits
    portal: PortalServices
    public: PublicServices
    drafts: DraftSealer
    visitor_secrets: VisitorSecrets
    frames: FrameMemory
    link_sealer: LinkSealer | None
    """None where there is no key: then there is no portal."""
    clock: Callable[[], datetime]

    def context(self, principal: Principal) -> Context:
        """Of whoever changes users and API clients: nobody who is limited to a part of the organization."""
        principal.limits.check_unlimited("Who may sign in")
        return context_of(principal, now=self.clock())

    def context_of_user(self, organization_id: UUID, user_id: UUID | str) -> Context:
        """Of somebody who acts without a token: who signs in, or opens a mailed link."""
        return Context(
            organization_id=organization_id,
            actor=Actor(type="user", id=str(user_id)),
            cause=Cause(correlation_id=str(new_id()), traceparent=current_traceparent()),
            now=self.clock(),
        )

    def secret_of(self, client: ApiClient) -> str:
        return self.client_secrets.secret(
            organization_id=client.organization_id, client_id=client.id, rotation=client.rotation
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request of somebody who is signed in."""

    signed_in: SignedIn
    secret: str
    address: str


async def _dependencies(request: Request) -> Dependencies:
    return dependencies_of(request)


def dependencies_of(request: Request) -> Dependencies:
    return cast("Dependencies", request.app.state.dependencies)


async def _visit(request: Request) -> Visit:
    """Raises SessionMissingError, and CrossSiteError where it would change something."""
    dependencies = dependencies_of(request)
    settings = dependencies.settings
    secret = session_secret(request, settings)
    signed_in = await dependencies.sessions.get(secret)
    dependencies.limits.take(request.scope, signed_in.session.id, SESSION, settings.session_rate)
    assert secret is not None  # noqa: S101 - nobody is signed in without one
    if request.method not in {"GET", "HEAD"}:
        require_csrf_token(request, secret, settings)
    return Visit(signed_in=signed_in, secret=secret, address=client_address(request, settings))


CurrentDependencies = Annotated[Dependencies, Depends(_dependencies)]
"""`dependencies: CurrentDependencies` in an endpoint."""

CurrentVisit = Annotated[Visit, Depends(_visit)]
"""`visit: CurrentVisit`: by the session's cookie; what changes something needs the session's token besides."""

Administrator = Annotated[Principal, requires(Right.ADMINISTER)]
ClientWriter = Annotated[Principal, requires(Right.WRITE_CLIENTS)]
