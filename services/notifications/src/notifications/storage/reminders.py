"""Default reminder rules, and the reminders that a chain of appointments has."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import ColumnElement, Row, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.leads import Lead
from notifications.domain.messages import Channel
from notifications.domain.reminders import Reminder, ReminderRule
from notifications.storage.rules import RuleStore, common_values
from notifications.storage.tables import reminder_rules, reminders
from slotstream_servicekit.errors import NotFoundError

_ONE_OF_A_KIND = "reminder_rules_once_idx"


class ReminderRuleStore(RuleStore[ReminderRule]):
    table = reminder_rules
    noun = "reminder rule"

    async def replace(self, rule: ReminderRule, *, archived: bool = False) -> bool:
        """Whether it was changed; False where another rule of the same level, channel and time was just made."""
        try:
            async with self._session.begin_nested():
                await self._session.execute(self._replacing(rule, archived=archived))
        except IntegrityError as error:
            if _ONE_OF_A_KIND not in str(error.orig):
                raise
            return False
        return True

    def _alike(self, rule: ReminderRule) -> tuple[ColumnElement[bool], ...]:
        """On the same channel at the same time."""
        columns = reminder_rules.c
        return (
            columns.channel == rule.channel,
            columns.minutes_before == rule.lead.minutes,
            columns.by_clock == rule.lead.by_clock,
        )

    def _rule_of(self, row: Row[Any]) -> ReminderRule:
        return ReminderRule(
            organization_id=row.organization_id,
            id=row.id,
            business_id=row.business_id,
            service_id=row.service_id,
            channel=Channel(row.channel),
            lead=Lead.of(row.minutes_before, by_clock=row.by_clock),
            template_id=row.template_id,
            enabled=row.enabled,
            created_at=row.created_at,
            updated_at=row.updated_at,
            version=row.version,
        )

    def _values(self, rule: ReminderRule) -> dict[str, Any]:
        return common_values(rule) | {"minutes_before": rule.lead.minutes, "by_clock": rule.lead.by_clock}


class ReminderStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of_chains(self, chains: Collection[tuple[UUID, str]]) -> list[Reminder]:
        """The reminders of the chains (organization, calendar UID), without those that were removed."""
        matches = tuple_(reminders.c.organization_id, reminders.c.calendar_uid).in_(sorted(set(chains)))
        rows = await self._session.execute(select(reminders).where(matches, ~reminders.c.removed))
        return [_reminder_of(row) for row in rows]

    async def leads(self, organization_id: UUID, reminder_ids: Collection[UUID]) -> dict[UUID, Lead]:
        """How long before they are wanted, of those that are known, removed ones among them."""
        query = select(reminders.c.id, reminders.c.minutes_before, reminders.c.by_clock).where(
            reminders.c.organization_id == organization_id, reminders.c.id.in_(sorted(reminder_ids))
        )
        rows = await self._session.execute(query)
        return {row.id: Lead.of(row.minutes_before, by_clock=row.by_clock) for row in rows}

    async def apply_rules(
        self, applied: Collection[tuple[str, ReminderRule]], *, now: datetime, asked_at: datetime | None = None
    ) -> None:
        """Gives chains (by calendar UID) their default reminders, each rule once and for all.

        `asked_at`: when that was asked for, of chains that stood already.
        """
        rows = [
            _reminder_values(
                Reminder(
                    organization_id=rule.organization_id,
                    id=reminder_id(rule, calendar_uid),
                    calendar_uid=calendar_uid,
                    rule_id=rule.id,
                    channel=rule.channel,
                    lead=rule.lead,
                    template_id=rule.template_id,
                    asked_at=asked_at,
                ),
                now,
            )
            for calendar_uid, rule in applied
        ]
        for start in range(0, len(rows), 1_000):
            await self._session.execute(insert(reminders).values(rows[start : start + 1_000]).on_conflict_do_nothing())

    async def add(self, reminder: Reminder, *, now: datetime) -> bool:
        statement = insert(reminders).values(_reminder_values(reminder, now)).on_conflict_do_nothing()
        return (await self._session.execute(statement.returning(reminders.c.id))).first() is not None

    async def same_as(self, reminder: Reminder) -> UUID | None:
        """Another reminder of the chain on the same channel at the same time."""
        query = select(reminders.c.id).where(
            reminders.c.organization_id == reminder.organization_id,
            reminders.c.calendar_uid == reminder.calendar_uid,
            reminders.c.channel == reminder.channel,
            reminders.c.minutes_before == reminder.lead.minutes,
            reminders.c.by_clock == reminder.lead.by_clock,
            reminders.c.id != reminder.id,
            ~reminders.c.removed,
        )
        return (await self._session.execute(query)).scalar()

    async def remove(self, organization_id: UUID, calendar_uid: str, reminder_id: UUID) -> None:
        rows = await self._session.execute(
            update(reminders)
            .where(
                reminders.c.organization_id == organization_id,
                reminders.c.calendar_uid == calendar_uid,
                reminders.c.id == reminder_id,
            )
            .values(removed=True)
            .returning(reminders.c.id)
        )
        if rows.first() is None:
            raise NotFoundError(f"The appointment has no reminder {reminder_id}")


def reminder_id(rule: ReminderRule, calendar_uid: str) -> UUID:
    """Of the reminder that the rule gives to a chain: the same whenever it is given."""
    return uuid5(rule.id, calendar_uid)


def _reminder_of(row: Row[Any]) -> Reminder:
    return Reminder(
        organization_id=row.organization_id,
        id=row.id,
        calendar_uid=row.calendar_uid,
        rule_id=row.rule_id,
        channel=Channel(row.channel),
        lead=Lead.of(row.minutes_before, by_clock=row.by_clock),
        template_id=row.template_id,
        asked_at=row.asked_at,
    )


def _reminder_values(reminder: Reminder, now: datetime) -> dict[str, Any]:
    return {
        "organization_id": reminder.organization_id,
        "id": reminder.id,
        "calendar_uid": reminder.calendar_uid,
        "rule_id": reminder.rule_id,
        "channel": reminder.channel,
        "minutes_before": reminder.lead.minutes,
        "by_clock": reminder.lead.by_clock,
        "template_id": reminder.template_id,
        "created_at": now,
        "asked_at": reminder.asked_at,
    }
