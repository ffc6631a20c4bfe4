"""Who can be written to and called."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.bulk import MessageChannel
from booking.domain.messages import Recipient
from booking.storage.connections import connection_of


class RecipientStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def clients(
        self, organization_id: UUID, ids: Sequence[UUID], *, channel: MessageChannel
    ) -> dict[UUID, Recipient]:
        """By the given id; a merged duplicate stands for the client it was merged into. None of the erased."""
        connection = await connection_of(self._session)
        rows = await connection.fetch(
            """
            SELECT given.id AS given_id, c.id, c.phone, c.email IS NOT NULL AS has_email,
                   -- Who has a browser subscribed agrees to push by that, unless they refuse all.
                   c.consent IS NULL OR $3 = ANY (c.consent) OR $3 = 'push' AND c.consent <> '{}' AS consents,
                   EXISTS (SELECT FROM client_preferences p WHERE p.organization_id = $1
                           AND p.client_id IN (given.id, c.id) AND $3 = ANY (p.opted_out)) AS opted_out
            FROM clients given
            JOIN clients c ON c.organization_id = $1
             AND c.id = CASE WHEN given.merged_into IS NULL THEN given.id ELSE given.merged_into END
            WHERE given.organization_id = $1 AND given.id = ANY($2) AND NOT c.erased
            """,
            organization_id,
            list(ids),
            channel,
        )
        return {
            row["given_id"]: Recipient(
                id=row["id"],
                phone=row["phone"],
                has_email=row["has_email"],
                consents=row["consents"],
                opted_out=row["opted_out"],
            )
            for row in rows
        }

    async def staff(self, organization_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Recipient]:
        connection = await connection_of(self._session)
        rows = await connection.fetch(
            """
            SELECT id, phone, email IS NOT NULL AS has_email, archived FROM resources
            WHERE organization_id = $1 AND id = ANY($2)
            """,
            organization_id,
            list(ids),
        )
        return {
            row["id"]: Recipient(id=row["id"], phone=row["phone"], has_email=row["has_email"], archived=row["archived"])
            for row in rows
        }
