"""What was told before: what messages that are due are judged by."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, or_, select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.messages import Audience, Decision, Kind, Message, Status
from notifications.storage.tables import appointments, messages

_TELL_NO_TIME = (Kind.AD_HOC, Kind.ANSWER_REFUSED, Kind.FOLLOW_UP, Kind.SLOT_OFFERED, Kind.WITHDRAWN)


class MessageHistoryStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def told(self, keys: Collection[tuple[UUID, UUID, UUID]]) -> frozenset[tuple[UUID, UUID, UUID]]:
        """Of these organizations, appointments and clients: those where something was handed over to the client."""
        columns = (messages.c.organization_id, messages.c.appointment_id, messages.c.client_id)
        rows = await self._session.execute(
            select(*columns)
            .where(
                tuple_(*columns).in_(keys),
                messages.c.audience == Audience.CLIENT,
                messages.c.kind != Kind.WITHDRAWN,
                # What is to be sent again may have gone out before.
                or_(messages.c.attempted_at.is_not(None), messages.c.decision == Decision.SEND_AGAIN),
            )
            .distinct()
        )
        return frozenset((row[0], row[1], row[2]) for row in rows)

    async def repeated(self, batch: Collection[Message]) -> frozenset[tuple[UUID, UUID]]:
        """Of these reminders, by organization and id: those that come at the same instant as another one of the same
        appointment, on the same channel and to the same client, which was sent already or goes before them.
        """
        other = messages.alias("other")
        rows = await self._session.execute(
            select(messages.c.organization_id, messages.c.id)
            .join(
                other,
                and_(
                    *(
                        other.c[name] == messages.c[name]
                        for name in ("organization_id", "appointment_id", "client_id", "channel", "kind", "due_at")
                    ),
                    other.c.id != messages.c.id,
                ),
            )
            .where(
                tuple_(messages.c.organization_id, messages.c.id).in_(
                    sorted((message.organization_id, message.id) for message in batch)
                ),
                other.c.status != Status.SUPPRESSED,
                or_(
                    other.c.attempted_at.is_not(None),
                    tuple_(other.c.created_at, other.c.id) < tuple_(messages.c.created_at, messages.c.id),
                ),
            )
            .distinct()
        )
        return frozenset((row.organization_id, row.id) for row in rows)

    async def last_told(self, keys: Collection[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], datetime]:
        """Of messages about a rescheduling (organization, id): the start that its client was told of last before.

        Only of what came before it in the chain: another channel may have told of the same change already.
        """
        mine, told = messages.alias("mine"), messages.alias("told")
        chain = and_(
            appointments.c.organization_id == mine.c.organization_id,
            appointments.c.calendar_uid == mine.c.calendar_uid,
            appointments.c.id != mine.c.appointment_id,
        )
        of_it = and_(
            told.c.organization_id == appointments.c.organization_id,
            told.c.appointment_id == appointments.c.id,
            told.c.client_id == mine.c.client_id,
        )
        key = (mine.c.organization_id, mine.c.id)
        rows = await self._session.execute(
            select(*key, told.c.starts_at)
            .select_from(mine.join(appointments, chain).join(told, of_it))
            .where(
                tuple_(*key).in_(keys),
                told.c.audience == Audience.CLIENT,
                told.c.kind.not_in(_TELL_NO_TIME),
                told.c.attempted_at.is_not(None),
                told.c.status != Status.FAILED,
            )
            .ext(distinct_on(*key))
            .order_by(*key, told.c.attempted_at.desc(), told.c.id.desc())
        )
        return {(row[0], row[1]): row[2] for row in rows}
