"""/v1/portal/preferences: what clients of the portal want to be written to about."""

from uuid import UUID

from fastapi import Response

from notifications.api.dependencies import CurrentDependencies, PortalClient
from notifications.api.preferences import preferences_response
from notifications.schemas.preferences import PreferencesIn, PreferencesOut
from notifications.usecases.preferences import (
    change_preferences,
    find_portal_client,
    read_preferences,
    unsubscribe,
)
from slotstream_servicekit.http import Principal, Router
from slotstream_servicekit.http.etags import IfMatch

router = Router(prefix="/v1/portal/preferences", tags=["portal"])


@router.get("", response_model=PreferencesOut)
async def get_own_preferences(dependencies: CurrentDependencies, principal: PortalClient) -> Response:
    organization_id = principal.organization_id
    async with dependencies.database.transaction(principal) as session:
        client_id = await find_portal_client(
            session=session, organization_id=organization_id, client_id=_client_id(principal)
        )
        stored = await read_preferences(session=session, organization_id=organization_id, client_id=client_id)
        stops = await dependencies.stops_of(session, principal, client_id)
    return preferences_response(stored, stops)


@router.put("", response_model=PreferencesOut)
async def set_own_preferences(
    body: PreferencesIn, dependencies: CurrentDependencies, principal: PortalClient, expected_version: IfMatch
) -> Response:
    """Sets the channels that the client has opted out of."""
    context = dependencies.context_of(principal)
    async with dependencies.database.transaction(principal) as session:
        client_id = await find_portal_client(
            session=session, organization_id=principal.organization_id, client_id=_client_id(principal)
        )
        stored = await change_preferences(
            session=session,
            context=context,
            client_id=client_id,
            opted_out=set(body.opted_out),
            reminders=body.reminders,
            expected_version=expected_version,
        )
        stops = await dependencies.stops_of(session, principal, client_id)
    return preferences_response(stored, stops)


@router.post("/unsubscribe", response_model=PreferencesOut)
async def unsubscribe_by_one_click(dependencies: CurrentDependencies, principal: PortalClient) -> Response:
    """Mails the client no reminders and follow-ups any more; what becomes of their appointments is told as before.

    For mail programs (RFC 8058). Nothing is sent along, and twice is as once.
    """
    async with dependencies.database.transaction(principal) as session:
        client_id = await find_portal_client(
            session=session, organization_id=principal.organization_id, client_id=_client_id(principal)
        )
        stored = await unsubscribe(session=session, context=dependencies.context_of(principal), client_id=client_id)
        stops = await dependencies.stops_of(session, principal, client_id)
    return preferences_response(stored, stops)


def _client_id(principal: Principal) -> UUID:
    assert principal.client_id is not None  # noqa: S101 - no token has the right without a client
    return principal.client_id
