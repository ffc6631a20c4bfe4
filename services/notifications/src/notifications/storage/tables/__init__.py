"""The tables. Every key begins with the organization, so that a foreign id of another tenant matches nothing."""

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from notifications.storage.tables.base import instant, metadata
from notifications.storage.tables.channel_accounts import channel_accounts, organization_channels, organization_opt_outs
from notifications.storage.tables.ledger import (
    inbound_messages,
    messages,
    number_opt_outs,
    provider_calls,
    withdrawn_orders,
)
from notifications.storage.tables.mail_domains import mail_domains
from notifications.storage.tables.mail_replies import calendar_replies, reply_addresses
from notifications.storage.tables.push import push_subscriptions
from notifications.storage.tables.quiet_hours import quiet_hours
from notifications.storage.tables.replans import replans
from notifications.storage.tables.rule_applications import rule_applications
from notifications.storage.tables.send_limits import send_allowances, send_limits
from notifications.storage.tables.series import series, series_sequences
from notifications.storage.tables.users import removed_users, staff_preferences, users
from notifications.storage.tables.waiting_list import waiting_list_entries
from slotstream_servicekit.http.idempotency import idempotency_table
from slotstream_servicekit.outbox import outbox_table
from slotstream_servicekit.schema import LIMIT_BUSINESSES, LIMIT_RESOURCE, DatabaseSchema, RowLimit

__all__ = [
    "FUNCTIONS",
    "LIMITS",
    "TENANT_TABLES",
    "UNLIMITED_TABLES",
    "appointment_texts",
    "appointments",
    "calendar_replies",
    "catalogue",
    "channel_accounts",
    "clients",
    "erased_clients",
    "follow_up_rules",
    "idempotency_keys",
    "inbound_messages",
    "mail_domains",
    "messages",
    "metadata",
    "number_opt_outs",
    "organization_channels",
    "organization_opt_outs",
    "outbox",
    "preferences",
    "provider_calls",
    "push_subscriptions",
    "quiet_hours",
    "reminder_rules",
    "reminders",
    "removed_users",
    "replans",
    "reply_addresses",
    "rule_applications",
    "schema",
    "send_allowances",
    "send_limits",
    "series",
    "series_sequences",
    "staff_preferences",
    "templates",
    "users",
    "waiting_list_entries",
    "withdrawn_orders",
]

outbox = outbox_table(metadata)
idempotency_keys = idempotency_table(metadata)

appointments = Table(
    "appointments",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("business_id", Uuid, nullable=False),
    Column("zone", Text, nullable=False),
    Column("client_id", Uuid, nullable=False),
    Column("service_id", Uuid, nullable=True),
    Column("service_name", Text, nullable=False),
    Column("location_kind", Text, nullable=False),
    Column("action_name", Text, nullable=True),
    instant("starts_at"),
    instant("ends_at"),
    Column("status", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("notify_client", Boolean, nullable=False),
    Column("share_with_client", Boolean, nullable=False),
    Column("rescheduled_from", Uuid, nullable=True),
    Column("rescheduled_to", Uuid, nullable=True),
    instant("previous_starts_at", nullable=True),
    Column("calendar_uid", Text, nullable=False),
    Column("calendar_sequence", Integer, nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("staff", JSONB, nullable=False),
    instant("created_at"),
    instant("updated_at"),
    Column("version", Integer, nullable=False),
    instant("applied_at"),
    PrimaryKeyConstraint("organization_id", "id"),
    Index("appointments_chain_idx", "organization_id", "calendar_uid"),
    Index("appointments_client_idx", "organization_id", "client_id"),
    Index("appointments_ended_idx", "ends_at"),
    Index("appointments_day_idx", "organization_id", "ends_at"),
)

appointment_texts = Table(
    "appointment_texts",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("service_name", Text, nullable=True),
    Column("location_text", Text, nullable=True),
    Column("location_url", Text, nullable=True),
    Column("version", Integer, nullable=False),
    instant("applied_at"),
    PrimaryKeyConstraint("organization_id", "id"),
)

clients = Table(
    "clients",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=True),
    Column("phone", Text, nullable=True),
    Column("locale", Text, nullable=True),
    Column("zone", Text, nullable=True),
    Column("consent", ARRAY(Text), nullable=True),
    Column("merged_into", Uuid, nullable=True),
    Column("version", Integer, nullable=False),
    instant("applied_at"),
    PrimaryKeyConstraint("organization_id", "id"),
    Index("clients_id_idx", "id"),
    Index("clients_phone_idx", "phone", postgresql_where=text("phone IS NOT NULL")),
    Index("clients_merged_into_idx", "merged_into", postgresql_where=text("merged_into IS NOT NULL")),
)

erased_clients = Table(
    "erased_clients",
    metadata,
    Column("client_id", Uuid, primary_key=True),
    Column("erased_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    comment="Ids only, which are unique across organizations: no old record brings an erased client back.",
)

catalogue = Table(
    "catalogue",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("zone", Text, nullable=True),
    Column("locale", Text, nullable=True),
    Column("country", Text, nullable=True),
    Column("email", Text, nullable=True),
    Column("phone", Text, nullable=True),
    Column("address", Text, nullable=True),
    Column("user_id", Text, nullable=True),
    Column("business_id", Uuid, nullable=True),
    Column("client_confirms", Boolean, nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    instant("applied_at"),
    PrimaryKeyConstraint("organization_id", "kind", "id"),
)

preferences = Table(
    "preferences",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("client_id", Uuid, nullable=False),
    Column("opted_out", JSONB, nullable=False),
    Column("stopped", Boolean, nullable=False, server_default=text("false")),
    instant("unsubscribed_at", nullable=True),
    Column("unsubscribed_by", Text, nullable=True),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("organization_id", "client_id"),
)

templates = Table(
    "templates",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("business_id", Uuid, nullable=True),
    Column("kind", Text, nullable=False),
    Column("audience", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("html", Text, nullable=True),
    Column("is_default", Boolean, nullable=False, server_default=text("true")),
    Column("archived", Boolean, nullable=False, server_default=text("false")),
    instant("created_at"),
    instant("updated_at"),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("organization_id", "id"),
    Index(
        "templates_default_idx",
        "organization_id",
        "business_id",
        "kind",
        "audience",
        "channel",
        "locale",
        unique=True,
        postgresql_where=text("is_default AND NOT archived"),
        postgresql_nulls_not_distinct=True,
    ),
)

reminder_rules = Table(
    "reminder_rules",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("business_id", Uuid, nullable=True),
    Column("service_id", Uuid, nullable=True),
    Column("channel", Text, nullable=False),
    Column("minutes_before", Integer, nullable=False),
    Column("by_clock", Boolean, nullable=False, server_default=text("false")),
    Column("template_id", Uuid, nullable=True),
    Column("enabled", Boolean, nullable=False),
    Column("archived", Boolean, nullable=False, server_default=text("false")),
    instant("created_at"),
    instant("updated_at"),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("organization_id", "id"),
    ForeignKeyConstraint(
        ["organization_id", "template_id"],
        ["templates.organization_id", "templates.id"],
        name="reminder_rules_template_fkey",
    ),
    CheckConstraint("minutes_before > 0", name="reminder_rules_are_before"),
    CheckConstraint("business_id IS NULL OR service_id IS NULL", name="reminder_rules_have_one_level"),
    Index(
        "reminder_rules_once_idx",
        "organization_id",
        "business_id",
        "service_id",
        "channel",
        "minutes_before",
        "by_clock",
        unique=True,
        postgresql_where=text("NOT archived"),
        postgresql_nulls_not_distinct=True,
    ),
)

follow_up_rules = Table(
    "follow_up_rules",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("business_id", Uuid, nullable=True),
    Column("service_id", Uuid, nullable=True),
    Column("channel", Text, nullable=False),
    Column("minutes_after", Integer, nullable=False),
    Column("template_id", Uuid, nullable=True),
    Column("enabled", Boolean, nullable=False),
    Column("archived", Boolean, nullable=False, server_default=text("false")),
    instant("created_at"),
    instant("updated_at"),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("organization_id", "id"),
    ForeignKeyConstraint(
        ["organization_id", "template_id"],
        ["templates.organization_id", "templates.id"],
        name="follow_up_rules_template_fkey",
    ),
    CheckConstraint("minutes_after > 0", name="follow_up_rules_are_after"),
    CheckConstraint("business_id IS NULL OR service_id IS NULL", name="follow_up_rules_have_one_level"),
    Index(
        "follow_up_rules_once_idx",
        "organization_id",
        "business_id",
        "service_id",
        "channel",
        unique=True,
        postgresql_where=text("NOT archived"),
        postgresql_nulls_not_distinct=True,
    ),
)

reminders = Table(
    "reminders",
    metadata,
    Column("organization_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("calendar_uid", Text, nullable=False),
    Column("rule_id", Uuid, nullable=True),
    Column("channel", Text, nullable=False),
    Column("minutes_before", Integer, nullable=False),
    Column("by_clock", Boolean, nullable=False, server_default=text("false")),
    Column("template_id", Uuid, nullable=True),
    Column("removed", Boolean, nullable=False, server_default=text("false")),
    instant("created_at"),
    instant("asked_at", nullable=True),
    PrimaryKeyConstraint("organization_id", "id"),
    UniqueConstraint("organization_id", "calendar_uid", "rule_id", name="reminders_rule_key"),
    ForeignKeyConstraint(
        ["organization_id", "template_id"],
        ["templates.organization_id", "templates.id"],
        name="reminders_template_fkey",
    ),
    CheckConstraint("minutes_before > 0", name="reminders_are_before"),
    Index(
        "reminders_once_idx",
        "organization_id",
        "calendar_uid",
        "channel",
        "minutes_before",
        "by_clock",
        unique=True,
        postgresql_where=text("NOT removed"),
    ),
    Index("reminders_created_idx", "created_at"),
)

TENANT_TABLES = (
    "appointment_texts",
    "appointments",
    "calendar_replies",
    "catalogue",
    "channel_accounts",
    "clients",
    "follow_up_rules",
    "idempotency_keys",
    "inbound_messages",
    "messages",
    "organization_channels",
    "organization_opt_outs",
    "outbox",
    "preferences",
    "push_subscriptions",
    "quiet_hours",
    "reminder_rules",
    "reminders",
    "removed_users",
    "reply_addresses",
    "rule_applications",
    "send_allowances",
    "send_limits",
    "replans",
    "series",
    "series_sequences",
    "staff_preferences",
    "templates",
    "users",
    "waiting_list_entries",
    "withdrawn_orders",
)

_OF_APPOINTMENT = "sees_appointment(organization_id, appointment_id)"
_OF_BUSINESS = f"business_id = ANY ({LIMIT_BUSINESSES})"
LIMITS = (
    RowLimit(
        table="appointments",
        business=_OF_BUSINESS,
        calendar=f"staff @> jsonb_build_array(jsonb_build_object('id', {LIMIT_RESOURCE}::text))",
    ),
    RowLimit(table="messages", business=_OF_APPOINTMENT, calendar=_OF_APPOINTMENT),
    RowLimit(table="inbound_messages", business=_OF_APPOINTMENT, calendar=_OF_APPOINTMENT),
    # What has no business is the organization's: read by all, written by who is not limited.
    RowLimit(
        table="templates",
        business=f"business_id IS NULL OR {_OF_BUSINESS}",
        writes=f"{LIMIT_RESOURCE} IS NULL AND ({LIMIT_BUSINESSES} IS NULL OR {_OF_BUSINESS})",
    ),
    *(
        RowLimit(
            table=rules,
            business=f"business_id IS NULL AND service_id IS NULL OR {_OF_BUSINESS}"
            " OR serves_business(organization_id, service_id)",
            writes=f"{LIMIT_RESOURCE} IS NULL AND ({LIMIT_BUSINESSES} IS NULL OR {_OF_BUSINESS}"
            " OR serves_business(organization_id, service_id))",
        )
        for rules in ("reminder_rules", "follow_up_rules")
    ),
)
"""What limited callers see. UNLIMITED_TABLES says why the others have no limits."""

FUNCTIONS = (
    """
    CREATE FUNCTION sees_appointment(p_organization uuid, p_appointment uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1 AS $function$
    BEGIN
        RETURN EXISTS (SELECT FROM appointments a WHERE a.organization_id = p_organization AND a.id = p_appointment);
    END
    $function$
    """,
    f"""
    CREATE FUNCTION serves_business(p_organization uuid, p_service uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1 AS $function$
    BEGIN
        RETURN EXISTS (SELECT FROM catalogue c WHERE c.organization_id = p_organization AND c.kind = 'service'
                       AND c.id = p_service AND c.business_id = ANY ({LIMIT_BUSINESSES}));
    END
    $function$
    """,
)

UNLIMITED_TABLES = {
    "appointment_texts": "read beside their messages only",
    "calendar_replies": "never read by requests of callers",
    "catalogue": "names of what a caller may name; the use cases check what that is",
    "channel_accounts": "the organization's, and its owners' alone",
    "clients": "the organization's: people come to several businesses",
    "idempotency_keys": "a caller's own",
    "organization_channels": "the organization's",
    "organization_opt_outs": "the organization's, as clients are",
    "outbox": "never read by requests",
    "preferences": "the organization's, as clients are",
    "push_subscriptions": "each person's own",
    "quiet_hours": "the organization's; the use case refuses who is limited",
    "reminders": "read beside their appointments only",
    "removed_users": "read to judge a message only",
    "reply_addresses": "never read by requests of callers",
    "rule_applications": "read beside their rules only",
    "send_allowances": "the organization's",
    "send_limits": "the organization's; the use case refuses who is limited",
    "replans": "never read by requests",
    "series": "read to judge a message only",
    "series_sequences": "never read by requests",
    "staff_preferences": "a caller's own",
    "users": "read to judge a message only",
    "waiting_list_entries": "read to judge a message only",
    "withdrawn_orders": "read to judge a message only",
}

schema = DatabaseSchema(
    service="notifications",
    metadata=metadata,
    tenant_tables=TENANT_TABLES,
    shared_tables=("erased_clients", "mail_domains", "number_opt_outs", "provider_calls"),
    after=FUNCTIONS,
    limits=LIMITS,
)
