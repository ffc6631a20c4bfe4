"""What somebody chooses for their own screens. It concerns nobody else, so no audit tells of it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.domain.preferences import UserPreferences
from dashboard.storage import UserPreferenceStore, UserStore
from slotstream_servicekit.context import Context


async def change_preferences(
    *, session: AsyncSession, context: Context, user_id: UUID, given: Mapping[str, Any]
) -> UserPreferences:
    """`given`: by their names, those that change."""
    await UserStore(session).get(context.organization_id, user_id, lock=True)
    store = UserPreferenceStore(session)
    if given:
        await store.save(context.organization_id, user_id, given, now=context.now)
    return await store.of_user(context.organization_id, user_id)
