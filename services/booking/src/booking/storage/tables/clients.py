"""Whom appointments are for."""

from sqlalchemy import ARRAY, Boolean, Column, Index, PrimaryKeyConstraint, Table, Text, UniqueConstraint, Uuid, text

from booking.storage.tables.base import instant, metadata, organization, versioned

clients = Table(
    "clients",
    metadata,
    organization(),
    Column("id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("phone", Text),
    Column("email", Text),
    Column("locale", Text),
    Column("zone", Text),
    Column("consent", ARRAY(Text)),
    Column("merged_into", Uuid),
    Column("erased", Boolean, nullable=False, server_default=text("false")),
    Column("search", Text, nullable=False, server_default=text("''")),
    Column("sort_name", Text, nullable=False, server_default=text("''"), comment="The beginning of the folded name."),
    *versioned(),
    PrimaryKeyConstraint("organization_id", "id"),
    UniqueConstraint("id"),
    Index("clients_phone_idx", "organization_id", "phone", postgresql_where=text("phone IS NOT NULL")),
    Index("clients_email_idx", "organization_id", "email", postgresql_where=text("email IS NOT NULL")),
    Index(None, "organization_id", "sort_name", "id"),
    Index(
        "clients_archived_idx",
        "organization_id",
        "sort_name",
        "id",
        postgresql_where=text("archived AND merged_into IS NULL AND erased IS FALSE"),
    ),
    Index("clients_merged_idx", "organization_id", "merged_into", postgresql_where=text("merged_into IS NOT NULL")),
)

client_search = Table(
    "client_search",
    metadata,
    organization(),
    Column("client_id", Uuid, nullable=False),
    Column("search", Text, nullable=False),
    PrimaryKeyConstraint("organization_id", "client_id"),
    Index(
        "client_search_idx",
        "organization_id",
        "search",
        postgresql_using="gin",
        postgresql_ops={"search": "gin_trgm_ops"},
    ),
    comment="Read through matching_clients() alone, which looks at one tenant; written by a trigger on clients.",
)
"""No application role may read it, so row-level security, under which LIKE uses no index, need not guard it."""

erased_people = Table(
    "erased_people",
    metadata,
    organization(),
    Column("digest", Text, nullable=False),
    instant("erased_at"),
    PrimaryKeyConstraint("organization_id", "digest"),
    Index(None, "erased_at"),
    comment="Digests only, for some days: no command from before an erase brings the person back.",
)
