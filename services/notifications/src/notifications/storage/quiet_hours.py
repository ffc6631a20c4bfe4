"""Quiet hours of organizations, and the messages that wait for their end."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, delete, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.leads import Lead
from notifications.domain.messages import Audience, Channel, Kind, Message, Status
from notifications.domain.quiet_hours import QUIET_HOURS, ChannelQuietHours, QuietHours
from notifications.storage.messages import COLUMNS, messages_of
from notifications.storage.tables import messages, quiet_hours, reminders


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedReminder:
    """A reminder to a client, and how long before the start it is wanted."""

    organization_id: UUID
    id: UUID
    appointment_id: UUID
    client_id: UUID | None
    channel: Channel
    starts_at: datetime
    due_at: datetime
    lead: Lead


_REMINDER_FIELDS = tuple(field.name for field in fields(PlannedReminder) if field.name != "lead")


class QuietHoursStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of_organizations(self, organization_ids: Collection[UUID]) -> dict[tuple[UUID, Channel], QuietHours]:
        if not organization_ids:
            return {}
        query = select(quiet_hours).where(quiet_hours.c.organization_id.in_(sorted(set(organization_ids))))
        rows = await self._session.execute(query)
        return {(row.organization_id, Channel(row.channel)): _hours_of(row) for row in rows}

    async def all_of(self, organization_id: UUID) -> dict[Channel, ChannelQuietHours]:
        query = select(quiet_hours).where(quiet_hours.c.organization_id == organization_id)
        rows = await self._session.execute(query)
        return {
            channel: ChannelQuietHours(channel=channel, hours=_hours_of(row), version=row.version)
            for row in rows
            if (channel := Channel(row.channel))
        }

    async def put(self, organization_id: UUID, own: ChannelQuietHours, *, replaces: int) -> bool:
        """Stores `own` in place of version `replaces` (0: none yet); False where that is not the current one."""
        values = {
            "organization_id": organization_id,
            "channel": own.channel,
            "begins": own.hours.begins,
            "ends": own.hours.ends,
            "version": own.version,
        }
        statement = insert(quiet_hours).values(values)
        stored = await self._session.execute(
            statement.on_conflict_do_update(
                index_elements=["organization_id", "channel"],
                set_={name: statement.excluded[name] for name in ("begins", "ends", "version")},
                where=quiet_hours.c.version == replaces,
            ).returning(quiet_hours.c.channel)
        )
        return stored.first() is not None

    async def remove(self, organization_id: UUID, channel: Channel, *, version: int) -> bool:
        """False where `version` is not the current one."""
        gone = await self._session.execute(
            delete(quiet_hours)
            .where(
                quiet_hours.c.organization_id == organization_id,
                quiet_hours.c.channel == channel,
                quiet_hours.c.version == version,
            )
            .returning(quiet_hours.c.channel)
        )
        return gone.first() is not None

    async def held(
        self, organization_id: UUID, channel: Channel, *, after: UUID | None, now: datetime, limit: int
    ) -> list[UUID]:
        """The next messages by id that wait for the end of quiet hours."""
        query = select(messages.c.id).where(
            messages.c.organization_id == organization_id,
            messages.c.status == Status.PLANNED,
            messages.c.channel == channel,
            messages.c.code == QUIET_HOURS,
            messages.c.next_attempt_at > now,
        )
        if after is not None:
            query = query.where(messages.c.id > after)
        return list((await self._session.execute(query.order_by(messages.c.id).limit(limit))).scalars())

    async def release(self, organization_id: UUID, due: Mapping[UUID, datetime]) -> None:
        """Has these judged anew at these times, as far as they still wait."""
        for message_id, due_at in sorted(due.items()):
            await self._session.execute(
                update(messages)
                .where(
                    messages.c.organization_id == organization_id,
                    messages.c.id == message_id,
                    messages.c.status == Status.PLANNED,
                    messages.c.code == QUIET_HOURS,
                    messages.c.next_attempt_at > due_at,
                )
                .values(next_attempt_at=due_at, due_at=due_at)
            )

    async def release_clients(self, clients: Collection[tuple[UUID, UUID]], *, now: datetime) -> bool:
        """Has what waits for the end of these clients' quiet hours judged anew; whether there is any."""
        woken = await self._session.execute(
            update(messages)
            .where(
                _of_clients(clients),
                messages.c.status == Status.PLANNED,
                messages.c.code == QUIET_HOURS,
                messages.c.next_attempt_at > now,
            )
            .values(next_attempt_at=now, due_at=now)
            .returning(text("1"))
        )
        return woken.first() is not None

    async def chains_of_clients(self, clients: Collection[tuple[UUID, UUID]]) -> set[tuple[UUID, str]]:
        """The chains (organization, calendar UID) of which these clients are to be reminded."""
        rows = await self._session.execute(
            select(messages.c.organization_id, messages.c.calendar_uid)
            .distinct()
            .where(_of_clients(clients), messages.c.kind == Kind.REMINDER, messages.c.status == Status.PLANNED)
        )
        return {(row.organization_id, row.calendar_uid) for row in rows}

    async def planned_reminders(
        self, appointments: Collection[tuple[UUID, UUID]], channel: Channel | None, *, now: datetime
    ) -> list[PlannedReminder]:
        """Those to clients about these appointments (organization, id) that can be moved: none that is due already, is
        tried again or waits for something, and no calls.
        """
        key = (messages.c.organization_id, messages.c.appointment_id)
        query = (
            select(*(messages.c[name] for name in _REMINDER_FIELDS), reminders.c.minutes_before, reminders.c.by_clock)
            .join(
                reminders,
                (reminders.c.organization_id == messages.c.organization_id)
                & (reminders.c.id == messages.c.reminder_id),
            )
            .where(
                tuple_(*key).in_(sorted(appointments)),
                messages.c.kind == Kind.REMINDER,
                messages.c.audience == Audience.CLIENT,
                messages.c.channel != Channel.VOICE,
                messages.c.status == Status.PLANNED,
                messages.c.attempted_at.is_(None),
                messages.c.code.is_(None),
                messages.c.next_attempt_at == messages.c.due_at,
                messages.c.due_at > now,
            )
        )
        if channel is not None:
            query = query.where(messages.c.channel == channel)
        return [_reminder_of(row) for row in await self._session.execute(query)]

    async def move(self, due: Mapping[PlannedReminder, datetime], *, now: datetime) -> list[Message]:
        """Has these due at these times, unless somebody has taken them meanwhile."""
        moved: list[Message] = []
        for reminder, due_at in due.items():
            rows = await self._session.execute(
                update(messages)
                .where(
                    messages.c.organization_id == reminder.organization_id,
                    messages.c.id == reminder.id,
                    messages.c.status == Status.PLANNED,
                    messages.c.attempted_at.is_(None),
                    messages.c.due_at == reminder.due_at,
                )
                .values(due_at=due_at, next_attempt_at=due_at, updated_at=now, version=messages.c.version + 1)
                .returning(*COLUMNS)
            )
            moved += messages_of(rows)
        return moved


def _of_clients(keys: Collection[tuple[UUID, UUID]]) -> ColumnElement[bool]:
    key = tuple_(messages.c.organization_id, messages.c.client_id)
    return and_(key.in_(sorted(keys)), messages.c.audience == Audience.CLIENT)


def _reminder_of(row: Any) -> PlannedReminder:
    values = {name: getattr(row, name) for name in _REMINDER_FIELDS}
    lead = Lead.of(row.minutes_before, by_clock=row.by_clock)
    return PlannedReminder(**{**values, "channel": Channel(row.channel), "lead": lead})


def _hours_of(row: Row[Any]) -> QuietHours:
    return QuietHours(begins=row.begins, ends=row.ends)
