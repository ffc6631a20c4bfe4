"""Actions that are named while booking, through the driver's connection."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from booking.domain.catalogue import Action
from booking.storage.catalogue import action_of
from booking.storage.tables import actions
from slotstream_servicekit.database import Connection
from slotstream_servicekit.rows import named_columns

_ALL: Final = f"SELECT {named_columns(actions)} FROM actions WHERE organization_id = $1"


@dataclass(frozen=True, slots=True)
class ActionStore:
    """The actions of one organization, within the transaction of `connection`."""

    connection: Connection
    organization_id: UUID

    async def lock(self) -> None:
        """Says that the organization's policy changes; nobody else changes it until the transaction ends."""
        await self.connection.execute(
            "UPDATE organizations SET policy_version = policy_version + 1 WHERE organization_id = $1",
            self.organization_id,
        )

    async def all(self) -> list[Action]:
        """Archived ones too."""
        rows = await self.connection.fetch(_ALL, self.organization_id)
        return [action_of(row) for row in rows]

    async def add(self, action: Action) -> None:
        await self.connection.execute(
            """
            INSERT INTO actions (organization_id, id, name, position, created_at, updated_at)
            VALUES ($1, $2, $3, $4, $5, $6)
            """,
            action.organization_id,
            action.id,
            action.name,
            action.position,
            action.created_at,
            action.updated_at,
        )
