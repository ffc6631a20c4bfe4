"""`slotstream.clients.v1`: personal data. A tombstone erases a client."""

from typing import ClassVar
from uuid import UUID

from slotstream_contracts.base import Channel, Instant, Message, Version, Zone
from slotstream_contracts.topics import CLIENTS, Topic


class ClientState(Message):
    """A client as booking knows them now. `phone` is E.164.

    `consent` lists the channels that the client agreed to: an empty list is a refusal of all. Absent, nobody has
    asked yet: messages about an appointment still go, anything else does not.
    """

    type: ClassVar[str] = "slotstream.client.state"
    topic: ClassVar[Topic] = CLIENTS

    id: UUID
    organization_id: UUID
    name: str
    phone: str | None = None
    email: str | None = None
    locale: str | None = None
    zone: Zone | None = None
    consent: tuple[Channel, ...] | None = None
    merged_into: UUID | None = None
    archived: bool = False
    updated_at: Instant
    version: Version
