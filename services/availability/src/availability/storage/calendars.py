"""What a day or week view draws of appointments and external busy time."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from availability.domain import CalendarAppointment, CalendarBusy


class CalendarStore:
    """The calendars of one organization, in the transaction of `session`."""

    def __init__(self, session: AsyncSession, organization_id: UUID) -> None:
        self._session = session
        self._organization_id = organization_id

    async def appointments(self, resource_ids: Sequence[str], start: int, end: int) -> list[CalendarAppointment]:
        """The appointments of the resources that meet [start, end), by start."""
        rows = await self._session.execute(_APPOINTMENTS, self._window(resource_ids, start, end))
        return [
            CalendarAppointment(**{**row._asdict(), "resource_ids": frozenset(map(str, row.resource_ids))})
            for row in rows
        ]

    async def busy(self, resource_ids: Sequence[str], start: int, end: int) -> list[CalendarBusy]:
        rows = await self._session.execute(_BUSY, self._window(resource_ids, start, end))
        return [CalendarBusy(row.id, str(row.resource_id), row.starts_at, row.ends_at) for row in rows]

    def _window(self, resource_ids: Sequence[str], start: int, end: int) -> dict[str, Any]:
        return {
            "organization_id": self._organization_id,
            "resource_ids": [UUID(resource_id) for resource_id in resource_ids],
            "starts": datetime.fromtimestamp(start, UTC),
            "ends": datetime.fromtimestamp(end, UTC),
        }


_OF_TENANT = "WHERE organization_id = :organization_id"
_APPOINTMENTS: Final = text(
    f"""
    SELECT id, business_id, service_id, service_name, status, resource_ids,
           starts_at, ends_at, blocked_from, blocked_to, occupies
    FROM appointments {_OF_TENANT} AND ends_at > :starts AND starts_at < :ends
      AND (occupies OR status IN ('pending', 'no_show')) AND resource_ids && CAST(:resource_ids AS uuid[])
    ORDER BY starts_at, id
    """
)
"""A request that awaits approval and a client who did not come are drawn, even where they take no time."""
_BUSY: Final = text(
    f"""
    SELECT id, resource_id, starts_at, ends_at FROM external_busy {_OF_TENANT}
      AND ends_at > :starts AND starts_at < :ends AND resource_id = ANY(CAST(:resource_ids AS uuid[]))
    ORDER BY starts_at, id
    """
)
