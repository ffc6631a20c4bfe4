"""The columns of the lines that the statement reads, of each kind, with their types."""

from collections.abc import Mapping
from typing import Final

from booking.domain.appointments import FIELDS

APPOINTMENT: Final[Mapping[str, str]] = {name: kept.type for name, kept in FIELDS.items()}
BESIDE: Final[Mapping[str, str]] = {
    "places": "integer",
    "known_client_id": "uuid",
    "actor_type": "text",
    "actor_id": "text",
    "call_id": "text",
    "on_behalf_of": "uuid",
    "reason": "text",
    "changed_fields": "text",
    "state": "text",
    "override_reason": "text",
    "override_rules": "text",
    "override_conflicts": "text",
    "key_caller": "text",
    "key": "text",
    "key_fingerprint": "bytea",
    "answer_status": "smallint",
    "answer_headers": "text",
    "answer_body": "bytea",
}
ROW: Final = {**APPOINTMENT, **BESIDE}
TAKES: Final = {
    "holder_id": "uuid",
    "resource_id": "uuid",
    "session_id": "uuid",
    "seat": "integer",
    "begins": "timestamptz",
    "ends": "timestamptz",
    "forced": "boolean",
}
RESOURCES: Final = {"appointment_id": "uuid", "place": "smallint", "resource_id": "uuid", "seat": "integer"}
EVENTS: Final = {
    "id": "uuid",
    "appointment_id": "uuid",
    "lane": "smallint",
    "topic": "text",
    "key": "text",
    "aggregatetype": "text",
    "aggregateid": "text",
    "type": "text",
    "payload": "bytea",
    "headers": "text",
}
CLIENTS: Final = {
    "appointment_id": "uuid",
    "id": "uuid",
    "name": "text",
    "phone": "text",
    "email": "text",
    "locale": "text",
    "zone": "text",
    "consent": "text",
    "search": "text",
    "sort_name": "text",
    "created_at": "timestamptz",
}
ENTERED: Final = {
    "resources": "uuid[]",
    "sessions": "uuid[]",
    "begins": "timestamptz",
    "ends": "timestamptz",
    "forced": "boolean",
    "known": "uuid[]",
}
_ALWAYS_ARRAYS: Final = frozenset(
    {"id", "known_client_id", "holder_id", "resource_id", "begins", "ends", "forced", "quoted_amount", "actual_amount"}
)
"""`admit_bookings` takes arrays; and 10.0 and 10.00 are the same amount, but do not read the same."""


def shared_columns(columns: Mapping[str, str]) -> dict[str, str]:
    """Those that are given once where many lines have the same in them."""
    return {name: type_ for name, type_ in columns.items() if name not in _ALWAYS_ARRAYS}
