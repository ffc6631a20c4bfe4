"""Accounts of organizations at providers, and who has stopped what they send by them."""

from sqlalchemy import ARRAY, BigInteger, Column, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from notifications.storage.tables.base import metadata
from slotstream_servicekit.schema import instant

channel_accounts = Table(
    "channel_accounts",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("provider", Text, nullable=False),
    Column("details", JSONB, nullable=False),
    Column("sealed_secrets", LargeBinary, nullable=False),
    Column("secret_names", ARRAY(Text), nullable=False),
    instant("secrets_set_at"),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("failure_code", Text, nullable=True),
    instant("failing_since", nullable=True),
    instant("paused_until", nullable=True),
    Column("updated_by", Text, nullable=False),
    instant("created_at"),
    instant("updated_at"),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("organization_id", "provider"),
)

organization_opt_outs = Table(
    "organization_opt_outs",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("digest", Text, nullable=False),
    instant("opted_out_at"),
    PrimaryKeyConstraint("organization_id", "digest"),
    comment="Keyed hashes of phone numbers that stopped an organization's own sender.",
)

organization_channels = Table(
    "organization_channels",
    metadata,
    Column("organization_id", Uuid, primary_key=True),
    Column("channels", ARRAY(Text), nullable=False),
    Column("version", BigInteger, nullable=False),
    instant("updated_at"),
    comment="What was told last of what organizations can send on, of those that have had accounts of their own.",
)
