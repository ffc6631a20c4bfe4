"""Whether a start can be booked, and if not, every reason why.

What is judged against what: the appointment itself must lie within the open hours; its blocked time (buffers
included) must touch neither other blocked time nor external busy time. The slot grid restricts what is
offered, not what can be booked: staff may book any start, so `judge` never looks at the grid.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from slotstream_scheduling.hours import Schedule, working_spans
from slotstream_scheduling.spans import contains
from slotstream_scheduling.wallclock import instant_on, local_date


class Code(StrEnum):
    """The reason codes, in the order in which reasons are reported."""

    IN_THE_PAST = "in_the_past"
    TOO_SHORT_NOTICE = "too_short_notice"
    BEYOND_BOOKING_WINDOW = "beyond_booking_window"
    RESOURCE_CANNOT_PERFORM = "resource_cannot_perform"
    BUSINESS_CLOSED = "business_closed"
    OUTSIDE_WORKING_HOURS = "outside_working_hours"
    ON_TIME_OFF = "on_time_off"
    EXTERNAL_BUSY = "external_busy"
    SLOT_TAKEN = "slot_taken"


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason of a refusal; `conflicts_with` holds the ids of what is in the way (holidays: the date)."""

    code: str
    detail: str
    conflicts_with: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRules:
    """The constraints of a service. `booking_window_days` counts local days of the business after today."""

    duration: timedelta
    buffer_before: timedelta = timedelta()
    buffer_after: timedelta = timedelta()
    minimum_notice: timedelta = timedelta()
    booking_window_days: int | None = None
    slot_interval: timedelta = timedelta(minutes=15)
    capacity: int = 1

    def __post_init__(self) -> None:
        if self.duration < timedelta(seconds=1) or self.slot_interval < timedelta(minutes=1):
            raise ValueError("a duration and a slot interval are longer than nothing")
        if min(self.buffer_before, self.buffer_after, self.minimum_notice) < timedelta():
            raise ValueError("buffers and notice are not negative")
        if self.capacity < 1 or (self.booking_window_days or 0) < 0:
            raise ValueError("capacity is at least one, a booking window not negative")

    @property
    def duration_seconds(self) -> int:
        return int(self.duration.total_seconds())

    def blocked(self, start: int) -> tuple[int, int]:
        """What an appointment at `start` takes of its resources: itself and its buffers."""
        return (
            start - int(self.buffer_before.total_seconds()),
            start + self.duration_seconds + int(self.buffer_after.total_seconds()),
        )


@dataclass(frozen=True, slots=True)
class Taken:
    """A resource's time taken by the appointment or hold `id`; epoch seconds, half-open.

    `blocked_from` and `blocked_to` include the buffers.
    """

    id: str
    blocked_from: int
    blocked_to: int
    starts_at: int
    ends_at: int
    service_id: str | None = None


@dataclass(frozen=True, slots=True)
class Busy:
    """External busy time; epoch seconds, half-open."""

    id: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ResourceCalendar:
    """What is known of one resource in the time in question. `schedule` None: it follows its business."""

    id: str
    schedule: Schedule | None = None
    taken: tuple[Taken, ...] = ()
    busy: tuple[Busy, ...] = ()


@dataclass(frozen=True, slots=True)
class Performer:
    """A resource of a business as a candidate; `kind` is staff, room, equipment or business."""

    id: str
    kind: str
    priority: int = 0


def places_of(requires: Sequence[Collection[str]], performers: Iterable[Performer]) -> tuple[tuple[str, ...], ...]:
    """The places an appointment has to fill, each with its candidates among the business's `performers`.

    A service that requires nothing in particular takes any one staff, or the business's own calendar where it
    has no staff. A place without candidates can never be filled.
    """
    known = sorted(performers, key=lambda performer: performer.id)
    if requires:
        return tuple(tuple(one.id for one in known if one.id in place) for place in requires)
    staff = tuple(one.id for one in known if one.kind == "staff")
    return (staff or tuple(one.id for one in known if one.kind == "business"),)


def narrow(places: Sequence[Sequence[str]], wanted: Collection[str]) -> tuple[tuple[str, ...], ...]:
    """The places when only the `wanted` resources will do; a place none of them can fill stays as it is."""
    if not wanted:
        return tuple(tuple(place) for place in places)
    return tuple(tuple(one for one in place if one in wanted) or tuple(place) for place in places)


def can_fill(places: Sequence[Iterable[str]]) -> bool:
    """Whether every place can get a resource of its own (bipartite matching)."""
    holder: dict[str, int] = {}
    candidates = [tuple(place) for place in places]

    def seat(place: int, tried: set[str]) -> bool:
        for one in candidates[place]:
            if one in tried:
                continue
            tried.add(one)
            if one not in holder or seat(holder[one], tried):
                holder[one] = place
                return True
        return False

    return all(seat(place, set()) for place in range(len(candidates)))


def booking_limit(rules: ServiceRules, now: int, zone: str) -> int | None:
    """The first instant that is too far ahead: the end of the last local day of the booking window."""
    if rules.booking_window_days is None:
        return None
    return instant_on(zone, local_date(now, zone).toordinal() + rules.booking_window_days + 1, 0)


def earliest_start(rules: ServiceRules, now: int) -> int:
    return now + int(rules.minimum_notice.total_seconds())


def judge(
    *,
    start: int,
    now: int,
    rules: ServiceRules,
    business: Schedule,
    resources: Sequence[ResourceCalendar],
    places: Sequence[Collection[str]] | None = None,
    service_id: str | None = None,
    ignore: Collection[str] = (),
) -> tuple[Reason, ...]:
    """Every reason why `start` cannot be booked with exactly these resources; none means bookable.

    `places` None accepts any resources (a custom service). `ignore` holds ids of appointments or holds that
    give their time up in the same change: the one being rescheduled, the hold being used.
    """
    reasons = [
        *judge_time(start=start, now=now, rules=rules, zone=business.zone),
        *judge_resources(resources=[resource.id for resource in resources], places=places),
        *_judge_business(start, start + rules.duration_seconds, business),
    ]
    for resource in resources:
        reasons += judge_resource(
            start=start,
            rules=rules,
            business=business,
            resource=resource,
            service_id=service_id,
            ignore=ignore,
        )
    if not reasons:
        return ()
    order = list(Code)
    return tuple(sorted(reasons, key=lambda reason: order.index(Code(reason.code))))


def judge_time(*, start: int, now: int, rules: ServiceRules, zone: str) -> tuple[Reason, ...]:
    """The reasons that lie in the time alone."""
    if start < now:
        return (Reason(Code.IN_THE_PAST, "The start has passed."),)
    if start < earliest_start(rules, now):
        minutes = int(rules.minimum_notice.total_seconds() // 60)
        return (Reason(Code.TOO_SHORT_NOTICE, f"The service wants {minutes} minutes' notice."),)
    limit = booking_limit(rules, now, zone)
    if limit is not None and start >= limit:
        days = rules.booking_window_days
        return (Reason(Code.BEYOND_BOOKING_WINDOW, f"The service can be booked {days} days ahead."),)
    return ()


def judge_resources(*, resources: Sequence[str], places: Sequence[Collection[str]] | None) -> tuple[Reason, ...]:
    """Whether these resources, one for each place, can perform the service."""
    if places is None or (len(resources) == len(places) == 1 and resources[0] in places[0]):
        return ()
    if strangers := [one for one in resources if not any(one in place for place in places)]:
        return tuple(
            Reason(Code.RESOURCE_CANNOT_PERFORM, "The resource cannot perform this service.", (one,))
            for one in strangers
        )
    if len(resources) != len(places) or not can_fill([[one for one in resources if one in place] for place in places]):
        detail = f"The service takes {len(places)} resources at once, one for each of its places."
        return (Reason(Code.RESOURCE_CANNOT_PERFORM, detail, tuple(resources)),)
    return ()


def judge_resource(
    *,
    start: int,
    rules: ServiceRules,
    business: Schedule,
    resource: ResourceCalendar,
    service_id: str | None = None,
    ignore: Collection[str] = (),
) -> tuple[Reason, ...]:
    """The reasons that lie in one resource: hours, time off, external busy time, other appointments."""
    end = start + rules.duration_seconds
    reasons: list[Reason] = []
    if not contains(working_spans(resource.schedule, business, start, end), start, end):
        reasons.append(Reason(Code.OUTSIDE_WORKING_HOURS, "The resource does not work at this time.", (resource.id,)))
    if resource.schedule is not None and (off := _absent(resource.schedule, start, end)):
        reasons.append(Reason(Code.ON_TIME_OFF, "The resource has time off.", off))
    blocked = rules.blocked(start)
    if busy := tuple(sorted(one.id for one in resource.busy if _meets(one.start, one.end, blocked))):
        reasons.append(Reason(Code.EXTERNAL_BUSY, "The resource's own calendar is busy.", busy))
    if taken := taken_by(start=start, rules=rules, resource=resource, service_id=service_id, ignore=ignore):
        reasons.append(Reason(Code.SLOT_TAKEN, "The resource's time is taken.", taken))
    return tuple(reasons)


def taken_by(
    *,
    start: int,
    rules: ServiceRules,
    resource: ResourceCalendar,
    service_id: str | None,
    ignore: Collection[str] = (),
) -> tuple[str, ...]:
    """The ids of what takes the resource's time; seats left in the same group session are free."""
    blocked = rules.blocked(start)
    end = start + rules.duration_seconds
    mates: list[str] = []
    others: list[str] = []
    for one in resource.taken:
        if one.id in ignore or not _meets(one.blocked_from, one.blocked_to, blocked):
            continue
        same = rules.capacity > 1 and one.starts_at == start and one.ends_at == end
        (mates if same and one.service_id == service_id is not None else others).append(one.id)
    if len(mates) >= rules.capacity:
        others += mates
    return tuple(sorted(others))


def free_places(
    *,
    start: int,
    now: int,
    rules: ServiceRules,
    business: Schedule,
    places: Sequence[Sequence[str]],
    calendars: Mapping[str, ResourceCalendar],
    service_id: str | None = None,
    ignore: Collection[str] = (),
) -> tuple[tuple[tuple[str, ...], ...], tuple[Reason, ...]]:
    """For a start without named resources: the free candidates of each place, or else the reasons.

    The reasons are empty if and only if `assign` can choose from the candidates.
    """
    common = [
        *judge_time(start=start, now=now, rules=rules, zone=business.zone),
        *_judge_business(start, start + rules.duration_seconds, business),
    ]
    found: dict[str, tuple[Reason, ...]] = {
        one: judge_resource(
            start=start,
            rules=rules,
            business=business,
            resource=calendars[one],
            service_id=service_id,
            ignore=ignore,
        )
        for one in dict.fromkeys(one for place in places for one in place)
    }
    free = tuple(tuple(one for one in place if not found[one]) for place in places)
    if not common and can_fill(free):
        return free, ()
    own = tuple(reason for reasons in found.values() for reason in reasons)
    if not all(places):
        own += (Reason(Code.RESOURCE_CANNOT_PERFORM, "No resource can perform this service."),)
    elif not common and not own:
        own = (Reason(Code.RESOURCE_CANNOT_PERFORM, "The service's places need different resources."),)
    order = list(Code)
    reasons = sorted({*common, *own}, key=lambda reason: (order.index(Code(reason.code)), reason.conflicts_with))
    return free, tuple(reasons)


def _judge_business(start: int, end: int, business: Schedule) -> tuple[Reason, ...]:
    closed = tuple(
        Reason(Code.BUSINESS_CLOSED, "The business is closed.", (one.id,))
        for one in business.absences
        if _meets(one.starts_at, one.ends_at, (start, end))
    )
    holidays = tuple(
        Reason(Code.BUSINESS_CLOSED, f"The business is closed: {one.name}.", (one.on.isoformat(),))
        for one, span in business.holiday_cuts
        if _meets(*span, (start, end))
    )
    return closed + holidays


def _absent(schedule: Schedule, start: int, end: int) -> tuple[str, ...]:
    absences = [one.id for one in schedule.absences if _meets(one.starts_at, one.ends_at, (start, end))]
    holidays = [one.on.isoformat() for one, span in schedule.holiday_cuts if _meets(*span, (start, end))]
    return (*absences, *holidays)


def _meets(start: int, end: int, other: tuple[int, int]) -> bool:
    return start < end and start < other[1] and end > other[0]
