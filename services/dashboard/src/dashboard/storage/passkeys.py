"""Passkeys of accounts, found by the credential's id, and the challenges that wait for an answer."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, false, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.domain.passkeys import Passkey, PasskeyChallenge
from dashboard.storage.tables import accounts, passkey_challenges, passkeys


class PasskeyStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, passkey: Passkey) -> bool:
        """Whether the credential was nobody's."""
        statement = insert(passkeys).values(asdict(passkey)).on_conflict_do_nothing().returning(passkeys.c.id)
        return (await self._session.execute(statement)).first() is not None

    async def find(self, credential_id: bytes) -> Passkey | None:
        statement = select(passkeys).where(passkeys.c.credential_id == credential_id)
        row = (await self._session.execute(statement)).first()
        return _passkey_of(row) if row is not None else None

    async def of_account(self, account_id: UUID, *, lock: bool = False) -> Sequence[Passkey]:
        """The oldest first. `lock`: the account's row, so that two that are added at once take turns."""
        if lock:
            await self._session.execute(select(accounts.c.id).where(accounts.c.id == account_id).with_for_update())
        statement = select(passkeys).where(passkeys.c.account_id == account_id)
        rows = await self._session.execute(statement.order_by(passkeys.c.created_at, passkeys.c.id))
        return [_passkey_of(row) for row in rows]

    async def use(self, passkey_id: UUID, *, sign_count: int, now: datetime) -> bool:
        """Whether the count has grown; a device that does not count says 0 for ever."""
        grown = or_(passkeys.c.sign_count < sign_count, passkeys.c.sign_count == 0 if sign_count == 0 else false())
        statement = (
            update(passkeys)
            .where(passkeys.c.id == passkey_id, grown)
            .values(sign_count=sign_count, last_used_at=now)
            .returning(passkeys.c.id)
        )
        return (await self._session.execute(statement)).first() is not None

    async def remove(self, passkey_id: UUID, *, account_id: UUID) -> bool:
        """Whether that person had that passkey."""
        statement = delete(passkeys).where(passkeys.c.id == passkey_id, passkeys.c.account_id == account_id)
        return (await self._session.execute(statement.returning(passkeys.c.id))).first() is not None

    async def remove_all(self, account_id: UUID) -> int:
        statement = delete(passkeys).where(passkeys.c.account_id == account_id).returning(passkeys.c.id)
        return len((await self._session.execute(statement)).all())

    async def set_challenge(self, challenge: PasskeyChallenge, *, digest: bytes) -> None:
        """In the place of the one that the browser asked for before."""
        values = {**asdict(challenge), "digest": digest}
        statement = insert(passkey_challenges).values(values)
        await self._session.execute(
            statement.on_conflict_do_update(index_elements=[passkey_challenges.c.digest], set_=asdict(challenge))
        )

    async def take_challenge(self, digest: bytes, *, now: datetime) -> PasskeyChallenge | None:
        """Takes it for good, expired or not; None where there is none, or it has expired."""
        statement = delete(passkey_challenges).where(passkey_challenges.c.digest == digest)
        row = (await self._session.execute(statement.returning(*_CHALLENGE))).first()
        challenge = PasskeyChallenge(**row._mapping) if row is not None else None  # noqa: SLF001
        return challenge if challenge is not None and challenge.expires_at > now else None


_CHALLENGE = (passkey_challenges.c.challenge, passkey_challenges.c.user_handle, passkey_challenges.c.expires_at)


def _passkey_of(row: Row[Any]) -> Passkey:
    return Passkey(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
