"""Numbers that are not written to any more, and calls of providers that have been worked through."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain import Message
from notifications.storage.messages import COLUMNS, messages_of
from notifications.storage.tables import number_opt_outs, provider_calls

_FIELDS: Final = ", ".join(f"m.{column.name}" for column in COLUMNS)
_TO_NUMBER: Final = """
    FROM clients c, clients addressee
    WHERE c.phone = :number AND addressee.organization_id = c.organization_id
    AND (addressee.id = c.id OR addressee.merged_into = c.id)
    AND m.organization_id = c.organization_id AND m.client_id = addressee.id
    AND m.channel = 'sms' AND m.audience = 'client'
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
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def blocked(self, digests: Collection[str]) -> frozenset[str]:
        """Those of `digests` that have opted out."""
        if not digests:
            return frozenset()
        query = select(number_opt_outs.c.digest).where(number_opt_outs.c.digest.in_(sorted(digests)))
        return frozenset((await self._session.execute(query)).scalars())

    async def since(self, digests: Collection[str]) -> datetime | None:
        """Since when a number has been opted out; None where it is not."""
        query = select(number_opt_outs.c.opted_out_at).where(number_opt_outs.c.digest.in_(sorted(digests)))
        opted_out_at: datetime | None = (await self._session.execute(query.limit(1))).scalar()
        return opted_out_at

    async def block(self, digest: str, *, now: datetime) -> None:
        """A number that has opted out already keeps its date."""
        values = {"digest": digest, "opted_out_at": now}
        await self._session.execute(insert(number_opt_outs).values(values).on_conflict_do_nothing())

    async def unblock(self, digests: Collection[str]) -> None:
        await self._session.execute(delete(number_opt_outs).where(number_opt_outs.c.digest.in_(sorted(digests))))

    async def stop(self, number: str, *, now: datetime) -> list[Message]:
        """Suppresses each text and call to clients with this number, of all organizations, not being handed over."""
        rows = await self._session.execute(_STOP, {"number": number, "now": now})
        return messages_of(rows)

    async def resume(self, number: str, *, now: datetime) -> list[Message]:
        """Plans the reminders again that lie ahead and were stopped; whether they still hold is judged when due."""
        rows = await self._session.execute(_RESUME, {"number": number, "now": now})
        return messages_of(rows)

    async def claim_call(self, call_id: str, *, now: datetime) -> bool:
        """False for a call that was worked through before: a signed copy stays valid for ever."""
        values = {"id": call_id, "received_at": now}
        claimed = await self._session.execute(
            insert(provider_calls).values(values).on_conflict_do_nothing().returning(provider_calls.c.id)
        )
        return claimed.first() is not None
