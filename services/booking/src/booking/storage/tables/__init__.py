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
from booking.storage.tables.history import former_clients, history, overrides
from booking.storage.tables.messages import message_events
from booking.storage.tables.occupancy import holds, occupancy
from booking.storage.tables.policies import client_preferences, external_busy, organization_channels, schedules
from booking.storage.tables.series import series, series_occurrences
from booking.storage.tables.waiting_list import freed_times, waiting_list_entries
from slotstream_servicekit.http.idempotency import idempotency_table
from slotstream_servicekit.inbox import inbox_table
from slotstream_servicekit.outbox import outbox_table
from slotstream_servicekit.schema import LIMIT_BUSINESSES, LIMIT_RESOURCE, DatabaseSchema, RowLimit

outbox = outbox_table(metadata)
inbox = inbox_table(metadata)
idempotency_keys = idempotency_table(metadata)

TENANT_TABLES = tuple(
    table.name for table in metadata.sorted_tables if "organization_id" in table.c and table is not client_search
)
"""Those that the application's role reads and writes, and that row-level security therefore guards."""

_OF_BUSINESS = f"business_id = ANY ({LIMIT_BUSINESSES})"
_OF_APPOINTMENT = "sees_appointment(organization_id, appointment_id)"
LIMITS = (
    # An appointment's resources are written after it, so the use case sees to it that the caller's is among them.
    RowLimit(
        table="appointments",
        business=_OF_BUSINESS,
        calendar=f"takes_part(organization_id, id, {LIMIT_RESOURCE})",
        writes=f"{LIMIT_BUSINESSES} IS NULL OR {_OF_BUSINESS}",
    ),
    *(
        RowLimit(table=table, business=_OF_BUSINESS, calendar=f"{LIMIT_RESOURCE} = ANY (resource_ids)")
        for table in ("holds", "series")
    ),
    RowLimit(table="waiting_list_entries", business=_OF_BUSINESS, calendar=f"resource_id = {LIMIT_RESOURCE}"),
    *(
        RowLimit(table=table, business=_OF_APPOINTMENT, calendar=_OF_APPOINTMENT, command="SELECT")
        for table in ("history", "message_events", "overrides")
    ),
)
"""What limited callers see. UNLIMITED_TABLES says why the others have no limits."""

UNLIMITED_TABLES = {
    "actions": "the organization's",
    "appointment_resources": "read beside their appointments only",
    "bulk_items": "read beside their order only",
    "bulk_jobs": "a limited caller is shown their own orders, and the worker does them within the limits they had",
    "businesses": "the whole policy judges a booking; CatalogueStore is given the limits",
    "client_preferences": "the organization's, as clients are",
    "clients": "the organization's: people come to several businesses",
    "command_results": "never read by requests",
    "erased_people": "never read by requests",
    "external_busy": "takes time, whoever asks; shown to nobody",
    "freed_times": "never read by requests",
    "former_clients": "read beside their appointments only",
    "idempotency_keys": "a caller's own",
    "occupancy": "takes time, whoever asks; shown as reasons only",
    "organization_channels": "the organization's",
    "organizations": "the policy's version",
    "outbox": "never read by requests",
    "resource_businesses": "the whole policy judges a booking; CatalogueStore is given the limits",
    "resources": "the whole policy judges a booking; CatalogueStore is given the limits",
    "schedules": "the whole policy judges a booking; shown to nobody",
    "series_occurrences": "read beside their series only",
    "services": "the whole policy judges a booking; CatalogueStore is given the limits",
}

SCHEMA = DatabaseSchema(
    service="booking",
    metadata=metadata,
    tenant_tables=TENANT_TABLES,
    shared_tables=("inbox",),
    before=EXTENSIONS,
    after=FUNCTIONS,
    limits=LIMITS,
)
"""The database as the code declares it; the migrations make the same."""

__all__ = [
    "LIMITS",
    "SCHEMA",
    "TENANT_TABLES",
    "UNLIMITED_TABLES",
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
    "former_clients",
    "freed_times",
    "history",
    "holds",
    "idempotency_keys",
    "inbox",
    "message_events",
    "metadata",
    "occupancy",
    "organization_channels",
    "organizations",
    "outbox",
    "overrides",
    "resource_businesses",
    "resources",
    "schedules",
    "series",
    "series_occurrences",
    "services",
    "waiting_list_entries",
]
