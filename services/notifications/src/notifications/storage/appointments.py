"""The newest known state of every appointment: a projection, by version."""

from collections.abc import Collection, Sequence
from dataclasses import fields
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain import Appointment, Staff
from notifications.storage.tables import appointments
from slotstream_servicekit.rows import columns_of

_FIELDS = tuple(field.name for field in fields(Appointment))
_COLUMNS = tuple(appointments.c[name] for name in _FIELDS)
_CHUNK = 500


class AppointmentStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, organization_id: UUID, appointment_id: UUID) -> Appointment | None:
        found = await self.get_all([(organization_id, appointment_id)])
        return found.get((organization_id, appointment_id))

    async def get_all(self, keys: Collection[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], Appointment]:
        """Those of `keys` (organization, id) that are known."""
        matches = tuple_(appointments.c.organization_id, appointments.c.id).in_(sorted(set(keys)))
        found = await self._read(select(*_COLUMNS).where(matches))
        return {(each.organization_id, each.id): each for each in found}

    async def lock_chains(self, chains: Collection[tuple[UUID, str]]) -> list[Appointment]:
        """Every appointment of the chains (organization, calendar UID), so that they are planned by one at a time."""
        matches = tuple_(appointments.c.organization_id, appointments.c.calendar_uid).in_(sorted(set(chains)))
        query = select(*_COLUMNS).where(matches).order_by(appointments.c.organization_id, appointments.c.id)
        return await self._read(query.with_for_update())

    async def remember(self, newest: Collection[Appointment]) -> None:
        """Upserts states; an older version never replaces a newer one. One state per appointment."""
        rows = [_values(each) for each in sorted(newest, key=lambda each: (each.organization_id, each.id))]
        for start in range(0, len(rows), _CHUNK):
            statement = insert(appointments).values(rows[start : start + _CHUNK])
            excluded = statement.excluded
            changes = {
                name: excluded[name] for name in (*_FIELDS, "applied_at") if name not in ("organization_id", "id")
            }
            await self._session.execute(
                statement.on_conflict_do_update(
                    index_elements=["organization_id", "id"],
                    set_=changes,
                    where=excluded.version >= appointments.c.version,
                )
            )

    async def _read(self, query: Select[Any]) -> list[Appointment]:
        return [appointment_of(row) for row in await self._session.execute(query)]


def appointment_of(row: Row[Any]) -> Appointment:
    values = {name: getattr(row, name) for name in _FIELDS}
    staff = tuple(Staff(id=UUID(each["id"]), name=each["name"]) for each in values.pop("staff"))
    return Appointment(staff=staff, **values)


def _values(appointment: Appointment) -> dict[str, Any]:
    staff: Sequence[Any] = [{"id": str(each.id), "name": each.name} for each in appointment.staff]
    return {**columns_of(appointment), "staff": staff, "applied_at": func.clock_timestamp()}
