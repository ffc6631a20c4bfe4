"""Claiming what is due, recording the attempt, recording what came of it.

A message that is being sent is `claimed` under a token with a time limit. `attempted_at` is set right before its
content is handed over: an expired claim without it is simply taken again, one with it has an unknown outcome.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import and_, case, func, not_, or_, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.appointments import AGREED_STATUSES
from notifications.domain.channels import Outgoing
from notifications.domain.messages import Channel, Kind, Message, Status
from notifications.storage.messages import COLUMNS, IS_KNOWN, message_of
from notifications.storage.reports import IS_ON_A_PERSONS_WORD, IS_TO_BE_SENT_AGAIN
from notifications.storage.tables import messages

_REMINDER_HOLDS = """
    m.kind NOT IN ('reminder', 'staff_reminder') OR EXISTS (
        SELECT 1 FROM appointments a
        WHERE a.organization_id = m.organization_id AND a.id = m.appointment_id
        AND a.status = ANY(:agreed) AND NOT a.archived AND a.starts_at = m.starts_at AND a.starts_at > :now
    )
"""

CLAIM = text(
    f"""
    WITH due AS MATERIALIZED (
        SELECT organization_id, id FROM messages
        WHERE status = 'planned' AND next_attempt_at <= :now
        AND kind = ANY(CAST(:kinds AS text[])) AND channel = ANY(CAST(:channels AS text[]))
        AND (organization_id, channel) NOT IN (
            SELECT full_id, full_channel
            FROM unnest(CAST(:full_ids AS uuid[]), CAST(:full_channels AS text[])) AS f(full_id, full_channel)
        )
        ORDER BY next_attempt_at LIMIT :limit
        FOR UPDATE SKIP LOCKED
    ), judged AS (
        SELECT m.organization_id, m.id, ({_REMINDER_HOLDS}) AS holds
        FROM messages m JOIN due USING (organization_id, id)
    )
    UPDATE messages m SET
        status = CASE WHEN holds THEN 'claimed' ELSE 'suppressed' END,
        reason = CASE WHEN holds THEN NULL WHEN m.starts_at <= :now THEN 'too_late' ELSE 'no_longer_due' END,
        claim = CASE WHEN holds THEN CAST(:claim AS uuid) END,
        claimed_until = CASE WHEN holds THEN CAST(:now AS timestamptz) + CAST(:lease AS interval) END,
        waits = false,
        updated_at = :now,
        version = m.version + CASE WHEN holds THEN 0 ELSE 1 END
    FROM judged j
    WHERE j.organization_id = m.organization_id AND j.id = m.id
    RETURNING m.organization_id, m.id
    """
)

_LINE_IS_FREE = """
    m.channel <> 'voice' OR NOT EXISTS (
        SELECT 1 FROM messages o
        WHERE o.channel = 'voice' AND o.address = :address AND o.attempted_at IS NOT NULL
        AND o.attempted_at > CAST(:now AS timestamptz) - CAST(:longest_call AS interval)
        AND o.status IN ('claimed', 'sent') AND (o.organization_id, o.id) <> (m.organization_id, m.id)
    )
"""
_LOCK_LINE = text("SELECT pg_advisory_xact_lock(hashtextextended('call:' || :address, 0))")
_LONGEST_CALL = timedelta(minutes=10)
"""After this a call of which nothing was heard is over."""

_BEGIN = text(
    f"""
    UPDATE messages m SET
        attempted_at = :now,
        attempts = attempts + 1,
        recipient_name = :recipient_name,
        address = :address,
        asks = :asks,
        by_own_account = :by_own_account,
        sent_text = :sent_text,
        calendar_sequence = coalesce(CAST(:calendar_sequence AS int), m.calendar_sequence),
        segments = :segments,
        provider_id = NULL,
        claimed_until = CAST(:now AS timestamptz) + CAST(:lease AS interval),
        updated_at = :now
    WHERE m.organization_id = :organization_id AND m.id = :id
    AND m.status = 'claimed' AND m.claim = :claim AND m.attempted_at IS NULL AND m.claimed_until > :now
    AND ({_REMINDER_HOLDS})
    AND ({_LINE_IS_FREE})
    RETURNING 1
    """
)


_WORKER_DIED = "the worker ended while the content was being handed over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What came of a message; `next_attempt_at` with the status planned, `reason` with suppressed."""

    status: Status
    reason: str | None = None
    code: str | None = None
    detail: str | None = None
    provider_id: str | None = None
    segments: int | None = None
    cost_amount: Decimal | None = None
    cost_currency: str | None = None
    next_attempt_at: datetime | None = None
    due_at: datetime | None = None
    """Where it is due later than it was planned for."""
    waits: bool = False
    tried: bool = False
    """It was refused for the time being."""
    mail_line: str | None = None
    """Where it waits for its recipient's mail domain."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What one claim got: messages to send, and those that were no longer to be sent."""

    to_send: Sequence[Message]
    suppressed: Sequence[Message]
    unreadable: Sequence[tuple[UUID, UUID]] = ()
    """Rows (organization, id) that make no message although their kind and channel are known."""


class DeliveryStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def claim_due(
        self,
        *,
        now: datetime,
        claim: UUID,
        lease: timedelta,
        limit: int,
        but: Collection[Channel] = (),
        full: Collection[tuple[UUID, Channel]] = (),
    ) -> Claimed:
        """Claims what is due; reminders only if their appointment still stands as it did when they were planned.

        What is to go out on the channels `but`, or on a channel of an organization that is `full`, is left for later,
        and what this version does not know, kinds and channels, for one that does.
        """
        rows = await self._session.execute(
            CLAIM,
            {
                "now": now,
                "claim": claim,
                "lease": lease,
                "limit": limit,
                "kinds": sorted(Kind),
                "channels": sorted(frozenset(Channel).difference(but)),
                "full_ids": [organization_id for organization_id, _ in full],
                "full_channels": [channel for _, channel in full],
                "agreed": sorted(AGREED_STATUSES),
            },
        )
        keys = [(row.organization_id, row.id) for row in rows]
        if not keys:
            return Claimed([], [])
        rows = await self._session.execute(
            select(*COLUMNS)
            .where(tuple_(messages.c.organization_id, messages.c.id).in_(keys))
            .order_by(messages.c.next_attempt_at, messages.c.id)
        )
        claimed: list[Message] = []
        unreadable: list[tuple[UUID, UUID]] = []
        for row in rows:
            try:
                claimed.append(message_of(row))
            except ValueError:
                unreadable.append((row.organization_id, row.id))
        return Claimed(
            [message for message in claimed if message.status is Status.CLAIMED],
            [message for message in claimed if message.status is Status.SUPPRESSED],
            unreadable,
        )

    async def fail_unreadable(self, keys: Sequence[tuple[UUID, UUID]], *, now: datetime) -> None:
        """Takes rows out of the queue that make no message, so that they do not come back for ever."""
        await self._session.execute(
            update(messages)
            .where(
                tuple_(messages.c.organization_id, messages.c.id).in_(keys),
                messages.c.status.in_([Status.CLAIMED, Status.PLANNED]),
            )
            .values(
                status=Status.FAILED,
                code="unreadable",
                detail="the row makes no message that this version knows",
                claim=None,
                claimed_until=None,
                updated_at=now,
                version=messages.c.version + 1,
            )
        )

    async def count_unknown(self, *, due_before: datetime) -> int:
        """How many messages have been due since then that this version leaves for another, which has not come."""
        unclaimed = and_(messages.c.status == Status.PLANNED, messages.c.next_attempt_at <= due_before)
        abandoned = and_(messages.c.status == Status.CLAIMED, messages.c.claimed_until <= due_before)
        query = select(func.count()).select_from(messages).where(not_(IS_KNOWN), or_(unclaimed, abandoned))
        return int((await self._session.execute(query)).scalar_one())

    async def begin_attempt(
        self,
        message: Message,
        *,
        recipient_name: str,
        outgoing: Outgoing,
        lease: timedelta,
        now: datetime,
        by_own_account: bool = False,
    ) -> bool:
        """Records that the content is about to be handed over; False where that must not happen any more.

        Nor is a number called while another call to it is under way: that one is tried again when its claim runs out.
        """
        if message.channel is Channel.VOICE:
            await self._session.execute(_LOCK_LINE, {"address": outgoing.address})
        begun = await self._session.execute(
            _BEGIN,
            {
                "organization_id": message.organization_id,
                "id": message.id,
                "claim": message.claim,
                "recipient_name": recipient_name,
                "address": outgoing.address,
                "asks": outgoing.asks,
                "by_own_account": by_own_account,
                "sent_text": outgoing.text,
                "calendar_sequence": outgoing.calendar_sequence,
                "segments": outgoing.segments,
                "lease": lease,
                "now": now,
                "agreed": sorted(AGREED_STATUSES),
                "longest_call": _LONGEST_CALL,
            },
        )
        return begun.first() is not None

    async def settle(self, message: Message, settlement: Settlement, *, now: datetime) -> Message | None:
        """Records what came of a claimed message; None where somebody else has settled it meanwhile.

        A message that was given up as unknown while its answer was still under way is put right, whatever somebody
        has decided meanwhile, unless it is being sent again already.
        """
        values: dict[str, Any] = {
            "status": settlement.status,
            "reason": settlement.reason,
            "code": settlement.code,
            "detail": settlement.detail,
            "waits": settlement.waits,
            "mail_line": settlement.mail_line,
            "claim": None,
            "claimed_until": None,
            "updated_at": now,
            "tries": messages.c.tries + int(settlement.tried),
            "version": messages.c.version + int(settlement.status is not Status.PLANNED),
        }
        if settlement.next_attempt_at is not None:
            values |= {"next_attempt_at": settlement.next_attempt_at, "attempted_at": None}
        if settlement.due_at is not None:
            values["due_at"] = settlement.due_at
        if settlement.status is Status.SENT:
            values |= {
                "sent_at": now,
                "attempted_at": func.coalesce(messages.c.attempted_at, messages.c.decided_at),
                "provider_id": settlement.provider_id,
                "segments": func.coalesce(settlement.segments, messages.c.segments),
                "cost_amount": settlement.cost_amount,
                "cost_currency": settlement.cost_currency,
            }
        mine = (messages.c.status == Status.CLAIMED) & (messages.c.claim == message.claim)
        late = and_(
            messages.c.attempts == message.attempts + 1,
            or_(messages.c.status == Status.UNKNOWN, IS_ON_A_PERSONS_WORD, IS_TO_BE_SENT_AGAIN),
        )
        condition = or_(mine, late) if settlement.status is Status.SENT else mine
        rows = await self._session.execute(
            update(messages)
            .where(messages.c.organization_id == message.organization_id, messages.c.id == message.id, condition)
            .values(**values)
            .returning(*COLUMNS)
        )
        row = rows.first()
        return message_of(row) if row is not None else None

    async def put_spoken(self, message: Message, spoken: str) -> None:
        """Keeps what was said in truth, where that is not what the message was to say."""
        await self._session.execute(
            update(messages)
            .where(
                messages.c.organization_id == message.organization_id,
                messages.c.id == message.id,
                messages.c.sent_text.is_not(None),
            )
            .values(sent_text=spoken)
        )

    async def expired_claims(self, *, now: datetime, limit: int = 500) -> list[tuple[UUID, UUID]]:
        """Claims (organization, message) that have run out, those first that ran out first."""
        query = (
            select(messages.c.organization_id, messages.c.id)
            .where(messages.c.status == Status.CLAIMED, messages.c.claimed_until <= now, IS_KNOWN)
            .order_by(messages.c.claimed_until)
            .limit(limit)
        )
        return [(row.organization_id, row.id) for row in await self._session.execute(query)]

    async def recover(self, organization_id: UUID, message_id: UUID, *, now: datetime) -> Message | None:
        """Takes over a claim that has run out; None where somebody else has, or the message is settled.

        Without an attempt the message is planned again. With one its outcome is unknown.
        """
        is_handed_over = messages.c.attempted_at.is_not(None)
        changed = await self._session.execute(
            update(messages)
            .where(
                messages.c.organization_id == organization_id,
                messages.c.id == message_id,
                messages.c.status == Status.CLAIMED,
                messages.c.claimed_until <= now,
            )
            .values(
                claim=None,
                claimed_until=None,
                updated_at=now,
                status=case((is_handed_over, Status.UNKNOWN), else_=Status.PLANNED),
                next_attempt_at=case(
                    (is_handed_over, messages.c.next_attempt_at), else_=func.greatest(messages.c.due_at, now)
                ),
                code=case((is_handed_over, "worker_died"), else_=messages.c.code),
                detail=case((is_handed_over, _WORKER_DIED), else_=messages.c.detail),
                version=messages.c.version + case((is_handed_over, 1), else_=0),
            )
            .returning(*COLUMNS)
        )
        row = changed.first()
        return message_of(row) if row is not None else None
