"""What is forgotten when it has served its time."""

from collections.abc import Sequence

from notifications.settings import NotificationsSettings
from slotstream_servicekit.housekeeping import IDEMPOTENCY_KEYS, Sweep

_TEXTS_OF_THE_PAST = """
    EXISTS (
        SELECT FROM appointments a
        WHERE a.organization_id = appointment_texts.organization_id AND a.id = appointment_texts.id
        AND a.ends_at {is_old}
    )
"""
_REMINDERS_OF_NOTHING = """
    created_at {is_old} AND NOT EXISTS (
        SELECT FROM appointments a
        WHERE a.organization_id = reminders.organization_id AND a.calendar_uid = reminders.calendar_uid
    )
"""
_DOMAINS_AT_REST = """
    taken_until < now() - interval '1 hour' AND (rests_until IS NULL OR rests_until < now() - interval '1 hour')
"""


def sweeps(settings: NotificationsSettings) -> Sequence[Sweep]:
    """What is deleted when it has served its time: from every table that grows by itself."""
    age = {"age": settings.ledger_retention}
    is_old = "< now() - CAST(:age AS interval)"
    return [
        IDEMPOTENCY_KEYS,
        Sweep(table="messages", where=f"status NOT IN ('planned', 'claimed') AND updated_at {is_old}", parameters=age),
        Sweep(table="appointment_texts", where=_TEXTS_OF_THE_PAST.format(is_old=is_old), parameters=age),
        Sweep(table="appointments", where=f"ends_at {is_old}", parameters=age),
        Sweep(table="series", where=f"ends_at {is_old}", parameters=age),
        Sweep(table="waiting_list_entries", where=f"applied_at {is_old}", parameters=age),
        Sweep(table="series_sequences", where=f"updated_at {is_old}", parameters=age),
        Sweep(table="inbound_messages", where=f"received_at {is_old}", parameters=age),
        Sweep(table="provider_calls", where=f"received_at {is_old}", parameters=age),
        Sweep(table="reply_addresses", where=f"given_at {is_old}", parameters=age),
        Sweep(table="calendar_replies", where=f"received_at {is_old}", parameters=age),
        Sweep(table="withdrawn_orders", where=f"withdrawn_at {is_old}", parameters=age),
        Sweep(table="mail_domains", where=_DOMAINS_AT_REST),
        Sweep(table="send_allowances", where="taken_until < now() - interval '1 day'"),
        Sweep(table="reminders", where=_REMINDERS_OF_NOTHING.format(is_old=is_old), parameters=age),
    ]
