"""What a person has decided about a message of which nobody knew whether it went out."""

from typing import Final

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.messages import Message
from notifications.storage.tables import messages

_DECIDED: Final = (
    "status",
    "code",
    "detail",
    "due_at",
    "next_attempt_at",
    "tries",
    "attempted_at",
    "sent_at",
    "decision",
    "decided_by",
    "decided_at",
    "updated_at",
    "version",
)


class DecisionStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def put(self, message: Message) -> None:
        """Records the message as it was decided. The caller has locked it, so that one decision stands."""
        await self._session.execute(
            update(messages)
            .where(messages.c.organization_id == message.organization_id, messages.c.id == message.id)
            .values({name: getattr(message, name) for name in _DECIDED})
        )
