"""Reminders to staff in the ledger: planned, moved and stopped as what their users have chosen says."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import and_, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.messages import Draft, Kind, Message, Status
from notifications.domain.staff_choices import NOT_PERMITTED, SWITCHED_OFF, UNASSIGNED
from notifications.domain.users import USER_DEACTIVATED
from notifications.storage.messages import COLUMNS, messages_of, planned_row
from notifications.storage.tables import messages

TOO_LATE: Final = "too_late"
_MAY_RETURN: Final = (
    "appointment_archived",
    "appointment_cancelled",
    "appointment_completed",
    "appointment_dismissed",
    "appointment_no_show",
    "moved",
    "no_address",
    NOT_PERMITTED,
    SWITCHED_OFF,
    TOO_LATE,
    UNASSIGNED,
    USER_DEACTIVATED,
)
"""Why one was suppressed that is planned again where it is asked for again, in time."""
_RENEWED: Final = (
    "status",
    "reason",
    "due_at",
    "next_attempt_at",
    "appointment_version",
    "client_id",
    "resource_id",
    "updated_at",
)
_CHUNK: Final = 400


class StaffReminderStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def plan(self, drafts: Sequence[Draft], *, now: datetime) -> list[Message]:
        """Plans each once, by its key; moves one that is due at another time now. Those that changed."""
        once = {(draft.organization_id, draft.key): draft for draft in drafts}
        rows = [planned_row(draft, now) for _, draft in sorted(once.items(), key=lambda item: item[0])]
        changed: list[Message] = []
        for start in range(0, len(rows), _CHUNK):
            statement = insert(messages).values(rows[start : start + _CHUNK])
            excluded = statement.excluded
            answer = await self._session.execute(
                statement.on_conflict_do_update(
                    index_elements=["organization_id", "key"],
                    set_={
                        **{name: excluded[name] for name in _RENEWED},
                        "waits": False,
                        "version": messages.c.version + 1,
                    },
                    where=and_(
                        messages.c.kind == Kind.STAFF_REMINDER,
                        messages.c.attempted_at.is_(None),
                        or_(
                            and_(messages.c.status == Status.PLANNED, messages.c.due_at != excluded.due_at),
                            and_(
                                messages.c.status == Status.SUPPRESSED,
                                messages.c.reason.in_(_MAY_RETURN),
                                excluded.due_at > now,
                            ),
                        ),
                    ),
                ).returning(*COLUMNS)
            )
            changed += messages_of(answer)
        return changed

    async def unsent_of(self, appointments: Collection[tuple[UUID, UUID]]) -> list[Message]:
        """Those about these appointments (organization, id) that have not been handed over."""
        query = select(*COLUMNS).where(
            tuple_(messages.c.organization_id, messages.c.appointment_id).in_(sorted(appointments)),
            messages.c.kind == Kind.STAFF_REMINDER,
            messages.c.status.in_([Status.PLANNED, Status.CLAIMED]),
            messages.c.attempted_at.is_(None),
        )
        return messages_of(await self._session.execute(query))

    async def calendars_of(self, calendars: Collection[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
        """Those of the calendars (organization, resource) that reminders are planned for."""
        if not calendars:
            return set()
        key = (messages.c.organization_id, messages.c.resource_id)
        query = (
            select(*key)
            .distinct()
            .where(
                tuple_(*key).in_(sorted(calendars)),
                messages.c.kind == Kind.STAFF_REMINDER,
                messages.c.status == Status.PLANNED,
            )
        )
        return {(row[0], row[1]) for row in await self._session.execute(query)}

    async def stop(self, message: Message, reason: str, *, now: datetime) -> list[Message]:
        """Unless it is being handed over just now."""
        values: dict[str, Any] = {
            "status": Status.SUPPRESSED,
            "reason": reason,
            "claim": None,
            "claimed_until": None,
            "waits": False,
            "updated_at": now,
            "version": messages.c.version + 1,
        }
        rows = await self._session.execute(
            update(messages)
            .where(
                messages.c.organization_id == message.organization_id,
                messages.c.id == message.id,
                messages.c.status.in_([Status.PLANNED, Status.CLAIMED]),
                messages.c.attempted_at.is_(None),
            )
            .values(**values)
            .returning(*COLUMNS)
        )
        return messages_of(rows)
