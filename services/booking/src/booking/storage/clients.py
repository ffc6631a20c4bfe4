"""Clients: read, found by phone or e-mail, listed and written."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import RowMapping, Select, and_, func, insert, or_, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.clients import Client, KnownContact
from booking.domain.search import search_words
from booking.storage.connections import connection_of, free_ids
from booking.storage.contacts import contact_locks, find_contacts
from booking.storage.search import like_pattern, match_clients
from booking.storage.tables import appointments, clients
from slotstream_servicekit.locks import LockClass

_FIELDS: Final = tuple(field.name for field in fields(Client))
_OPEN: Final = ("pending", "scheduled", "confirmed")


ClientKey = tuple[str, UUID]
"""Where a client stands in the list: what they are sorted by, and the id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedClient:
    """A client of the list; the next page begins after the last one's `key`."""

    client: Client
    key: ClientKey


@dataclass(frozen=True, slots=True, kw_only=True)
class NearestAppointment:
    """The next appointment that a client still has."""

    id: UUID
    starts_at: datetime
    ends_at: datetime
    zone: str
    status: str
    service_name: str
    action_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientAppointments:
    """A client's appointments at a glance; archived ones are not among them."""

    by_status: dict[str, int]
    nearest: NearestAppointment | None


class ClientStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, organization_id: UUID, client_id: UUID, *, lock: bool = False) -> Client | None:
        query = select(clients).where(clients.c.organization_id == organization_id, clients.c.id == client_id)
        if lock:
            query = _locked(query)
        row = (await self._session.execute(query)).mappings().first()
        return None if row is None else _client(row)

    async def lock_merging(self, organization_id: UUID) -> None:
        """Lets one transaction at a time decide which clients of the organization are one person, until it ends.

        Before any client is locked: who waits for a client does not see whom another merges into them meanwhile.
        """
        key = {"class": int(LockClass.CLIENT_MERGE), "key": str(organization_id)}
        await self._session.execute(_LOCK_HASHED, key)

    async def lock_people(self, organization_id: UUID, client_ids: Sequence[UUID]) -> list[Client]:
        """These clients and the duplicates that were merged into them, locked in the order of their ids.

        Whoever locks several clients does it here: in one order, so that none waits for another in a circle. For
        whoever holds `lock_merging`.
        """
        people = or_(clients.c.id.in_(client_ids), clients.c.merged_into.in_(client_ids))
        query = select(clients).where(clients.c.organization_id == organization_id, people).order_by(clients.c.id)
        rows = await self._session.execute(_locked(query))
        return [_client(row) for row in rows.mappings()]

    async def duplicates_of(self, organization_id: UUID, client_id: UUID) -> list[Client]:
        """Those that were merged into this client, in the order of their ids."""
        query = (
            select(clients)
            .where(clients.c.organization_id == organization_id, clients.c.merged_into == client_id)
            .order_by(clients.c.id)
        )
        rows = await self._session.execute(query)
        return [_client(row) for row in rows.mappings()]

    async def find_contacts(
        self, organization_id: UUID, *, phones: Sequence[str], emails: Sequence[str]
    ) -> list[KnownContact]:
        """Whom these phone numbers and e-mail addresses lead to, oldest first; archived ones too, none erased."""
        if not phones and not emails:
            return []
        return await find_contacts(await connection_of(self._session), organization_id, phones=phones, emails=emails)

    async def add(self, new: Sequence[Client]) -> None:
        """Raises IdTakenError where another organization uses an id."""
        if new:
            async with free_ids(self._session):
                await self._session.execute(insert(clients), [_row(client) for client in new])

    async def save(self, client: Client) -> None:
        await self._session.execute(
            update(clients)
            .where(clients.c.organization_id == client.organization_id, clients.c.id == client.id)
            .values(**_row(client))
        )

    async def lock_contacts(self, organization_id: UUID, contacts: Sequence[str]) -> None:
        """Lets one transaction at a time create or change clients with these phones and e-mails, until it ends."""
        if contacts:
            for lock_class, key in contact_locks(organization_id, contacts):
                await self._session.execute(_LOCK, {"class": lock_class, "key": key})

    async def page(
        self,
        organization_id: UUID,
        *,
        query: str | None,
        archived: bool,
        after: ClientKey | None,
        limit: int,
    ) -> list[ListedClient]:
        """By the beginning of the folded name, then id; none merged or erased."""
        patterns = [like_pattern(word) for word in search_words(query)]
        ids = await match_clients(await connection_of(self._session), patterns) if patterns else None
        statement = select(clients).where(
            clients.c.organization_id == organization_id,
            clients.c.archived == archived,
            clients.c.merged_into.is_(None),
            clients.c.erased.is_(False),
            # Of LIKE nothing is known under row-level security and few rows are expected: all would be read and sorted.
            # Of a bare truth value every other row is expected, and a page is soon full by the index.
            *(func.coalesce(clients.c.search.like(pattern), False) for pattern in patterns if ids is None),
        )
        if ids is not None:
            statement = statement.where(clients.c.id.in_(ids))
        key = (clients.c.sort_name, clients.c.id)
        if after is not None:
            statement = statement.where(tuple_(*key) > after)
        rows = await self._session.execute(statement.order_by(*key).limit(limit))
        return [ListedClient(client=_client(row), key=(row["sort_name"], row["id"])) for row in rows.mappings()]

    async def appointments_of(self, organization_id: UUID, client_id: UUID, *, now: datetime) -> ClientAppointments:
        """Of the client and of the duplicates that were merged into them; archived appointments count nowhere."""
        duplicates = await self.duplicates_of(organization_id, client_id)
        own = and_(
            appointments.c.organization_id == organization_id,
            appointments.c.client_id.in_([client_id, *(duplicate.id for duplicate in duplicates)]),
            appointments.c.archived.is_(False),
        )
        counted = await self._session.execute(
            select(appointments.c.status, func.count()).where(own).group_by(appointments.c.status)
        )
        columns = [appointments.c[field.name] for field in fields(NearestAppointment)]
        nearest = await self._session.execute(
            select(*columns)
            .where(own, appointments.c.status.in_(_OPEN), appointments.c.ends_at > now)
            .order_by(appointments.c.starts_at)
            .limit(1)
        )
        row = nearest.mappings().first()
        return ClientAppointments(
            by_status={row[0]: row[1] for row in counted},
            nearest=None if row is None else NearestAppointment(**row),
        )


_LOCK = text("SELECT pg_advisory_xact_lock(:class, :key)")
_LOCK_HASHED = text("SELECT pg_advisory_xact_lock(:class, hashtext(:key))")


def _locked(query: Select[Any]) -> Select[Any]:
    """Against changes, not against appointments that refer to the client.

    A full lock would make a move, which holds its appointment, wait for an erase, which waits for that appointment.
    """
    return query.with_for_update(key_share=True)


def _client(row: RowMapping) -> Client:
    values: dict[str, Any] = {name: row[name] for name in _FIELDS}
    consent = values["consent"]
    return Client(**{**values, "consent": None if consent is None else tuple(consent)})


def _row(client: Client) -> dict[str, Any]:
    consent = None if client.consent is None else list(client.consent)
    values = {name: getattr(client, name) for name in _FIELDS}
    search = "" if client.erased else client.search
    return {**values, "consent": consent, "search": search, "sort_name": client.sort_name}
