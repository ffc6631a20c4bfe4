"""Users of the dashboard, and what each of them wants to be written to about."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from uuid import UUID

from notifications.domain.appointments import Appointment
from notifications.domain.contacts import Contact
from notifications.domain.leads import Lead
from notifications.domain.messages import Channel
from notifications.domain.staff_choices import DEFAULT_CHOICES, StaffEvent

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
    role: str | None = None
    """None while it has not been told to this version."""
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

    @property
    def is_unlimited(self) -> bool:
        return self.business_ids is None and self.resource_id is None

    def may_see(self, appointment: Appointment) -> bool:
        """As every service keeps to the limits that the user's tokens carry."""
        if not self.works_at(appointment.business_id):
            return False
        return self.resource_id is None or any(member.id == self.resource_id for member in appointment.staff)

    def works_at(self, business_id: UUID) -> bool:
        return self.business_ids is None or business_id in self.business_ids

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
    told_by: Mapping[StaffEvent, frozenset[Channel]] = field(default_factory=dict)
    """The channels on which they are told of each event; of one that is not among them by default."""
    reminders: Mapping[Channel, Lead] = field(default_factory=dict)
    """How long before their appointments they are reminded, by channel; on none that is not among them."""
    changed_at: datetime | None = None
    version: int = 0

    def channels_of(self, event: StaffEvent) -> frozenset[Channel]:
        return self.told_by.get(event, DEFAULT_CHOICES[event])
