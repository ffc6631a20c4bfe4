"""Sessions, found by the digest of what the browser holds."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.domain.sessions import Session
from dashboard.storage.tables import memberships, sessions

_SHOWN = tuple(column for column in sessions.c if column.name != "digest")


class SessionStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, session: Session, *, digest: bytes) -> None:
        values = {column.name: getattr(session, column.name) for column in _SHOWN}
        await self._session.execute(insert(sessions).values(**values, digest=digest))

    async def find(self, digest: bytes) -> Session | None:
        row = (await self._session.execute(select(*_SHOWN).where(sessions.c.digest == digest))).first()
        return _session_of(row) if row is not None else None

    async def of_same_person(self, session: Session) -> Sequence[Session]:
        """All sessions of a person, the one used last first."""
        rows = await self._session.execute(
            select(*_SHOWN).where(_same_person(session)).order_by(sessions.c.last_used_at.desc())
        )
        return [_session_of(row) for row in rows]

    async def find_all(self, session_ids: Collection[UUID]) -> Sequence[Session]:
        rows = await self._session.execute(select(*_SHOWN).where(sessions.c.id.in_(session_ids)))
        return [_session_of(row) for row in rows]

    async def use(self, session_id: UUID, *, now: datetime) -> None:
        await self._session.execute(update(sessions).where(sessions.c.id == session_id).values(last_used_at=now))

    async def end(self, session_id: UUID, *, of: Session) -> bool:
        """Whether the person of that session had this one."""
        statement = delete(sessions).where(sessions.c.id == session_id, _same_person(of))
        return (await self._session.execute(statement.returning(sessions.c.id))).first() is not None

    async def end_others(self, session: Session) -> int:
        """All of the same person but this one; how many."""
        return await self._end(_same_person(session), sessions.c.id != session.id)

    async def end_of_provider(
        self, organization_id: UUID, *, of_user: UUID | None = None, except_for: Collection[UUID] = ()
    ) -> int:
        """All that a company's provider has opened, or those of one user."""
        return await self._end(
            sessions.c.organization_id == organization_id,
            sessions.c.account_id.is_(None),
            sessions.c.user_id.not_in(except_for) if of_user is None else sessions.c.user_id == of_user,
        )

    async def end_of_provider_by(
        self, organization_id: UUID, *, of_user: UUID | None, provider_session: str | None, opened_until: datetime
    ) -> int:
        """Of what a company's provider has opened until then, those of a user, and of one session there."""
        named = []
        if of_user is not None:
            named.append(sessions.c.user_id == of_user)
        if provider_session is not None:
            named.append(sessions.c.provider_session == provider_session)
        if not named:
            return 0
        return await self._end(
            sessions.c.organization_id == organization_id,
            sessions.c.account_id.is_(None),
            sessions.c.created_at <= opened_until,
            *named,
        )

    async def end_of_accounts(self, organization_id: UUID, *, except_for: Collection[UUID]) -> int:
        """All that were opened otherwise, but those of some users."""
        return await self._end(
            sessions.c.organization_id == organization_id,
            sessions.c.account_id.is_not(None),
            sessions.c.user_id.not_in(except_for),
        )

    async def end_of_account(self, account_id: UUID, *, except_for: UUID | None = None) -> int:
        """Those of its users that a company's provider opened as well."""
        others = () if except_for is None else (sessions.c.id != except_for,)
        return await self._end(_of_account(account_id), *others)

    async def end_of_user(self, user_id: UUID) -> int:
        statement = delete(sessions).where(sessions.c.user_id == user_id).returning(sessions.c.id)
        return len((await self._session.execute(statement)).all())

    async def _end(self, *conditions: ColumnElement[bool]) -> int:
        statement = delete(sessions).where(*conditions).returning(sessions.c.id)
        return len((await self._session.execute(statement)).all())


def _same_person(session: Session) -> ColumnElement[bool]:
    """The sessions of an account and of its users; of whom a provider signed in, those that it opened for them and no
    others: a company answers for its own people only.
    """
    if session.account_id is not None:
        return _of_account(session.account_id)
    return and_(sessions.c.account_id.is_(None), sessions.c.user_id == session.user_id)


def _of_account(account_id: UUID) -> ColumnElement[bool]:
    users = select(memberships.c.user_id).where(memberships.c.account_id == account_id)
    return or_(sessions.c.account_id == account_id, sessions.c.user_id.in_(users))


def _session_of(row: Row[Any]) -> Session:
    return Session(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
