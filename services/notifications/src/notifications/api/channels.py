"""/v1/channels: what messages can be sent on here."""

from notifications.api.dependencies import CurrentDependencies, Reader
from notifications.domain import Channel
from notifications.schemas import ChannelOut, ChannelsOut
from slotstream_servicekit.http import Router

router = Router(prefix="/v1/channels", tags=["channels"])


@router.get("")
async def list_channels(dependencies: CurrentDependencies, principal: Reader) -> ChannelsOut:
    """Every channel, and whether it is configured: what asks for one that is not is refused."""
    configured = dependencies.channels.names
    return ChannelsOut(items=[ChannelOut(channel=channel, available=channel in configured) for channel in Channel])
