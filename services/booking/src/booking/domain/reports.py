"""Figures over appointments that start in a range."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from slotstream_servicekit.limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Appointments that start in [begins, ends), of these businesses or of all that the limits leave."""

    organization_id: UUID
    begins: datetime
    ends: datetime
    business_ids: Sequence[UUID] | None = None
    limits: Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class NoShows:
    """`key`: an id, or the value itself (weekday 0 is Monday, `0-09` is Monday at 9).

    `name`: what people call it, where it has a name.
    """

    key: str
    name: str | None
    no_shows: int
    completed: int

    @property
    def rate(self) -> float:
        """No-shows among those that were either kept or missed, 0 to 1."""
        return share(self.no_shows, self.no_shows + self.completed) or 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """How many appointments there were, and how they ended."""

    key: str
    name: str | None
    appointments: int
    completed: int
    cancelled: int
    no_shows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Revenue:
    """`earned`: completed, at the actual price or else the quoted; `lost`: cancelled or missed, as quoted."""

    key: str
    name: str | None
    currency: str
    earned: Decimal
    expected: Decimal
    lost: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Utilisation:
    """Minutes one resource works, by its schedule as it stands, and minutes it was booked, in the range."""

    resource_id: UUID
    name: str
    kind: str
    open_minutes: int
    booked_minutes: int

    @property
    def rate(self) -> float | None:
        """Booked of open; None for who does not work in the range."""
        return share(self.booked_minutes, self.open_minutes)


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """A client to call: the last appointment came to nothing, and they have none since."""

    client_id: UUID
    name: str
    phone: str | None
    email: str | None
    appointment_id: UUID
    status: str
    starts_at: datetime
    zone: str
    service_name: str


def share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
