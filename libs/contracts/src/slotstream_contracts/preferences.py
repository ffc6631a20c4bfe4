"""`slotstream.client-preferences.v1` (compacted): what clients do not want to be sent. A tombstone of an erased one."""

from typing import ClassVar
from uuid import UUID

from slotstream_contracts.base import Channel, Instant, Message, Version
from slotstream_contracts.topics import CLIENT_PREFERENCES, Topic


class ClientPreferencesState(Message):
    """The channels that a client has opted out of, by STOP, by a link or at the desk; empty once they are back in."""

    type: ClassVar[str] = "slotstream.client_preferences.state"
    topic: ClassVar[Topic] = CLIENT_PREFERENCES

    client_id: UUID
    organization_id: UUID
    opted_out: tuple[Channel, ...] = ()
    updated_at: Instant
    version: Version
