"""Who can be texted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Recipient:
    id: UUID
    has_phone: bool
    consents: bool = True


async def client_recipients(connection: Any, organization_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Recipient]:
    """By the id that was asked for; a merged duplicate stands for the client it was merged into."""
    rows = await connection.fetch(
        """
        SELECT asked.id AS asked, c.id, c.phone IS NOT NULL AS has_phone, 'sms' = ANY (c.consent) AS consents
        FROM clients asked JOIN clients c ON c.organization_id = $1 AND c.id = coalesce(asked.merged_into, asked.id)
        WHERE asked.organization_id = $1 AND asked.id = ANY($2) AND NOT c.erased
        """,
        organization_id,
        list(ids),
    )
    return {row["asked"]: Recipient(row["id"], row["has_phone"], row["consents"]) for row in rows}


async def staff_recipients(connection: Any, organization_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Recipient]:
    rows = await connection.fetch(
        "SELECT id, phone IS NOT NULL AS has_phone FROM resources WHERE organization_id = $1 AND id = ANY($2)",
        organization_id,
        list(ids),
    )
    return {row["id"]: Recipient(row["id"], row["has_phone"]) for row in rows}
