"""Rules for who did not come."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.follow_ups import FollowUpRule
from notifications.domain.messages import Channel
from notifications.storage.tables import follow_up_rules
from slotstream_servicekit.counting import count_alone
from slotstream_servicekit.errors import NotFoundError

_MINUTE = timedelta(minutes=1)


class FollowUpRuleStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of_organizations(self, organization_ids: Collection[UUID]) -> list[FollowUpRule]:
        query = select(follow_up_rules).where(
            follow_up_rules.c.organization_id.in_(sorted(organization_ids)), ~follow_up_rules.c.archived
        )
        return [_rule_of(row) for row in await self._session.execute(query)]

    async def get(self, organization_id: UUID, rule_id: UUID, *, lock: bool = False) -> FollowUpRule:
        query = select(follow_up_rules).where(
            follow_up_rules.c.organization_id == organization_id,
            follow_up_rules.c.id == rule_id,
            ~follow_up_rules.c.archived,
        )
        row = (await self._session.execute(query.with_for_update() if lock else query)).first()
        if row is None:
            raise NotFoundError(f"There is no follow-up rule {rule_id}")
        return _rule_of(row)

    async def page(self, organization_id: UUID, *, after: UUID | None, limit: int) -> Sequence[FollowUpRule]:
        query = select(follow_up_rules).where(
            follow_up_rules.c.organization_id == organization_id, ~follow_up_rules.c.archived
        )
        if after is not None:
            query = query.where(follow_up_rules.c.id > after)
        rows = await self._session.execute(query.order_by(follow_up_rules.c.id).limit(limit))
        return [_rule_of(row) for row in rows]

    async def add(self, rule: FollowUpRule) -> bool:
        """Whether it was added; False where the id is taken, or its level has one on its channel."""
        statement = insert(follow_up_rules).values(_values(rule)).on_conflict_do_nothing()
        return (await self._session.execute(statement.returning(follow_up_rules.c.id))).first() is not None

    async def count_alone(self, organization_id: UUID) -> int:
        """How many the organization has; until the transaction ends nobody else counts them."""
        return await count_alone(self._session, follow_up_rules, organization_id, ~follow_up_rules.c.archived)

    async def same_as(self, rule: FollowUpRule) -> UUID | None:
        """Another rule of the same level and channel."""
        query = select(follow_up_rules.c.id).where(
            follow_up_rules.c.organization_id == rule.organization_id,
            follow_up_rules.c.business_id.is_not_distinct_from(rule.business_id),
            follow_up_rules.c.service_id.is_not_distinct_from(rule.service_id),
            follow_up_rules.c.channel == rule.channel,
            follow_up_rules.c.id != rule.id,
            ~follow_up_rules.c.archived,
        )
        return (await self._session.execute(query)).scalar()

    async def replace(self, rule: FollowUpRule, *, archived: bool = False) -> None:
        await self._session.execute(
            update(follow_up_rules)
            .where(follow_up_rules.c.organization_id == rule.organization_id, follow_up_rules.c.id == rule.id)
            .values(**_values(rule), archived=archived)
        )


def _rule_of(row: Row[Any]) -> FollowUpRule:
    return FollowUpRule(
        organization_id=row.organization_id,
        id=row.id,
        business_id=row.business_id,
        service_id=row.service_id,
        channel=Channel(row.channel),
        after=row.minutes_after * _MINUTE,
        template_id=row.template_id,
        enabled=row.enabled,
        created_at=row.created_at,
        updated_at=row.updated_at,
        version=row.version,
    )


def _values(rule: FollowUpRule) -> dict[str, Any]:
    return {
        "organization_id": rule.organization_id,
        "id": rule.id,
        "business_id": rule.business_id,
        "service_id": rule.service_id,
        "channel": rule.channel,
        "minutes_after": rule.after // _MINUTE,
        "template_id": rule.template_id,
        "enabled": rule.enabled,
        "created_at": rule.created_at,
        "updated_at": rule.updated_at,
        "version": rule.version,
    }
