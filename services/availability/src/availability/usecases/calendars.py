"""Free and busy time, and what a day or week view draws."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid5

from availability.domain import (
    MAX_RESOURCES,
    AbsentTime,
    BusinessCalendar,
    CalendarAppointment,
    CalendarBusy,
    CalendarLane,
    Directory,
    FreeBusy,
    InvalidQueryError,
    Resource,
    UnknownOwnerError,
)
from availability.storage import AvailabilityReader, CalendarStore
from slotstream_scheduling import Schedule, Span, open_spans, working_spans
from slotstream_scheduling.spans import clip, normalize, subtract
from slotstream_servicekit.limits import Limits, Tenancy


async def get_free_busy(
    *,
    reader: AvailabilityReader,
    directory: Directory,
    tenant: Tenancy,
    resource_ids: Sequence[str],
    business_id: str | None,
    window: Span,
    now: datetime,
) -> list[FreeBusy]:
    """Free/busy of each resource, in the hours of `business_id` or of its first business."""
    resources = [_own_resource(directory, resource_id, tenant.limits) for resource_id in resource_ids]
    times = await reader.taken_time(tenant.organization_id, resource_ids, window, now=now.timestamp())
    return [
        _free_busy(
            resource,
            _schedule_for(directory, resource, business_id),
            directory.schedules.get(resource.id),
            times[resource.id].spans,
            window,
        )
        for resource in resources
    ]


def _own_resource(directory: Directory, resource_id: str, limits: Limits) -> Resource:
    resource = directory.resource(resource_id)
    if not limits.has_resource(UUID(resource_id)):
        raise UnknownOwnerError("There is no such resource")
    return resource


async def get_calendar(
    *,
    reader: AvailabilityReader,
    directory: Directory,
    tenant: Tenancy,
    business_ids: Sequence[str],
    resource_ids: Sequence[str],
    window: Span,
) -> list[BusinessCalendar]:
    """The calendars of some businesses: of all their resources, or of the ones named."""
    lanes = {
        business_id: _lanes_of(directory, business_id, resource_ids, tenant.limits) for business_id in business_ids
    }
    ids = list(dict.fromkeys(resource.id for resources in lanes.values() for resource in resources))
    if missing := set(resource_ids) - set(ids):
        raise UnknownOwnerError(f"There is no resource {min(missing)} in these businesses")
    if len(ids) > MAX_RESOURCES:
        raise InvalidQueryError(
            f"A calendar shows at most {MAX_RESOURCES} resources at once: name them", extra={"field": "resource_id"}
        )
    async with reader.database.transaction(tenant) as session:
        store = CalendarStore(session, tenant.organization_id)
        appointments = await store.appointments(ids, *window)
        busy = await store.busy(ids, *window)
    appointments, elsewhere = _divided(appointments, tenant.limits)
    busy = [*busy, *elsewhere]
    return [
        BusinessCalendar(
            directory.business(business_id),
            _absences(directory.schedule_of_business(business_id), "closure", window),
            [
                CalendarLane(
                    resource=resource,
                    working=working_spans(
                        directory.schedules.get(resource.id), directory.schedule_of_business(business_id), *window
                    ),
                    absences=_absences(directory.schedules.get(resource.id), "time_off", window),
                    appointments=[booked for booked in appointments if resource.id in booked.resource_ids],
                    external=[event for event in busy if event.resource_id == resource.id],
                )
                for resource in resources
            ],
        )
        for business_id, resources in lanes.items()
    ]


def _divided(
    appointments: Sequence[CalendarAppointment], limits: Limits
) -> tuple[list[CalendarAppointment], list[CalendarBusy]]:
    """The appointments that the caller sees, and as busy time, of which nothing is told, those of other businesses."""
    seen = [booked for booked in appointments if limits.has_business(booked.business_id)]
    elsewhere = [
        CalendarBusy(uuid5(booked.id, resource_id), resource_id, booked.blocked_from, booked.blocked_to)
        for booked in appointments
        if booked.occupies and not limits.has_business(booked.business_id)
        for resource_id in sorted(booked.resource_ids)
    ]
    return seen, elsewhere


def _lanes_of(directory: Directory, business_id: str, wanted: Sequence[str], limits: Limits) -> list[Resource]:
    directory.business(business_id)
    resources = [resource for resource in directory.resources_of(business_id) if limits.has_resource(UUID(resource.id))]
    return [resource for resource in resources if resource.id in wanted] if wanted else resources


def _schedule_for(directory: Directory, resource: Resource, business_id: str | None) -> Schedule:
    if business_id is not None:
        if business_id not in resource.business_ids:
            raise UnknownOwnerError("There is no such resource in this business")
        return directory.schedule_of_business(business_id)
    known = [business for business in resource.business_ids if business in directory.businesses]
    return directory.schedule_of_business(known[0]) if known else Schedule(resource.zone)


def _free_busy(
    resource: Resource, business: Schedule, schedule: Schedule | None, taken: Sequence[Span], window: Span
) -> FreeBusy:
    opened = open_spans(schedule, business, *window)
    busy = clip(normalize(taken), *window)
    return FreeBusy(resource.id, opened, busy, subtract(opened, busy))


def _absences(schedule: Schedule | None, kind: str, window: Span) -> list[AbsentTime]:
    if schedule is None:
        return []
    absences = [
        AbsentTime(kind, absence.id, (absence.starts_at, absence.ends_at), absence.reason)
        for absence in schedule.absences
    ]
    absences += [AbsentTime("holiday", None, span, holiday.name) for holiday, span in schedule.holiday_cuts]
    return [absence for absence in absences if absence.span[0] < window[1] and absence.span[1] > window[0]]
