"""Sessions of browsers, one-time links, and delays after failed sign-ins."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

from dashboard.storage.tables.base import metadata
from slotstream_servicekit.schema import instant

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
    instant("created_at"),
    instant("last_used_at"),
    instant("expires_at"),
    Column("provider_session", Text, nullable=True),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("digest", name="sessions_digest_key"),
    ForeignKeyConstraint(["account_id"], ["accounts.id"], name="sessions_account_fkey", ondelete="CASCADE"),
    Index("sessions_account_idx", "account_id"),
    Index("sessions_user_idx", "user_id"),
    comment="account_id: NULL where a company's provider signed them in. Such a session is its organization's alone.",
)

one_time_links = Table(
    "one_time_links",
    metadata,
    Column("digest", LargeBinary, nullable=False),
    Column("kind", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("organization_id", Uuid, nullable=True),
    Column("user_id", Uuid, nullable=True),
    instant("created_at"),
    instant("expires_at"),
    PrimaryKeyConstraint("digest"),
    CheckConstraint("(kind = 'invitation') = (user_id IS NOT NULL)", name="one_time_links_invitation_has_a_user"),
    Index("one_time_links_email_idx", "email"),
    Index("one_time_links_user_idx", "user_id"),
)

sign_in_delays = Table(
    "sign_in_delays",
    metadata,
    Column("digest", LargeBinary, nullable=False),
    Column("failures", Integer, nullable=False),
    instant("retry_at"),
    instant("failed_at"),
    PrimaryKeyConstraint("digest"),
    Index("sign_in_delays_failed_at_idx", "failed_at"),
)
