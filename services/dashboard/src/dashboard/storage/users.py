"""The users of an organization."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.domain.errors import UserNotFoundError
from dashboard.domain.users import User, UserRole, UserState
from dashboard.storage.tables import users

_COLUMNS: Final = tuple(column for column in users.c if column.name != "published_version")


class UserStore:
    """Users within the tenant of the session's transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, user: User) -> bool:
        """Whether its id and its address were free."""
        statement = insert(users).values(_values_of(user)).on_conflict_do_nothing().returning(users.c.id)
        return (await self._session.execute(statement)).first() is not None

    async def get(self, organization_id: UUID, user_id: UUID, *, lock: bool = False) -> User:
        user = await self.find(organization_id, user_id, lock=lock)
        if user is None:
            raise UserNotFoundError("There is no such user.")
        return user

    async def find(self, organization_id: UUID, user_id: UUID, *, lock: bool = False) -> User | None:
        statement = select(*_COLUMNS).where(users.c.organization_id == organization_id, users.c.id == user_id)
        row = (await self._session.execute(statement.with_for_update() if lock else statement)).first()
        return _user_of(row) if row is not None else None

    async def find_by_email(self, organization_id: UUID, email: str) -> User | None:
        statement = select(*_COLUMNS).where(users.c.organization_id == organization_id, users.c.email == email)
        row = (await self._session.execute(statement)).first()
        return _user_of(row) if row is not None else None

    async def find_all(self, organization_id: UUID, user_ids: Collection[UUID]) -> Sequence[User]:
        statement = select(*_COLUMNS).where(users.c.organization_id == organization_id, users.c.id.in_(user_ids))
        return [_user_of(row) for row in await self._session.execute(statement)]

    async def lock_owners(self, organization_id: UUID) -> Sequence[User]:
        """All owners, locked in the order of their ids: two who demote each other take turns."""
        statement = (
            select(*_COLUMNS)
            .where(users.c.organization_id == organization_id, users.c.role == UserRole.OWNER)
            .order_by(users.c.id)
            .with_for_update()
        )
        return [_user_of(row) for row in await self._session.execute(statement)]

    async def lock_untold(self, *, limit: int) -> Sequence[User]:
        """Some of those whose newest version was not published; others work on those that are locked."""
        statement = (
            select(*_COLUMNS)
            .where(users.c.published_version.is_distinct_from(users.c.version))
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return [_user_of(row) for row in await self._session.execute(statement)]

    async def page(self, organization_id: UUID, *, after: UUID | None, limit: int) -> Sequence[User]:
        statement = select(*_COLUMNS).where(users.c.organization_id == organization_id)
        if after is not None:
            statement = statement.where(users.c.id > after)
        rows = await self._session.execute(statement.order_by(users.c.id).limit(limit))
        return [_user_of(row) for row in rows]

    async def save(self, user: User) -> None:
        await self._session.execute(
            update(users)
            .where(users.c.organization_id == user.organization_id, users.c.id == user.id)
            .values(_values_of(user))
        )

    async def note_sign_in(self, organization_id: UUID, user_id: UUID, *, now: datetime) -> None:
        await self._session.execute(
            update(users)
            .where(users.c.organization_id == organization_id, users.c.id == user_id)
            .values(last_sign_in_at=now)
        )

    async def remove(self, organization_id: UUID, user_id: UUID) -> None:
        await self._session.execute(
            delete(users).where(users.c.organization_id == organization_id, users.c.id == user_id)
        )


def _values_of(user: User) -> dict[str, Any]:
    """With the version as the one that is published: see usecases/told_users.py."""
    values = {column.name: getattr(user, column.name) for column in _COLUMNS} | {"published_version": user.version}
    return {**values, "business_ids": list(user.business_ids) if user.business_ids is not None else None}


def _user_of(row: Row[Any]) -> User:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    business_ids = fields.pop("business_ids")
    return User(
        **{**fields, "role": UserRole(fields["role"]), "state": UserState(fields["state"])},
        business_ids=tuple(business_ids) if business_ids is not None else None,
    )
