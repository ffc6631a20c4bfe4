"""What calendar-sync remembers."""

from calendar_sync.storage.busy import BusyInstanceStore
from calendar_sync.storage.connections import DUE_CHANNEL, Claim, ConnectionStore
from calendar_sync.storage.feeds import FeedStore
from calendar_sync.storage.projections import (
    AppointmentRow,
    AppointmentStore,
    BusinessRow,
    BusinessStore,
    ResourceRow,
    ResourceStore,
)
from calendar_sync.storage.tables import metadata, schema

__all__ = [
    "DUE_CHANNEL",
    "AppointmentRow",
    "AppointmentStore",
    "BusinessRow",
    "BusinessStore",
    "BusyInstanceStore",
    "Claim",
    "ConnectionStore",
    "FeedStore",
    "ResourceRow",
    "ResourceStore",
    "metadata",
    "schema",
]
