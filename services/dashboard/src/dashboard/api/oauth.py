"""Tokens for API clients (RFC 6749 §4.4), and the keys that all services verify tokens by."""

import base64
import binascii
from typing import Annotated
from urllib.parse import unquote_plus
from uuid import UUID

from fastapi import Form, Request, Response

from dashboard.adapters.tokens import jwks_of
from dashboard.api.browsers import client_address
from dashboard.api.dependencies import CurrentDependencies
from dashboard.api.limits import API_CLIENT, TOKEN_ADDRESS
from dashboard.domain.delays import network_of
from dashboard.domain.errors import ApiClientRefusedError
from dashboard.schemas import JwksOut, TokenOut
from dashboard.storage import NO_ORGANIZATION
from dashboard.usecases.api_clients import find_client_organization, use_api_client
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.openapi import problem_response
from slotstream_servicekit.http.problems import MalformedRequestError
from slotstream_servicekit.http.responses import json_response, model_response

router = Router(tags=["tokens"])

_REFUSED = "There is no API client with this id and secret."


@router.post("/oauth/token", response_model=TokenOut, responses={401: problem_response(401)})
async def issue_token(
    request: Request,
    dependencies: CurrentDependencies,
    grant_type: Annotated[str, Form(max_length=40)],
    client_id: Annotated[str | None, Form(max_length=64)] = None,
    client_secret: Annotated[str | None, Form(max_length=200)] = None,
) -> Response:
    """A token for an API client, by its id and secret: in the form, or as HTTP Basic. It is valid for a minute at most.

    An AI agent names its call in `Slotstream-Call-Id` of the requests that it sends with the token.
    """
    settings = dependencies.settings
    network = network_of(client_address(request, settings))
    dependencies.limits.take(request.scope, network, TOKEN_ADDRESS, settings.api_client_rate)
    if grant_type != "client_credentials":
        raise MalformedRequestError("The only grant here is client_credentials.", code="unsupported_grant_type")
    client, secret = _credentials(request, client_id, client_secret)
    now = dependencies.clock()
    async with dependencies.database.transaction(NO_ORGANIZATION) as session:
        organization_id = await find_client_organization(session=session, client_id=client, secret=secret, now=now)
    dependencies.limits.take(request.scope, client, API_CLIENT, settings.api_client_rate)
    async with dependencies.database.transaction(organization_id) as session:
        known = await use_api_client(session=session, organization_id=organization_id, client_id=client, now=now)
    token, seconds = await dependencies.tokens.for_client(known)
    answer = model_response(TokenOut(access_token=token, expires_in=seconds, scope=" ".join(known.scopes)))
    answer.headers["Cache-Control"] = "no-store"
    return answer


@router.get("/.well-known/jwks.json", response_model=JwksOut)
async def get_jwks(dependencies: CurrentDependencies) -> Response:
    """The keys that tokens are signed with: the present one, the next and those before."""
    answer = json_response(jwks_of(await dependencies.key_ring.keys()))
    answer.headers["Cache-Control"] = "public, max-age=300"
    return answer


def _credentials(request: Request, client_id: str | None, client_secret: str | None) -> tuple[UUID, str]:
    """Raises ApiClientRefusedError, whatever is missing or malformed."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            pair = base64.b64decode(encoded.strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            raise ApiClientRefusedError(_REFUSED) from None
        client_id, _, client_secret = (unquote_plus(part) for part in pair.partition(":"))
    try:
        client = UUID(client_id or "")
    except ValueError:
        raise ApiClientRefusedError(_REFUSED) from None
    return client, client_secret or ""
