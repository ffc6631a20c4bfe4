"""What users have chosen for themselves."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.domain.preferences import NOTHING_CHOSEN, Density, ListColumn, MoveTelling, UserPreferences
from dashboard.storage.tables import user_preferences

Choice = TypeVar("Choice", bound=StrEnum)


class UserPreferenceStore:
    """Within the tenant of the session's transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of_user(self, organization_id: UUID, user_id: UUID) -> UserPreferences:
        known = user_preferences.c
        statement = select(known.moves, known.density, known.hidden_columns)
        row = (
            await self._session.execute(
                statement.where(known.organization_id == organization_id, known.user_id == user_id)
            )
        ).first()
        if row is None:
            return NOTHING_CHOSEN
        hidden = row.hidden_columns
        return UserPreferences(
            moves=next(iter(_known(MoveTelling, [row.moves])), None),
            density=next(iter(_known(Density, [row.density])), None),
            hidden_columns=None if hidden is None else tuple(_known(ListColumn, hidden)),
        )

    async def save(self, organization_id: UUID, user_id: UUID, given: Mapping[str, Any], *, now: datetime) -> None:
        """Sets those that are given: two browsers that choose different things at once both have theirs."""
        values = {**given, "updated_at": now}
        await self._session.execute(
            insert(user_preferences)
            .values(organization_id=organization_id, user_id=user_id, **values)
            .on_conflict_do_update(
                index_elements=[user_preferences.c.organization_id, user_preferences.c.user_id], set_=values
            )
        )


def _known(kind: type[Choice], values: Sequence[str | None]) -> list[Choice]:
    """Without what only a newer version knows, which may be at work beside this one."""
    return [choice for value in values for choice in kind if choice == value]
