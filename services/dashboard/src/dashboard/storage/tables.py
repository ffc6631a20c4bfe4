"""The tables.

What belongs to an organization is isolated by row-level security. What must be found before an organization is
known is shared: accounts (a person with an address and a password), the sessions of accounts, one-time links, secrets
of API clients, mails that wait, codes for visitors, delays of sign-ins, signing keys. A shared row is found by the
digest of a secret, by an account's own id or address, or by the worker.
"""

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from slotstream_servicekit.http.idempotency import idempotency_table
from slotstream_servicekit.outbox import outbox_table
from slotstream_servicekit.schema import DatabaseSchema

metadata = MetaData()


def _instant(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


idempotency_keys = idempotency_table(metadata)
outbox = outbox_table(metadata)

organizations = Table(
    "organizations",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    _instant("created_at"),
    PrimaryKeyConstraint("organization_id"),
)

users = Table(
    "users",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("email", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("business_ids", ARRAY(Uuid), nullable=True),
    Column("resource_id", Uuid, nullable=True),
    _instant("last_sign_in_at", nullable=True),
    _instant("created_at"),
    _instant("updated_at"),
    Column("version", Integer, nullable=False),
    Column("published_version", Integer, nullable=True),
    PrimaryKeyConstraint("organization_id", "id"),
    CheckConstraint("state IN ('invited', 'active', 'deactivated')", name="users_state_is_known"),
    UniqueConstraint("id", name="users_id_key"),
    UniqueConstraint("organization_id", "email", name="users_email_key"),
)

api_clients = Table(
    "api_clients",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("business_ids", ARRAY(Uuid), nullable=True),
    Column("state", Text, nullable=False),
    Column("rotation", Integer, nullable=False),
    _instant("last_used_at", nullable=True),
    _instant("created_at"),
    _instant("updated_at"),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("organization_id", "id"),
    CheckConstraint("state IN ('active', 'deactivated')", name="api_clients_state_is_known"),
    UniqueConstraint("id", name="api_clients_id_key"),
)

audit_entries = Table(
    "audit_entries",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    _instant("at"),
    Column("actor_type", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject_type", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("address", Text, nullable=True),
    Column("details", JSONB, nullable=False, server_default=text("'{}'")),
    PrimaryKeyConstraint("organization_id", "id"),
)

live_events = Table(
    "live_events",
    metadata,
    Column("seq", BigInteger, Identity(always=True, cache=1), nullable=False),
    Column("organization_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("topic", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("business_id", Uuid, nullable=True),
    Column("resource_ids", ARRAY(Uuid), nullable=False),
    _instant("created_at"),
    PrimaryKeyConstraint("seq"),
    UniqueConstraint("organization_id", "id", name="live_events_id_key"),
    Index("live_events_created_at_idx", "created_at"),
    Index("live_events_organization_id_seq_idx", "organization_id", "seq"),
)

accounts = Table(
    "accounts",
    metadata,
    Column("id", Uuid, nullable=False),
    Column("email", Text, nullable=False),
    Column("password_hash", Text, nullable=True),
    Column("locale", Text, nullable=False),
    _instant("password_changed_at", nullable=True),
    _instant("created_at"),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("email", name="accounts_email_key"),
)

passkeys = Table(
    "passkeys",
    metadata,
    Column("id", Uuid, nullable=False),
    Column("account_id", Uuid, nullable=False),
    Column("user_handle", LargeBinary, nullable=False),
    Column("credential_id", LargeBinary, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    _instant("created_at"),
    _instant("last_used_at", nullable=True),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("credential_id", name="passkeys_credential_key"),
    ForeignKeyConstraint(["account_id"], ["accounts.id"], name="passkeys_account_fkey", ondelete="CASCADE"),
    Index("passkeys_account_idx", "account_id"),
)

passkey_challenges = Table(
    "passkey_challenges",
    metadata,
    Column("digest", LargeBinary, nullable=False),
    Column("challenge", LargeBinary, nullable=False),
    Column("user_handle", LargeBinary, nullable=True),
    _instant("expires_at"),
    PrimaryKeyConstraint("digest"),
    Index("passkey_challenges_expires_at_idx", "expires_at"),
    comment="digest: of what the browser holds. user_handle: of the account that a passkey is being added to.",
)

memberships = Table(
    "memberships",
    metadata,
    Column("account_id", Uuid, nullable=False),
    Column("organization_id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    _instant("last_used_at", nullable=True),
    PrimaryKeyConstraint("account_id", "organization_id"),
    UniqueConstraint("user_id", name="memberships_user_key"),
    ForeignKeyConstraint(["account_id"], ["accounts.id"], name="memberships_account_fkey", ondelete="CASCADE"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Uuid, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("account_id", Uuid, nullable=True),
    Column("organization_id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("address", Text, nullable=False),
    Column("user_agent", Text, nullable=False),
    _instant("created_at"),
    _instant("last_used_at"),
    _instant("expires_at"),
    Column("provider_session", Text, nullable=True),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("digest", name="sessions_digest_key"),
    ForeignKeyConstraint(["account_id"], ["accounts.id"], name="sessions_account_fkey", ondelete="CASCADE"),
    Index("sessions_account_idx", "account_id"),
    Index("sessions_user_idx", "user_id"),
    comment="account_id: NULL where a company's provider signed them in. Such a session is its organization's alone.",
)

identity_providers = Table(
    "identity_providers",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("sealed_client_secret", LargeBinary, nullable=False),
    Column("email_domains", ARRAY(Text), nullable=False),
    Column("role_claim", Text, nullable=True),
    Column("role_values", JSONB, nullable=False),
    Column("default_role", Text, nullable=True),
    Column("creates_users", Boolean, nullable=False),
    Column("is_required", Boolean, nullable=False),
    _instant("created_at"),
    _instant("updated_at"),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("organization_id"),
)

identities = Table(
    "identities",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("user_id", Uuid, nullable=False),
    _instant("created_at"),
    PrimaryKeyConstraint("organization_id", "issuer", "subject"),
    UniqueConstraint("organization_id", "user_id", "issuer", name="identities_user_key"),
    ForeignKeyConstraint(
        ["organization_id", "user_id"],
        ["users.organization_id", "users.id"],
        name="identities_user_fkey",
        ondelete="CASCADE",
    ),
)

user_preferences = Table(
    "user_preferences",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("moves", Text, nullable=True),
    Column("density", Text, nullable=True),
    Column("hidden_columns", ARRAY(Text), nullable=True),
    _instant("updated_at"),
    PrimaryKeyConstraint("organization_id", "user_id"),
    ForeignKeyConstraint(
        ["organization_id", "user_id"],
        ["users.organization_id", "users.id"],
        name="user_preferences_user_fkey",
        ondelete="CASCADE",
    ),
)

provider_visits = Table(
    "provider_visits",
    metadata,
    Column("digest", LargeBinary, nullable=False),
    Column("organization_id", Uuid, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("target", Text, nullable=False),
    _instant("expires_at"),
    PrimaryKeyConstraint("digest"),
    Index("provider_visits_expires_at_idx", "expires_at"),
    comment="Browsers that were sent to a company's provider. digest: of what the browser holds.",
)

logout_tokens = Table(
    "logout_tokens",
    metadata,
    Column("digest", LargeBinary, nullable=False),
    _instant("expires_at"),
    PrimaryKeyConstraint("digest"),
    Index("logout_tokens_expires_at_idx", "expires_at"),
    comment="Those of companies' providers that were used. digest: of organization, issuer and jti.",
)

one_time_links = Table(
    "one_time_links",
    metadata,
    Column("digest", LargeBinary, nullable=False),
    Column("kind", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("organization_id", Uuid, nullable=True),
    Column("user_id", Uuid, nullable=True),
    _instant("created_at"),
    _instant("expires_at"),
    PrimaryKeyConstraint("digest"),
    CheckConstraint("(kind = 'invitation') = (user_id IS NOT NULL)", name="one_time_links_invitation_has_a_user"),
    Index("one_time_links_email_idx", "email"),
    Index("one_time_links_user_idx", "user_id"),
)

api_client_secrets = Table(
    "api_client_secrets",
    metadata,
    Column("digest", LargeBinary, nullable=False),
    Column("client_id", Uuid, nullable=False),
    Column("organization_id", Uuid, nullable=False),
    _instant("created_at"),
    _instant("expires_at", nullable=True),
    PrimaryKeyConstraint("digest"),
    ForeignKeyConstraint(
        ["organization_id", "client_id"],
        ["api_clients.organization_id", "api_clients.id"],
        name="api_client_secrets_client_fkey",
        ondelete="CASCADE",
    ),
    Index("api_client_secrets_client_idx", "client_id"),
)

mails = Table(
    "mails",
    metadata,
    Column("id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("organization_id", Uuid, nullable=True),
    Column("user_id", Uuid, nullable=True),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    _instant("due_at"),
    _instant("created_at"),
    PrimaryKeyConstraint("id"),
    Index("mails_due_idx", "due_at"),
)

booking_codes = Table(
    "booking_codes",
    metadata,
    Column("id", Uuid, nullable=False),
    Column("draft_id", Uuid, nullable=False),
    Column("recipient", LargeBinary, nullable=False),
    Column("network", LargeBinary, nullable=False),
    Column("business_name", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    _instant("used_at", nullable=True),
    _instant("created_at"),
    _instant("expires_at"),
    PrimaryKeyConstraint("id"),
    Index("booking_codes_recipient_idx", "recipient", "created_at"),
    Index("booking_codes_network_idx", "network", "created_at"),
    Index("booking_codes_created_at_idx", "created_at"),
)

sign_in_delays = Table(
    "sign_in_delays",
    metadata,
    Column("digest", LargeBinary, nullable=False),
    Column("failures", Integer, nullable=False),
    _instant("retry_at"),
    _instant("failed_at"),
    PrimaryKeyConstraint("digest"),
    Index("sign_in_delays_failed_at_idx", "failed_at"),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("id", Text, nullable=False),
    Column("sealed_private", LargeBinary, nullable=False),
    Column("public", JSONB, nullable=False),
    _instant("created_at"),
    _instant("signs_from"),
    _instant("signs_until"),
    _instant("published_until"),
    PrimaryKeyConstraint("id"),
)

client_link_revocations = Table(
    "client_link_revocations",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("client_id", Uuid, nullable=False),
    _instant("revoked_at"),
    PrimaryKeyConstraint("organization_id", "client_id"),
    comment="Links of the client that were made up to this instant lead nowhere any more.",
)

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
