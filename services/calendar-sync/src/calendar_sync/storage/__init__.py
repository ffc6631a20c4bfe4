"""What calendar-sync remembers."""

from calendar_sync.storage.busy import BusyInstanceStore
from calendar_sync.storage.connections import Claim, ConnectionStore, PageOfConnections
from calendar_sync.storage.feeds import FeedStore
from calendar_sync.storage.projections import AppointmentStore, ResourceStore
from calendar_sync.storage.tables import metadata

__all__ = [
    "AppointmentStore",
    "BusyInstanceStore",
    "Claim",
    "ConnectionStore",
    "FeedStore",
    "PageOfConnections",
    "ResourceStore",
    "metadata",
]
