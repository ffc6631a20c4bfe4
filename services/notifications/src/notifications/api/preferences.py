"""/v1/clients/{id}/preferences: what a client wants to be written to about."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from fastapi import Response

from notifications.api.dependencies import ClientWriter, CurrentDependencies, Reader
from notifications.domain.contacts import Preference
from notifications.domain.messages import Channel
from notifications.schemas.preferences import PreferencesIn, PreferencesOut
from notifications.usecases.preferences import change_preferences, read_preferences
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.etags import IfMatch
from slotstream_servicekit.http.responses import model_response

router = Router(prefix="/v1/clients/{client_id}/preferences", tags=["preferences"])


@router.get("", response_model=PreferencesOut)
async def get_preferences(client_id: UUID, dependencies: CurrentDependencies, principal: Reader) -> Response:
    async with dependencies.database.transaction(principal) as session:
        stored = await read_preferences(session=session, organization_id=principal.organization_id, client_id=client_id)
        stops = await dependencies.stops_of(session, principal, client_id)
    return preferences_response(stored, stops)


@router.put("", response_model=PreferencesOut)
async def set_preferences(
    client_id: UUID,
    body: PreferencesIn,
    dependencies: CurrentDependencies,
    principal: ClientWriter,
    expected_version: IfMatch,
) -> Response:
    """Set the channels that the client has opted out of. It holds for everything that is sent from now on."""
    async with dependencies.database.transaction(principal) as session:
        stored = await change_preferences(
            session=session,
            context=dependencies.context_of(principal),
            client_id=client_id,
            opted_out=set(body.opted_out),
            reminders=body.reminders,
            by="staff",
            expected_version=expected_version,
        )
        stops = await dependencies.stops_of(session, principal, client_id)
    return preferences_response(stored, stops)


def preferences_response(preference: Preference, stops: Mapping[Channel, datetime]) -> Response:
    document = PreferencesOut(
        client_id=preference.client_id,
        opted_out={Channel(name): at for name, at in sorted(preference.opted_out.items())},
        unsubscribed_at=preference.unsubscribed_at,
        unsubscribed_by=preference.unsubscribed_by,
        stopped=dict(stops),
        version=preference.version,
    )
    return model_response(document, version=preference.version)
