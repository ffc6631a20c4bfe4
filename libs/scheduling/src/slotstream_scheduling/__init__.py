"""The rules of time and slots: pure functions over whole epoch seconds, wall clocks and IANA zones.

Booking judges by them and availability offers by them, so the two cannot disagree.
"""

from slotstream_scheduling.assignment import Assignment, assign
from slotstream_scheduling.board import Board, Slot
from slotstream_scheduling.grid import grid_starts, on_grid
from slotstream_scheduling.hours import (
    Absence,
    ClockInterval,
    DateOverride,
    Holiday,
    Schedule,
    WeekdayHours,
    format_clock,
    holidays_for,
    open_spans,
    parse_clock,
    schedule_from_dict,
    schedule_to_dict,
    weekly_hours,
    working_spans,
)
from slotstream_scheduling.places import Performer, Places, Roster, Staffing, can_fill
from slotstream_scheduling.reasons import Code, Reason
from slotstream_scheduling.recurrence import (
    Frequency,
    NthWeekday,
    Occurrence,
    Recurrence,
    ShortMonths,
    occurrences,
)
from slotstream_scheduling.rules import (
    Busy,
    ResourceCalendar,
    ServiceRules,
    Taken,
    booking_limit,
    earliest_start,
    free_places,
    judge,
    judge_resource,
    judge_time,
)
from slotstream_scheduling.slots import first_slot, offer_slots
from slotstream_scheduling.spans import Span, Spans, from_epoch, to_epoch, to_epoch_up
from slotstream_scheduling.starts import bookable_window, start_spans
from slotstream_scheduling.wallclock import (
    LocalKind,
    Resolution,
    UnknownZoneError,
    instant_on,
    is_zone,
    local_date,
    local_of,
    resolve,
    zone_of,
)

__all__ = [
    "Absence",
    "Assignment",
    "Board",
    "Busy",
    "ClockInterval",
    "Code",
    "DateOverride",
    "Frequency",
    "Holiday",
    "LocalKind",
    "NthWeekday",
    "Occurrence",
    "Performer",
    "Places",
    "Reason",
    "Recurrence",
    "Resolution",
    "ResourceCalendar",
    "Roster",
    "Schedule",
    "ServiceRules",
    "ShortMonths",
    "Slot",
    "Span",
    "Spans",
    "Staffing",
    "Taken",
    "UnknownZoneError",
    "WeekdayHours",
    "assign",
    "bookable_window",
    "booking_limit",
    "can_fill",
    "earliest_start",
    "first_slot",
    "format_clock",
    "free_places",
    "from_epoch",
    "grid_starts",
    "holidays_for",
    "instant_on",
    "is_zone",
    "judge",
    "judge_resource",
    "judge_time",
    "local_date",
    "local_of",
    "occurrences",
    "offer_slots",
    "on_grid",
    "open_spans",
    "parse_clock",
    "resolve",
    "schedule_from_dict",
    "schedule_to_dict",
    "start_spans",
    "to_epoch",
    "to_epoch_up",
    "weekly_hours",
    "working_spans",
    "zone_of",
]
