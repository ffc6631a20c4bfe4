"""The newest known state of every appointment: a projection, by version."""

from collections.abc import Collection
from dataclasses import fields
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain import Appointment, Staff
from notifications.storage.tables import appointments
from slotstream_servicekit.projections import VersionedTable

_FIELDS = tuple(field.name for field in fields(Appointment))
_COLUMNS = tuple(appointments.c[name] for name in _FIELDS)
_TABLE = VersionedTable(appointments)


class AppointmentStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, organization_id: UUID, appointment_id: UUID) -> Appointment | None:
        known = await self.get_all([(organization_id, appointment_id)])
        return known.get((organization_id, appointment_id))

    async def get_all(self, keys: Collection[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], Appointment]:
        """Those of `keys` (organization, id) that are known."""
        matches = tuple_(appointments.c.organization_id, appointments.c.id).in_(sorted(set(keys)))
        known = await self._read(select(*_COLUMNS).where(matches))
        return {(appointment.organization_id, appointment.id): appointment for appointment in known}

    async def lock_chains(self, chains: Collection[tuple[UUID, str]]) -> list[Appointment]:
        """Every appointment of the chains (organization, calendar UID), so that they are planned by one at a time."""
        matches = tuple_(appointments.c.organization_id, appointments.c.calendar_uid).in_(sorted(set(chains)))
        query = select(*_COLUMNS).where(matches).order_by(appointments.c.organization_id, appointments.c.id)
        return await self._read(query.with_for_update())

    async def put(self, states: Collection[Appointment]) -> None:
        """Stores states; an older version never replaces a newer one."""
        await _TABLE.put(self._session, states)

    async def _read(self, query: Select[Any]) -> list[Appointment]:
        return [appointment_of(row) for row in await self._session.execute(query)]


def appointment_of(row: Row[Any]) -> Appointment:
    values = {name: getattr(row, name) for name in _FIELDS}
    staff = tuple(Staff(id=UUID(member["id"]), name=member["name"]) for member in values.pop("staff"))
    return Appointment(staff=staff, **values)
