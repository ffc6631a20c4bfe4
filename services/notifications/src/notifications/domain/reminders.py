"""Default reminder rules, and the reminders of appointments."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from notifications.domain.leads import Lead
from notifications.domain.messages import Channel


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderRule:
    """A default reminder of the organization, of one business (`business_id`) or of one service."""

    organization_id: UUID
    id: UUID
    business_id: UUID | None
    service_id: UUID | None
    channel: Channel
    lead: Lead
    template_id: UUID | None
    enabled: bool
    created_at: datetime
    updated_at: datetime
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """A reminder of one chain of appointments; it moves with the chain. By a rule, or by hand.

    `asked_at`: when a rule gave it to appointments that stood already; what was due by then is not sent.
    """

    organization_id: UUID
    id: UUID
    calendar_uid: str
    rule_id: UUID | None
    channel: Channel
    lead: Lead
    template_id: UUID | None
    asked_at: datetime | None = None
