"""How far default reminders have been given to appointments that stood already, and which of these come next.

An appointment whose reminders somebody has edited, by adding one or taking one away, is left as it is; so is one that
has the same reminder.
"""

from collections.abc import Collection
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, exists, func, literal, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.appointments import ACTIVE_STATUSES, Appointment
from notifications.domain.reminders import ReminderRule
from notifications.domain.rule_applications import (
    ApplicationStatus,
    RuleApplication,
    RuleOutcomes,
    RuleReach,
    RuleScope,
)
from notifications.storage.appointments import COLUMNS, appointment_of
from notifications.storage.tables import appointments, reminders, rule_applications

_COUNTS = tuple(field.name for field in fields(RuleOutcomes))


class RuleApplicationStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, organization_id: UUID, rule_id: UUID) -> RuleApplication | None:
        query = select(rule_applications).where(
            rule_applications.c.organization_id == organization_id, rule_applications.c.rule_id == rule_id
        )
        row = (await self._session.execute(query)).first()
        return _application_of(row) if row is not None else None

    async def put(self, application: RuleApplication) -> None:
        """In place of what is known of the rule."""
        values = _values(application)
        await self._session.execute(
            insert(rule_applications)
            .values(values)
            .on_conflict_do_update(index_elements=["organization_id", "rule_id"], set_=values)
        )

    async def reach(self, rule: ReminderRule, scope: RuleScope, *, now: datetime) -> RuleReach:
        is_edited, has_it = _is_edited(scope), _has_it(rule)
        query = select(
            func.count().filter(~is_edited, ~has_it).label("appointments"),
            func.count().filter(~is_edited, has_it).label("have_it"),
            func.count().filter(is_edited).label("edited"),
        ).where(*_ahead(scope, now))
        row = (await self._session.execute(query)).one()
        return RuleReach(appointments=row.appointments, have_it=row.have_it, edited=row.edited)

    async def next_ones(
        self, rule: ReminderRule, scope: RuleScope, *, after: tuple[datetime, UUID] | None, now: datetime, limit: int
    ) -> list[Appointment]:
        """The next that it is to reach, by end and id."""
        matches = [*_ahead(scope, now), ~_is_edited(scope), ~_has_it(rule)]
        if after is not None:
            ends_at, appointment_id = after
            behind = literal(ends_at, appointments.c.ends_at.type), literal(appointment_id, appointments.c.id.type)
            matches.append(tuple_(appointments.c.ends_at, appointments.c.id) > tuple_(*behind))
        query = select(*COLUMNS).where(*matches).order_by(appointments.c.ends_at, appointments.c.id).limit(limit)
        return [appointment_of(row) for row in await self._session.execute(query)]

    async def left_alone(self, rule: ReminderRule, calendar_uids: Collection[str]) -> set[str]:
        """Those of these chains of the organization whose reminders were edited, or that have the reminder."""
        query = (
            select(reminders.c.calendar_uid)
            .distinct()
            .where(
                reminders.c.organization_id == rule.organization_id,
                reminders.c.calendar_uid.in_(sorted(calendar_uids)),
                or_(_BY_HAND, _like(rule)),
            )
        )
        return set((await self._session.execute(query)).scalars())


_BY_HAND = or_(reminders.c.rule_id.is_(None), reminders.c.removed)


def _like(rule: ReminderRule) -> ColumnElement[bool]:
    same = and_(
        ~reminders.c.removed,
        reminders.c.channel == rule.channel,
        reminders.c.minutes_before == rule.lead.minutes,
        reminders.c.by_clock == rule.lead.by_clock,
    )
    return or_(reminders.c.rule_id == rule.id, same)


def _is_edited(scope: RuleScope) -> ColumnElement[bool]:
    return exists().where(*_of_the_chain(scope.organization_id), _BY_HAND).correlate(appointments)


def _has_it(rule: ReminderRule) -> ColumnElement[bool]:
    return exists().where(*_of_the_chain(rule.organization_id), _like(rule)).correlate(appointments)


def _of_the_chain(organization_id: UUID) -> list[ColumnElement[bool]]:
    return [
        reminders.c.organization_id == organization_id,
        reminders.c.calendar_uid == appointments.c.calendar_uid,
    ]


def _ahead(scope: RuleScope, now: datetime) -> list[ColumnElement[bool]]:
    """Active appointments of the scope that have not begun."""
    matches = [
        appointments.c.organization_id == scope.organization_id,
        appointments.c.ends_at > now,
        appointments.c.starts_at > now,
        appointments.c.status.in_(sorted(ACTIVE_STATUSES)),
        ~appointments.c.archived,
    ]
    if scope.business_id is not None:
        matches.append(appointments.c.business_id == scope.business_id)
    if scope.service_id is not None:
        matches.append(appointments.c.service_id == scope.service_id)
    if scope.but_businesses:
        matches.append(appointments.c.business_id.not_in(sorted(scope.but_businesses)))
    if scope.but_services:
        others = appointments.c.service_id.not_in(sorted(scope.but_services))
        matches.append(or_(appointments.c.service_id.is_(None), others))
    return matches


def _application_of(row: Row[Any]) -> RuleApplication:
    return RuleApplication(
        organization_id=row.organization_id,
        rule_id=row.rule_id,
        rule_version=row.rule_version,
        status=ApplicationStatus(row.status),
        looks_again=row.looks_again,
        total=row.total,
        outcomes=RuleOutcomes(**{name: getattr(row, name) for name in _COUNTS}),
        requested_at=row.requested_at,
        updated_at=row.updated_at,
    )


def _values(application: RuleApplication) -> dict[str, Any]:
    return {
        "organization_id": application.organization_id,
        "rule_id": application.rule_id,
        "rule_version": application.rule_version,
        "status": application.status,
        "looks_again": application.looks_again,
        "total": application.total,
        **{name: getattr(application.outcomes, name) for name in _COUNTS},
        "requested_at": application.requested_at,
        "updated_at": application.updated_at,
    }
