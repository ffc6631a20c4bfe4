"""One-time links, found by the digest of their secret."""

from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.domain.links import LinkKind, OneTimeLink
from dashboard.storage.tables import one_time_links

_SHOWN = tuple(column for column in one_time_links.c if column.name != "digest")


class LinkStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, link: OneTimeLink, *, digest: bytes) -> None:
        await self._session.execute(insert(one_time_links).values(**asdict(link), digest=digest))

    async def find(self, kind: LinkKind, digest: bytes, *, now: datetime) -> OneTimeLink | None:
        row = (await self._session.execute(select(*_SHOWN).where(*_valid(kind, digest, now)))).first()
        return _link_of(row) if row is not None else None

    async def use(self, kind: LinkKind, digest: bytes, *, now: datetime) -> OneTimeLink | None:
        """Takes the link for good; None where it was taken, has expired or never existed."""
        statement = delete(one_time_links).where(*_valid(kind, digest, now)).returning(*_SHOWN)
        row = (await self._session.execute(statement)).first()
        return _link_of(row) if row is not None else None

    async def reset_made_since(self, email: str, since: datetime) -> bool:
        """Whether a reset was sent to that address a short while ago."""
        statement = select(one_time_links.c.digest).where(
            one_time_links.c.email == email,
            one_time_links.c.kind == LinkKind.RESET,
            one_time_links.c.created_at > since,
        )
        return (await self._session.execute(statement.limit(1))).first() is not None

    async def revoke_resets(self, email: str) -> None:
        await self._session.execute(
            delete(one_time_links).where(one_time_links.c.email == email, one_time_links.c.kind == LinkKind.RESET)
        )

    async def revoke_invitations(self, user_id: UUID) -> None:
        await self._session.execute(delete(one_time_links).where(one_time_links.c.user_id == user_id))


def _valid(kind: LinkKind, digest: bytes, now: datetime) -> tuple[Any, ...]:
    return (one_time_links.c.digest == digest, one_time_links.c.kind == kind, one_time_links.c.expires_at > now)


def _link_of(row: Row[Any]) -> OneTimeLink:
    return OneTimeLink(**{**row._mapping, "kind": LinkKind(row.kind)})  # noqa: SLF001 - its public name
