"""Bulk orders of which nothing more is sent, and what is still planned of them."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.messages import ORDER_CANCELLED, Message, Status, Withdrawal
from notifications.storage.messages import COLUMNS, SUPPRESSED, messages_of
from notifications.storage.tables import messages, withdrawn_orders

OrderKey = tuple[UUID, UUID]
"""Organization and order."""


class WithdrawalStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def remember(self, withdrawals: Collection[Withdrawal], *, now: datetime) -> None:
        rows = {(one.organization_id, one.order_id) for one in withdrawals}
        if not rows:
            return
        await self._session.execute(
            insert(withdrawn_orders)
            .values(
                [
                    {"organization_id": organization_id, "order_id": order_id, "withdrawn_at": now}
                    for organization_id, order_id in sorted(rows)
                ]
            )
            .on_conflict_do_nothing()
        )

    async def withdrawn(self, orders: Collection[OrderKey]) -> frozenset[OrderKey]:
        """Those of them of which nothing more is sent."""
        if not orders:
            return frozenset()
        key = (withdrawn_orders.c.organization_id, withdrawn_orders.c.order_id)
        rows = await self._session.execute(select(*key).where(tuple_(*key).in_(sorted(orders))))
        return frozenset((row[0], row[1]) for row in rows)

    async def stop_next(self, organization_id: UUID, order_id: UUID, *, now: datetime, limit: int) -> list[Message]:
        """Suppresses the next of the order that have not been handed over; one that is being handed over is left."""
        of_it = (
            messages.c.organization_id == organization_id,
            messages.c.order_id == order_id,
            messages.c.status.in_([Status.PLANNED, Status.CLAIMED]),
            messages.c.attempted_at.is_(None),
        )
        next_ones = select(messages.c.id).where(*of_it).order_by(messages.c.id).limit(limit).with_for_update().cte()
        rows = await self._session.execute(
            update(messages)
            .where(messages.c.organization_id == organization_id, messages.c.id.in_(select(next_ones.c.id)))
            .values(**SUPPRESSED, reason=ORDER_CANCELLED, updated_at=now)
            .returning(*COLUMNS)
        )
        return messages_of(rows)
