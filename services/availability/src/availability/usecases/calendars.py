"""Free and busy time, and what a day or week view draws."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from availability.domain import (
    MAX_RESOURCES,
    Business,
    Directory,
    InvalidQueryError,
    Resource,
    UnknownOwnerError,
)
from availability.storage import Drawn, DrawnBusy, load_drawn, load_drawn_busy
from availability.usecases.world import World
from slotstream_scheduling import Schedule, Span, Spans, open_spans, working_spans
from slotstream_scheduling.spans import clip, normalize, subtract


@dataclass(frozen=True, slots=True)
class FreeBusy:
    """One resource in a window: when it is open, when it is taken, and what is left of the one by the other."""

    resource_id: str
    open: Spans
    busy: Spans
    free: Spans


@dataclass(frozen=True, slots=True)
class Absent:
    """Time off, a closure or a holiday in the window. `id` is None for a holiday."""

    kind: str
    id: str | None
    span: Span
    reason: str | None


@dataclass(frozen=True, slots=True)
class CalendarLane:
    """One resource's column or row of a view."""

    resource: Resource
    working: Spans
    absences: Sequence[Absent]
    appointments: Sequence[Drawn]
    external: Sequence[DrawnBusy]


@dataclass(frozen=True, slots=True)
class BusinessCalendar:
    """The lanes of one business; whoever works in several has a lane in each, by its hours there."""

    business: Business
    closures: Sequence[Absent]
    lanes: Sequence[CalendarLane]


async def get_free_busy(
    *,
    world: World,
    directory: Directory,
    organization_id: UUID,
    resource_ids: Sequence[str],
    business_id: str | None,
    window: Span,
) -> list[FreeBusy]:
    """Free/busy of each resource, in the hours of `business_id` or of its first business."""
    resources = [directory.resource(one) for one in resource_ids]
    found = await world.taken_time(organization_id, resource_ids, window)
    return [
        _free_busy(
            one,
            _schedule_for(directory, one, business_id),
            directory.schedules.get(one.id),
            [
                *((taken.blocked_from, taken.blocked_to) for taken in found[one.id].taken),
                *((busy.start, busy.end) for busy in found[one.id].busy),
            ],
            window,
        )
        for one in resources
    ]


async def get_calendar(
    *,
    world: World,
    directory: Directory,
    organization_id: UUID,
    business_ids: Sequence[str],
    resource_ids: Sequence[str],
    window: Span,
) -> list[BusinessCalendar]:
    """The calendars of some businesses: of all their resources, or of the ones named."""
    lanes = {one: _lanes_of(directory, one, resource_ids) for one in business_ids}
    ids = list(dict.fromkeys(one.id for resources in lanes.values() for one in resources))
    if missing := set(resource_ids) - set(ids):
        raise UnknownOwnerError(f"There is no resource {min(missing)} in these businesses")
    if len(ids) > MAX_RESOURCES:
        raise InvalidQueryError(
            f"A calendar shows at most {MAX_RESOURCES} resources at once: name them", extra={"field": "resource_id"}
        )
    async with world.database.transaction(organization_id) as session:
        drawn = await load_drawn(session, organization_id, ids, *window)
        busy = await load_drawn_busy(session, organization_id, ids, *window)
    return [
        BusinessCalendar(
            directory.business(business_id),
            _absences(directory.schedule_of_business(business_id), "closure", window),
            [
                CalendarLane(
                    resource=one,
                    working=working_spans(
                        directory.schedules.get(one.id), directory.schedule_of_business(business_id), *window
                    ),
                    absences=_absences(directory.schedules.get(one.id), "time_off", window),
                    appointments=[each for each in drawn if one.id in each.resource_ids],
                    external=[each for each in busy if each.resource_id == one.id],
                )
                for one in resources
            ],
        )
        for business_id, resources in lanes.items()
    ]


def _lanes_of(directory: Directory, business_id: str, wanted: Sequence[str]) -> list[Resource]:
    directory.business(business_id)
    found = directory.resources_of(business_id)
    return [one for one in found if one.id in wanted] if wanted else found


def _schedule_for(directory: Directory, resource: Resource, business_id: str | None) -> Schedule:
    if business_id is not None:
        if business_id not in resource.business_ids:
            raise UnknownOwnerError("There is no such resource in this business")
        return directory.schedule_of_business(business_id)
    known = [one for one in resource.business_ids if one in directory.businesses]
    return directory.schedule_of_business(known[0]) if known else Schedule(resource.zone)


def _free_busy(
    resource: Resource, business: Schedule, schedule: Schedule | None, taken: Sequence[Span], window: Span
) -> FreeBusy:
    opened = open_spans(schedule, business, *window)
    busy = clip(normalize(taken), *window)
    return FreeBusy(resource.id, opened, busy, subtract(opened, busy))


def _absences(schedule: Schedule | None, kind: str, window: Span) -> list[Absent]:
    if schedule is None:
        return []
    found = [Absent(kind, one.id, (one.starts_at, one.ends_at), one.reason) for one in schedule.absences]
    found += [Absent("holiday", None, span, holiday.name) for holiday, span in schedule.holiday_cuts]
    return [one for one in found if one.span[0] < window[1] and one.span[1] > window[0]]
