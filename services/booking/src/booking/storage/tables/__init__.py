"""What booking remembers, table by table.

Keys begin with the organization: row-level security binds the application's role to one, and a composite
foreign key cannot point into another tenant. Ids of what topics are keyed by are unique across organizations
as well; an appointment's is its whole key, so that the booking statement keeps one index for both. The
appointment tables have no foreign keys to the catalogue: catalogue rows are archived, never deleted, and the
booking statement compares the policy version that the ids were resolved against, while key-share locks on one
business row cost a fifth of the rate.
"""

from booking.storage.functions import EXTENSIONS, FUNCTIONS
from booking.storage.tables.appointments import appointment_resources, appointments
from booking.storage.tables.base import metadata
from booking.storage.tables.bulk import bulk_items, bulk_jobs
from booking.storage.tables.catalogue import (
    actions,
    businesses,
    organizations,
    resource_businesses,
    resources,
    services,
)
from booking.storage.tables.clients import client_search, clients, erased_people
from booking.storage.tables.commands import command_results
from booking.storage.tables.history import history, overrides
from booking.storage.tables.messages import message_events
from booking.storage.tables.occupancy import holds, occupancy
from booking.storage.tables.policies import client_preferences, external_busy, schedules
from booking.storage.tables.series import series, series_occurrences
from slotstream_servicekit.http.idempotency import idempotency_table
from slotstream_servicekit.inbox import inbox_table
from slotstream_servicekit.outbox import outbox_table
from slotstream_servicekit.schema import DatabaseSchema

outbox = outbox_table(metadata)
inbox = inbox_table(metadata)
idempotency_keys = idempotency_table(metadata)

TENANT_TABLES = tuple(
    table.name for table in metadata.sorted_tables if "organization_id" in table.c and table is not client_search
)
"""Those that the application's role reads and writes, and that row-level security therefore guards."""

SCHEMA = DatabaseSchema(
    service="booking",
    metadata=metadata,
    tenant_tables=TENANT_TABLES,
    shared_tables=("inbox",),
    before=EXTENSIONS,
    after=FUNCTIONS,
)
"""The database as the code declares it; the migrations make the same."""

__all__ = [
    "SCHEMA",
    "TENANT_TABLES",
    "actions",
    "appointment_resources",
    "appointments",
    "bulk_items",
    "bulk_jobs",
    "businesses",
    "client_preferences",
    "client_search",
    "clients",
    "command_results",
    "erased_people",
    "external_busy",
    "history",
    "holds",
    "idempotency_keys",
    "inbox",
    "message_events",
    "metadata",
    "occupancy",
    "organizations",
    "outbox",
    "overrides",
    "resource_businesses",
    "resources",
    "schedules",
    "series",
    "series_occurrences",
    "services",
]
