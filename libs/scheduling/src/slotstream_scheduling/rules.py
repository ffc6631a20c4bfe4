"""Whether a start can be booked, and if not, every reason why.

What is judged against what: the appointment itself must lie within the open hours; its blocked time (buffers
included) must touch neither other blocked time nor external busy time. The slot grid restricts what is
offered, not what can be booked: staff may book any start, so `judge` never looks at the grid.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from slotstream_scheduling.hours import Schedule, working_spans
from slotstream_scheduling.places import Places, Staffing
from slotstream_scheduling.reasons import Code, Reason, in_order
from slotstream_scheduling.spans import contains
from slotstream_scheduling.wallclock import instant_on, local_date


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

    `blocked_from` and `blocked_to` include the buffers. A hold takes no time any more from `expires_at` on.
    """

    id: str
    blocked_from: int
    blocked_to: int
    starts_at: int
    ends_at: int
    service_id: str | None = None
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class Busy:
    """External busy time; epoch seconds, half-open."""

    id: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ResourceCalendar:
    """What is known of one resource in the time in question. `schedule` None: it follows its business.

    `name` is what refusals call it.
    """

    id: str
    schedule: Schedule | None = None
    taken: tuple[Taken, ...] = ()
    busy: tuple[Busy, ...] = ()
    name: str = "the resource"


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
    staffing: Staffing | None = None,
    service_id: str | None = None,
    ignore: Collection[str] = (),
) -> tuple[Reason, ...]:
    """Every reason why `start` cannot be booked with exactly these resources; none means bookable.

    `staffing` is how the resources were settled; None accepts any. `ignore` holds ids of appointments or holds that
    give their time up in the same change: the one being rescheduled, the hold being used.
    """
    reasons = [
        *judge_time(start=start, now=now, rules=rules, zone=business.zone),
        *(staffing.reasons if staffing else ()),
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
    return in_order(reasons)


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
        reasons.append(
            Reason(Code.OUTSIDE_WORKING_HOURS, f"At this time {resource.name} does not work.", (resource.id,))
        )
    if resource.schedule is not None and (off := _absent(resource.schedule, start, end)):
        reasons.append(Reason(Code.ON_TIME_OFF, f"At this time {resource.name} has time off.", off))
    blocked = rules.blocked(start)
    if busy := tuple(sorted(event.id for event in resource.busy if _meets(event.start, event.end, blocked))):
        reasons.append(Reason(Code.EXTERNAL_BUSY, f"The calendar of {resource.name} is busy.", busy))
    mates, others = _taken_by(start=start, rules=rules, resource=resource, service_id=service_id, ignore=ignore)
    if others:
        detail = f"The time of {resource.name} is taken."
        reasons.append(Reason(Code.SLOT_TAKEN, detail, tuple(sorted(others))))
    if len(mates) >= rules.capacity:
        detail = f"The group with {resource.name} is full: all {rules.capacity} seats are taken."
        reasons.append(Reason(Code.CLASS_FULL, detail, tuple(sorted(mates))))
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
    mates, others = _taken_by(start=start, rules=rules, resource=resource, service_id=service_id, ignore=ignore)
    return tuple(sorted(others + mates if len(mates) >= rules.capacity else others))


def _taken_by(
    *, start: int, rules: ServiceRules, resource: ResourceCalendar, service_id: str | None, ignore: Collection[str]
) -> tuple[list[str], list[str]]:
    """Those in the same group session, whose other seats are free, and whatever else takes the resource's time."""
    blocked = rules.blocked(start)
    end = start + rules.duration_seconds
    mates: list[str] = []
    others: list[str] = []
    for taken in resource.taken:
        if taken.id in ignore or not _meets(taken.blocked_from, taken.blocked_to, blocked):
            continue
        same = rules.capacity > 1 and taken.starts_at == start and taken.ends_at == end
        (mates if same and taken.service_id == service_id is not None else others).append(taken.id)
    return mates, others


def free_places(
    *,
    start: int,
    now: int,
    rules: ServiceRules,
    business: Schedule,
    staffing: Staffing,
    calendars: Mapping[str, ResourceCalendar],
    service_id: str | None = None,
    ignore: Collection[str] = (),
) -> tuple[Places, tuple[Reason, ...]]:
    """For a start where somebody is to be chosen: the free candidates of each place, or else the reasons.

    The reasons are empty if and only if `assign` can choose from the candidates.
    """
    common = [
        *judge_time(start=start, now=now, rules=rules, zone=business.zone),
        *_judge_business(start, start + rules.duration_seconds, business),
    ]
    against: dict[str, tuple[Reason, ...]] = {
        candidate: judge_resource(
            start=start,
            rules=rules,
            business=business,
            resource=calendars[candidate],
            service_id=service_id,
            ignore=ignore,
        )
        for candidate in staffing.candidates
    }
    free = tuple(tuple(candidate for candidate in place if not against[candidate]) for place in staffing.places)
    if not common and staffing.filled_by(free):
        return free, ()
    own = [reason for reasons in against.values() for reason in reasons]
    return free, in_order([*common, *staffing.reasons, *own])


def _judge_business(start: int, end: int, business: Schedule) -> tuple[Reason, ...]:
    closed = tuple(
        Reason(Code.BUSINESS_CLOSED, "The business is closed.", (closure.id,))
        for closure in business.absences
        if _meets(closure.starts_at, closure.ends_at, (start, end))
    )
    holidays = tuple(
        Reason(Code.BUSINESS_CLOSED, f"The business is closed: {holiday.name}.", (holiday.on.isoformat(),))
        for holiday, span in business.holiday_cuts
        if _meets(*span, (start, end))
    )
    return closed + holidays


def _absent(schedule: Schedule, start: int, end: int) -> tuple[str, ...]:
    absences = [absence.id for absence in schedule.absences if _meets(absence.starts_at, absence.ends_at, (start, end))]
    holidays = [holiday.on.isoformat() for holiday, span in schedule.holiday_cuts if _meets(*span, (start, end))]
    return (*absences, *holidays)


def _meets(start: int, end: int, other: tuple[int, int]) -> bool:
    return start < end and start < other[1] and end > other[0]
