"""`slotstream.holds.v1` (compacted): slots that are held while somebody fills in a form or talks to an agent."""

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from slotstream_contracts.base import Instant, Message, Version
from slotstream_contracts.topics import HOLDS, Topic


class HoldState(Message):
    """Time of resources that is held until `expires_at`. Released, expired or used for a booking: a tombstone.

    A reader lets it go at `expires_at` by its own clock, since the tombstone of an expired hold may come later.
    `blocked_from` and `blocked_to` include the service's buffers.
    """

    type: ClassVar[str] = "slotstream.hold.state"
    topic: ClassVar[Topic] = HOLDS

    id: UUID
    organization_id: UUID
    business_id: UUID
    service_id: UUID | None = None
    resource_ids: Annotated[tuple[UUID, ...], Field(min_length=1)]
    starts_at: Instant
    ends_at: Instant
    blocked_from: Instant
    blocked_to: Instant
    expires_at: Instant
    version: Version
