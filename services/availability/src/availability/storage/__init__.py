"""What the service remembers: schedules, and projections of what others say."""

from availability.storage.projections import (
    AppointmentRow,
    BusinessRow,
    ExternalBusyRow,
    ResourceRow,
    ServiceRow,
    apply_appointments,
    apply_businesses,
    apply_external_busy,
    apply_resources,
    apply_services,
    forget_external_busy,
)
from availability.storage.reads import (
    ExternalEntry,
    TakenEntry,
    Versions,
    load_directory,
    load_external,
    load_taken,
    read_versions,
)
from availability.storage.schedules import ScheduleStore, with_holiday_rules
from availability.storage.tables import metadata

__all__ = [
    "AppointmentRow",
    "BusinessRow",
    "ExternalBusyRow",
    "ExternalEntry",
    "ResourceRow",
    "ScheduleStore",
    "ServiceRow",
    "TakenEntry",
    "Versions",
    "apply_appointments",
    "apply_businesses",
    "apply_external_busy",
    "apply_resources",
    "apply_services",
    "forget_external_busy",
    "load_directory",
    "load_external",
    "load_taken",
    "metadata",
    "read_versions",
    "with_holiday_rules",
]
