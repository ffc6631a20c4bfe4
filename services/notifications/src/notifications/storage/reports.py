"""What a provider says later of a message that was handed over, and when somebody has decided about it meanwhile."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, func, not_, or_, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.decisions import ON_A_PERSONS_WORD
from notifications.domain.messages import Channel, Decision, Message, Status
from notifications.storage.messages import COLUMNS, message_of
from notifications.storage.tables import messages


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a provider says later of a message that was handed over: sent, delivered or failed.

    `attempt` is the one that it speaks of, where it says so.
    """

    channel: Channel
    status: Status
    provider_id: str
    attempt: int | None = None
    code: str | None
    detail: str | None


_MAY_BECOME_SENT: Final = (Status.PLANNED, Status.CLAIMED, Status.UNKNOWN)
"""What an attempt was made for: planned again, or its outcome not known to us."""
IS_ON_A_PERSONS_WORD: Final = func.coalesce(messages.c.code, "").in_(sorted(ON_A_PERSONS_WORD))
_WAS_SENT_AGAIN: Final = messages.c.decision.is_not_distinct_from(Decision.SEND_AGAIN)
IS_TO_BE_SENT_AGAIN: Final = and_(
    _WAS_SENT_AGAIN,
    messages.c.status.in_([Status.PLANNED, Status.CLAIMED]),
    messages.c.attempted_at.is_(None),
    # A call that nobody has answered since then is known by it.
    messages.c.provider_id.is_(None),
)
"""Somebody wants it sent once more, and that has not begun."""


class ReportStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def put(self, organization_id: UUID, message_id: UUID, report: Report, *, now: datetime) -> Message | None:
        """Records what the provider says of a message that was handed over; None where that says nothing new.

        It stands above what somebody has said, and what went out is not sent again; that it did not is no news of what
        is to be sent again. The provider's id of an erased client's message stays forgotten.
        """
        settled = () if report.status is Status.SENT else (Status.SENT,)
        open_to_it = or_(messages.c.status.in_([*_MAY_BECOME_SENT, *settled]), IS_ON_A_PERSONS_WORD)
        if report.status is Status.FAILED:
            open_to_it = and_(open_to_it, not_(IS_TO_BE_SENT_AGAIN))
        rows = await self._session.execute(
            update(messages)
            .where(*_spoken_of(organization_id, message_id, report), open_to_it)
            .values(
                status=report.status,
                code=report.code,
                detail=report.detail,
                provider_id=case((messages.c.address.is_not(None), report.provider_id)),
                sent_at=func.coalesce(messages.c.sent_at, None if report.status is Status.FAILED else now),
                attempted_at=func.coalesce(messages.c.attempted_at, messages.c.decided_at),
                claim=None,
                claimed_until=None,
                waits=False,
                updated_at=now,
                version=messages.c.version + 1,
            )
            .returning(*COLUMNS)
        )
        row = rows.first()
        return message_of(row) if row is not None else None

    async def plan_call(
        self, organization_id: UUID, message_id: UUID, report: Report, *, at: datetime, now: datetime
    ) -> bool:
        """Plans a call again that nobody has answered; False where it was said of that call before.

        Nor is anybody called again by itself of whom somebody has said something, or wants them called.
        """
        rows = await self._session.execute(
            update(messages)
            .where(
                *_spoken_of(organization_id, message_id, report),
                messages.c.status.in_([*_MAY_BECOME_SENT, Status.SENT]),
                not_(or_(IS_ON_A_PERSONS_WORD, IS_TO_BE_SENT_AGAIN)),
            )
            .values(
                status=Status.PLANNED,
                code=report.code,
                detail=report.detail,
                provider_id=case((messages.c.address.is_not(None), report.provider_id)),
                next_attempt_at=at,
                attempted_at=None,
                claim=None,
                claimed_until=None,
                waits=False,
                updated_at=now,
                tries=messages.c.tries + 1,
            )
            .returning(text("1"))
        )
        return rows.first() is not None


def _spoken_of(organization_id: UUID, message_id: UUID, report: Report) -> list[ColumnElement[bool]]:
    """The message that a provider speaks of; none whose call of that id is over, and planned again since."""
    conditions = [
        messages.c.organization_id == organization_id,
        messages.c.id == message_id,
        messages.c.channel == report.channel,
        messages.c.attempts > 0,
        or_(messages.c.provider_id.is_(None), messages.c.provider_id == report.provider_id),
        or_(messages.c.status != Status.PLANNED, messages.c.provider_id.is_(None)),
    ]
    if report.attempt is not None:
        return [*conditions, messages.c.attempts == report.attempt]
    # An address of former versions does not say which attempt: it may be the one before somebody had it sent again.
    return [*conditions, not_(and_(_WAS_SENT_AGAIN, messages.c.attempted_at.is_not(None)))]
