"""What imports knows of a business: its services, and who performs them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from slotstream_scheduling.places import Roster


@dataclass(frozen=True, slots=True, kw_only=True)
class Business:
    id: UUID
    name: str
    zone: str
    phone_region: str
    locale: str = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedService:
    id: UUID
    name: str
    duration_minutes: int
    buffer_before_minutes: int = 0
    buffer_after_minutes: int = 0
    capacity: int = 1
    requires: tuple[tuple[str, ...], ...] = ()
    """One entry per resource that an appointment takes at once: the ids that can fill the place. None: any staff."""

    def blocked(self, starts_at: datetime, minutes: int) -> tuple[datetime, datetime]:
        """What an appointment takes of its resources: itself and its buffers."""
        before, after = timedelta(minutes=self.buffer_before_minutes), timedelta(minutes=self.buffer_after_minutes)
        return starts_at - before, starts_at + timedelta(minutes=minutes) + after


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """One business, its services and resources, each by folded name and by id."""

    business: Business
    services: Mapping[str, OfferedService]
    resources: Mapping[str, UUID]
    roster: Roster

    @property
    def services_by_id(self) -> Mapping[UUID, OfferedService]:
        return {service.id: service for service in self.services.values()}


def fold(text: str) -> str:
    """How names are compared: without case, and with blanks, hyphens and underscores alike."""
    return " ".join(text.casefold().replace("_", " ").replace("-", " ").split())
