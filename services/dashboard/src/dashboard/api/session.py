"""/api/session and /api/sessions: who is signed in here, and where else. For the web application, by its cookie."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import BackgroundTasks, Query, Response

from dashboard.api.browsers import clear_session_cookie
from dashboard.api.dependencies import CurrentDependencies, CurrentVisit, Dependencies, Visit
from dashboard.api.new_passwords import audit_new_password, replace_password
from dashboard.domain.live import LivePlace
from dashboard.domain.sessions import csrf_token_of
from dashboard.schemas import (
    ChangePasswordIn,
    ChangeProfileIn,
    CurrentSessionOut,
    NameOut,
    NamesOut,
    OrganizationOut,
    PreferencesOut,
    SessionOut,
    SessionsOut,
    SessionUserOut,
)
from dashboard.storage import (
    NO_ORGANIZATION,
    ApiClientStore,
    LiveEventStore,
    OrganizationStore,
    SessionStore,
    UserPreferenceStore,
    UserStore,
)
from dashboard.usecases.sessions import end_other_sessions, end_session
from dashboard.usecases.users import change_profile
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.openapi import problem_response
from slotstream_servicekit.http.rights import Role, rights_of

router = Router(prefix="/api", tags=["session"])

_NOT_SIGNED_IN: dict[int | str, dict[str, Any]] = {401: problem_response(401)}
_NOT_ALLOWED: dict[int | str, dict[str, Any]] = {401: problem_response(401), 403: problem_response(403)}


@router.get("/session", responses=_NOT_SIGNED_IN)
async def get_current_session(dependencies: CurrentDependencies, visit: CurrentVisit) -> CurrentSessionOut:
    """Who is signed in; 401 where nobody is."""
    signed_in = visit.signed_in
    user = signed_in.user
    async with dependencies.database.transaction(user.organization_id) as session:
        name = await OrganizationStore(session).name_of(user.organization_id)
        preferences = await UserPreferenceStore(session).of_user(user.organization_id, user.id)
        last_id = await LiveEventStore(session).last_id(user.organization_id)
    return CurrentSessionOut(
        session_id=signed_in.session.id,
        csrf_token=csrf_token_of(visit.secret),
        user=SessionUserOut.model_validate(user),
        organization=OrganizationOut(id=user.organization_id, name=name),
        rights=sorted(rights_of(Role(user.role.value), frozenset())),
        expires_at=signed_in.session.expires_at,
        has_account=signed_in.session.account_id is not None,
        preferences=PreferencesOut.model_validate(preferences),
        live_place=str(LivePlace(last_id) if last_id is not None else LivePlace(empty_at=dependencies.clock())),
    )


@router.get("/names", responses=_NOT_SIGNED_IN)
async def list_names(
    dependencies: CurrentDependencies,
    visit: CurrentVisit,
    ids: Annotated[list[UUID], Query(alias="id", min_length=1, max_length=100)],
) -> NamesOut:
    """What colleagues and API clients are called, who did what a history tells; of others there is nothing."""
    organization_id = visit.signed_in.user.organization_id
    async with dependencies.database.transaction(organization_id) as session:
        users = await UserStore(session).find_all(organization_id, ids)
        clients = await ApiClientStore(session).find_all(organization_id, ids)
    of_users = [NameOut(id=user.id, name=user.name) for user in users]
    return NamesOut(items=[*of_users, *(NameOut(id=client.id, name=client.name) for client in clients)])


@router.patch("/session/user", responses=_NOT_ALLOWED)
async def change_own_profile(
    body: ChangeProfileIn, dependencies: CurrentDependencies, visit: CurrentVisit
) -> SessionUserOut:
    """One's own name and language; role and limits are an owner's to change."""
    user = visit.signed_in.user
    async with dependencies.database.transaction(user.organization_id) as session:
        changed = await change_profile(
            session=session,
            context=dependencies.context_of_user(user.organization_id, user.id),
            user_id=user.id,
            account_id=visit.signed_in.session.account_id,
            name=body.name,
            locale=body.locale,
        )
    dependencies.sessions.forget()
    return SessionUserOut.model_validate(changed)


@router.put("/session/password", status_code=204, responses={**_NOT_ALLOWED, 422: problem_response(422)})
async def change_own_password(
    body: ChangePasswordIn, dependencies: CurrentDependencies, visit: CurrentVisit, background: BackgroundTasks
) -> None:
    """Takes the present password too. Signs out every other browser, and a mail tells of it."""
    changed = await replace_password(
        dependencies,
        visit.signed_in,
        current=body.current_password.get_secret_value(),
        new=body.new_password.get_secret_value(),
    )
    dependencies.sessions.forget()
    background.add_task(audit_new_password, dependencies, changed, visit.address)


@router.delete("/session", status_code=204, responses=_NOT_ALLOWED)
async def sign_out_of_session(dependencies: CurrentDependencies, visit: CurrentVisit) -> Response:
    await _end(dependencies, visit, visit.signed_in.session.id)
    answer = Response(status_code=204)
    clear_session_cookie(answer, dependencies.settings)
    return answer


@router.get("/sessions", responses=_NOT_SIGNED_IN)
async def list_sessions(dependencies: CurrentDependencies, visit: CurrentVisit) -> SessionsOut:
    """Every browser that this person is signed in with."""
    current, now = visit.signed_in.session, dependencies.clock()
    async with dependencies.database.transaction(NO_ORGANIZATION) as session:
        sessions = await SessionStore(session).of_same_person(current)
    return SessionsOut(
        items=[
            SessionOut(
                id=known.id,
                current=known.id == current.id,
                address=known.address,
                user_agent=known.user_agent,
                created_at=known.created_at,
                last_used_at=known.last_used_at,
                expires_at=known.expires_at,
            )
            for known in sessions
            if not known.is_over(now=now, idle=dependencies.settings.session_idle)
        ]
    )


@router.delete("/sessions/{session_id}", status_code=204, responses=_NOT_ALLOWED)
async def delete_session(session_id: UUID, dependencies: CurrentDependencies, visit: CurrentVisit) -> None:
    """Sign out another browser."""
    await _end(dependencies, visit, session_id)


@router.delete("/sessions", status_code=204, responses=_NOT_ALLOWED)
async def delete_other_sessions(dependencies: CurrentDependencies, visit: CurrentVisit) -> None:
    """Sign out every browser but this one."""
    user = visit.signed_in.user
    async with dependencies.database.transaction(user.organization_id) as session:
        await end_other_sessions(
            session=session,
            context=dependencies.context_of_user(user.organization_id, user.id),
            signed_in=visit.signed_in,
            address=visit.address,
        )
    dependencies.sessions.forget()


async def _end(dependencies: Dependencies, visit: Visit, session_id: UUID) -> None:
    user = visit.signed_in.user
    async with dependencies.database.transaction(user.organization_id) as session:
        await end_session(
            session=session,
            context=dependencies.context_of_user(user.organization_id, user.id),
            signed_in=visit.signed_in,
            session_id=session_id,
            address=visit.address,
        )
    dependencies.sessions.forget()
