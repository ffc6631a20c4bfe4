"""Keys that sign access tokens."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.domain.signing_keys import SigningKey
from dashboard.storage.tables import signing_keys
from slotstream_servicekit.locks import LockClass


class SigningKeyStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def lock(self) -> None:
        """Until the transaction's end nobody else makes a key."""
        await self._session.execute(text("SELECT pg_advisory_xact_lock(:lock, 0)"), {"lock": LockClass.SIGNING_KEYS})

    async def published(self, *, now: datetime) -> Sequence[SigningKey]:
        rows = await self._session.execute(
            select(signing_keys).where(signing_keys.c.published_until > now).order_by(signing_keys.c.signs_from)
        )
        return [
            SigningKey(
                id=row.id,
                sealed_private=bytes(row.sealed_private),
                public=row.public,
                created_at=row.created_at,
                signs_from=row.signs_from,
                signs_until=row.signs_until,
            )
            for row in rows
        ]

    async def add(self, key: SigningKey) -> None:
        values = {column.name: getattr(key, column.name) for column in signing_keys.c}
        await self._session.execute(insert(signing_keys).values({**values, "public": dict(key.public)}))
