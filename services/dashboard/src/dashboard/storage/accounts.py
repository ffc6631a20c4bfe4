"""Accounts, and the organizations they are members of."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.domain.users import Account, Membership
from dashboard.storage.tables import accounts, memberships

_SHOWN = (accounts.c.id, accounts.c.email, accounts.c.password_hash, accounts.c.locale)


class AccountStore:
    """Accounts are shared by all organizations: found by their address, or by their id."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find_by_email(self, email: str) -> Account | None:
        return await self._find(accounts.c.email == email)

    async def find(self, account_id: UUID) -> Account | None:
        return await self._find(accounts.c.id == account_id)

    async def _find(self, condition: ColumnElement[bool]) -> Account | None:
        row = (await self._session.execute(select(*_SHOWN).where(condition))).first()
        if row is None:
            return None
        return Account(id=row.id, email=row.email, password_hash=row.password_hash, locale=row.locale)

    async def ensure(self, *, account_id: UUID, email: str, locale: str, now: datetime) -> Account:
        """The account of an address, made under `account_id` where there is none."""
        await self._session.execute(
            insert(accounts)
            .values(id=account_id, email=email, locale=locale, created_at=now)
            .on_conflict_do_nothing(index_elements=[accounts.c.email])
        )
        row = (await self._session.execute(select(*_SHOWN).where(accounts.c.email == email).with_for_update())).one()
        return Account(id=row.id, email=row.email, password_hash=row.password_hash, locale=row.locale)

    async def set_password(self, account_id: UUID, *, password_hash: str, now: datetime) -> None:
        await self._session.execute(
            update(accounts)
            .where(accounts.c.id == account_id)
            .values(password_hash=password_hash, password_changed_at=now)
        )

    async def replace_password(self, account_id: UUID, *, old: str, new: str, now: datetime) -> bool:
        """Whether the password was still the one that was verified."""
        replaced = await self._session.execute(
            update(accounts)
            .where(accounts.c.id == account_id, accounts.c.password_hash == old)
            .values(password_hash=new, password_changed_at=now)
            .returning(accounts.c.id)
        )
        return replaced.first() is not None

    async def set_locale(self, account_id: UUID, locale: str) -> None:
        await self._session.execute(update(accounts).where(accounts.c.id == account_id).values(locale=locale))

    async def rehash(self, account_id: UUID, *, old: str, new: str) -> None:
        """Replaces a hash by one of the same password with newer parameters."""
        await self._session.execute(
            update(accounts)
            .where(accounts.c.id == account_id, accounts.c.password_hash == old)
            .values(password_hash=new)
        )

    async def memberships(self, account_id: UUID) -> Sequence[Membership]:
        """The organizations of an account, the one used last first."""
        rows = await self._session.execute(
            select(memberships.c.account_id, memberships.c.organization_id, memberships.c.user_id)
            .where(memberships.c.account_id == account_id)
            .order_by(memberships.c.last_used_at.desc().nulls_last(), memberships.c.organization_id)
        )
        return [
            Membership(account_id=row.account_id, organization_id=row.organization_id, user_id=row.user_id)
            for row in rows
        ]

    async def join(self, membership: Membership, *, now: datetime) -> None:
        await self._session.execute(
            insert(memberships)
            .values(
                account_id=membership.account_id,
                organization_id=membership.organization_id,
                user_id=membership.user_id,
                last_used_at=now,
            )
            .on_conflict_do_update(
                index_elements=[memberships.c.account_id, memberships.c.organization_id],
                set_={"user_id": membership.user_id, "last_used_at": now},
            )
        )

    async def use_membership(self, account_id: UUID, organization_id: UUID, *, now: datetime) -> None:
        await self._session.execute(
            update(memberships)
            .where(memberships.c.account_id == account_id, memberships.c.organization_id == organization_id)
            .values(last_used_at=now)
        )

    async def leave(self, user_id: UUID) -> None:
        """Ends the membership; an account that is in no organization any more is forgotten."""
        left = await self._session.execute(
            delete(memberships).where(memberships.c.user_id == user_id).returning(memberships.c.account_id)
        )
        for account_id in left.scalars().all():
            remaining = select(memberships.c.account_id).where(memberships.c.account_id == account_id).exists()
            await self._session.execute(delete(accounts).where(accounts.c.id == account_id, ~remaining))
