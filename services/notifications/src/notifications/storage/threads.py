"""What was mailed first of an appointment: what later mails about it refer to."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import FromClause, and_, or_, select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.messages import Audience, Channel, Kind, Message, Status
from notifications.storage.messages import COLUMNS, message_of
from notifications.storage.tables import appointments, messages

_MINE: Final = messages.alias("mine")
_FIRST: Final = messages.alias("first")
_IS_TO_THE_SAME: Final = and_(
    _FIRST.c.organization_id == _MINE.c.organization_id,
    _FIRST.c.audience == _MINE.c.audience,
    _FIRST.c.resource_id.is_not_distinct_from(_MINE.c.resource_id),
    _FIRST.c.user_id.is_not_distinct_from(_MINE.c.user_id),
    # Whom an appointment of theirs is for may be corrected: to staff it is the same one.
    or_(_MINE.c.audience == Audience.STAFF, _FIRST.c.client_id == _MINE.c.client_id),
)
_IN_THE_CHAIN: Final = _MINE.join(
    appointments,
    and_(
        appointments.c.organization_id == _MINE.c.organization_id,
        appointments.c.calendar_uid == _MINE.c.calendar_uid,
    ),
).join(_FIRST, and_(_IS_TO_THE_SAME, _FIRST.c.appointment_id == appointments.c.id))
_IN_THE_SERIES: Final = _MINE.join(
    _FIRST,
    and_(_IS_TO_THE_SAME, _FIRST.c.client_id == _MINE.c.client_id, _FIRST.c.series_id == _MINE.c.series_id),
)

FirstMails = Mapping[tuple[UUID, UUID], Mapping[str, Message]]


class ThreadStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def first_mails(self, mails: Sequence[Message]) -> FirstMails:
        """By organization and id, of these mails: the first that went to the same recipient about the same chain of
        appointments, or the same series of the client; by the address that it went to.
        """
        found = await self._firsts(_IN_THE_CHAIN, [mail for mail in mails if mail.series_id is None])
        return {**found, **await self._firsts(_IN_THE_SERIES, [mail for mail in mails if mail.series_id is not None])}

    async def _firsts(self, joined: FromClause, mails: Sequence[Message]) -> FirstMails:
        firsts: defaultdict[tuple[UUID, UUID], dict[str, Message]] = defaultdict(dict)
        if not mails:
            return firsts
        key = (_MINE.c.organization_id, _MINE.c.id)
        columns = (*(_FIRST.c[column.name] for column in COLUMNS), _MINE.c.id.label("mine_id"))
        rows = await self._session.execute(
            select(*columns)
            .select_from(joined)
            .where(
                tuple_(*key).in_(sorted((mail.organization_id, mail.id) for mail in mails)),
                _FIRST.c.id != _MINE.c.id,
                _FIRST.c.channel == Channel.EMAIL,
                _FIRST.c.kind.in_(sorted(Kind)),
                _FIRST.c.status.in_([Status.SENT, Status.DELIVERED]),
                _FIRST.c.address.is_not(None),
            )
            .ext(distinct_on(*key, _FIRST.c.address))
            .order_by(*key, _FIRST.c.address, _FIRST.c.attempted_at, _FIRST.c.id)
        )
        for row in rows:
            firsts[row.organization_id, row.mine_id][row.address] = message_of(row)
        return firsts
