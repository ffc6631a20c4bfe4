"""Numbers that are not written to any more, and calls of providers that have been worked through."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Table, delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.messages import Message
from notifications.storage.messages import COLUMNS, messages_of
from notifications.storage.tables import number_opt_outs, organization_opt_outs, provider_calls

OwnOptOuts = frozenset[tuple[UUID, str]]
"""Organizations, and the digests of numbers that have stopped their own senders."""

_FIELDS: Final = ", ".join(f"m.{column.name}" for column in COLUMNS)
_TO_NUMBER: Final = """
    FROM clients c, clients addressee
    WHERE c.phone = :number AND addressee.organization_id = c.organization_id
    AND (addressee.id = c.id OR addressee.merged_into = c.id)
    AND m.organization_id = c.organization_id AND m.client_id = addressee.id
    AND m.channel = 'sms' AND m.audience = 'client'
    AND (CAST(:organization AS uuid) IS NULL OR c.organization_id = :organization)
"""
_STOP = text(
    f"""
    UPDATE messages m SET status = 'suppressed', reason = 'opted_out', claim = NULL, claimed_until = NULL,
        waits = false, updated_at = :now, version = m.version + 1
    {_TO_NUMBER} AND m.status IN ('planned', 'claimed') AND m.attempted_at IS NULL
    RETURNING {_FIELDS}
    """
)
_RESUME = text(
    f"""
    UPDATE messages m SET status = 'planned', reason = NULL, next_attempt_at = m.due_at, updated_at = :now,
        version = m.version + 1
    {_TO_NUMBER} AND m.kind = 'reminder' AND m.status = 'suppressed' AND m.reason = 'opted_out' AND m.due_at > :now
    RETURNING {_FIELDS}
    """
)


class OptOutStore:
    """Who has stopped the shared sender, or with an organization: that organization's own."""

    def __init__(self, session: AsyncSession, organization_id: UUID | None = None) -> None:
        self._session = session
        self._organization_id = organization_id

    async def blocked(self, digests: Collection[str]) -> frozenset[str]:
        """Those of `digests` that have opted out."""
        if not digests:
            return frozenset()
        return frozenset((await self._session.execute(self._select(digests))).scalars())

    async def own_blocked(self, organization_ids: Collection[UUID], digests: Collection[str]) -> OwnOptOuts:
        """Those of `digests` that have stopped the own sender of one of these organizations."""
        if not digests or not organization_ids:
            return frozenset()
        own = organization_opt_outs.c
        query = select(own.organization_id, own.digest).where(
            own.organization_id.in_(sorted(organization_ids)), own.digest.in_(sorted(digests))
        )
        return frozenset((row.organization_id, row.digest) for row in await self._session.execute(query))

    async def since(self, digests: Collection[str]) -> datetime | None:
        """Since when a number has been opted out; None where it is not."""
        found = await self._session.execute(self._select(digests, self._table.c.opted_out_at).limit(1))
        opted_out_at: datetime | None = found.scalar()
        return opted_out_at

    async def block(self, digest: str, *, now: datetime) -> None:
        """A number that has opted out already keeps its date."""
        values = {"digest": digest, "opted_out_at": now}
        if self._organization_id is not None:
            values["organization_id"] = self._organization_id
        await self._session.execute(insert(self._table).values(values).on_conflict_do_nothing())

    async def unblock(self, digests: Collection[str]) -> None:
        await self._session.execute(delete(self._table).where(*self._are(digests)))

    @property
    def _table(self) -> Table:
        return number_opt_outs if self._organization_id is None else organization_opt_outs

    def _are(self, digests: Collection[str]) -> list[ColumnElement[bool]]:
        named: list[ColumnElement[bool]] = [self._table.c.digest.in_(sorted(digests))]
        if self._organization_id is None:
            return named
        return [self._table.c.organization_id == self._organization_id, *named]

    def _select(self, digests: Collection[str], column: ColumnElement[Any] | None = None) -> Select[Any]:
        return select(self._table.c.digest if column is None else column).where(*self._are(digests))

    async def stop(self, number: str, *, now: datetime) -> list[Message]:
        """Suppresses each text to clients with this number that is not being handed over."""
        rows = await self._session.execute(_STOP, {"number": number, "now": now, "organization": self._organization_id})
        return messages_of(rows)

    async def resume(self, number: str, *, now: datetime) -> list[Message]:
        """Plans the reminders again that lie ahead and were stopped; whether they still hold is judged when due."""
        rows = await self._session.execute(
            _RESUME, {"number": number, "now": now, "organization": self._organization_id}
        )
        return messages_of(rows)

    async def claim_call(self, call_id: str, *, now: datetime) -> bool:
        """False for a call that was worked through before: a signed copy stays valid for ever."""
        values = {"id": call_id, "received_at": now}
        claimed = await self._session.execute(
            insert(provider_calls).values(values).on_conflict_do_nothing().returning(provider_calls.c.id)
        )
        return claimed.first() is not None
