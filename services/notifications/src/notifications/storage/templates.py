"""Templates of organizations and their businesses."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.messages import Audience, Channel, Kind
from notifications.domain.templates import Template, Text
from notifications.storage.tables import templates
from slotstream_servicekit.counting import count_alone
from slotstream_servicekit.errors import NotFoundError

TemplateUse = tuple[UUID, Kind, Audience, Channel]
"""Organization, and what is told to whom by what."""


class TemplateStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def fitting(
        self, uses: Collection[TemplateUse], *, business_ids: Collection[UUID], locales: Collection[str]
    ) -> list[Template]:
        """Those that are used by default for `uses`, of these businesses or of all, in `locales` (lower case, hyphens).

        A template may be long and an organization may have many: no others are read.
        """
        use = tuple_(templates.c.organization_id, templates.c.kind, templates.c.audience, templates.c.channel)
        query = select(templates).where(
            use.in_(sorted(set(uses))),
            ~templates.c.archived,
            templates.c.is_default,
            or_(templates.c.business_id.is_(None), templates.c.business_id.in_(sorted(business_ids))),
            func.lower(func.replace(templates.c.locale, "_", "-")).in_(sorted(locales)),
        )
        return [_template_of(row) for row in await self._session.execute(query)]

    async def count_alone(self, organization_id: UUID) -> int:
        """How many the organization has; until the transaction ends nobody else counts them."""
        return await count_alone(self._session, templates, organization_id, ~templates.c.archived)

    async def named(self, keys: Collection[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], Template]:
        """Those of `keys` (organization, id) that exist, archived ones too: a reminder may still name them."""
        matches = tuple_(templates.c.organization_id, templates.c.id).in_(sorted(set(keys)))
        rows = await self._session.execute(select(templates).where(matches))
        return {(row.organization_id, row.id): _template_of(row) for row in rows}

    async def get(self, organization_id: UUID, template_id: UUID, *, lock: bool = False) -> Template:
        query = select(templates).where(
            templates.c.organization_id == organization_id, templates.c.id == template_id, ~templates.c.archived
        )
        row = (await self._session.execute(query.with_for_update() if lock else query)).first()
        if row is None:
            raise NotFoundError(f"There is no template {template_id}")
        return _template_of(row)

    async def page(
        self,
        organization_id: UUID,
        *,
        kinds: Sequence[Kind],
        locales: Sequence[str],
        business_ids: Sequence[UUID],
        after: UUID | None,
        limit: int,
    ) -> Sequence[Template]:
        query = select(templates).where(templates.c.organization_id == organization_id, ~templates.c.archived)
        if kinds:
            query = query.where(templates.c.kind.in_(list(kinds)))
        if locales:
            query = query.where(templates.c.locale.in_(list(locales)))
        if business_ids:
            query = query.where(templates.c.business_id.in_(list(business_ids)))
        if after is not None:
            query = query.where(templates.c.id > after)
        rows = await self._session.execute(query.order_by(templates.c.id).limit(limit))
        return [_template_of(row) for row in rows]

    async def add(self, template: Template) -> bool:
        """Whether it was added; False where the id, or its place as the default, is taken."""
        statement = insert(templates).values(**_values(template)).on_conflict_do_nothing()
        return (await self._session.execute(statement.returning(templates.c.id))).first() is not None

    async def replace(self, template: Template, *, archived: bool = False) -> None:
        await self._session.execute(
            update(templates)
            .where(templates.c.organization_id == template.organization_id, templates.c.id == template.id)
            .values(**_values(template), archived=archived)
        )


def _template_of(row: Row[Any]) -> Template:
    return Template(
        organization_id=row.organization_id,
        id=row.id,
        business_id=row.business_id,
        kind=Kind(row.kind),
        audience=Audience(row.audience),
        channel=Channel(row.channel),
        locale=row.locale,
        text=Text(subject=row.subject, text=row.text, html=row.html),
        is_default=row.is_default,
        created_at=row.created_at,
        updated_at=row.updated_at,
        version=row.version,
    )


def _values(template: Template) -> dict[str, Any]:
    return {
        "organization_id": template.organization_id,
        "id": template.id,
        "business_id": template.business_id,
        "kind": template.kind,
        "audience": template.audience,
        "channel": template.channel,
        "locale": template.locale,
        "subject": template.text.subject,
        "text": template.text.text,
        "html": template.text.html,
        "is_default": template.is_default,
        "created_at": template.created_at,
        "updated_at": template.updated_at,
        "version": template.version,
    }
