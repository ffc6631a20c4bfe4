"""Messages that nobody could be sent, since their recipients had no address for them: what becomes of these when
one arrives.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, exists, false, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.channels import LANDLINE, NO_ADDRESS
from notifications.domain.messages import Audience, Channel, Kind, Message, Status
from notifications.storage.messages import COLUMNS, messages_of
from notifications.storage.tables import catalogue, clients, messages

_REPLANNED: Final = (Kind.REMINDER, Kind.STAFF_REMINDER)
"""What comes back by its plan, and never late."""
_LATE: Final = timedelta(minutes=10)
"""How long after a message was due an address still makes it go out."""


class UnaddressedStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def chains(self, client_keys: Collection[tuple[UUID, UUID]], *, now: datetime) -> set[tuple[UUID, str]]:
        """Chains (organization, calendar UID) with reminders ahead that these clients had no address for."""
        if not client_keys:
            return set()
        rows = await self._session.execute(
            select(messages.c.organization_id, messages.c.calendar_uid)
            .distinct()
            .where(
                tuple_(messages.c.organization_id, messages.c.client_id).in_(sorted(client_keys)),
                messages.c.kind == Kind.REMINDER,
                messages.c.status == Status.SUPPRESSED,
                messages.c.reason.in_([LANDLINE, NO_ADDRESS]),
                messages.c.due_at > now,
            )
        )
        return {(row.organization_id, row.calendar_uid) for row in rows}

    async def plan_again(
        self, *, clients: Collection[tuple[UUID, UUID]] = (), staff: Collection[tuple[UUID, UUID]] = (), now: datetime
    ) -> list[Message]:
        """Plans again what these clients, or members of staff (organization, resource), could not be sent a moment ago
        for want of an address, where they have one.

        The topics come in no order between them: whoever is given a number and written to at once may be written to
        before the number is known here.
        """
        again: list[Message] = []
        if clients:
            again += await self._plan_again(_is_to_client_with_address(sorted(clients)), now)
        if staff:
            again += await self._plan_again(_is_to_staff_with_address(sorted(staff)), now)
        return again

    async def _plan_again(self, is_reached: ColumnElement[bool], now: datetime) -> list[Message]:
        since = now - _LATE
        rows = await self._session.execute(
            update(messages)
            .where(
                is_reached,
                messages.c.status == Status.SUPPRESSED,
                messages.c.reason.in_([LANDLINE, NO_ADDRESS]),
                messages.c.kind.not_in(_REPLANNED),
                messages.c.attempted_at.is_(None),
                # By the index, and then by what no repetition moves on.
                messages.c.updated_at >= since,
                func.greatest(messages.c.created_at, messages.c.due_at) >= since,
            )
            .values(
                status=Status.PLANNED,
                reason=None,
                next_attempt_at=func.greatest(messages.c.due_at, now),
                updated_at=now,
                version=messages.c.version + 1,
            )
            .returning(*COLUMNS)
        )
        return messages_of(rows)


def _is_to_client_with_address(keys: Collection[tuple[UUID, UUID]]) -> ColumnElement[bool]:
    """Of these clients' messages; who was merged into another one has that one's addresses."""
    owner = clients.alias("owner")
    survivor = clients.alias("survivor")
    address = exists().where(
        owner.c.organization_id == messages.c.organization_id,
        owner.c.id == messages.c.client_id,
        survivor.c.organization_id == owner.c.organization_id,
        survivor.c.id == func.coalesce(owner.c.merged_into, owner.c.id),
        _reaches(survivor.c.email, survivor.c.phone),
    )
    key = tuple_(messages.c.organization_id, messages.c.client_id)
    return and_(messages.c.audience == Audience.CLIENT, key.in_(keys), address)


def _is_to_staff_with_address(keys: Collection[tuple[UUID, UUID]]) -> ColumnElement[bool]:
    address = exists().where(
        catalogue.c.organization_id == messages.c.organization_id,
        catalogue.c.kind == "resource",
        catalogue.c.id == messages.c.resource_id,
        _reaches(catalogue.c.email, catalogue.c.phone),
    )
    key = tuple_(messages.c.organization_id, messages.c.resource_id)
    return and_(messages.c.audience == Audience.STAFF, key.in_(keys), address)


def _reaches(email: ColumnElement[str | None], phone: ColumnElement[str | None]) -> ColumnElement[bool]:
    """Whether the message's channel has an address. Of browsers nothing comes over a topic."""
    return case(
        (messages.c.channel == Channel.EMAIL, email.is_not(None)),
        (messages.c.channel.in_([Channel.SMS, Channel.VOICE]), phone.is_not(None)),
        else_=false(),
    )
