"""Signing in by a company's provider: `/sign-in/o/<organization>` leads there, and back to its `/callback`.

Each organization has its own address to come back to, so an answer meant for one is never taken for another's.
"""

import hmac
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from dashboard.api.browsers import browser_of, cookie_value, remember_company, session_secret, set_session_cookie
from dashboard.api.dependencies import Dependencies, dependencies_of
from dashboard.api.forms import texts_for
from dashboard.api.pages import limit_address, sign_in_page
from dashboard.domain.errors import IdentityRefusedError, ProviderFailedError, UnsealableError
from dashboard.domain.identity_providers import (
    VISIT_LIFETIME,
    AnswerSecrets,
    IdentityProvider,
    ProvedIdentity,
    ProviderVisit,
    answer_secrets,
)
from dashboard.domain.redirects import safe_target
from dashboard.domain.sessions import digest_of, new_secret
from dashboard.storage import NO_ORGANIZATION, IdentityProviderStore, ProviderVisitStore
from dashboard.usecases.company_sign_in import open_company_session, refuse_identity
from dashboard.usecases.identity_providers import secret_purpose
from dashboard.usecases.sign_in import Browser
from slotstream_servicekit.context import Actor, Cause, Context
from slotstream_servicekit.http.limits import RateLimitedError
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.telemetry import current_traceparent, get_logger

log = get_logger(__name__)

_SCOPE: Final = "openid email profile"
_MAX_CODE: Final = 4_096


async def go_to_provider(request: Request) -> Response:
    """Sends the browser to the organization's provider. Somebody else's link may do that: what comes back is bound to
    the browser, and opens a session of whoever signs in there.
    """
    dependencies = dependencies_of(request)
    organization_id = organization_of(request)
    try:
        limit_address(request, dependencies)
        provider = await provider_of(dependencies, organization_id)
        metadata = await dependencies.providers.metadata(provider.issuer)
    except RateLimitedError as error:
        return _limited(request, error)
    except ProviderFailedError as error:
        log.info("provider_failed", organization=str(organization_id), reason=error.reason)
        return _failed(request, "sign_in.company_unavailable", status=503)
    secret, now = new_secret(), dependencies.clock()
    visit = ProviderVisit(
        organization_id=organization_id,
        issuer=provider.issuer,
        client_id=provider.client_id,
        target=safe_target(request.query_params.get("next")),
        expires_at=now + VISIT_LIFETIME,
    )
    async with dependencies.database.transaction(NO_ORGANIZATION) as session:
        await ProviderVisitStore(session).add(visit, digest=digest_of(secret))
    secrets = answer_secrets(secret)
    query = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": return_address(dependencies, organization_id),
        "scope": _SCOPE,
        "state": secrets.state,
        "nonce": secrets.nonce,
        "code_challenge": secrets.challenge,
        "code_challenge_method": "S256",
    }
    joint = "&" if "?" in metadata.authorization_endpoint else "?"
    answer = RedirectResponse(f"{metadata.authorization_endpoint}{joint}{urlencode(query)}", status_code=303)
    answer.headers["Referrer-Policy"] = "no-referrer"
    settings = dependencies.settings
    answer.set_cookie(
        settings.provider_cookie_name,
        secret,
        max_age=int(VISIT_LIFETIME.total_seconds()),
        path="/",
        secure=settings.is_secure,
        httponly=True,
        samesite="lax",  # The provider's answer is another site's link.
    )
    return answer


async def come_back(request: Request) -> Response:
    """The provider's answer: taken once, from the browser that was sent there."""
    dependencies = dependencies_of(request)
    settings, organization_id = dependencies.settings, organization_of(request)
    browser, secret = browser_of(request, settings), new_secret()
    try:
        limit_address(request, dependencies)
        visit, secrets = await _visit(request, dependencies, organization_id)
        provider = await provider_of(dependencies, organization_id)
        identity = await _identity(request, dependencies, provider, visit, secrets)
        await _open(dependencies, provider, identity, secret, browser, session_secret(request, settings))
    except RateLimitedError as error:
        answer = _limited(request, error)
    except ProviderFailedError as error:
        log.info("provider_failed", organization=str(organization_id), reason=error.reason)
        answer = _failed(request, "sign_in.company_failed", status=401)
    except IdentityRefusedError:
        dependencies.sessions.forget()
        answer = _failed(request, "sign_in.company_refused", status=401)
    else:
        dependencies.sessions.forget()
        answer = RedirectResponse(visit.target, status_code=303)
        set_session_cookie(answer, secret, settings)
        remember_company(answer, organization_id, settings)
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.delete_cookie(
        settings.provider_cookie_name, path="/", secure=settings.is_secure, httponly=True, samesite="lax"
    )
    return answer


def return_address(dependencies: Dependencies, organization_id: UUID) -> str:
    """What the owner registers at the provider."""
    return f"{sign_in_address(dependencies, organization_id)}/callback"


def logout_address(dependencies: Dependencies, organization_id: UUID) -> str:
    """Where the provider says that a session is over."""
    return f"{sign_in_address(dependencies, organization_id)}/logout"


def sign_in_address(dependencies: Dependencies, organization_id: UUID) -> str:
    """What people of the organization keep as a bookmark."""
    return f"{dependencies.settings.public_url.rstrip('/')}/sign-in/o/{organization_id}"


async def _visit(
    request: Request, dependencies: Dependencies, organization_id: UUID
) -> tuple[ProviderVisit, AnswerSecrets]:
    """Raises ProviderFailedError unless this browser was sent to this organization's provider a short while ago."""
    secret = cookie_value(request, dependencies.settings.provider_cookie_name)
    if secret is None:
        raise ProviderFailedError("no_visit")
    async with dependencies.database.transaction(NO_ORGANIZATION) as session:
        visit = await ProviderVisitStore(session).take(digest_of(secret), now=dependencies.clock())
    secrets = answer_secrets(secret)
    state = request.query_params.get("state", "").encode("utf-8", "surrogateescape")
    if visit is None or visit.organization_id != organization_id:
        raise ProviderFailedError("no_visit")
    if not hmac.compare_digest(state, secrets.state.encode()):
        raise ProviderFailedError("state_wrong")
    return visit, secrets


async def provider_of(dependencies: Dependencies, organization_id: UUID) -> IdentityProvider:
    async with dependencies.database.transaction(organization_id) as session:
        provider = await IdentityProviderStore(session).find(organization_id)
    if provider is None:
        raise ProviderFailedError("no_provider")
    return provider


async def _identity(
    request: Request,
    dependencies: Dependencies,
    provider: IdentityProvider,
    visit: ProviderVisit,
    secrets: AnswerSecrets,
) -> ProvedIdentity:
    """Raises ProviderFailedError. RFC 9207: an answer that names another issuer is not this one's."""
    if (provider.issuer, provider.client_id) != (visit.issuer, visit.client_id):
        raise ProviderFailedError("provider_changed")
    parameters = request.query_params
    named = parameters.get("iss")
    metadata = await dependencies.providers.metadata(provider.issuer)
    if named != provider.issuer and (named is not None or metadata.names_itself_in_answers):
        raise ProviderFailedError("issuer_wrong")
    code = parameters.get("code", "")
    if "error" in parameters or not 0 < len(code) <= _MAX_CODE:
        raise ProviderFailedError("no_code")
    client_secret = await _client_secret(dependencies, provider)
    return await dependencies.providers.redeem(
        provider,
        client_secret=client_secret,
        code=code,
        secrets=secrets,
        return_to=return_address(dependencies, provider.organization_id),
    )


async def _client_secret(dependencies: Dependencies, provider: IdentityProvider) -> str:
    """Raises ProviderFailedError. A secret that an older key has sealed is sealed anew by the way."""
    former, purpose = provider.sealed_client_secret, secret_purpose(provider.organization_id)
    try:
        secret = dependencies.box.open(former, purpose=purpose)
    except UnsealableError as error:
        log.error("client_secret_unreadable", organization=str(provider.organization_id))  # noqa: TRY400
        raise ProviderFailedError("client_secret_unreadable") from error
    if not dependencies.box.is_sealed_by_first(former):
        sealed = dependencies.box.seal(secret, purpose=purpose)
        async with dependencies.database.transaction(provider.organization_id) as session:
            await IdentityProviderStore(session).replace_secret(provider.organization_id, former=former, sealed=sealed)
    return secret


async def _open(
    dependencies: Dependencies,
    provider: IdentityProvider,
    identity: ProvedIdentity,
    secret: str,
    browser: Browser,
    replaced_secret: str | None,
) -> None:
    """Raises IdentityRefusedError."""
    context = context_of_provider(dependencies, provider.organization_id)
    try:
        async with dependencies.database.transaction(provider.organization_id) as session:
            await open_company_session(
                session=session,
                context=context,
                provider=provider,
                identity=identity,
                secret=secret,
                browser=browser,
                lifetime=dependencies.settings.session_lifetime,
                replaced_secret=replaced_secret,
            )
    except IdentityRefusedError as error:
        async with dependencies.database.transaction(provider.organization_id) as session:
            await refuse_identity(
                session=session, context=context, identity=identity, reason=error.reason, browser=browser
            )
        raise


def context_of_provider(dependencies: Dependencies, organization_id: UUID) -> Context:
    return Context(
        organization_id=organization_id,
        actor=Actor(type="system", id="identity-provider"),
        cause=Cause(correlation_id=str(new_id()), traceparent=current_traceparent()),
        now=dependencies.clock(),
    )


def organization_of(request: Request) -> UUID:
    organization_id: UUID = request.path_params["organization_id"]
    return organization_id


def _failed(request: Request, key: str, *, status: int) -> Response:
    texts = texts_for(request)
    return sign_in_page(request, texts, target="/", status=status, error=texts(key))


def _limited(request: Request, error: RateLimitedError) -> Response:
    texts = texts_for(request)
    seconds = error.extra.get("retry_after", 1)
    told = texts("sign_in.delayed", seconds=seconds)
    return sign_in_page(request, texts, target="/", status=429, error=told, headers={"Retry-After": str(seconds)})


def routes() -> list[Route]:
    return [
        Route("/sign-in/o/{organization_id:uuid}", go_to_provider, methods=["GET"]),
        Route("/sign-in/o/{organization_id:uuid}/callback", come_back, methods=["GET"]),
    ]
