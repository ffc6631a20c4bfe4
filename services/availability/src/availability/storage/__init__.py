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
    Drawn,
    DrawnBusy,
    Versions,
    load_directory,
    load_drawn,
    load_drawn_busy,
    read_versions,
)
from availability.storage.schedules import ScheduleStore, with_holiday_rules
from availability.storage.tables import metadata

__all__ = [
    "AppointmentRow",
    "BusinessRow",
    "Drawn",
    "DrawnBusy",
    "ExternalBusyRow",
    "ResourceRow",
    "ScheduleStore",
    "ServiceRow",
    "Versions",
    "apply_appointments",
    "apply_businesses",
    "apply_external_busy",
    "apply_resources",
    "apply_services",
    "forget_external_busy",
    "load_directory",
    "load_drawn",
    "load_drawn_busy",
    "metadata",
    "read_versions",
    "with_holiday_rules",
]
