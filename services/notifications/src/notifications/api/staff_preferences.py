"""/v1/staff-preferences: what the caller, a user, wants to be sent."""

from datetime import time

from fastapi import Response

from notifications.api.dependencies import CurrentDependencies, Reader
from notifications.schemas import StaffPreferencesIn, StaffPreferencesOut
from notifications.usecases.users import ShownPreferences, change_staff_preferences, read_staff_preferences
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.etags import IfMatch
from slotstream_servicekit.http.responses import model_response

router = Router(prefix="/v1/staff-preferences", tags=["preferences"])


@router.get("", response_model=StaffPreferencesOut)
async def get_staff_preferences(dependencies: CurrentDependencies, principal: Reader) -> Response:
    """The caller's own."""
    async with dependencies.database.transaction(principal) as session:
        shown = await read_staff_preferences(session=session, context=dependencies.context_of(principal))
    return _answer(shown)


@router.put("", response_model=StaffPreferencesOut)
async def set_staff_preferences(
    body: StaffPreferencesIn, dependencies: CurrentDependencies, principal: Reader, expected_version: IfMatch
) -> Response:
    """The daily agenda: a mail with what is in the caller's calendars on one day, at the hour that they choose.

    A day is told once, and one without appointments not at all.
    """
    async with dependencies.database.transaction(principal) as session:
        shown = await change_staff_preferences(
            session=session,
            context=dependencies.context_of(principal),
            agenda_at=time.fromisoformat(body.agenda_at) if body.agenda_at is not None else None,
            agenda_ahead=body.agenda_ahead,
            expected_version=expected_version,
        )
    return _answer(shown)


def _answer(shown: ShownPreferences) -> Response:
    chosen = shown.preferences
    document = StaffPreferencesOut(
        agenda_at=chosen.agenda_at.strftime("%H:%M") if chosen.agenda_at is not None else None,
        agenda_ahead=chosen.agenda_ahead,
        agenda_zone=shown.zone,
        agenda_next_at=shown.next_at,
        version=chosen.version,
    )
    return model_response(document, version=chosen.version)
