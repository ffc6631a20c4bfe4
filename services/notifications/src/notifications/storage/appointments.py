"""The newest known state of every appointment: a projection, by version."""

from collections.abc import Collection, Iterable
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, delete, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.appointments import ACTIVE_STATUSES, Appointment, AppointmentTexts, Staff
from notifications.storage.tables import appointment_texts, appointments
from slotstream_servicekit.projections import VersionedTable

_FIELDS = tuple(field.name for field in fields(Appointment))
COLUMNS = tuple(appointments.c[name] for name in _FIELDS)
_TABLE = VersionedTable(appointments)
_TEXT_FIELDS = tuple(field.name for field in fields(AppointmentTexts))
TEXTS_TABLE = VersionedTable(appointment_texts)


class AppointmentStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, organization_id: UUID, appointment_id: UUID) -> Appointment | None:
        known = await self.get_all([(organization_id, appointment_id)])
        return known.get((organization_id, appointment_id))

    async def get_all(self, keys: Collection[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], Appointment]:
        """Those of `keys` (organization, id) that are known."""
        matches = tuple_(appointments.c.organization_id, appointments.c.id).in_(sorted(set(keys)))
        known = await self._read(select(*COLUMNS).where(matches))
        return {(appointment.organization_id, appointment.id): appointment for appointment in known}

    async def lock_chains(self, chains: Collection[tuple[UUID, str]]) -> list[Appointment]:
        """Every appointment of the chains (organization, calendar UID), so that they are planned by one at a time."""
        matches = tuple_(appointments.c.organization_id, appointments.c.calendar_uid).in_(sorted(set(chains)))
        query = select(*COLUMNS).where(matches).order_by(appointments.c.organization_id, appointments.c.id)
        return await self._read(query.with_for_update())

    async def of_chains(self, chains: Collection[tuple[UUID, str]]) -> list[Appointment]:
        """Every appointment of the chains (organization, calendar UID)."""
        if not chains:
            return []
        matches = tuple_(appointments.c.organization_id, appointments.c.calendar_uid).in_(sorted(set(chains)))
        return await self._read(select(*COLUMNS).where(matches))

    async def of_day(
        self, organization_id: UUID, resource_ids: Collection[UUID], *, begins: datetime, ends: datetime
    ) -> list[Appointment]:
        """What these members of staff have between two instants and is to take place, or was asked for; by start."""
        query = (
            select(*COLUMNS)
            .where(
                appointments.c.organization_id == organization_id,
                appointments.c.ends_at > begins,
                appointments.c.starts_at < ends,
                appointments.c.status.in_(sorted(ACTIVE_STATUSES)),
                ~appointments.c.archived,
                or_(*(appointments.c.staff.contains([{"id": str(member)}]) for member in sorted(resource_ids))),
            )
            .order_by(appointments.c.starts_at, appointments.c.id)
        )
        return await self._read(query)

    async def put(self, states: Collection[Appointment]) -> None:
        """Stores states; an older version never replaces a newer one."""
        await _TABLE.put(self._session, states)

    async def _read(self, query: Select[Any]) -> list[Appointment]:
        return [appointment_of(row) for row in await self._session.execute(query)]


class AppointmentTextStore:
    """What was typed for single appointments, as their newest states tell it."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get_all(self, keys: Iterable[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], AppointmentTexts]:
        wanted = sorted(set(keys))
        if not wanted:
            return {}
        matches = tuple_(appointment_texts.c.organization_id, appointment_texts.c.id).in_(wanted)
        rows = await self._session.execute(select(*(appointment_texts.c[name] for name in _TEXT_FIELDS)).where(matches))
        return {
            (row.organization_id, row.id): AppointmentTexts(**{name: getattr(row, name) for name in _TEXT_FIELDS})
            for row in rows
        }

    async def put(self, states: Collection[AppointmentTexts]) -> set[tuple[UUID, UUID]]:
        """Stores them by version; the keys (organization, id) of those that were stored."""
        return await TEXTS_TABLE.put(self._session, states)

    async def forget(self, appointment_ids: Collection[UUID]) -> None:
        """For appointments whose state is gone."""
        await self._session.execute(
            delete(appointment_texts).where(appointment_texts.c.id.in_(sorted(appointment_ids)))
        )

    async def forget_clients(self, clients: Collection[tuple[UUID, UUID]]) -> None:
        """Empties what was typed for the appointments of these clients (organization, id)."""
        theirs = (
            select(appointments.c.organization_id, appointments.c.id)
            .where(tuple_(appointments.c.organization_id, appointments.c.client_id).in_(sorted(set(clients))))
            .subquery()
        )
        await self._session.execute(
            update(appointment_texts)
            .where(
                appointment_texts.c.organization_id == theirs.c.organization_id,
                appointment_texts.c.id == theirs.c.id,
            )
            .values(service_name=None, location_text=None, location_url=None)
        )


def appointment_of(row: Row[Any]) -> Appointment:
    values = {name: getattr(row, name) for name in _FIELDS}
    staff = tuple(Staff(id=UUID(member["id"]), name=member["name"]) for member in values.pop("staff"))
    return Appointment(staff=staff, **values)
