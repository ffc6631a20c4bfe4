"""What the service can do."""

from availability.usecases.calendars import (
    Absent,
    BusinessCalendar,
    CalendarLane,
    FreeBusy,
    get_calendar,
    get_free_busy,
)
from availability.usecases.offers import (
    Offer,
    Question,
    Verdict,
    find_first_slot,
    find_slots,
    judge_start,
)
from availability.usecases.schedules import (
    Owner,
    add_absence,
    add_date_override,
    extend_holidays,
    follow_holidays,
    get_schedule,
    put_weekly_hours,
    remove_absence,
    remove_date_override,
)
from availability.usecases.world import World

__all__ = [
    "Absent",
    "BusinessCalendar",
    "CalendarLane",
    "FreeBusy",
    "Offer",
    "Owner",
    "Question",
    "Verdict",
    "World",
    "add_absence",
    "add_date_override",
    "extend_holidays",
    "find_first_slot",
    "find_slots",
    "follow_holidays",
    "get_calendar",
    "get_free_busy",
    "get_schedule",
    "judge_start",
    "put_weekly_hours",
    "remove_absence",
    "remove_date_override",
]
