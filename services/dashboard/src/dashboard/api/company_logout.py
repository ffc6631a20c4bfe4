"""OpenID Connect Back-Channel Logout 1.0: a company's provider says that somebody's session there is over."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dashboard.api.browsers import client_address
from dashboard.api.company_sign_in import context_of_provider, organization_of, provider_of
from dashboard.api.dependencies import dependencies_of
from dashboard.api.forms import read_form
from dashboard.api.limits import TOKEN_ADDRESS
from dashboard.domain.delays import network_of
from dashboard.domain.errors import ProviderFailedError
from dashboard.usecases.company_sign_in import end_company_sessions
from slotstream_servicekit.http.limits import RateLimitedError
from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)

_NOT_KEPT = {"Cache-Control": "no-store"}


async def end_sessions(request: Request) -> Response:
    """200 where the token is believed, whether or not anybody was signed in by it; 400 with what is wrong with it."""
    dependencies, organization_id = dependencies_of(request), organization_of(request)
    address = client_address(request, dependencies.settings)
    try:
        rate = dependencies.settings.api_client_rate
        dependencies.limits.take(request.scope, network_of(address), TOKEN_ADDRESS, rate)
        form = await read_form(request)
        provider = await provider_of(dependencies, organization_id)
        notice = await dependencies.providers.read_logout(provider, form.get("logout_token", ""))
        async with dependencies.database.transaction(organization_id) as session:
            ended = await end_company_sessions(
                session=session,
                context=context_of_provider(dependencies, organization_id),
                provider=provider,
                notice=notice,
                address=address,
            )
    except RateLimitedError as error:
        seconds = str(error.extra.get("retry_after", 1))
        return JSONResponse({"error": "rate_limited"}, status_code=429, headers=_NOT_KEPT | {"Retry-After": seconds})
    except (ProviderFailedError, HTTPException) as error:
        reason = error.reason if isinstance(error, ProviderFailedError) else "form_unreadable"
        log.info("logout_refused", organization=str(organization_id), reason=reason)
        body = {"error": "invalid_request", "error_description": reason}
        return JSONResponse(body, status_code=400, headers=_NOT_KEPT)
    dependencies.sessions.forget()
    log.info("provider_logged_out", organization=str(organization_id), sessions=ended)
    return Response(status_code=200, headers=_NOT_KEPT)


def routes() -> list[Route]:
    return [Route("/sign-in/o/{organization_id:uuid}/logout", end_sessions, methods=["POST"])]
