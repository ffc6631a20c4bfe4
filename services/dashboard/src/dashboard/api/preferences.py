"""/api/session/preferences: how the one who is signed in wants the screens to be. For the web application."""

from dashboard.api.dependencies import CurrentDependencies, CurrentVisit
from dashboard.schemas import ChangePreferencesIn, PreferencesOut
from dashboard.storage import UserPreferenceStore
from dashboard.usecases.preferences import change_preferences
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.openapi import problem_response

router = Router(prefix="/api/session/preferences", tags=["session"])


@router.get("", responses={401: problem_response(401)})
async def get_preferences(dependencies: CurrentDependencies, visit: CurrentVisit) -> PreferencesOut:
    """One's own; null where nothing was ever chosen."""
    user = visit.signed_in.user
    async with dependencies.database.transaction(user.organization_id) as session:
        known = await UserPreferenceStore(session).of_user(user.organization_id, user.id)
    return PreferencesOut.model_validate(known)


@router.patch("", responses={401: problem_response(401), 403: problem_response(403)})
async def patch_preferences(
    body: ChangePreferencesIn, dependencies: CurrentDependencies, visit: CurrentVisit
) -> PreferencesOut:
    """What is absent stays; null is as if it had never been chosen."""
    user = visit.signed_in.user
    async with dependencies.database.transaction(user.organization_id) as session:
        changed = await change_preferences(
            session=session,
            context=dependencies.context_of_user(user.organization_id, user.id),
            user_id=user.id,
            given=body.model_dump(exclude_unset=True),
        )
    return PreferencesOut.model_validate(changed)
