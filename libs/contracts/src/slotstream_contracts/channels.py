"""`slotstream.channels.v1` (compacted): what organizations that have set accounts of their own can send on."""

from typing import ClassVar
from uuid import UUID

from slotstream_contracts.base import Channel, Instant, Message, Version
from slotstream_contracts.topics import CHANNELS, Topic


class OrganizationChannelsState(Message):
    """All channels on which the organization can send, by its own accounts or the installation's."""

    type: ClassVar[str] = "slotstream.organization_channels.state"
    topic: ClassVar[Topic] = CHANNELS

    organization_id: UUID
    channels: tuple[Channel, ...]
    updated_at: Instant
    version: Version
