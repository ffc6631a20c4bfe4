"""Users of the dashboard, and what each of them wants to be written to about."""

from dataclasses import dataclass
from datetime import time
from uuid import UUID

from notifications.domain.appointments import Appointment
from notifications.domain.contacts import Contact

USER_DEACTIVATED = "user_deactivated"
USER_REMOVED = "user_removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody in one organization as the dashboard knows them; `id` is the subject of their tokens.

    `business_ids` None: all of them; `resource_id`: limited to that calendar.
    """

    organization_id: UUID
    id: str
    name: str
    email: str
    locale: str
    state: str
    """`invited`, `active` or `deactivated`."""
    business_ids: tuple[UUID, ...] | None
    resource_id: UUID | None
    version: int

    @property
    def is_active(self) -> bool:
        return self.state == "active"

    @property
    def is_shut_out(self) -> bool:
        """Who is invited is not: they may have been written to as staff before."""
        return self.state == "deactivated"

    def may_see(self, appointment: Appointment) -> bool:
        """As every service keeps to the limits that the user's tokens carry."""
        if self.business_ids is not None and appointment.business_id not in self.business_ids:
            return False
        return self.resource_id is None or any(member.id == self.resource_id for member in appointment.staff)

    def contact(self, zone: str) -> Contact:
        return Contact(id=UUID(int=0), name=self.name, email=self.email, locale=self.locale, zone=zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffPreferences:
    """What a user has chosen for themselves. `version` 0: nothing yet."""

    organization_id: UUID
    user_id: str
    agenda_at: time | None = None
    """The wall-clock time of their daily agenda, where they are; None for no agenda."""
    agenda_ahead: bool = False
    """Whether it comes on the day before."""
    version: int = 0
