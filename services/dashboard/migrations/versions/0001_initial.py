"""Everything the dashboard remembers: what belongs to a tenant is bound to it, the rest is found by a secret."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from slotstream_servicekit.migrations import enable_tenant_isolation, grant_app

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TENANT_TABLES = (
    "api_clients",
    "audit_entries",
    "client_link_revocations",
    "idempotency_keys",
    "identities",
    "identity_providers",
    "live_events",
    "organizations",
    "users",
)
SHARED_TABLES = (
    "accounts",
    "api_client_secrets",
    "booking_codes",
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


def upgrade() -> None:
    _create_accounts()
    _create_api_clients()
    _create_audit_entries()
    _create_booking_codes()
    _create_client_link_revocations()
    _create_idempotency_keys()
    _create_identity_providers()
    _create_live_events()
    _create_mails()
    _create_one_time_links()
    _create_organizations()
    _create_sign_in_delays()
    _create_signing_keys()
    _create_users()
    _create_identities()
    _create_provider_visits()
    _create_api_client_secrets()
    _create_memberships()
    _create_passkeys()
    _create_passkey_challenges()
    _create_sessions()
    enable_tenant_isolation(op, *TENANT_TABLES)
    grant_app(op, service="dashboard", tables=(*TENANT_TABLES, *SHARED_TABLES))


def downgrade() -> None:
    for table in (
        "sessions",
        "passkey_challenges",
        "passkeys",
        "memberships",
        "api_client_secrets",
        "provider_visits",
        "identities",
        "users",
        "signing_keys",
        "sign_in_delays",
        "organizations",
        "one_time_links",
        "mails",
        "live_events",
        "identity_providers",
        "idempotency_keys",
        "client_link_revocations",
        "booking_codes",
        "audit_entries",
        "api_clients",
        "accounts",
    ):
        op.drop_table(table)


def _create_accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("password_changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("email", name="accounts_email_key"),
    )


def _create_api_clients() -> None:
    op.create_table(
        "api_clients",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("business_ids", sa.ARRAY(sa.Uuid()), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("rotation", sa.Integer(), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("state IN ('active', 'deactivated')", name="api_clients_state_is_known"),
        sa.PrimaryKeyConstraint("organization_id", "id"),
        sa.UniqueConstraint("id", name="api_clients_id_key"),
    )


def _create_audit_entries() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_type", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject_type", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "id"),
    )


def _create_client_link_revocations() -> None:
    op.create_table(
        "client_link_revocations",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "client_id"),
        comment="Links of the client that were made up to this instant lead nowhere any more.",
    )


def _create_idempotency_keys() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "caller", "key"),
    )
    op.create_index(op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"], unique=False)


def _create_live_events() -> None:
    op.create_table(
        "live_events",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True, cache=1), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("business_id", sa.Uuid(), nullable=True),
        sa.Column("resource_ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("organization_id", "id", name="live_events_id_key"),
    )
    op.create_index("live_events_created_at_idx", "live_events", ["created_at"], unique=False)


def _create_booking_codes() -> None:
    op.create_table(
        "booking_codes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("draft_id", sa.Uuid(), nullable=False),
        sa.Column("recipient", sa.LargeBinary(), nullable=False),
        sa.Column("network", sa.LargeBinary(), nullable=False),
        sa.Column("business_name", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("booking_codes_recipient_idx", "booking_codes", ["recipient", "created_at"], unique=False)
    op.create_index("booking_codes_network_idx", "booking_codes", ["network", "created_at"], unique=False)
    op.create_index("booking_codes_created_at_idx", "booking_codes", ["created_at"], unique=False)


def _create_mails() -> None:
    op.create_table(
        "mails",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("mails_due_idx", "mails", ["due_at"], unique=False)


def _create_one_time_links() -> None:
    op.create_table(
        "one_time_links",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(kind = 'invitation') = (user_id IS NOT NULL)", name="one_time_links_invitation_has_a_user"
        ),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("one_time_links_email_idx", "one_time_links", ["email"], unique=False)
    op.create_index("one_time_links_user_idx", "one_time_links", ["user_id"], unique=False)


def _create_organizations() -> None:
    op.create_table(
        "organizations",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id"),
    )


def _create_sign_in_delays() -> None:
    op.create_table(
        "sign_in_delays",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("sign_in_delays_failed_at_idx", "sign_in_delays", ["failed_at"], unique=False)


def _create_signing_keys() -> None:
    op.create_table(
        "signing_keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("sealed_private", sa.LargeBinary(), nullable=False),
        sa.Column("public", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signs_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signs_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def _create_users() -> None:
    op.create_table(
        "users",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("business_ids", sa.ARRAY(sa.Uuid()), nullable=True),
        sa.Column("resource_id", sa.Uuid(), nullable=True),
        sa.Column("last_sign_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("state IN ('invited', 'active', 'deactivated')", name="users_state_is_known"),
        sa.PrimaryKeyConstraint("organization_id", "id"),
        sa.UniqueConstraint("id", name="users_id_key"),
        sa.UniqueConstraint("organization_id", "email", name="users_email_key"),
    )


def _create_api_client_secrets() -> None:
    op.create_table(
        "api_client_secrets",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id", "client_id"],
            ["api_clients.organization_id", "api_clients.id"],
            name="api_client_secrets_client_fkey",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("api_client_secrets_client_idx", "api_client_secrets", ["client_id"], unique=False)


def _create_memberships() -> None:
    op.create_table(
        "memberships",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="memberships_account_fkey", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("account_id", "organization_id"),
        sa.UniqueConstraint("user_id", name="memberships_user_key"),
    )


def _create_passkeys() -> None:
    op.create_table(
        "passkeys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("user_handle", sa.LargeBinary(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="passkeys_account_fkey", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("credential_id", name="passkeys_credential_key"),
    )
    op.create_index("passkeys_account_idx", "passkeys", ["account_id"], unique=False)


def _create_passkey_challenges() -> None:
    op.create_table(
        "passkey_challenges",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("challenge", sa.LargeBinary(), nullable=False),
        sa.Column("user_handle", sa.LargeBinary(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
        comment="digest: of what the browser holds. user_handle: of the account that a passkey is being added to.",
    )
    op.create_index("passkey_challenges_expires_at_idx", "passkey_challenges", ["expires_at"], unique=False)


def _create_identity_providers() -> None:
    op.create_table(
        "identity_providers",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("sealed_client_secret", sa.LargeBinary(), nullable=False),
        sa.Column("email_domains", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("role_claim", sa.Text(), nullable=True),
        sa.Column("role_values", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("default_role", sa.Text(), nullable=True),
        sa.Column("creates_users", sa.Boolean(), nullable=False),
        sa.Column("is_required", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id"),
    )


def _create_identities() -> None:
    op.create_table(
        "identities",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "user_id"],
            ["users.organization_id", "users.id"],
            name="identities_user_fkey",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("organization_id", "issuer", "subject"),
        sa.UniqueConstraint("organization_id", "user_id", "issuer", name="identities_user_key"),
    )


def _create_provider_visits() -> None:
    op.create_table(
        "provider_visits",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
        comment="Browsers that were sent to a company's provider. digest: of what the browser holds.",
    )
    op.create_index("provider_visits_expires_at_idx", "provider_visits", ["expires_at"], unique=False)


def _create_sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="sessions_account_fkey", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest", name="sessions_digest_key"),
        comment="account_id: NULL where a company's provider signed them in. Such a session is its organization's alone.",
    )
    op.create_index("sessions_account_idx", "sessions", ["account_id"], unique=False)
    op.create_index("sessions_user_idx", "sessions", ["user_id"], unique=False)
