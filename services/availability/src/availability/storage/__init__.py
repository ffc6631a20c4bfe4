"""What the service remembers: schedules, and projections of what others say."""

from availability.storage.audit import count_wrong_occupancy
from availability.storage.calendars import CalendarStore
from availability.storage.directories import DirectoryStore
from availability.storage.projections import (
    APPOINTMENT_TABLE,
    BUSINESSES,
    EXTERNAL_BUSY_TABLE,
    HOLD_TABLE,
    RESOURCES,
    SERVICES,
    AppointmentRow,
    AppointmentStore,
    BusinessRow,
    ExternalBusyRow,
    ExternalBusyStore,
    HoldRow,
    HoldStore,
    ResourceRow,
    ServiceRow,
)
from availability.storage.reader import AvailabilityReader
from availability.storage.schedules import ScheduleStore, owners_with_holidays
from availability.storage.schema import SCHEMA
from availability.storage.tables import metadata
from availability.storage.versions import Versions

__all__ = [
    "APPOINTMENT_TABLE",
    "BUSINESSES",
    "EXTERNAL_BUSY_TABLE",
    "HOLD_TABLE",
    "RESOURCES",
    "SCHEMA",
    "SERVICES",
    "AppointmentRow",
    "AppointmentStore",
    "AvailabilityReader",
    "BusinessRow",
    "CalendarStore",
    "DirectoryStore",
    "ExternalBusyRow",
    "ExternalBusyStore",
    "HoldRow",
    "HoldStore",
    "ResourceRow",
    "ScheduleStore",
    "ServiceRow",
    "Versions",
    "count_wrong_occupancy",
    "metadata",
    "owners_with_holidays",
]
