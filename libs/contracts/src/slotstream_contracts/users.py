"""`slotstream.users.v1` (compacted): who signs in to an organization, for services that write to them.

Personal data, as on the clients' topic. A tombstone of a user who was removed.
"""

from typing import ClassVar, Literal
from uuid import UUID

from slotstream_contracts.base import Instant, Message, Version
from slotstream_contracts.topics import USERS, Topic


class UserState(Message):
    """Somebody in one organization as the dashboard knows them now; `id` is the subject of their tokens.

    Who is `invited` has not accepted yet. Nothing is written to who is `deactivated`.
    """

    type: ClassVar[str] = "slotstream.user.state"
    topic: ClassVar[Topic] = USERS

    id: UUID
    organization_id: UUID
    email: str
    name: str
    locale: str
    role: Literal["owner", "manager", "staff", "viewer"]
    state: Literal["invited", "active", "deactivated"]
    business_ids: tuple[UUID, ...] | None = None
    """The businesses that they are limited to; absent: all."""
    resource_id: UUID | None = None
    """The calendar that they are limited to."""
    updated_at: Instant
    version: Version
