"""Messages about appointments: who can get one, and what became of those that were planned."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Somebody to write to or call. `consents`: whether they agreed, or were not asked yet; `opted_out`: they want
    nothing on the channel. `phone`: a member of staff's is as it was typed.
    """

    id: UUID
    phone: str | None = field(repr=False)
    has_email: bool
    consents: bool = True
    opted_out: bool = False
    archived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageOutcome:
    """One event of a message: planned, sent, delivered, failed, suppressed, unknown or answered."""

    organization_id: UUID
    message_id: UUID
    version: int
    outcome: str
    appointment_id: UUID
    client_id: UUID | None
    resource_id: UUID | None
    """One of the two: to whom it went, a client or a member of staff."""
    channel: str
    kind: str
    detail: str | None
    due_at: datetime
    occurred_at: datetime
