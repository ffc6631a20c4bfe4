"""What a query may ask, and its terms settled against the directory."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal, Self, cast
from uuid import UUID

from availability.domain.catalogue import Business, Directory
from availability.domain.errors import InvalidQueryError, InvalidWindowError, UnknownOwnerError
from slotstream_scheduling import Schedule, ServiceRules, Staffing
from slotstream_scheduling.places import Requirements
from slotstream_servicekit.limits import Limits

MAX_WINDOW: Final = timedelta(days=31, hours=2)
MAX_LOOK_AHEAD: Final = timedelta(days=366)
MAX_RESOURCES: Final = 100
MAX_BUSINESSES: Final = 50


@dataclass(frozen=True, slots=True)
class StateVersion:
    """A state that an answer has to know: version `version` of an appointment or a hold.

    Booking gives it as a token with its answers; as text `appointment:<id>:<version>`.
    """

    kind: Literal["appointment", "hold"]
    id: UUID
    version: int

    @classmethod
    def parse(cls, token: str) -> Self:
        """Raises ValueError."""
        kind, _, rest = token.partition(":")
        state_id, _, version = rest.partition(":")
        if kind not in {"appointment", "hold"} or not (version.isascii() and version.isdigit()) or len(version) > 18:
            raise ValueError("a token is appointment:<id>:<version> or hold:<id>:<version>")
        return cls(cast("Literal['appointment', 'hold']", kind), UUID(state_id), int(version))


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotQuery:
    """Slots of what, where, with whom: of a service, or of a custom one of some length at a business.

    `ignore` holds appointments and holds that give their time up in the same change: the one being moved.
    """

    organization_id: UUID
    limits: Limits
    service_id: str | None = None
    business_id: str | None = None
    resource_ids: tuple[str, ...] = ()
    duration: timedelta | None = None
    ignore: frozenset[str] = frozenset()

    def chosen(self, directory: Directory) -> tuple[str, ...]:
        """The resources that are asked for. Who is limited to one calendar asks for that one, and beside it for what
        is of another kind: a room, not a colleague. Raises OutsideCalendarError where only others are named.
        """
        if self.limits.resource_id is None:
            return self.resource_ids
        self.limits.own_resources(tuple(map(UUID, self.resource_ids)))
        own = directory.resource(str(self.limits.resource_id))
        return (
            own.id,
            *(
                resource_id
                for resource_id in self.resource_ids
                if resource_id != own.id and directory.resource(resource_id).kind != own.kind
            ),
        )


@dataclass(frozen=True, slots=True)
class Terms:
    """What a query asks for, settled against the directory: whose business, which rules, who may fill which place."""

    business: Business
    business_schedule: Schedule
    rules: ServiceRules
    staffing: Staffing
    service_id: str | None

    @property
    def zone(self) -> str:
        """Whose wall clock the grid and the booking window go by: that of the business's hours, as in booking."""
        return self.business_schedule.zone


def settle_terms(
    directory: Directory,
    *,
    service_id: str | None,
    business_id: str | None,
    resource_ids: Sequence[str] = (),
    duration: timedelta | None = None,
    or_choice: bool = False,
) -> Terms:
    """The terms of a query.

    With `or_choice`, resources beyond what the service takes at once are those to choose from. Raises
    UnknownOwnerError, InvalidQueryError.
    """
    requires: Requirements | None = None
    if service_id is not None:
        service = directory.service(service_id)
        if business_id is not None and business_id != service.business_id:
            raise InvalidQueryError("The service belongs to another business", extra={"field": "business_id"})
        business_id, requires = service.business_id, service.requires
        rules = service.rules if duration is None else replace(service.rules, duration=duration)
    elif business_id is None or duration is None:
        raise InvalidQueryError("Name a service_id, or a business_id and duration_minutes")
    else:
        rules = ServiceRules(duration=duration)
    business = directory.business(business_id)
    if business.archived:
        raise UnknownOwnerError("There is no such business")
    for resource_id in resource_ids:
        directory.resource(resource_id)
    return Terms(
        business=business,
        business_schedule=directory.schedule_of_business(business.id),
        rules=rules,
        staffing=directory.roster(business.id).staffing(requires, resource_ids, or_choice=or_choice),
        service_id=service_id,
    )


def checked_window(starts_at: datetime, ends_at: datetime, *, longest: timedelta = MAX_WINDOW) -> None:
    """Raises InvalidWindowError."""
    if ends_at <= starts_at:
        raise InvalidWindowError("`to` must come after `from`", extra={"field": "to"})
    if ends_at - starts_at > longest:
        raise InvalidWindowError(f"A query spans at most {longest.days} days", extra={"field": "to"})
