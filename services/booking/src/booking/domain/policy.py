"""What an organization has decided: its catalogue and schedules, and the judgement of a booking by them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final, TypeVar
from uuid import UUID

from booking.domain.catalogue import Action, Business, Entry, Resource, Service
from booking.domain.errors import ForeignServiceError, UnknownReferenceError
from slotstream_scheduling.hours import Schedule
from slotstream_scheduling.places import Performer, Places, Roster, Staffing
from slotstream_scheduling.reasons import Reason as Refused
from slotstream_scheduling.rules import ResourceCalendar, ServiceRules, free_places, judge
from slotstream_scheduling.spans import to_epoch
from slotstream_servicekit.errors import Reason

EntryT = TypeVar("EntryT", bound=Entry)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A time asked of a business: for a service, or for a custom one that is given as its rules alone."""

    business: Business
    service: Service | None
    rules: ServiceRules
    starts_at: datetime
    staffing: Staffing
    """Who may fill which of the places that are taken at once."""
    is_recorded: bool = False
    """Whether it is over already, elsewhere: nothing is in its way, and it takes nobody's time."""

    @property
    def places(self) -> Places:
        return self.staffing.places

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + self.rules.duration

    @property
    def blocked(self) -> tuple[datetime, datetime]:
        return self.starts_at - self.rules.buffer_before, self.ends_at + self.rules.buffer_after

    @property
    def candidates(self) -> tuple[UUID, ...]:
        if self.is_recorded:
            return ()
        return tuple(sorted(UUID(candidate) for candidate in self.staffing.candidates))

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing to choose and no seat to find, so that occupancy says only whether."""
        if self.is_recorded:
            return True
        chosen = {place[0] for place in self.places if len(place) == 1}
        return self.rules.capacity == 1 and len(chosen) == len(self.places)


_MOST_STAFFINGS: Final = 4_096


@dataclass(frozen=True, kw_only=True)
class Policy:
    """The catalogue and schedules of one organization as of `version`."""

    organization_id: UUID
    version: int
    businesses: Mapping[UUID, Business] = field(default_factory=dict)
    resources: Mapping[UUID, Resource] = field(default_factory=dict)
    services: Mapping[UUID, Service] = field(default_factory=dict)
    actions: Mapping[UUID, Action] = field(default_factory=dict)
    schedules: Mapping[UUID, Schedule] = field(default_factory=dict)
    _staffing: dict[tuple[UUID | None, ...], Staffing] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _rules: dict[UUID, ServiceRules] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def ids(self) -> Mapping[str, UUID]:
        """Of every resource, by what places call it."""
        return {str(resource_id): resource_id for resource_id in self.resources}

    @cached_property
    def rosters(self) -> Mapping[UUID, Roster]:
        """The resources that work in each business."""
        performers: dict[UUID, list[Performer]] = {business_id: [] for business_id in self.businesses}
        for resource in self.resources.values():
            if resource.archived:
                continue
            for business_id in resource.business_ids:
                if business_id in performers:
                    performer = Performer(str(resource.id), resource.kind, resource.priority, resource.name)
                    performers[business_id].append(performer)
        return {business_id: Roster(those) for business_id, those in performers.items()}

    def business(self, business_id: UUID) -> Business:
        return _usable("business", business_id, self.businesses.get(business_id))

    def service(self, service_id: UUID, *, business_id: UUID) -> Service:
        service = _usable("service", service_id, self.services.get(service_id))
        if service.business_id != business_id:
            owner, business = self.businesses[service.business_id], self.businesses[business_id]
            raise ForeignServiceError(
                f"The service {service.name!r} belongs to the business {owner.name!r} ({owner.id}), "
                f"not to {business.name!r}."
            )
        return service

    def resource(self, resource_id: UUID) -> Resource:
        return _usable("resource", resource_id, self.resources.get(resource_id))

    def action(self, action_id: UUID) -> Action:
        return _usable("action", action_id, self.actions.get(action_id))

    def action_named(self, name: str) -> Action | None:
        """The action of this name, whatever its case and accents; none that is archived."""
        return next(
            (action for action in self.actions.values() if not action.archived and action.is_called(name)), None
        )

    def schedule_of(self, business: Business) -> Schedule:
        """A business whose hours nobody has set is closed."""
        return self.schedules.get(business.id) or Schedule(zone=business.zone)

    def wanted(
        self,
        *,
        business_id: UUID,
        service_id: UUID | None,
        starts_at: datetime,
        duration: timedelta | None,
        resource_ids: Sequence[UUID] | None,
    ) -> Wanted:
        """Resolves ids against the catalogue; a reference to nothing, or to another tenant's, is refused."""
        business = self.business(business_id)
        service = self.service(service_id, business_id=business_id) if service_id else None
        chosen = [self.resource(resource_id) for resource_id in resource_ids or ()]
        return Wanted(
            business=business,
            service=service,
            rules=rules_of(service, duration) if service is None or duration else self._own_rules(service),
            starts_at=starts_at,
            staffing=self._staffing_for(business, service, chosen),
        )

    def _own_rules(self, service: Service) -> ServiceRules:
        rules = self._rules.get(service.id)
        if rules is None:
            rules = self._rules[service.id] = rules_of(service, None)
        return rules

    def _staffing_for(self, business: Business, service: Service | None, chosen: Sequence[Resource]) -> Staffing:
        known = (business.id, service.id if service else None, *(resource.id for resource in chosen))
        staffing = self._staffing.get(known)
        if staffing is None:
            requires = [[str(resource_id) for resource_id in place] for place in service.requires] if service else None
            staffing = self.rosters[business.id].staffing(requires, [str(resource.id) for resource in chosen])
            if len(self._staffing) >= _MOST_STAFFINGS:
                # Who names resources chooses among very many sets of them.
                self._staffing.clear()
            self._staffing[known] = staffing
        return staffing

    def calendar(self, resource_id: UUID) -> ResourceCalendar:
        """A resource's hours, without what takes its time."""
        name, schedule = self.resources[resource_id].name, self.schedules.get(resource_id)
        return ResourceCalendar(id=str(resource_id), schedule=schedule, name=name)

    def judge(
        self,
        wanted: Wanted,
        *,
        resource_ids: Sequence[UUID],
        now: datetime,
        calendars: Mapping[UUID, ResourceCalendar] | None = None,
        ignore: Collection[UUID] = (),
    ) -> tuple[Reason, ...]:
        """Every reason against exactly these resources; without `calendars`, those that policy alone gives."""
        known = calendars or {}
        return _ours(
            judge(
                start=to_epoch(wanted.starts_at),
                now=to_epoch(now),
                rules=wanted.rules,
                business=self.schedule_of(wanted.business),
                resources=[known.get(resource_id) or self.calendar(resource_id) for resource_id in resource_ids],
                staffing=wanted.staffing,
                service_id=str(wanted.service.id) if wanted.service else None,
                ignore=[str(holder_id) for holder_id in ignore],
            )
        )

    def free(
        self,
        wanted: Wanted,
        *,
        now: datetime,
        calendars: Mapping[UUID, ResourceCalendar],
        ignore: Collection[UUID] = (),
    ) -> tuple[Places, tuple[Reason, ...]]:
        """The free candidates of each place, and all reasons where the places cannot be filled."""
        free, reasons = free_places(
            start=to_epoch(wanted.starts_at),
            now=to_epoch(now),
            rules=wanted.rules,
            business=self.schedule_of(wanted.business),
            staffing=wanted.staffing,
            calendars={str(resource_id): calendar for resource_id, calendar in calendars.items()},
            service_id=str(wanted.service.id) if wanted.service else None,
            ignore=[str(holder_id) for holder_id in ignore],
        )
        return free, _ours(reasons)


def rules_of(service: Service | None, duration: timedelta | None) -> ServiceRules:
    """The constraints of a service, or of a custom one that has a duration only."""
    if service is None:
        return ServiceRules(duration=duration or timedelta(minutes=30))
    return ServiceRules(
        duration=duration or service.duration,
        buffer_before=service.buffer_before,
        buffer_after=service.buffer_after,
        minimum_notice=service.minimum_notice,
        booking_window_days=service.booking_window_days,
        slot_interval=service.slot_interval,
        capacity=service.capacity,
    )


def _ours(reasons: Sequence[Refused]) -> tuple[Reason, ...]:
    return tuple(Reason(str(reason.code), reason.detail, tuple(reason.conflicts_with)) for reason in reasons)


def _usable(kind: str, entry_id: UUID, entry: EntryT | None) -> EntryT:
    """The entry. Raises UnknownReferenceError where there is none, or where it is archived."""
    if entry is None:
        raise UnknownReferenceError(kind, entry_id)
    if entry.archived:
        raise UnknownReferenceError(kind, entry_id, archived_name=entry.name)
    return entry
