"""What a change asks to be planned anew: too much for the transaction that makes it, so step by step."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class ReplanKind(StrEnum):
    """Whose messages are planned anew."""

    USER = "user"
    """A user has chosen otherwise, or may see something else."""
    CALENDAR = "calendar"
    """A calendar is somebody else's."""
    QUIET_HOURS = "quiet_hours"
    """The quiet hours of a channel are others: what is planned to come before them, or is not."""
    HELD = "held"
    """The same: what waits for their end."""
    RULE = "rule"
    """A default reminder is given to appointments that stand already."""
    ORDER = "order"
    """Nothing more of a bulk order is sent: what is planned of it is not any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replan:
    """`name` says which user, calendar, channel, rule or order. `after` is how far it has come: the end and the id of
    an appointment, when and which message was released last, or when all that was planned of an order was stopped.
    """

    organization_id: UUID
    kind: ReplanKind
    name: str
    requested_at: datetime
    after: tuple[datetime, UUID] | None = None

    @property
    def subject(self) -> str:
        return f"{self.kind}:{self.name}"
