"""The tables. Every key begins with the organization, so that a foreign id of another tenant matches nothing."""

from notifications.storage.tables.appointments import appointment_texts, appointments
from notifications.storage.tables.base import metadata
from notifications.storage.tables.catalogue import catalogue
from notifications.storage.tables.channel_accounts import channel_accounts, organization_channels, organization_opt_outs
from notifications.storage.tables.clients import clients, erased_clients, preferences
from notifications.storage.tables.ledger import (
    inbound_messages,
    messages,
    number_opt_outs,
    provider_calls,
    withdrawn_orders,
)
from notifications.storage.tables.limits import FUNCTIONS, LIMITS, UNLIMITED_TABLES
from notifications.storage.tables.mail_domains import mail_domains
from notifications.storage.tables.mail_replies import calendar_replies, reply_addresses
from notifications.storage.tables.push import push_subscriptions
from notifications.storage.tables.quiet_hours import quiet_hours
from notifications.storage.tables.reminders import reminders
from notifications.storage.tables.replans import replans
from notifications.storage.tables.rule_applications import rule_applications
from notifications.storage.tables.rules import follow_up_rules, reminder_rules
from notifications.storage.tables.send_limits import send_allowances, send_limits
from notifications.storage.tables.series import series, series_sequences
from notifications.storage.tables.templates import templates
from notifications.storage.tables.users import removed_users, staff_preferences, users
from notifications.storage.tables.waiting_list import waiting_list_entries
from slotstream_servicekit.http.idempotency import idempotency_table
from slotstream_servicekit.outbox import outbox_table
from slotstream_servicekit.schema import DatabaseSchema

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


schema = DatabaseSchema(
    service="notifications",
    metadata=metadata,
    tenant_tables=TENANT_TABLES,
    shared_tables=("erased_clients", "mail_domains", "number_opt_outs", "provider_calls"),
    after=FUNCTIONS,
    limits=LIMITS,
)
