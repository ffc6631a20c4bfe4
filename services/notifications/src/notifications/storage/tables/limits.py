"""What limited callers see of the tables, and why they see the others whole."""

from slotstream_servicekit.schema import LIMIT_BUSINESSES, LIMIT_RESOURCE, RowLimit

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
