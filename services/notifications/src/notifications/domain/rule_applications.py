"""Giving a default reminder to appointments that stand already: which these are, and how far it has come."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from notifications.domain.appointments import Appointment
from notifications.domain.reminders import ReminderRule


class ApplicationStatus(StrEnum):
    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"
    """The rule was changed, switched off or deleted meanwhile; what was planned by then stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOutcomes:
    """How many reminders are planned, and how many are not to be sent, by the reason."""

    planned: int = 0
    too_late: int = 0
    no_address: int = 0
    landline: int = 0
    appointment_pending: int = 0
    notify_off: int = 0

    @classmethod
    def of(cls, reasons: Iterable[str | None]) -> "RuleOutcomes":
        """`reasons`: why each is suppressed; None for one that is planned."""
        tally = Counter(reason or "planned" for reason in reasons)
        return cls(**{field.name: tally[field.name] for field in fields(cls)})

    @property
    def reached(self) -> int:
        total: int = sum(getattr(self, field.name) for field in fields(self))
        return total

    def __add__(self, other: "RuleOutcomes") -> "RuleOutcomes":
        return RuleOutcomes(
            **{field.name: getattr(self, field.name) + getattr(other, field.name) for field in fields(self)}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleApplication:
    """`total`: how many appointments it was to reach when it was asked for. `looks_again`: all had their turn, and
    those that moved meanwhile, from behind to before it, have theirs.
    """

    organization_id: UUID
    rule_id: UUID
    rule_version: int
    status: ApplicationStatus
    looks_again: bool
    total: int
    outcomes: RuleOutcomes
    requested_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleReach:
    """How many appointments ahead a rule is for: those that it would reach, and those that it leaves alone."""

    appointments: int
    have_it: int
    edited: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePreview:
    """`outcomes`: of so many of the appointments, those that begin first, as it would be now."""

    reach: RuleReach
    outcomes: RuleOutcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleScope:
    """Whose appointments a rule is for, beside the other rules that there are: as rules_for judges one appointment."""

    organization_id: UUID
    business_id: UUID | None
    service_id: UUID | None
    but_businesses: frozenset[UUID]
    but_services: frozenset[UUID]

    def covers(self, appointment: Appointment) -> bool:
        return (
            appointment.organization_id == self.organization_id
            and self.service_id in (None, appointment.service_id)
            and self.business_id in (None, appointment.business_id)
            and appointment.service_id not in self.but_services
            and appointment.business_id not in self.but_businesses
        )


def scope_of(rule: ReminderRule, rules: Sequence[ReminderRule]) -> RuleScope:
    """`rules`: all of the organization, also those that are switched off."""
    services = frozenset(other.service_id for other in rules if other.service_id is not None)
    businesses = frozenset(
        other.business_id for other in rules if other.service_id is None and other.business_id is not None
    )
    is_of_service = rule.service_id is not None
    is_of_all = not is_of_service and rule.business_id is None
    return RuleScope(
        organization_id=rule.organization_id,
        business_id=None if is_of_service else rule.business_id,
        service_id=rule.service_id,
        but_businesses=businesses if is_of_all else frozenset(),
        but_services=frozenset() if is_of_service else services,
    )
