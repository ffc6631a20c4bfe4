"""Businesses, resources, services and actions: read, listed and written."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any, Final, Generic, TypeAlias, TypeVar, cast
from uuid import UUID

import asyncpg
from sqlalchemy import RowMapping, Select, Table, delete, func, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.catalogue import Action, Business, Entry, Resource, Service, minutes
from booking.storage.connections import free_ids
from booking.storage.tables import actions, businesses, resource_businesses, resources, services
from slotstream_servicekit.limits import Limits

EntryT = TypeVar("EntryT", bound=Entry)


_SORTED_BY: Final = 80
"""By how much of a name lists are sorted: a page's cursor tells the last one's."""
EntryKey: TypeAlias = tuple[str, UUID]
"""Where an entry stands in its list: the beginning of its name, and its id."""


def key_of(entry: Entry) -> EntryKey:
    return entry.name[:_SORTED_BY], entry.id


class CatalogueStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(
        self, kind: type[EntryT], organization_id: UUID, entry_id: UUID, *, lock: bool = False
    ) -> EntryT | None:
        form = _form_of(kind)
        query = form.select().where(form.table.c.organization_id == organization_id, form.table.c.id == entry_id)
        if lock:
            query = query.with_for_update(of=form.table)
        row = (await self._session.execute(query)).mappings().first()
        return None if row is None else form.entry(row)

    async def page(
        self,
        kind: type[EntryT],
        organization_id: UUID,
        *,
        archived: bool = False,
        business_id: UUID | None = None,
        limits: Limits,
        after: EntryKey | None = None,
        limit: int,
    ) -> list[EntryT]:
        """In the order of their keys, within the limits. `business_id` narrows services and resources."""
        form = _form_of(kind)
        table = form.table
        query = form.select().where(table.c.organization_id == organization_id, table.c.archived == archived)
        if business_id is not None:
            query = form.of_businesses(query, organization_id, [business_id])
        if limits.business_ids is not None:
            query = form.of_businesses(query, organization_id, sorted(limits.business_ids))
        key = (func.left(table.c.name, _SORTED_BY), table.c.id)
        if after is not None:
            query = query.where(tuple_(*key) > after)
        rows = await self._session.execute(query.order_by(*key).limit(limit))
        return [form.entry(row) for row in rows.mappings()]

    async def existing_ids(self, kind: type[Entry], organization_id: UUID, ids: Iterable[UUID]) -> frozenset[UUID]:
        table = _form_of(kind).table
        rows = await self._session.execute(
            select(table.c.id).where(table.c.organization_id == organization_id, table.c.id.in_(sorted(set(ids))))
        )
        return frozenset(rows.scalars())

    async def actions(self, organization_id: UUID) -> list[Action]:
        """All that are not archived."""
        rows = await self._session.execute(
            select(actions).where(actions.c.organization_id == organization_id, actions.c.archived.is_(False))
        )
        return [_FORMS[Action].entry(row) for row in rows.mappings()]

    async def businesses(self, organization_id: UUID) -> dict[UUID, Business]:
        """All by their ids, archived ones too."""
        rows = await self._session.execute(select(businesses).where(businesses.c.organization_id == organization_id))
        return {row["id"]: business_of(row) for row in rows.mappings()}

    async def add(self, entry: Entry) -> None:
        """Raises IdTakenError where another organization uses the id."""
        form = _form_of(type(entry))
        async with free_ids(self._session):
            await self._session.execute(insert(form.table).values(form.row(entry)))
        if isinstance(entry, Resource):
            await self._link(entry)

    async def save(self, entry: Entry) -> None:
        form = _form_of(type(entry))
        await self._session.execute(
            update(form.table)
            .where(form.table.c.organization_id == entry.organization_id, form.table.c.id == entry.id)
            .values(form.row(entry))
        )
        if isinstance(entry, Resource):
            await self._link(entry)

    async def _link(self, resource: Resource) -> None:
        """Notes in which businesses the resource works, and in no others."""
        links = resource_businesses
        await self._session.execute(
            delete(links).where(links.c.organization_id == resource.organization_id, links.c.resource_id == resource.id)
        )
        rows = [
            {"organization_id": resource.organization_id, "resource_id": resource.id, "business_id": business_id}
            for business_id in resource.business_ids
        ]
        if rows:
            await self._session.execute(insert(links), rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form(Generic[EntryT]):
    """How one kind of entry is kept: its table, and what a row and an entry are to each other."""

    table: Table
    entry: Callable[[RowMapping], EntryT]
    row: Callable[[EntryT], dict[str, Any]]

    def select(self) -> Select[Any]:
        if self.table is not resources:
            return select(self.table)
        links = resource_businesses
        business_ids = (
            select(func.array_agg(links.c.business_id))
            .where(links.c.organization_id == resources.c.organization_id, links.c.resource_id == resources.c.id)
            .scalar_subquery()
        )
        return select(resources, business_ids.label("business_ids"))

    def of_businesses(self, query: Select[Any], organization_id: UUID, business_ids: Sequence[UUID]) -> Select[Any]:
        """Those of any of these businesses; actions are of all."""
        if self.table is actions:
            return query
        if self.table is businesses:
            return query.where(businesses.c.id.in_(business_ids))
        if self.table is services:
            return query.where(services.c.business_id.in_(business_ids))
        links = resource_businesses
        theirs = select(links.c.resource_id).where(
            links.c.organization_id == organization_id, links.c.business_id.in_(business_ids)
        )
        return query.where(resources.c.id.in_(theirs))


_MINUTES: Final = (
    "duration",
    "buffer_before",
    "buffer_after",
    "minimum_notice",
    "slot_interval",
    "cancellation_notice",
    "reschedule_notice",
)


Row: TypeAlias = RowMapping | asyncpg.Record
"""A row as SQLAlchemy or the driver gives it."""


def _values(kind: type[Entry], row: Row) -> dict[str, Any]:
    return {field.name: row[field.name] for field in fields(kind) if field.name in row}


def business_of(row: Row) -> Business:
    return Business(**{**_values(Business, row), "embed_origins": tuple(row["embed_origins"])})


def resource_of(row: Row) -> Resource:
    return Resource(**{**_values(Resource, row), "business_ids": tuple(row["business_ids"] or ())})


def service_of(row: Row) -> Service:
    values = _values(Service, row)
    values |= {name: timedelta(minutes=row[f"{name}_minutes"]) for name in _MINUTES}
    values["requires"] = tuple(tuple(UUID(resource_id) for resource_id in place) for place in row["requires"])
    return Service(**values)


def action_of(row: Row) -> Action:
    return Action(**_values(Action, row))


def _row(entry: Entry) -> dict[str, Any]:
    return {field.name: getattr(entry, field.name) for field in fields(entry)}


def _business_row(business: Business) -> dict[str, Any]:
    return {**_row(business), "embed_origins": list(business.embed_origins)}


def _resource_row(resource: Resource) -> dict[str, Any]:
    row = _row(resource)
    del row["business_ids"]
    return row


def _service_row(service: Service) -> dict[str, Any]:
    row = _row(service)
    for name in _MINUTES:
        row[f"{name}_minutes"] = minutes(row.pop(name))
    row["requires"] = [[str(resource_id) for resource_id in place] for place in service.requires]
    return row


_FORMS: Final[Mapping[type[Entry], _Form[Any]]] = {
    Business: _Form(table=businesses, entry=business_of, row=_business_row),
    Resource: _Form(table=resources, entry=resource_of, row=_resource_row),
    Service: _Form(table=services, entry=service_of, row=_service_row),
    Action: _Form(table=actions, entry=action_of, row=_row),
}


def _form_of(kind: type[EntryT]) -> _Form[EntryT]:
    return cast("_Form[EntryT]", _FORMS[kind])
