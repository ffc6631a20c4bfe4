"""Web Push: browsers that take messages (RFC 8030), and the keys that they alone open them with (RFC 8291)."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

MOST_PUSH_SUBSCRIPTIONS: Final = 10
"""Of one person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushPerson:
    """Whose browser it is: a client, or a user of the dashboard by the subject of their token."""

    organization_id: UUID
    client_id: UUID | None = None
    user_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PushSubscription:
    """One browser of one person. Whoever knows `endpoint` can send to it, so it is shown to nobody."""

    id: UUID
    person: PushPerson
    endpoint: str = field(repr=False)
    p256dh: bytes = field(repr=False)
    """The browser's public key: a point of P-256, uncompressed."""
    auth: bytes = field(repr=False)
    device: str | None
    """What the browser calls itself."""
    created_at: datetime

    @property
    def service(self) -> str:
        """The host of the push service, which names no browser."""
        return urlsplit(self.endpoint).hostname or ""
