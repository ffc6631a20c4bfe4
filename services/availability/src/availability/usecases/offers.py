"""Slots: what is offered, the first of it, and whether one start would be bookable."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from availability.domain import Directory, Terms, settle_terms
from availability.usecases.world import World, reach_of
from slotstream_scheduling import (
    Reason,
    ResourceCalendar,
    Slot,
    bookable_window,
    booking_limit,
    first_slot,
    free_places,
    grid_starts,
    instant_on,
    local_date,
    offer_slots,
    to_epoch,
)

FOR_EVER = 1 << 62
_FIRST_STEP = timedelta(days=2)
_LONGEST_STEP = timedelta(days=64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Slots of what, where, with whom. Either a service, or a business and a duration."""

    organization_id: UUID
    service_id: str | None = None
    business_id: str | None = None
    resource_ids: tuple[str, ...] = ()
    duration: timedelta | None = None

    def terms(self, directory: Directory, *, or_choice: bool = True) -> Terms:
        return settle_terms(
            directory,
            service_id=self.service_id,
            business_id=self.business_id,
            resource_ids=self.resource_ids,
            duration=self.duration,
            or_choice=or_choice,
        )


@dataclass(frozen=True, slots=True)
class Offer:
    """What is offered, and until which second of the clock exactly this would be the answer."""

    terms: Terms
    slots: Sequence[Slot]
    valid_until: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """`free` holds the candidates of each place that are free at the start."""

    reasons: tuple[Reason, ...]
    free: tuple[tuple[str, ...], ...]


async def find_slots(
    *, world: World, directory: Directory, question: Question, start: int, end: int, now: datetime
) -> Offer:
    """Every offered start in [start, end), epoch seconds."""
    terms = question.terms(directory)
    second = to_epoch(now)
    window = bookable_window(terms.rules, second, terms.zone, start, end)
    slots: Sequence[Slot] = ()
    if window[0] < window[1] and terms.staffing.candidates:
        slots = await _offered(world, directory, question, terms, window, second)
    return Offer(terms, slots, _valid_until(terms, second, window))


async def find_first_slot(
    *, world: World, directory: Directory, question: Question, start: int, end: int, now: datetime
) -> tuple[Terms, Slot | None]:
    """The first offered start in [start, end).

    Time in which nobody works is leapt over by the hours alone; the rest is read in steps that double.
    """
    terms = question.terms(directory)
    second = to_epoch(now)
    at, end = bookable_window(terms.rules, second, terms.zone, start, end)
    hours = {one: ResourceCalendar(one, directory.schedules.get(one)) for one in terms.staffing.candidates}
    step = _FIRST_STEP
    while at < end and (opened := _first_of(terms, hours, second, at, end)) is not None:
        until = min(opened.start + int(step.total_seconds()), end)
        reach = reach_of(terms.rules, opened.start, until)
        calendars = await world.calendars(question.organization_id, directory, terms.staffing.candidates, reach)
        found = _first_of(terms, calendars, second, opened.start, until)
        if found is not None:
            return terms, found
        at, step = until, min(step * 2, _LONGEST_STEP)
    return terms, None


def _first_of(terms: Terms, calendars: Mapping[str, ResourceCalendar], now: int, start: int, end: int) -> Slot | None:
    return first_slot(
        rules=terms.rules,
        business=terms.business_schedule,
        staffing=terms.staffing,
        calendars=calendars,
        now=now,
        start=start,
        end=end,
        service_id=terms.service_id,
    )


async def judge_start(
    *,
    world: World,
    directory: Directory,
    question: Question,
    starts_at: datetime,
    ignore: frozenset[str],
    now: datetime,
) -> Verdict:
    """Whether a start would be bookable, and every reason if not; of any start, on the grid or off."""
    terms = question.terms(directory, or_choice=False)
    start = to_epoch(starts_at)
    calendars = await world.calendars(
        question.organization_id, directory, terms.staffing.candidates, reach_of(terms.rules, start, start + 1)
    )
    free, reasons = free_places(
        start=start,
        now=to_epoch(now),
        rules=terms.rules,
        business=terms.business_schedule,
        staffing=terms.staffing,
        calendars=calendars,
        service_id=terms.service_id,
        ignore=ignore,
    )
    return Verdict(reasons, free)


async def _offered(
    world: World,
    directory: Directory,
    question: Question,
    terms: Terms,
    window: tuple[int, int],
    now: int,
) -> Sequence[Slot]:
    calendars = await world.calendars(
        question.organization_id, directory, terms.staffing.candidates, reach_of(terms.rules, *window)
    )
    return offer_slots(
        rules=terms.rules,
        business=terms.business_schedule,
        staffing=terms.staffing,
        calendars=calendars,
        now=now,
        start=window[0],
        end=window[1],
        service_id=terms.service_id,
    )


def _valid_until(terms: Terms, now: int, window: tuple[int, int]) -> int:
    """The clock changes an answer when a start on the grid comes too close, and when the booking window moves on."""
    rules, zone = terms.rules, terms.zone
    ends = FOR_EVER
    grid = grid_starts(zone, rules.slot_interval, window[0], min(window[1], window[0] + 2 * 86_400))
    if grid:
        ends = grid[0] - int(rules.minimum_notice.total_seconds()) + 1
    elif window[0] < window[1]:
        ends = now + 1
    if booking_limit(rules, now, zone) is not None:
        ends = min(ends, instant_on(zone, local_date(now, zone).toordinal() + 1, 0))
    return ends
