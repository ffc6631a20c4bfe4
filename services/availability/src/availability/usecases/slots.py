"""Slots: what is offered, the first of it, and whether one start would be bookable."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from availability.domain import Directory, QueryTooLargeError, SlotQuery, Terms, settle_terms
from availability.storage import AvailabilityReader, Versions
from slotstream_scheduling import (
    Board,
    Reason,
    ResourceCalendar,
    ServiceRules,
    Slot,
    Span,
    bookable_window,
    booking_limit,
    earliest_start,
    first_slot,
    free_places,
    instant_on,
    local_date,
    to_epoch,
)

FOR_EVER: Final = float(1 << 62)
MAX_STARTS: Final = 50_000
"""Starts on the grid that one query looks at."""
_IN_A_THREAD: Final = 20_000
"""Starts times candidates from which a board is made in a thread, so that the event loop answers others meanwhile."""
_FIRST_STEP: Final = timedelta(days=2)
_LONGEST_STEP: Final = timedelta(days=64)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`free` holds the candidates of each place that are free at the start."""

    reasons: tuple[Reason, ...]
    free: tuple[tuple[str, ...], ...]


class Offer:
    """What is offered in [start, end), kept up to date: after a change only those whose time changed are looked at.

    It is true for one directory. One caller at a time brings it up to date.
    """

    def __init__(self, query: SlotQuery, directory: Directory, window: Span) -> None:
        self.query = query
        self.terms = settled(query, directory, or_choice=True)
        self._directory = directory
        self._window = window
        self._taken: int | None = None
        self._expiries: dict[str, float] = {}
        terms = self.terms
        start, end = window
        if (end - start) // terms.rules.slot_interval.total_seconds() > MAX_STARTS:
            raise QueryTooLargeError(
                f"This would look at more than {MAX_STARTS} starts: ask for a shorter period", extra={"field": "to"}
            )
        self.board = Board(
            rules=terms.rules,
            business=terms.business_schedule,
            staffing=terms.staffing,
            start=start,
            end=end,
            service_id=terms.service_id,
        )

    @property
    def is_large(self) -> bool:
        return len(self.board.grid) * len(self.terms.staffing.candidates) > _IN_A_THREAD

    async def bring_up_to(self, versions: Versions, reader: AvailabilityReader, now: float) -> int:
        """Takes on what has changed up to `versions` and `now`; the bits of the starts at which that changed anything.

        A hold that expires frees its time by the clock alone.
        """
        organization_id = self.query.organization_id
        changed = None
        if self._taken is not None:
            changed = await reader.changed_since(organization_id, versions, since=self._taken)
        stale = [
            candidate
            for candidate in self.terms.staffing.candidates
            if changed is None or candidate in changed or self._expiries.get(candidate, FOR_EVER) <= now
        ]
        bits = 0
        if stale and self.board.grid:
            reach = reach_of(self.terms.rules, *self._window)
            calendars = await reader.calendars(
                organization_id, self._directory, stale, reach, now=now, ignore=self.query.ignore
            )
            self._note_expiries(calendars)
            put = partial(_put_all, self.board, calendars)
            bits = await asyncio.to_thread(put) if self.is_large and len(stale) > 1 else put()
        self._taken = versions.taken
        return bits

    def _note_expiries(self, calendars: Mapping[str, ResourceCalendar]) -> None:
        for candidate, calendar in calendars.items():
            expiries = [taken.expires_at for taken in calendar.taken if taken.expires_at is not None]
            if expiries:
                self._expiries[candidate] = min(expiries)
            else:
                self._expiries.pop(candidate, None)

    def bookable(self, now: int) -> range:
        """The starts of the board that notice and booking window allow."""
        return self.board.between(*bookable_window(self.terms.rules, now, self.terms.zone, *self._window))

    def valid_until(self, now: int) -> float:
        """Until which time of the clock the offer stays as it is, if nothing changes.

        Time changes it when a start comes too close, when the booking window moves on at midnight, and when a hold
        expires.
        """
        rules, zone = self.terms.rules, self.terms.zone
        ends = min(self._expiries.values(), default=FOR_EVER)
        low = self.board.between(earliest_start(rules, now), self._window[1]).start
        if low < len(self.board.grid):
            ends = min(ends, self.board.grid[low] - int(rules.minimum_notice.total_seconds()) + 1)
        if booking_limit(rules, now, zone) is not None:
            ends = min(ends, instant_on(zone, local_date(now, zone).toordinal() + 1, 0))
        return ends


def _put_all(board: Board, calendars: Mapping[str, ResourceCalendar]) -> int:
    bits = 0
    for calendar in calendars.values():
        bits |= board.put(calendar)
    return bits


def settled(query: SlotQuery, directory: Directory, *, or_choice: bool) -> Terms:
    return settle_terms(
        directory,
        service_id=query.service_id,
        business_id=query.business_id,
        resource_ids=query.chosen(directory),
        duration=query.duration,
        or_choice=or_choice,
    )


def reach_of(rules: ServiceRules, start: int, end: int) -> Span:
    """The time that can matter to appointments starting in [start, end): buffers included."""
    before, after = rules.blocked(0)
    return start + before, end + after


async def find_first_slot(
    *, reader: AvailabilityReader, directory: Directory, query: SlotQuery, window: Span, now: datetime
) -> tuple[Terms, Slot | None]:
    """The first offered start in the window.

    Time in which nobody works is leapt over by the hours alone; the rest is read in steps that double.
    """
    terms = settled(query, directory, or_choice=True)
    candidates = terms.staffing.candidates
    second = to_epoch(now)
    at, end = bookable_window(terms.rules, second, terms.zone, *window)
    hours = {candidate: ResourceCalendar(candidate, directory.schedules.get(candidate)) for candidate in candidates}
    step = _FIRST_STEP
    while at < end and (opened := await _first_of(terms, hours, second, (at, end))) is not None:
        until = min(opened.start + int(step.total_seconds()), end)
        calendars = await reader.calendars(
            query.organization_id,
            directory,
            candidates,
            reach_of(terms.rules, opened.start, until),
            now=now.timestamp(),
            ignore=query.ignore,
        )
        slot = await _first_of(terms, calendars, second, (opened.start, until))
        if slot is not None:
            return terms, slot
        at, step = until, min(step * 2, _LONGEST_STEP)
    return terms, None


async def _first_of(terms: Terms, calendars: Mapping[str, ResourceCalendar], now: int, window: Span) -> Slot | None:
    find = partial(
        first_slot,
        rules=terms.rules,
        business=terms.business_schedule,
        staffing=terms.staffing,
        calendars=calendars,
        now=now,
        start=window[0],
        end=window[1],
        service_id=terms.service_id,
    )
    starts = (window[1] - window[0]) // int(terms.rules.slot_interval.total_seconds())
    return await asyncio.to_thread(find) if starts * len(calendars) > _IN_A_THREAD else find()


async def judge_start(
    *,
    reader: AvailabilityReader,
    directory: Directory,
    query: SlotQuery,
    starts_at: datetime,
    now: datetime,
) -> Verdict:
    """Whether a start would be bookable, and every reason if not; of any start, on the grid or off."""
    terms = settled(query, directory, or_choice=False)
    start = to_epoch(starts_at)
    calendars = await reader.calendars(
        query.organization_id,
        directory,
        terms.staffing.candidates,
        reach_of(terms.rules, start, start + 1),
        now=now.timestamp(),
    )
    free, reasons = free_places(
        start=start,
        now=to_epoch(now),
        rules=terms.rules,
        business=terms.business_schedule,
        staffing=terms.staffing,
        calendars=calendars,
        service_id=terms.service_id,
        ignore=query.ignore,
    )
    return Verdict(reasons, free)
