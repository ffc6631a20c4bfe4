"""What others say: businesses, services and resources, and by what the rows of a client are found."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from imports.domain.catalogue import Business, Catalogue, OfferedService, fold
from imports.storage.tables import businesses, client_contacts, resources, services
from slotstream_scheduling.places import Performer, Roster
from slotstream_servicekit.projections import VersionedTable

BUSINESSES = VersionedTable(businesses)
SERVICES = VersionedTable(services)
RESOURCES = VersionedTable(resources)
CLIENT_CONTACTS = VersionedTable(client_contacts)

_KEEP_REPLACED = text(
    """
    WITH replaced AS (
        SELECT c.organization_id, c.id, c.contacts FROM client_contacts AS c
        JOIN jsonb_to_recordset(CAST(:rows AS jsonb))
            AS r(organization_id uuid, id uuid, contacts text[], version integer) USING (organization_id, id)
        WHERE c.version < r.version AND c.contacts <> r.contacts
        ORDER BY c.organization_id, c.id FOR UPDATE OF c
    )
    INSERT INTO former_contacts (organization_id, client_id, contact)
    SELECT organization_id, id, unnest(contacts) FROM replaced ON CONFLICT DO NOTHING
    """
)
_KEEP = text(
    """
    INSERT INTO former_contacts (organization_id, client_id, contact)
    SELECT r.organization_id, r.id, unnest(r.contacts)
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(organization_id uuid, id uuid, contacts text[])
    ON CONFLICT DO NOTHING
    """
)
_FORGET_FORMER = text(
    """
    DELETE FROM former_contacts AS f
    USING unnest(CAST(:organizations AS uuid[]), CAST(:clients AS uuid[])) AS c(organization_id, id)
    WHERE f.organization_id = c.organization_id AND f.client_id = c.id
    RETURNING f.client_id, f.contact
    """
)
_FORGOTTEN = text(
    """
    WITH known AS (
        SELECT organization_id, id, CASE WHEN id = ANY(:ids) THEN id ELSE merged_into END AS erased_id, contacts
        FROM client_contacts WHERE id = ANY(:ids) OR merged_into = ANY(:ids)
        ORDER BY organization_id, id FOR UPDATE
    ), cleared AS (
        UPDATE client_contacts AS c SET contacts = '{}' FROM known AS k
        WHERE c.organization_id = k.organization_id AND c.id = k.id AND c.id <> ALL(:ids)
    )
    SELECT * FROM known
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessRow:
    organization_id: UUID
    id: UUID
    name: str
    zone: str
    phone_region: str
    locale: str
    archived: bool
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRow:
    organization_id: UUID
    id: UUID
    business_id: UUID
    name: str
    duration_minutes: int
    buffer_before_minutes: int
    buffer_after_minutes: int
    capacity: int
    requires: Sequence[Sequence[UUID]]
    archived: bool
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceRow:
    organization_id: UUID
    id: UUID
    business_ids: Sequence[UUID]
    kind: str
    name: str
    archived: bool
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientContactsRow:
    organization_id: UUID
    id: UUID
    contacts: Sequence[str]
    merged_into: UUID | None
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedClient:
    """What a tombstone tells: which client was erased, with which last version, and when."""

    organization_id: UUID
    id: UUID
    version: int
    erased_at: datetime


@dataclass(frozen=True, slots=True)
class ForgottenClient:
    """`erased_id` is the client that was erased: this one, or whom it was merged into."""

    organization_id: UUID
    id: UUID
    erased_id: UUID
    contacts: Sequence[str]


class CatalogueStore:
    """What is offered now, of one organization."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def business(self, organization_id: UUID, business_id: UUID) -> Business | None:
        """None where there is none, or an archived one."""
        query = select(businesses).where(
            businesses.c.organization_id == organization_id, businesses.c.id == business_id, ~businesses.c.archived
        )
        row = (await self._session.execute(query)).one_or_none()
        if row is None:
            return None
        return Business(id=row.id, name=row.name, zone=row.zone, phone_region=row.phone_region, locale=row.locale)

    async def catalogue(self, organization_id: UUID, business: Business) -> Catalogue:
        performers = await self._performers(organization_id, business.id)
        return Catalogue(
            business=business,
            services=await self._services(organization_id, business.id),
            resources=_by_name_and_id(performers),
            roster=Roster(Performer(str(performer.id), performer.kind) for performer in performers),
        )

    async def _performers(self, organization_id: UUID, business_id: UUID) -> Sequence[Row[Any]]:
        query = select(resources).where(
            resources.c.organization_id == organization_id,
            resources.c.business_ids.contains([business_id]),
            ~resources.c.archived,
        )
        return (await self._session.execute(query.order_by(resources.c.id))).all()

    async def _services(self, organization_id: UUID, business_id: UUID) -> Mapping[str, OfferedService]:
        query = select(services).where(
            services.c.organization_id == organization_id, services.c.business_id == business_id, ~services.c.archived
        )
        offered: dict[str, OfferedService] = {}
        for row in await self._session.execute(query.order_by(services.c.id)):
            service = _service_of(row)
            offered.setdefault(fold(row.name), service)
            offered[fold(str(row.id))] = service
        return offered


class ClientContactStore:
    """Contacts of clients of any organization, as digests, those that they had before included."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def put(self, rows: Sequence[ClientContactsRow]) -> None:
        """Keeps what was told, in its order; whatever it replaces is kept until the client is erased."""
        newest = {(row.organization_id, row.id): row for row in sorted(rows, key=attrgetter("version"))}
        # Locks the rows, so that a client who is being erased gets nothing back.
        await self._session.execute(_KEEP_REPLACED, {"rows": _documents(newest.values())})
        written = await CLIENT_CONTACTS.put(self._session, newest.values())
        passed = [row for row in rows if (key := (row.organization_id, row.id)) in written and row is not newest[key]]
        if passed:
            await self._session.execute(_KEEP, {"rows": _documents(passed)})

    async def forget(self, erased: Sequence[ErasedClient]) -> Sequence[ForgottenClient]:
        """Takes all contacts of these clients, and of those merged into them; what was known of them.

        Their rows stay as marks with the tombstones' versions, so that no late record brings contacts back.
        """
        rows = await self._session.execute(_FORGOTTEN, {"ids": [client.id for client in erased]})
        forgotten = [ForgottenClient(row.organization_id, row.id, row.erased_id, row.contacts) for row in rows]
        known = {client.id for client in forgotten}
        forgotten += [
            ForgottenClient(client.organization_id, client.id, client.id, ())
            for client in erased
            if client.id not in known
        ]
        former = await self._forget_former(forgotten)
        marks = [mark_of(client.organization_id, client.id, client.version) for client in erased]
        await CLIENT_CONTACTS.put(self._session, marks)
        return [
            replace(client, contacts=[*client.contacts, *former.get(client.id, ())])
            for client in sorted(forgotten, key=attrgetter("organization_id", "id"))
        ]

    async def _forget_former(self, clients: Sequence[ForgottenClient]) -> Mapping[UUID, Sequence[str]]:
        parameters = {
            "organizations": [client.organization_id for client in clients],
            "clients": [client.id for client in clients],
        }
        former: dict[UUID, list[str]] = {}
        for row in await self._session.execute(_FORGET_FORMER, parameters):
            former.setdefault(row.client_id, []).append(row.contact)
        return former


def _documents(rows: Iterable[ClientContactsRow]) -> str:
    return orjson.dumps(list(rows)).decode()


def mark_of(organization_id: UUID, client_id: UUID, version: int) -> ClientContactsRow:
    """What stays of a client who was erased: that no late record of an older version brings contacts back."""
    return ClientContactsRow(
        organization_id=organization_id, id=client_id, contacts=(), merged_into=None, version=version
    )


def _service_of(row: Row[Any]) -> OfferedService:
    return OfferedService(
        id=row.id,
        name=row.name,
        duration_minutes=row.duration_minutes,
        buffer_before_minutes=row.buffer_before_minutes,
        buffer_after_minutes=row.buffer_after_minutes,
        capacity=row.capacity,
        requires=tuple(tuple(place) for place in row.requires),
    )


def _by_name_and_id(performers: Sequence[Row[Any]]) -> Mapping[str, UUID]:
    resource_ids: dict[str, UUID] = {}
    for performer in performers:
        resource_ids.setdefault(fold(performer.name), performer.id)
        resource_ids[fold(str(performer.id))] = performer.id
    return resource_ids
