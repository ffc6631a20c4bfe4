"""/v1/clients/{id}/preferences: what a client wants to be written to about."""

from typing import Annotated
from uuid import UUID

from fastapi import Response

from notifications.api.context import Context, answer
from notifications.domain import Channel, Preference
from notifications.schemas import PreferencesIn, PreferencesOut
from notifications.usecases.preferences import change_preferences, read_preferences
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.auth import Principal, Right, requires
from slotstream_servicekit.http.etags import IfMatch

router = Router(prefix="/v1/clients/{client_id}/preferences", tags=["preferences"])

Reader = Annotated[Principal, requires(Right.READ_MESSAGES)]
Writer = Annotated[Principal, requires(Right.WRITE_CLIENTS)]


@router.get("", response_model=PreferencesOut)
async def get_preferences(client_id: UUID, context: Context, principal: Reader) -> Response:
    async with context.database.transaction(principal.organization_id) as session:
        found = await read_preferences(session, organization_id=principal.organization_id, client_id=client_id)
    return answer(_out(found), version=found.version)


@router.put("", response_model=PreferencesOut)
async def set_preferences(
    client_id: UUID, body: PreferencesIn, context: Context, principal: Writer, expected_version: IfMatch
) -> Response:
    """Set the channels that the client has opted out of. It holds for everything that is sent from now on."""
    async with context.database.transaction(principal.organization_id) as session:
        stored = await change_preferences(
            session,
            organization_id=principal.organization_id,
            client_id=client_id,
            opted_out=set(body.opted_out),
            expected_version=expected_version,
            now=context.clock(),
        )
    return answer(_out(stored), version=stored.version)


def _out(preference: Preference) -> PreferencesOut:
    return PreferencesOut(
        client_id=preference.client_id,
        opted_out={Channel(name): at for name, at in sorted(preference.opted_out.items())},
        version=preference.version,
    )
