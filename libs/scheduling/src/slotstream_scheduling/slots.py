"""The starts that are offered.

A start is offered if and only if it is on the grid and `judge` has no reason against some choice of resources.
"""

from collections.abc import Mapping

from slotstream_scheduling.board import Board, Slot
from slotstream_scheduling.hours import Schedule
from slotstream_scheduling.places import Staffing
from slotstream_scheduling.rules import ResourceCalendar, ServiceRules
from slotstream_scheduling.starts import bookable_window
from slotstream_scheduling.wallclock import DAY_SECONDS


def offer_slots(
    *,
    rules: ServiceRules,
    business: Schedule,
    staffing: Staffing,
    calendars: Mapping[str, ResourceCalendar],
    now: int,
    start: int,
    end: int,
    service_id: str | None = None,
) -> tuple[Slot, ...]:
    """Every offered start in [start, end) with the resources free for each place, ascending.

    `calendars` by resource id, each with all that is taken or busy in the window. Epoch seconds.
    """
    start, end = bookable_window(rules, now, business.zone, start, end)
    board = Board(rules=rules, business=business, staffing=staffing, start=start, end=end, service_id=service_id)
    if board.grid:
        for candidate in staffing.candidates:
            board.put(calendars[candidate])
    return tuple(board.slots(range(len(board.grid))))


def first_slot(
    *,
    rules: ServiceRules,
    business: Schedule,
    staffing: Staffing,
    calendars: Mapping[str, ResourceCalendar],
    now: int,
    start: int,
    end: int,
    service_id: str | None = None,
) -> Slot | None:
    """The first offered start in [start, end), in steps that double, so that a near one is cheap."""
    at, end = bookable_window(rules, now, business.zone, start, end)
    step = DAY_SECONDS
    while at < end:
        until = min(at + step, end)
        slots = offer_slots(
            rules=rules,
            business=business,
            staffing=staffing,
            calendars=calendars,
            now=now,
            start=at,
            end=until,
            service_id=service_id,
        )
        if slots:
            return slots[0]
        at, step = until, min(step * 2, 32 * DAY_SECONDS)
    return None
