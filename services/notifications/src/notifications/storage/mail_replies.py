"""Which addresses clients were given to answer at, what they were told last, and what their calendars said last."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.mail_replies import CalendarReply, ReplyAddress, ReplyToken, ToldEntry
from notifications.domain.messages import OF_SERIES, Audience, Channel
from notifications.storage.tables import calendar_replies, inbound_messages, messages, reply_addresses, series


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenAddress:
    """Whose answers come to an address, and about which calendar entry."""

    token: ReplyToken
    client_id: UUID
    calendar_uid: str


class MailReplyStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def give(self, address: ReplyAddress, *, now: datetime) -> None:
        """Remembers that a mail names it."""
        statement = insert(reply_addresses).values(
            organization_id=address.organization_id,
            digest=address.digest,
            client_id=address.client_id,
            calendar_uid=address.calendar_uid,
            given_at=now,
        )
        await self._session.execute(
            statement.on_conflict_do_update(
                index_elements=["organization_id", "digest"], set_={"given_at": statement.excluded.given_at}
            )
        )

    async def find(self, token: ReplyToken) -> GivenAddress | None:
        """None for one that was never given, or whose client has been erased."""
        query = select(reply_addresses.c.client_id, reply_addresses.c.calendar_uid).where(
            reply_addresses.c.organization_id == token.organization_id, reply_addresses.c.digest == token.digest
        )
        row = (await self._session.execute(query)).first()
        return None if row is None else GivenAddress(token=token, client_id=row[0], calendar_uid=row[1])

    async def is_newer(self, given: GivenAddress, reply: CalendarReply, *, now: datetime) -> bool:
        """Keeps a calendar's answer; False where it is no newer than the last one of that date (RFC 5546 §2.1.5)."""
        statement = insert(calendar_replies).values(
            organization_id=given.token.organization_id,
            digest=given.token.digest,
            recurs_at=reply.recurs_at.isoformat() if reply.recurs_at is not None else "",
            sequence=reply.sequence,
            stamped_at=reply.stamped_at or now,
            received_at=now,
        )
        excluded = statement.excluded
        kept = await self._session.execute(
            statement.on_conflict_do_update(
                index_elements=["organization_id", "digest", "recurs_at"],
                set_={name: excluded[name] for name in ("sequence", "stamped_at", "received_at")},
                where=tuple_(calendar_replies.c.sequence, calendar_replies.c.stamped_at)
                < tuple_(excluded.sequence, excluded.stamped_at),
            ).returning(calendar_replies.c.digest)
        )
        return kept.first() is not None

    async def series_told_as(self, given: GivenAddress) -> UUID | None:
        """The series whose calendar entry it is; None where it is a single appointment's."""
        query = (
            select(series.c.id)
            .join(messages, _OF_SERIES)
            .where(*_to_client(given), series.c.calendar_uid == given.calendar_uid)
            .limit(1)
        )
        series_id: UUID | None = (await self._session.execute(query)).scalar()
        return series_id

    async def told_last(self, given: GivenAddress, about: ColumnElement[bool]) -> ToldEntry | None:
        """The newest invitation that was handed over to the client, of those `about` something."""
        query = (
            select(messages.c.id, messages.c.appointment_id, messages.c.starts_at, messages.c.calendar_sequence)
            .where(*_to_client(given), messages.c.calendar_sequence.is_not(None), about)
            .order_by(messages.c.calendar_sequence.desc(), messages.c.attempted_at.desc())
            .limit(1)
        )
        row = (await self._session.execute(query)).first()
        if row is None:
            return None
        return ToldEntry(message_id=row[0], appointment_id=row[1], starts_at=row[2], sequence=row[3])

    async def told_of_chain(self, given: GivenAddress) -> ToldEntry | None:
        return await self.told_last(given, _of_chain(given.calendar_uid))

    async def told_of_date(self, given: GivenAddress, series_id: UUID, calendar_uid: str) -> ToldEntry | None:
        """Of one date of a series: by a message about all of it, or about that date's chain."""
        is_of_all = messages.c.kind.in_(sorted(OF_SERIES))
        about = and_(messages.c.series_id == series_id, or_(is_of_all, _of_chain(calendar_uid)))
        return await self.told_last(given, about)

    async def written_about(self, given: GivenAddress) -> tuple[UUID, UUID] | None:
        """The newest message to the client about the entry (id, appointment), with an invitation or without one."""
        query = (
            select(messages.c.id, messages.c.appointment_id)
            .outerjoin(series, _OF_SERIES)
            .where(*_to_client(given), or_(_of_chain(given.calendar_uid), series.c.calendar_uid == given.calendar_uid))
            .order_by(messages.c.attempted_at.desc())
            .limit(1)
        )
        row = (await self._session.execute(query)).first()
        return None if row is None else (row[0], row[1])

    async def count_received(self, organization_id: UUID, client_id: UUID, *, since: datetime) -> int:
        """How many mails of a client are kept since then."""
        query = select(func.count()).where(
            inbound_messages.c.organization_id == organization_id,
            inbound_messages.c.client_id == client_id,
            inbound_messages.c.channel == Channel.EMAIL,
            inbound_messages.c.received_at > since,
        )
        return int((await self._session.execute(query)).scalar_one())

    async def forget_clients(self, keys: Collection[tuple[UUID, UUID]]) -> None:
        """Takes the addresses of erased clients (organization, id) back, with what their calendars said."""
        if not keys:
            return
        theirs = tuple_(reply_addresses.c.organization_id, reply_addresses.c.client_id).in_(sorted(keys))
        gone = await self._session.execute(
            delete(reply_addresses).where(theirs).returning(reply_addresses.c.organization_id, reply_addresses.c.digest)
        )
        digests = sorted((row[0], row[1]) for row in gone)
        if digests:
            said = tuple_(calendar_replies.c.organization_id, calendar_replies.c.digest).in_(digests)
            await self._session.execute(delete(calendar_replies).where(said))


_OF_SERIES: Final = and_(messages.c.organization_id == series.c.organization_id, messages.c.series_id == series.c.id)


def _of_chain(calendar_uid: str) -> ColumnElement[bool]:
    return messages.c.calendar_uid == calendar_uid


def _to_client(given: GivenAddress) -> list[ColumnElement[bool]]:
    return [
        messages.c.organization_id == given.token.organization_id,
        messages.c.client_id == given.client_id,
        messages.c.audience == Audience.CLIENT,
        messages.c.channel == Channel.EMAIL,
        messages.c.attempted_at.is_not(None),
    ]
