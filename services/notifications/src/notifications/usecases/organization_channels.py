"""Telling others on which channels an organization can send, where it has or has had accounts of its own."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.channels import Channels
from notifications.publishers import organization_channels_record
from notifications.storage import OrganizationChannelStore
from notifications.usecases.channel_accounts import read_channels
from slotstream_servicekit.clock import Clock
from slotstream_servicekit.context import Cause
from slotstream_servicekit.database import Database
from slotstream_servicekit.errors import SlotstreamError
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.outbox import enqueue
from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)


async def tell_channels(
    *, session: AsyncSession, channels: Channels, organization_id: UUID, cause: Cause, clock: Clock
) -> None:
    """Tells of the organization's channels, if they are others than were told last. `channels`: the installation's."""
    now, store = clock(), OrganizationChannelStore(session)
    await store.lock(organization_id, now=now)
    known = await read_channels(session=session, channels=channels, organization_ids=[organization_id])
    names = known.of(organization_id).names
    version = await store.put(organization_id, names, now=now)
    if version is not None:
        record = organization_channels_record(organization_id, names, version=version, cause=cause, now=now)
        await enqueue(session, [record])


async def tell_changed_channels(*, database: Database, channels: Channels, clock: Clock) -> None:
    """Tells anew of all organizations whose channels are others since the installation's own are.

    One whose accounts cannot be read keeps no other from being told.
    """
    async with database.system_transaction() as session:
        organizations = await OrganizationChannelStore(session).organizations()
    for organization_id in organizations:
        try:
            async with database.system_transaction() as session:
                await tell_channels(
                    session=session,
                    channels=channels,
                    organization_id=organization_id,
                    cause=Cause(correlation_id=str(new_id())),
                    clock=clock,
                )
        except SlotstreamError:
            raise  # a database that is away is so for all
        except Exception:
            log.exception("channels_not_told", organization=str(organization_id))
