"""What became of the messages about appointments: a projection, for their history."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.messages import MessageOutcome
from booking.storage.connections import connection_of
from booking.storage.tables import message_events
from slotstream_servicekit.projections import VersionedTable
from slotstream_servicekit.rows import named_columns

_EVENTS: Final = VersionedTable(message_events)
_FIELDS: Final = tuple(field.name for field in fields(MessageOutcome))


class MessageStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def put(self, outcomes: Sequence[MessageOutcome]) -> None:
        """Each event once, in whatever order and however often they come."""
        await _EVENTS.put(self._session, outcomes)

    async def of_appointment(self, organization_id: UUID, appointment_id: UUID) -> list[MessageOutcome]:
        """What became of every message about an appointment, message by message."""
        connection = await connection_of(self._session)
        rows = await connection.fetch(
            f"""
            SELECT {named_columns(message_events)} FROM message_events
            WHERE organization_id = $1 AND appointment_id = $2
            ORDER BY min(occurred_at) OVER (PARTITION BY message_id), message_id, version, occurred_at
            """,
            organization_id,
            appointment_id,
        )
        return [MessageOutcome(**{name: row[name] for name in _FIELDS}) for row in rows]
