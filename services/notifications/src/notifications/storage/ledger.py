"""Reading the ledger: its rows by what narrows them, and how many there are in which state."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.messages import Channel, Kind, Message, Status
from notifications.storage.messages import COLUMNS, IS_KNOWN, messages_of
from notifications.storage.tables import messages


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFilter:
    """`due_from` and `due_to` are of the message, `starts_from` is of its appointment."""

    appointment_ids: Sequence[UUID] = ()
    client_ids: Sequence[UUID] = ()
    order_ids: Sequence[UUID] = ()
    statuses: Sequence[Status] = ()
    kinds: Sequence[Kind] = ()
    channels: Sequence[Channel] = ()
    due_from: datetime | None = None
    due_to: datetime | None = None
    starts_from: datetime | None = None


class Ledger:
    def __init__(self, session: AsyncSession, organization_id: UUID) -> None:
        self._session = session
        self._organization_id = organization_id

    async def page(self, wanted: MessageFilter, *, after: UUID | None, limit: int) -> Sequence[Message]:
        """Newest first, by id, which rises with the time of planning."""
        query = select(*COLUMNS).where(*self._conditions(wanted))
        if after is not None:
            query = query.where(messages.c.id < after)
        rows = await self._session.execute(query.order_by(messages.c.id.desc()).limit(limit))
        return messages_of(rows)

    async def counts(self, wanted: MessageFilter) -> Mapping[Status, int]:
        status = messages.c.status
        query = select(status, func.count()).where(*self._conditions(wanted)).group_by(status)
        return {Status(state): count for state, count in await self._session.execute(query)}

    async def counts_by_appointment(self, wanted: MessageFilter) -> Mapping[UUID, Mapping[Status, int]]:
        """Of the appointments that have any."""
        of = (messages.c.appointment_id, messages.c.status)
        query = select(*of, func.count()).where(*self._conditions(wanted)).group_by(*of)
        counts: defaultdict[UUID, dict[Status, int]] = defaultdict(dict)
        for appointment_id, status, count in await self._session.execute(query):
            counts[appointment_id][Status(status)] = count
        return counts

    def _conditions(self, wanted: MessageFilter) -> list[ColumnElement[bool]]:
        conditions: list[ColumnElement[bool]] = [messages.c.organization_id == self._organization_id, IS_KNOWN]
        for column, values in (
            (messages.c.appointment_id, wanted.appointment_ids),
            (messages.c.client_id, wanted.client_ids),
            (messages.c.order_id, wanted.order_ids),
            (messages.c.status, wanted.statuses),
            (messages.c.kind, wanted.kinds),
            (messages.c.channel, wanted.channels),
        ):
            if values:
                conditions.append(column.in_(list(values)))
        if wanted.due_from is not None:
            conditions.append(messages.c.due_at >= wanted.due_from)
        if wanted.due_to is not None:
            conditions.append(messages.c.due_at < wanted.due_to)
        if wanted.starts_from is not None:
            conditions.append(messages.c.starts_at >= wanted.starts_from)
        return conditions
