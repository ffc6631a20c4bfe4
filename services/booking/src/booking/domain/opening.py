"""Time that opens for those who wait, though nobody has given it back: by other hours, or as an external event goes."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from booking.domain.policy import Policy
from slotstream_scheduling.hours import open_spans
from slotstream_scheduling.spans import Span, Spans, normalize, overlaps, subtract, to_epoch, to_epoch_up, union
from slotstream_scheduling.wallclock import DAY_SECONDS, day_span, local_date

Waited = Mapping[UUID, Spans]
"""When somebody on the list wants something, by business."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """Time of one day in which somebody of a business can be booked who could not before. `cause`: whose it was."""

    business_id: UUID
    cause: UUID
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Engagement:
    """An external event that takes a resource's time."""

    resource_id: UUID
    starts_at: datetime
    ends_at: datetime


def opened_hours(before: Policy, after: Policy, *, owners: Collection[UUID], waited: Waited) -> Iterator[Opened]:
    """By other schedules of these resources and businesses: by weekly hours, dates, absences and closures alike."""
    for business_id, windows in waited.items():
        business = after.businesses[business_id]
        former, new = before.schedule_of(business), after.schedule_of(business)
        # Most have no schedule of their own, and so the same hours.
        schedules = {
            (before.schedules.get(resource.id), after.schedules.get(resource.id))
            for resource in after.resources.values()
            if business_id in resource.business_ids
            and not resource.archived
            and not {resource.id, business_id}.isdisjoint(owners)
        }
        # Whole days, so that what opens begins when it opens, and not with somebody's window.
        start, end = windows[0][0] - DAY_SECONDS, windows[-1][1] + DAY_SECONDS
        opened = union(
            *(
                subtract(open_spans(theirs, new, start, end), open_spans(formerly, former, start, end))
                for formerly, theirs in schedules
            )
        )
        for span in _wanted(opened, windows, zone=business.zone):
            yield Opened(business_id=business_id, cause=business_id, span=span)


def opened_by_calendars(
    before: Iterable[Engagement], after: Iterable[Engagement], *, policy: Policy, waited: Waited
) -> Iterator[Opened]:
    """By external events that are gone, or at another time."""
    formerly, still = _by_resource(before), _by_resource(after)
    for resource_id, spans in formerly.items():
        resource = policy.resources.get(resource_id)
        if resource is None or resource.archived:
            continue
        opened = subtract(spans, still.get(resource_id, ()))
        for business_id in resource.business_ids:
            for span in _wanted(opened, waited.get(business_id, ()), zone=policy.businesses[business_id].zone):
                yield Opened(business_id=business_id, cause=resource_id, span=span)


def _wanted(opened: Spans, windows: Spans, *, zone: str) -> Iterator[Span]:
    """Day by day, since of one freed time a day's starts are tried."""
    for begins, ends in opened:
        start = begins
        while start < ends:
            midnight = day_span(zone, local_date(start, zone))[1]
            # Where clocks go back over midnight, the second piece of a date lies behind its end.
            end = min(midnight, ends) if midnight > start else ends
            if overlaps(windows, start, end):
                yield start, end
            start = end


def _by_resource(engagements: Iterable[Engagement]) -> Mapping[UUID, Spans]:
    spans: dict[UUID, list[Span]] = {}
    for each in engagements:
        spans.setdefault(each.resource_id, []).append((to_epoch(each.starts_at), to_epoch_up(each.ends_at)))
    return {resource_id: normalize(theirs) for resource_id, theirs in spans.items()}
