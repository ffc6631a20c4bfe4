"""Which rules are for an appointment."""

from collections.abc import Sequence
from typing import Final, Protocol, TypeVar
from uuid import UUID

from notifications.domain.appointments import Appointment

MOST_RULES: Final = 500
"""Of an organization, for reminders and for follow-ups each: all are read whenever something is planned."""
MOST_RULES_OF_LEVEL: Final = 20
"""Of the organization, of one business or of one service: as many messages has each appointment."""


class Rule(Protocol):
    """A rule of the organization, of one business (`business_id`) or of one service."""

    @property
    def organization_id(self) -> UUID: ...

    @property
    def business_id(self) -> UUID | None: ...

    @property
    def service_id(self) -> UUID | None: ...

    @property
    def enabled(self) -> bool: ...


AnyRule = TypeVar("AnyRule", bound=Rule)


def rules_for(appointment: Appointment, rules: Sequence[AnyRule]) -> list[AnyRule]:
    """Those of its service, else of its business, else of all.

    The closest level that has any rule decides alone, even if all its rules are disabled: so a service can go
    without.
    """
    own = [rule for rule in rules if rule.organization_id == appointment.organization_id]
    levels: list[list[AnyRule]] = [
        [rule for rule in own if rule.service_id is not None and rule.service_id == appointment.service_id],
        [rule for rule in own if rule.service_id is None and rule.business_id == appointment.business_id],
        [rule for rule in own if rule.service_id is None and rule.business_id is None],
    ]
    closest = next((level for level in levels if level), [])
    return [rule for rule in closest if rule.enabled]
