"""When an organization's clients are not disturbed."""

from datetime import time

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.channels import Channels
from notifications.domain.messages import Channel
from notifications.domain.quiet_hours import ChannelQuietHours, QuietHours
from notifications.storage import QuietHoursStore
from notifications.usecases.limits import check_setting
from notifications.usecases.replanning import ask_for_quiet_hours
from slotstream_servicekit.context import Context
from slotstream_servicekit.errors import VersionConflictError

_NONE = QuietHours(begins=time(0), ends=time(0))


async def list_quiet_hours(*, session: AsyncSession, context: Context, channels: Channels) -> list[ChannelQuietHours]:
    """Of every channel: the organization's own, else the installation's."""
    own = await QuietHoursStore(session).all_of(context.organization_id)
    return [own.get(channel, _of_installation(channel, channels)) for channel in Channel]


async def change_quiet_hours(
    *,
    session: AsyncSession,
    context: Context,
    channels: Channels,
    channel: Channel,
    hours: QuietHours | None,
    expected_version: int | None,
) -> ChannelQuietHours:
    """Sets the organization's own, or with None goes back to the installation's.

    What is planned is moved, and what waits is judged anew.
    """
    check_setting(context.limits, None, what="Quiet hours")
    store = QuietHoursStore(session)
    old = (await store.all_of(context.organization_id)).get(channel, _of_installation(channel, channels))
    if expected_version is not None and expected_version != old.version:
        raise VersionConflictError(old.version)
    if (hours is None and not old.version) or (old.version and hours == old.hours):
        return old
    if hours is None:
        new = _of_installation(channel, channels)
        done = await store.remove(context.organization_id, channel, version=old.version)
    else:
        new = ChannelQuietHours(channel=channel, hours=hours, version=old.version + 1)
        done = await store.put(context.organization_id, new, replaces=old.version)
    if not done:
        current = (await store.all_of(context.organization_id)).get(channel)
        raise VersionConflictError(current.version if current is not None else 0)
    await ask_for_quiet_hours(
        session=session, organization_id=context.organization_id, channel=channel, now=context.now
    )
    return new


def _of_installation(channel: Channel, channels: Channels) -> ChannelQuietHours:
    return ChannelQuietHours(channel=channel, hours=channels.quiet_hours_of(channel) or _NONE)
