"""Agendas in the ledger: one that is planned for each user, and those that have been told."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.messages import Draft, Kind, Message, Status
from notifications.domain.users import USER_DEACTIVATED
from notifications.storage.messages import COLUMNS, FORGOTTEN, message_of, messages_of, planned_row
from notifications.storage.tables import messages
from notifications.storage.users import UserKey

MOVED: Final = "moved"
SWITCHED_OFF: Final = "switched_off"
NO_CALENDAR: Final = "no_calendar"
EMPTY: Final = "agenda_empty"
_MAY_RETURN: Final = (EMPTY, MOVED, NO_CALENDAR, SWITCHED_OFF, USER_DEACTIVATED)
"""Why an agenda was suppressed that comes back where it is asked for again at an hour that is still to come."""
_STOPPED: Final[dict[str, Any]] = {
    "status": Status.SUPPRESSED,
    "claim": None,
    "claimed_until": None,
    "waits": False,
    "version": messages.c.version + 1,
}


class AgendaStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def known(self, organization_id: UUID, keys: Sequence[str]) -> dict[str, Message]:
        """Those of the messages with these keys that there are."""
        query = select(*COLUMNS).where(messages.c.organization_id == organization_id, messages.c.key.in_(keys))
        return {message.key: message for message in messages_of(await self._session.execute(query))}

    async def plan(self, draft: Draft, *, now: datetime) -> Message | None:
        """Plans it, or again where it was stopped or is to come at another time; None where it has been told."""
        statement = insert(messages).values(planned_row(draft, now))
        renewed = ("status", "reason", "due_at", "next_attempt_at", "starts_at", "updated_at")
        rows = await self._session.execute(
            statement.on_conflict_do_update(
                index_elements=["organization_id", "key"],
                set_={
                    **{name: statement.excluded[name] for name in renewed},
                    "version": messages.c.version + 1,
                },
                where=or_(
                    messages.c.status == Status.PLANNED,
                    (messages.c.status == Status.SUPPRESSED) & messages.c.reason.in_(_MAY_RETURN),
                )
                & messages.c.attempted_at.is_(None),
            ).returning(*COLUMNS)
        )
        row = rows.first()
        return message_of(row) if row is not None else None

    async def stop(
        self, organization_id: UUID, user_id: str, reason: str, *, now: datetime, but: str | None = None
    ) -> list[Message]:
        """Stops a user's agendas that are planned, but for the one with the key `but`.

        With it only those that are not due yet. What is being claimed just now is left to whoever claims it.
        """
        waiting = (
            select(messages.c.id)
            .where(
                messages.c.organization_id == organization_id,
                messages.c.user_id == user_id,
                messages.c.kind == Kind.AGENDA,
                messages.c.status == Status.PLANNED,
                *([messages.c.key != but, messages.c.due_at > now] if but is not None else []),
            )
            .with_for_update(skip_locked=True)
        )
        rows = await self._session.execute(
            update(messages)
            .where(messages.c.organization_id == organization_id, messages.c.id.in_(waiting))
            .values(**_STOPPED, reason=reason, updated_at=now)
            .returning(*COLUMNS)
        )
        return messages_of(rows)

    async def next_of(self, organization_id: UUID, user_id: str) -> datetime | None:
        """When the agenda is due that is planned for this user; None where there is none."""
        query = select(func.min(messages.c.due_at)).where(
            messages.c.organization_id == organization_id,
            messages.c.user_id == user_id,
            messages.c.kind == Kind.AGENDA,
            messages.c.status == Status.PLANNED,
        )
        due_at: datetime | None = (await self._session.execute(query)).scalar()
        return due_at

    async def stop_users(self, users: Collection[UserKey], reason: str, *, now: datetime) -> list[Message]:
        """Stops what is to be sent to these users and is not being handed over."""
        rows = await self._session.execute(
            update(messages)
            .where(
                tuple_(messages.c.organization_id, messages.c.user_id).in_(sorted(users)),
                messages.c.status.in_([Status.PLANNED, Status.CLAIMED]),
                messages.c.attempted_at.is_(None),
            )
            .values(**_STOPPED, reason=reason, updated_at=now)
            .returning(*COLUMNS)
        )
        return messages_of(rows)

    async def forget_users(self, users: Collection[UserKey]) -> None:
        """Takes the names and addresses of removed users out of their agendas."""
        await self._session.execute(
            update(messages)
            .where(tuple_(messages.c.organization_id, messages.c.user_id).in_(sorted(users)))
            .values(**FORGOTTEN)
        )
