"""Sending nothing more of a bulk order: it is remembered at once, and what is planned of it is stopped in steps."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.messages import Message, Withdrawal
from notifications.domain.replans import Replan, ReplanKind
from notifications.storage import ReplanStore, WithdrawalStore

_LOOKS_AGAIN: Final = timedelta(minutes=1)
"""After that, what was planned by a transaction that had begun before the withdrawal is there to be seen."""


async def withdraw_messages(*, session: AsyncSession, withdrawals: Sequence[Withdrawal], now: datetime) -> None:
    """From now on nothing of these orders is sent, whether its message is planned already or arrives later."""
    await WithdrawalStore(session).remember(withdrawals, now=now)
    await ReplanStore(session).ask(
        [
            Replan(organization_id=one.organization_id, kind=ReplanKind.ORDER, name=str(one.order_id), requested_at=now)
            for one in withdrawals
        ]
    )


async def stop_next(*, session: AsyncSession, replan: Replan, now: datetime, most: int) -> list[Message]:
    """One step, which replanning opens a transaction for: at most so many messages. It looks once more at the end."""
    order_id, replans = UUID(replan.name), ReplanStore(session)
    stopped = await WithdrawalStore(session).stop_next(replan.organization_id, order_id, now=now, limit=most)
    if stopped:
        await replans.step(replan, after=replan.after, next_step_at=now)
    elif replan.after is None:
        await replans.step(replan, after=(now, order_id), next_step_at=now + _LOOKS_AGAIN)
    else:
        await replans.done(replan)
    return stopped
