"""What the stores of reminder rules and of follow-up rules have in common."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Table, Update, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.follow_ups import FollowUpRule
from notifications.domain.reminders import ReminderRule
from slotstream_servicekit.counting import count_alone
from slotstream_servicekit.errors import NotFoundError

RuleT = TypeVar("RuleT", ReminderRule, FollowUpRule)


class RuleStore(ABC, Generic[RuleT]):
    """Rules that are not archived; an archived one is kept, and found no more."""

    table: ClassVar[Table]
    noun: ClassVar[str]

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of_organizations(self, organization_ids: Collection[UUID]) -> list[RuleT]:
        ids = sorted(set(organization_ids))
        query = select(self.table).where(self.table.c.organization_id.in_(ids), ~self.table.c.archived)
        return [self._rule_of(row) for row in await self._session.execute(query)]

    async def get(self, organization_id: UUID, rule_id: UUID, *, lock: bool = False) -> RuleT:
        query = select(self.table).where(
            self.table.c.organization_id == organization_id, self.table.c.id == rule_id, ~self.table.c.archived
        )
        row = (await self._session.execute(query.with_for_update() if lock else query)).first()
        if row is None:
            raise NotFoundError(f"There is no {self.noun} {rule_id}")
        return self._rule_of(row)

    async def page(
        self, organization_id: UUID, *, business_ids: Sequence[UUID] = (), after: UUID | None, limit: int
    ) -> Sequence[RuleT]:
        query = select(self.table).where(self.table.c.organization_id == organization_id, ~self.table.c.archived)
        if business_ids:
            query = query.where(self.table.c.business_id.in_(list(business_ids)))
        if after is not None:
            query = query.where(self.table.c.id > after)
        rows = await self._session.execute(query.order_by(self.table.c.id).limit(limit))
        return [self._rule_of(row) for row in rows]

    async def add(self, rule: RuleT) -> bool:
        """Whether it was added; False where the id is taken, or there is one like it."""
        statement = insert(self.table).values(self._values(rule)).on_conflict_do_nothing()
        return (await self._session.execute(statement.returning(self.table.c.id))).first() is not None

    async def count_alone(self, organization_id: UUID) -> int:
        """How many the organization has; until the transaction ends nobody else counts them."""
        return await count_alone(self._session, self.table, organization_id, ~self.table.c.archived)

    async def count_of_level(self, rule: RuleT) -> int:
        """How many there are of the same level. Two count one after the other, as in `count_alone`."""
        return await count_alone(
            self._session, self.table, rule.organization_id, *self._of_level(rule), ~self.table.c.archived
        )

    async def same_as(self, rule: RuleT) -> UUID | None:
        """Another rule of the same level that plans the same messages."""
        query = select(self.table.c.id).where(
            self.table.c.organization_id == rule.organization_id,
            *self._of_level(rule),
            *self._alike(rule),
            self.table.c.id != rule.id,
            ~self.table.c.archived,
        )
        return (await self._session.execute(query)).scalar()

    def _replacing(self, rule: RuleT, *, archived: bool) -> Update:
        return (
            update(self.table)
            .where(self.table.c.organization_id == rule.organization_id, self.table.c.id == rule.id)
            .values(**self._values(rule), archived=archived)
        )

    def _of_level(self, rule: RuleT) -> tuple[ColumnElement[bool], ...]:
        return (
            self.table.c.business_id.is_not_distinct_from(rule.business_id),
            self.table.c.service_id.is_not_distinct_from(rule.service_id),
        )

    @abstractmethod
    def _alike(self, rule: RuleT) -> tuple[ColumnElement[bool], ...]: ...

    @abstractmethod
    def _rule_of(self, row: Row[Any]) -> RuleT: ...

    @abstractmethod
    def _values(self, rule: RuleT) -> dict[str, Any]: ...


def common_values(rule: ReminderRule | FollowUpRule) -> dict[str, Any]:
    names = ("organization_id", "id", "business_id", "service_id", "channel", "template_id", "enabled")
    return {name: getattr(rule, name) for name in (*names, "created_at", "updated_at", "version")}
