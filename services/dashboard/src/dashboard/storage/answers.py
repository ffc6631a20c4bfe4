"""Answers that are kept under Idempotency-Keys, as far as they are about somebody."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_FORGET = text(
    """
    UPDATE idempotency_keys SET body = convert_to('{}', 'UTF8')
    WHERE organization_id = :organization_id AND position(convert_to(:subject, 'UTF8') IN body) > 0
    """
)


class AnswerStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def forget(self, organization_id: UUID, subject_id: UUID) -> None:
        """Empties the answers that name it. Their keys stay, so that nothing happens twice."""
        await self._session.execute(_FORGET, {"organization_id": organization_id, "subject": str(subject_id)})
