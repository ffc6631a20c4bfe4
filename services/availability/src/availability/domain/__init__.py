"""What is true here: whose hours are whose, what a service asks for, what a query may ask."""

from availability.domain.calendars import (
    AbsentTime,
    BusinessCalendar,
    CalendarAppointment,
    CalendarBusy,
    CalendarLane,
    FreeBusy,
)
from availability.domain.catalogue import Business, Directory, Resource, Service
from availability.domain.errors import (
    IdTakenError,
    InvalidQueryError,
    InvalidWindowError,
    OverrideExistsError,
    QueryTooLargeError,
    TooManyEntriesError,
    UnknownCountryError,
    UnknownOwnerError,
)
from availability.domain.queries import (
    MAX_BUSINESSES,
    MAX_LOOK_AHEAD,
    MAX_RESOURCES,
    MAX_WINDOW,
    SlotQuery,
    Terms,
    checked_window,
    settle_terms,
)
from availability.domain.schedules import (
    HOLIDAY_YEARS_AHEAD,
    MAX_ENTRIES,
    HolidayRule,
    Owner,
    OwnerKind,
    OwnerSchedule,
)

__all__ = [
    "HOLIDAY_YEARS_AHEAD",
    "MAX_BUSINESSES",
    "MAX_ENTRIES",
    "MAX_LOOK_AHEAD",
    "MAX_RESOURCES",
    "MAX_WINDOW",
    "AbsentTime",
    "Business",
    "BusinessCalendar",
    "CalendarAppointment",
    "CalendarBusy",
    "CalendarLane",
    "Directory",
    "FreeBusy",
    "HolidayRule",
    "IdTakenError",
    "InvalidQueryError",
    "InvalidWindowError",
    "OverrideExistsError",
    "Owner",
    "OwnerKind",
    "OwnerSchedule",
    "QueryTooLargeError",
    "Resource",
    "Service",
    "SlotQuery",
    "Terms",
    "TooManyEntriesError",
    "UnknownCountryError",
    "UnknownOwnerError",
    "checked_window",
    "settle_terms",
]
