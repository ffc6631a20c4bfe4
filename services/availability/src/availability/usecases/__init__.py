"""What the service can do."""

from availability.usecases.calendars import get_calendar, get_free_busy
from availability.usecases.schedules import (
    add_absence,
    add_date_override,
    extend_holidays,
    follow_holidays,
    get_schedule,
    put_weekly_hours,
    remove_absence,
    remove_date_override,
)
from availability.usecases.slots import Offer, Verdict, find_first_slot, judge_start

__all__ = [
    "Offer",
    "Verdict",
    "add_absence",
    "add_date_override",
    "extend_holidays",
    "find_first_slot",
    "follow_holidays",
    "get_calendar",
    "get_free_busy",
    "get_schedule",
    "judge_start",
    "put_weekly_hours",
    "remove_absence",
    "remove_date_override",
]
