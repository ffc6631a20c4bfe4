"""Actions that are named while booking, through the driver's connection."""

from uuid import UUID

from booking.domain.catalogue import Action
from slotstream_servicekit.database import Connection


async def lock_actions(connection: Connection, organization_id: UUID) -> None:
    """Says that the organization's policy changes, and lets nobody else change it until the transaction ends."""
    await connection.execute(
        "UPDATE organizations SET policy_version = policy_version + 1 WHERE organization_id = $1", organization_id
    )


async def read_actions(connection: Connection, organization_id: UUID) -> list[Action]:
    rows = await connection.fetch("SELECT * FROM actions WHERE organization_id = $1", organization_id)
    return [Action(**row) for row in rows]


async def add_action(connection: Connection, action: Action) -> None:
    await connection.execute(
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
