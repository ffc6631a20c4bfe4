"""Every table is either swept by its service's worker or kept for a reason that stands here."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

import pytest
from sqlalchemy import MetaData

import availability.storage.tables
import availability.worker
import booking.storage.tables
import booking.worker
import calendar_sync.storage.tables
import calendar_sync.worker
import dashboard.storage.tables
import dashboard.worker
import imports.storage.tables
import imports.worker
import notifications.storage.tables
import notifications.worker
from dashboard.settings import DashboardSettings
from notifications.settings import NotificationsSettings
from slotstream_servicekit.housekeeping import Sweep

_SENT: Final = "rows go as soon as they are sent, or once they are refused for good"
_MASTER: Final = "what the organization entered: it grows by people's work only, and is theirs"
_STATE: Final = "one row per thing that exists; a tombstone removes it"
_RECORD: Final = "the record of what was booked; erasing takes the person out of it"

KEPT: Final[Mapping[str, Mapping[str, str]]] = {
    "booking": {
        "client_preferences": _STATE,
        "organization_channels": _STATE,
        "organizations": _MASTER,
        "businesses": _MASTER,
        "resources": _MASTER,
        "resource_businesses": _MASTER,
        "services": _MASTER,
        "actions": _MASTER,
        "clients": _MASTER,
        "client_search": "beside clients, with whom its rows go",
        "schedules": _STATE,
        "appointments": _RECORD,
        "appointment_resources": _RECORD,
        "occupancy": _RECORD,
        "series": _RECORD,
        "series_occurrences": _RECORD,
        "history": _RECORD,
        "former_clients": _RECORD,
        "overrides": _RECORD,
        "message_events": _RECORD,
        "holds": "a task of their own removes what has expired, and says so on the topic",
        "inbox": "the consumers prune it",
        "outbox": _SENT,
    },
    "availability": {
        "schedules": _MASTER,
        "businesses": _STATE,
        "resources": _STATE,
        "services": _STATE,
        "occupancy": "goes with its appointment",
        "projection_versions": "one row per organization",
        "resource_versions": "one row per resource",
        "outbox": _SENT,
    },
    "notifications": {
        "templates": _MASTER,
        "reminder_rules": _MASTER,
        "follow_up_rules": _MASTER,
        "quiet_hours": _MASTER,
        "channel_accounts": _MASTER,
        "organization_channels": "one row per organization",
        "organization_opt_outs": "digests only: so that nobody who said STOP to an organization is written to by it",
        "send_limits": _MASTER,
        "catalogue": _STATE,
        "clients": _STATE,
        "preferences": _STATE,
        "users": _STATE,
        "staff_preferences": "one row per user; it goes with them",
        "removed_users": "ids only: so that no old record brings a removed user back",
        "replans": "what has to be planned anew: each row goes when that is done",
        "rule_applications": "one row per reminder rule",
        "push_subscriptions": "ten browsers a person at most, each until it is removed or its push service forgets it",
        "erased_clients": "ids only: so that no old record brings an erased person back",
        "number_opt_outs": "digests only: so that nobody who said STOP is written to again",
        "outbox": _SENT,
    },
    "imports": {
        "businesses": _STATE,
        "resources": _STATE,
        "services": _STATE,
        "client_contacts": _STATE,
        "former_contacts": "a digest for each number or address that a client had before; an erase removes them",
        "import_files": "a task of their own removes them when an import's time is over",
        "outbox": _SENT,
    },
    "calendar-sync": {
        "connections": _MASTER,
        "feeds": _MASTER,
        "businesses": _STATE,
        "resources": _STATE,
        "busy_instances": "what the calendars say now, replaced by each reading",
        "outbox": _SENT,
    },
    "dashboard": {
        "client_link_revocations": "ids and an instant, one row per client: so that no revoked link opens again",
        "organizations": _MASTER,
        "users": _MASTER,
        "accounts": _MASTER,
        "memberships": _MASTER,
        "passkeys": _MASTER,
        "identity_providers": _MASTER,
        "identities": _MASTER,
        "user_preferences": _MASTER,
        "api_clients": _MASTER,
        "audit_entries": "who signed in and who changed what: kept for as long as the organization",
        "mails": "mails that wait: each is deleted once it was sent or given up",
        "outbox": _SENT,
    },
}

SERVICES: Final[Mapping[str, tuple[MetaData, Sequence[Sweep]]]] = {
    "booking": (booking.storage.tables.metadata, booking.worker.SWEEPS),
    "availability": (availability.storage.tables.metadata, availability.worker.sweeps(past_days=30)),
    "notifications": (
        notifications.storage.tables.metadata,
        notifications.worker.sweeps(NotificationsSettings(database_url="postgresql+asyncpg://nowhere/x")),
    ),
    "imports": (imports.storage.tables.metadata, imports.worker.sweeps(kept=timedelta(days=1))),
    "calendar-sync": (calendar_sync.storage.tables.metadata, calendar_sync.worker.SWEEPS),
    "dashboard": (
        dashboard.storage.tables.metadata,
        dashboard.worker.sweeps(DashboardSettings(database_url="postgresql+asyncpg://nowhere/x")),
    ),
}


@pytest.mark.parametrize("service", SERVICES)
def test_no_table_grows_for_ever_unnoticed(service: str) -> None:
    metadata, sweeps = SERVICES[service]
    swept = {sweep.table for sweep in sweeps}

    assert swept.isdisjoint(KEPT[service])
    assert swept | KEPT[service].keys() == set(metadata.tables)
