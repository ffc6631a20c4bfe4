"""/v1/users: who may sign in to the organization, and as what. For owners."""

from uuid import UUID

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.api.dependencies import Administrator, CurrentDependencies
from dashboard.domain.users import User, UserRole
from dashboard.schemas import ChangeUserIn, InviteUserIn, UserOut
from dashboard.storage import UserStore
from dashboard.usecases.users import Invitation, UserChange, change_user, invite_user, remove_user, repeat_invitation
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.etags import IfMatch
from slotstream_servicekit.http.idempotency import IdempotencyKey, idempotent
from slotstream_servicekit.http.pagination import DEFAULT_LIMIT, Cursor, Limit, Page, id_in, page_by_id
from slotstream_servicekit.http.responses import model_response
from slotstream_servicekit.ids import new_id

router = Router(prefix="/v1/users", tags=["users"])

_SCOPE = "users"


@router.post("", status_code=201, response_model=UserOut)
async def create_user(
    request: Request,
    body: InviteUserIn,
    dependencies: CurrentDependencies,
    principal: Administrator,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Invite somebody: they are mailed a link by which they choose a password."""
    user_id = body.id or new_id()

    async def invite(session: AsyncSession) -> Response:
        user = await invite_user(
            session=session,
            context=dependencies.context(principal),
            user_id=user_id,
            invitation=Invitation(
                email=body.email,
                name=body.name,
                locale=body.locale,
                role=UserRole(body.role),
                business_ids=tuple(body.business_ids) if body.business_ids is not None else None,
                resource_id=body.resource_id,
            ),
        )
        return _answer(user, status=201)

    return await idempotent(request, database=dependencies.database, principal=principal, action=invite)


@router.get("")
async def list_users(
    dependencies: CurrentDependencies, principal: Administrator, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[UserOut]:
    after = id_in(cursor, scope=_SCOPE)
    async with dependencies.database.transaction(principal.organization_id) as session:
        rows = await UserStore(session).page(principal.organization_id, after=after, limit=limit + 1)
    items, next_cursor = page_by_id(rows, limit=limit, scope=_SCOPE)
    return Page[UserOut](items=[UserOut.model_validate(row) for row in items], next_cursor=next_cursor)


@router.get("/{user_id}", response_model=UserOut)
async def get_user(user_id: UUID, dependencies: CurrentDependencies, principal: Administrator) -> Response:
    async with dependencies.database.transaction(principal.organization_id) as session:
        return _answer(await UserStore(session).get(principal.organization_id, user_id))


@router.patch("/{user_id}", response_model=UserOut)
async def update_user(
    user_id: UUID,
    body: ChangeUserIn,
    dependencies: CurrentDependencies,
    principal: Administrator,
    expected_version: IfMatch,
) -> Response:
    """Change the role or its limits, deactivate or activate. It takes effect within a minute, everywhere."""
    change = UserChange(
        given=frozenset(body.model_fields_set),
        name=body.name,
        role=UserRole(body.role) if body.role is not None else None,
        business_ids=tuple(body.business_ids) if body.business_ids is not None else None,
        resource_id=body.resource_id,
        active=body.active,
    )
    async with dependencies.database.transaction(principal.organization_id) as session:
        user = await change_user(
            session=session,
            context=dependencies.context(principal),
            user_id=user_id,
            change=change,
            expected_version=expected_version,
        )
    dependencies.sessions.forget()
    return _answer(user)


@router.delete("/{user_id}", status_code=204)
async def delete_user(
    user_id: UUID, dependencies: CurrentDependencies, principal: Administrator, expected_version: IfMatch
) -> None:
    """Remove somebody, with their name and address. What they did keeps their id."""
    async with dependencies.database.transaction(principal.organization_id) as session:
        await remove_user(
            session=session,
            context=dependencies.context(principal),
            user_id=user_id,
            expected_version=expected_version,
        )
    dependencies.sessions.forget()


@router.post("/{user_id}/invitation", status_code=202, response_model=UserOut)
async def repeat_user_invitation(
    request: Request,
    user_id: UUID,
    dependencies: CurrentDependencies,
    principal: Administrator,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Mail a new link; the earlier one is dead."""

    async def repeat(session: AsyncSession) -> Response:
        user = await repeat_invitation(session=session, context=dependencies.context(principal), user_id=user_id)
        return _answer(user, status=202)

    return await idempotent(request, database=dependencies.database, principal=principal, action=repeat)


def _answer(user: User, *, status: int = 200) -> Response:
    return model_response(UserOut.model_validate(user), status=status, version=user.version)
