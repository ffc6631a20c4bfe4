"""Whose calendars a limited caller may connect and publish."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from calendar_sync.domain import UnknownResourceError
from calendar_sync.storage import ResourceStore
from slotstream_servicekit.context import Context


async def check_calendar(session: AsyncSession, context: Context, resource_id: UUID) -> None:
    """Raises OutsideLimitsError.

    A calendar that several businesses share is for who has all of them: a feed tells of appointments in each. What
    does not exist is refused as what is another business's.
    """
    if not context.limits.is_limited:
        return
    context.limits.check_resource(resource_id)
    context.limits.check_businesses(await ResourceStore(session).business_ids(context.organization_id, resource_id))


async def require_calendar(session: AsyncSession, context: Context, resource_id: UUID) -> None:
    """Raises OutsideLimitsError or UnknownResourceError."""
    await check_calendar(session, context, resource_id)
    if not await ResourceStore(session).exists(context.organization_id, resource_id):
        raise UnknownResourceError("There is no such resource.")
