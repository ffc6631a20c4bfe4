"""The tables.

What belongs to an organization is isolated by row-level security. What must be found before an organization is
known is shared: accounts (a person with an address and a password), the sessions of accounts, one-time links, secrets
of API clients, mails that wait, codes for visitors, delays of sign-ins, signing keys. A shared row is found by the
digest of a secret, by an account's own id or address, or by the worker.
"""

from dashboard.storage.tables.accounts import accounts, memberships, passkey_challenges, passkeys
from dashboard.storage.tables.api_clients import api_client_secrets, api_clients
from dashboard.storage.tables.audit import audit_entries
from dashboard.storage.tables.base import metadata
from dashboard.storage.tables.identity_providers import identities, identity_providers, logout_tokens, provider_visits
from dashboard.storage.tables.live import live_events
from dashboard.storage.tables.mails import mails
from dashboard.storage.tables.sessions import one_time_links, sessions, sign_in_delays
from dashboard.storage.tables.signing_keys import signing_keys
from dashboard.storage.tables.users import organizations, user_preferences, users
from dashboard.storage.tables.visitors import booking_codes, client_link_revocations
from slotstream_servicekit.http.idempotency import idempotency_table
from slotstream_servicekit.outbox import outbox_table
from slotstream_servicekit.schema import DatabaseSchema

__all__ = [
    "accounts",
    "api_client_secrets",
    "api_clients",
    "audit_entries",
    "booking_codes",
    "client_link_revocations",
    "idempotency_keys",
    "identities",
    "identity_providers",
    "live_events",
    "logout_tokens",
    "mails",
    "memberships",
    "metadata",
    "one_time_links",
    "organizations",
    "outbox",
    "passkey_challenges",
    "passkeys",
    "provider_visits",
    "schema",
    "sessions",
    "sign_in_delays",
    "signing_keys",
    "user_preferences",
    "users",
]

idempotency_keys = idempotency_table(metadata)
outbox = outbox_table(metadata)

_SHARED = (
    "accounts",
    "api_client_secrets",
    "booking_codes",
    "logout_tokens",
    "mails",
    "memberships",
    "one_time_links",
    "passkey_challenges",
    "passkeys",
    "provider_visits",
    "sessions",
    "sign_in_delays",
    "signing_keys",
)

schema = DatabaseSchema(
    service="dashboard",
    metadata=metadata,
    tenant_tables=tuple(table.name for table in metadata.sorted_tables if table.name not in _SHARED),
    shared_tables=_SHARED,
)
