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
ROW_OF_MANY: Final = {"id": "uuid", **BESIDE}
"""The appointment's own fields are read from `state`, which has them all by their names. As JSON they cost the driver a
tenth of what they cost as arrays, whose every value it looks at twice."""
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
