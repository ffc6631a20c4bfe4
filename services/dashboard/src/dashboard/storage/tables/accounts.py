"""Accounts: people with an address and a password or passkeys, and the organizations that they belong to."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

from dashboard.storage.tables.base import metadata
from slotstream_servicekit.schema import instant

accounts = Table(
    "accounts",
    metadata,
    Column("id", Uuid, nullable=False),
    Column("email", Text, nullable=False),
    Column("password_hash", Text, nullable=True),
    Column("locale", Text, nullable=False),
    instant("password_changed_at", nullable=True),
    instant("created_at"),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("email", name="accounts_email_key"),
)

memberships = Table(
    "memberships",
    metadata,
    Column("account_id", Uuid, nullable=False),
    Column("organization_id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    instant("last_used_at", nullable=True),
    PrimaryKeyConstraint("account_id", "organization_id"),
    UniqueConstraint("user_id", name="memberships_user_key"),
    ForeignKeyConstraint(["account_id"], ["accounts.id"], name="memberships_account_fkey", ondelete="CASCADE"),
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
    instant("created_at"),
    instant("last_used_at", nullable=True),
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
    instant("expires_at"),
    PrimaryKeyConstraint("digest"),
    Index("passkey_challenges_expires_at_idx", "expires_at"),
    comment="digest: of what the browser holds. user_handle: of the account that a passkey is being added to.",
)
