"""How often something was tried of late: signing in, per account and network address, and inviting, per recipient."""

from datetime import datetime

from sqlalchemy import delete, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.domain.delays import FORGOTTEN_AFTER, delay_after
from dashboard.storage.tables import sign_in_delays


class DelayStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def admit(self, digest: bytes, *, now: datetime) -> datetime | None:
        """Counts an attempt, which `forget` takes back if it succeeds. When to come again, where it is too early.

        Counted before the password is looked at, so that attempts sent all at once do not slip through together.
        """
        counted = await self._session.execute(
            text(
                "INSERT INTO sign_in_delays AS d (digest, failures, retry_at, failed_at) "
                "VALUES (:digest, 1, :now, :now) ON CONFLICT (digest) DO UPDATE SET "
                "failures = CASE WHEN d.failed_at < :forgotten THEN 1 ELSE d.failures + 1 END, failed_at = :now "
                "WHERE d.retry_at <= :now RETURNING failures"
            ),
            {"digest": digest, "now": now, "forgotten": now - FORGOTTEN_AFTER},
        )
        failures = counted.scalar_one_or_none()
        if failures is None:
            return await self._session.scalar(
                select(sign_in_delays.c.retry_at).where(sign_in_delays.c.digest == digest)
            )
        await self._session.execute(
            text("UPDATE sign_in_delays SET retry_at = :retry_at WHERE digest = :digest"),
            {"digest": digest, "retry_at": now + delay_after(failures)},
        )
        return None

    async def forget(self, digest: bytes) -> None:
        await self._session.execute(delete(sign_in_delays).where(sign_in_delays.c.digest == digest))
