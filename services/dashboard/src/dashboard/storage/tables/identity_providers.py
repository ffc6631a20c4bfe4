"""Companies' providers, and whom they sign in."""

from sqlalchemy import (
    ARRAY,
    Boolean,
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
from sqlalchemy.dialects.postgresql import JSONB

from dashboard.storage.tables.base import metadata
from slotstream_servicekit.schema import instant

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
    instant("created_at"),
    instant("updated_at"),
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
    instant("created_at"),
    PrimaryKeyConstraint("organization_id", "issuer", "subject"),
    UniqueConstraint("organization_id", "user_id", "issuer", name="identities_user_key"),
    ForeignKeyConstraint(
        ["organization_id", "user_id"],
        ["users.organization_id", "users.id"],
        name="identities_user_fkey",
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
    instant("expires_at"),
    PrimaryKeyConstraint("digest"),
    Index("provider_visits_expires_at_idx", "expires_at"),
    comment="Browsers that were sent to a company's provider. digest: of what the browser holds.",
)

logout_tokens = Table(
    "logout_tokens",
    metadata,
    Column("digest", LargeBinary, nullable=False),
    instant("expires_at"),
    PrimaryKeyConstraint("digest"),
    Index("logout_tokens_expires_at_idx", "expires_at"),
    comment="Those of companies' providers that were used. digest: of organization, issuer and jti.",
)
