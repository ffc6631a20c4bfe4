"""What an organization has decided: its catalogue and schedules, and the judgement of a booking by them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from uuid import UUID

from booking.domain.errors import UnknownReferenceError
from booking.domain.model import Action, Business, Resource, Service
from slotstream_scheduling.hours import Schedule
from slotstream_scheduling.places import Performer, Places, Roster, Staffing
from slotstream_scheduling.reasons import Reason as Refused
from slotstream_scheduling.rules import ResourceCalendar, ServiceRules, free_places, judge
from slotstream_scheduling.spans import to_epoch
from slotstream_servicekit.errors import Reason


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
        return tuple(sorted(UUID(one) for one in self.staffing.candidates))

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing to choose and no seat to find, so that occupancy says only whether."""
        if self.is_recorded:
            return True
        chosen = {place[0] for place in self.places if len(place) == 1}
        return self.rules.capacity == 1 and len(chosen) == len(self.places)


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
    _staffing: dict[tuple[UUID, UUID | None], Staffing] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _rules: dict[UUID, ServiceRules] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def ids(self) -> Mapping[str, UUID]:
        """Of every resource, by what places call it."""
        return {str(one): one for one in self.resources}

    @cached_property
    def rosters(self) -> Mapping[UUID, Roster]:
        """The resources that work in each business."""
        performers: dict[UUID, list[Performer]] = {business_id: [] for business_id in self.businesses}
        for resource in self.resources.values():
            if resource.archived:
                continue
            for business_id in resource.business_ids:
                if business_id in performers:
                    performers[business_id].append(Performer(str(resource.id), resource.kind, resource.priority))
        return {business_id: Roster(those) for business_id, those in performers.items()}

    def business(self, business_id: UUID) -> Business:
        found = self.businesses.get(business_id)
        if found is None or found.archived:
            raise UnknownReferenceError("business", business_id)
        return found

    def service(self, service_id: UUID, *, business_id: UUID) -> Service:
        found = self.services.get(service_id)
        if found is None or found.archived or found.business_id != business_id:
            raise UnknownReferenceError("service", service_id)
        return found

    def resource(self, resource_id: UUID) -> Resource:
        found = self.resources.get(resource_id)
        if found is None or found.archived:
            raise UnknownReferenceError("resource", resource_id)
        return found

    def action(self, action_id: UUID) -> Action:
        found = self.actions.get(action_id)
        if found is None or found.archived:
            raise UnknownReferenceError("action", action_id)
        return found

    def action_named(self, name: str) -> Action | None:
        """The action of this name, however it is capitalised."""
        wanted = name.strip().casefold()
        return next(
            (one for one in self.actions.values() if not one.archived and one.name.casefold() == wanted),
            None,
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
        chosen = [self.resource(one) for one in resource_ids or ()]
        return Wanted(
            business=business,
            service=service,
            rules=rules_of(service, duration) if service is None or duration else self._own_rules(service),
            starts_at=starts_at,
            staffing=self._staffing_for(business, service, chosen),
        )

    def _own_rules(self, service: Service) -> ServiceRules:
        found = self._rules.get(service.id)
        if found is None:
            found = self._rules[service.id] = rules_of(service, None)
        return found

    def _staffing_for(self, business: Business, service: Service | None, chosen: Sequence[Resource]) -> Staffing:
        known = (business.id, service.id if service else None)
        if not chosen and (staffing := self._staffing.get(known)) is not None:
            return staffing
        requires = [[str(one) for one in place] for place in service.requires] if service else None
        staffing = self.rosters[business.id].staffing(requires, [str(resource.id) for resource in chosen])
        if not chosen:
            self._staffing[known] = staffing
        return staffing

    def calendar(self, resource_id: UUID) -> ResourceCalendar:
        """A resource's hours, without what takes its time."""
        return ResourceCalendar(id=str(resource_id), schedule=self.schedules.get(resource_id))

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
                resources=[known.get(one) or self.calendar(one) for one in resource_ids],
                staffing=wanted.staffing,
                service_id=str(wanted.service.id) if wanted.service else None,
                ignore=[str(one) for one in ignore],
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
            calendars={str(one): calendar for one, calendar in calendars.items()},
            service_id=str(wanted.service.id) if wanted.service else None,
            ignore=[str(one) for one in ignore],
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
    return tuple(Reason(str(one.code), one.detail, tuple(one.conflicts_with)) for one in reasons)
