"""Mails that wait to be sent; one that was sent, or cannot be, is deleted."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.domain.links import Mail, MailKind
from dashboard.storage.tables import mails
from slotstream_servicekit.rows import named_columns


class MailStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, mail: Mail) -> None:
        await self._session.execute(insert(mails).values(asdict(mail)))

    async def waiting(self, kind: MailKind, recipient: str) -> int:
        """How many of a kind wait for one recipient."""
        statement = select(func.count()).where(mails.c.kind == kind, mails.c.recipient == recipient)
        return int(await self._session.scalar(statement) or 0)

    async def claim_due(self, *, now: datetime, lease: timedelta, limit: int) -> Sequence[Mail]:
        """Takes what is due; a crashed worker's claims fall due again after the lease."""
        rows = await self._session.execute(
            text(
                "UPDATE mails AS m SET due_at = :leased, attempts = m.attempts + 1 FROM ("
                "  SELECT id FROM mails WHERE due_at <= :now ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED"
                f") AS due WHERE m.id = due.id RETURNING {named_columns(mails, 'm')}"
            ),
            {"now": now, "leased": now + lease, "limit": limit},
        )
        return [Mail(**{**row._mapping, "kind": MailKind(row.kind)}) for row in rows]  # noqa: SLF001

    async def postpone(self, mail_id: UUID, *, until: datetime) -> None:
        await self._session.execute(update(mails).where(mails.c.id == mail_id).values(due_at=until))

    async def remove(self, mail_id: UUID) -> None:
        await self._session.execute(delete(mails).where(mails.c.id == mail_id))

    async def forget_user(self, user_id: UUID) -> None:
        await self._session.execute(delete(mails).where(mails.c.user_id == user_id))
