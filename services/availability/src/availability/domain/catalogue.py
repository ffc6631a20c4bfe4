"""An organization's catalogue and schedules, as known here."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from availability.domain.errors import UnknownOwnerError
from slotstream_scheduling import Performer, Roster, Schedule, ServiceRules
from slotstream_servicekit.limits import Limits


@dataclass(frozen=True, slots=True)
class Business:
    id: str
    name: str
    zone: str
    archived: bool = False


@dataclass(frozen=True, slots=True)
class Resource:
    id: str
    name: str
    kind: str
    zone: str
    business_ids: tuple[str, ...]
    priority: int = 0
    user_id: str | None = None
    archived: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    id: str
    name: str
    business_id: str
    rules: ServiceRules
    requires: tuple[tuple[str, ...], ...] = ()
    archived: bool = False


@dataclass(frozen=True, slots=True)
class Directory:
    """Everything that is known of an organization but what is taken."""

    businesses: Mapping[str, Business] = field(default_factory=dict)
    resources: Mapping[str, Resource] = field(default_factory=dict)
    services: Mapping[str, Service] = field(default_factory=dict)
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    _rosters: dict[str, Roster] = field(default_factory=dict, init=False, repr=False, compare=False)

    def within(self, limits: Limits) -> "Directory":
        """The part of it that is of the caller's businesses."""
        if limits.business_ids is None:
            return self
        seen = frozenset(map(str, limits.business_ids))
        return Directory(
            businesses={key: business for key, business in self.businesses.items() if key in seen},
            resources={
                key: replace(resource, business_ids=tuple(name for name in resource.business_ids if name in seen))
                for key, resource in self.resources.items()
                if not seen.isdisjoint(resource.business_ids)
            },
            services={key: service for key, service in self.services.items() if service.business_id in seen},
            schedules=self.schedules,
        )

    def business(self, business_id: str) -> Business:
        business = self.businesses.get(business_id)
        if business is None:
            raise UnknownOwnerError("There is no such business")
        return business

    def resource(self, resource_id: str) -> Resource:
        resource = self.resources.get(resource_id)
        if resource is None:
            raise UnknownOwnerError("There is no such resource")
        return resource

    def name_of(self, resource_id: str) -> str:
        """What refusals call the resource."""
        resource = self.resources.get(resource_id)
        return "the resource" if resource is None else resource.name

    def service(self, service_id: str) -> Service:
        service = self.services.get(service_id)
        if service is None or service.archived:
            raise UnknownOwnerError("There is no such service")
        return service

    def schedule_of_business(self, business_id: str) -> Schedule:
        return self.schedules.get(business_id) or Schedule(self.business(business_id).zone)

    def resources_of(self, business_id: str) -> list[Resource]:
        return [
            resource
            for resource in self.resources.values()
            if business_id in resource.business_ids and not resource.archived
        ]

    def roster(self, business_id: str) -> Roster:
        roster = self._rosters.get(business_id)
        if roster is None:
            performers = self.resources_of(business_id)
            roster = Roster(
                Performer(resource.id, resource.kind, resource.priority, resource.name) for resource in performers
            )
            self._rosters[business_id] = roster
        return roster
