"""Who may do what: the rights of each role, and of each scope of an integration."""

from collections.abc import Mapping
from enum import StrEnum


class Role(StrEnum):
    OWNER = "owner"
    MANAGER = "manager"
    STAFF = "staff"
    VIEWER = "viewer"
    AGENT = "agent"
    INTEGRATION = "integration"
    CLIENT = "client"
    """A client in the portal: their own shared appointments, and nothing else."""
    VISITOR = "visitor"
    """Somebody unknown on the public booking page of one business."""


class Right(StrEnum):
    READ_CATALOGUE = "read_catalogue"
    READ_CLIENTS = "read_clients"
    READ_APPOINTMENTS = "read_appointments"
    READ_SCHEDULES = "read_schedules"
    READ_SLOTS = "read_slots"
    READ_MESSAGES = "read_messages"
    READ_IMPORTS = "read_imports"
    READ_CALENDARS = "read_calendars"
    READ_REPORTS = "read_reports"
    BOOK = "book"
    """Book, hold, confirm, reschedule and cancel: what an AI agent may do."""
    WRITE_APPOINTMENTS = "write_appointments"
    """Every other verb and edit: approve, complete, no-show, notes, assign, archive …"""
    STATE_SOURCE = "state_source"
    """Say which way an appointment came in, where it is not the caller's own: for systems that pass it on."""
    OVERRIDE = "override"
    """Force an overlap or break a constraint, with a reason. Never an agent's."""
    WRITE_CLIENTS = "write_clients"
    ERASE_CLIENTS = "erase_clients"
    """Forget a person for good: a manager's."""
    WRITE_CATALOGUE = "write_catalogue"
    WRITE_SCHEDULES = "write_schedules"
    """Any resource's and business's hours."""
    WRITE_OWN_SCHEDULE = "write_own_schedule"
    SEND_MESSAGES = "send_messages"
    WRITE_TEMPLATES = "write_templates"
    """Templates, reminder rules and other settings of notifications."""
    WRITE_IMPORTS = "write_imports"
    WRITE_CALENDARS = "write_calendars"
    """Calendar connections and feeds."""
    WRITE_OWN_CALENDAR = "write_own_calendar"
    """Connections of the one calendar that somebody is limited to."""
    ADMINISTER = "administer"
    """Users, API clients and the organization itself."""
    USE_PORTAL = "use_portal"
    """See and change one's own appointments as their client. Nobody else's: staff have their own ways."""
    USE_PUBLIC_BOOKING = "use_public_booking"
    """Book on the public page of one business, as it allows everybody to."""


_READS = frozenset(right for right in Right if right.startswith("read_"))
_OUTSIDERS = frozenset({Right.USE_PORTAL, Right.USE_PUBLIC_BOOKING})
"""Rights of people who are not members of the organization, and of nobody else."""

RIGHTS_OF_ROLE: Mapping[Role, frozenset[Right]] = {
    Role.OWNER: frozenset(Right) - {Right.STATE_SOURCE} - _OUTSIDERS,
    Role.MANAGER: frozenset(Right) - {Right.STATE_SOURCE, Right.ADMINISTER} - _OUTSIDERS,
    Role.STAFF: _READS
    | {
        Right.BOOK,
        Right.WRITE_APPOINTMENTS,
        Right.OVERRIDE,
        Right.WRITE_CLIENTS,
        Right.WRITE_OWN_SCHEDULE,
        Right.WRITE_OWN_CALENDAR,
        Right.SEND_MESSAGES,
    },
    Role.VIEWER: _READS,
    Role.AGENT: frozenset(
        {Right.READ_CATALOGUE, Right.READ_CLIENTS, Right.READ_APPOINTMENTS, Right.READ_SLOTS, Right.BOOK}
    ),
    Role.INTEGRATION: frozenset(),
    Role.CLIENT: frozenset({Right.USE_PORTAL}),
    Role.VISITOR: frozenset({Right.USE_PUBLIC_BOOKING}),
}

RIGHTS_OF_SCOPE: Mapping[str, frozenset[Right]] = {
    "catalogue:read": frozenset({Right.READ_CATALOGUE}),
    "catalogue:write": frozenset({Right.WRITE_CATALOGUE}),
    "clients:read": frozenset({Right.READ_CLIENTS}),
    "clients:write": frozenset({Right.WRITE_CLIENTS}),
    "clients:erase": frozenset({Right.ERASE_CLIENTS}),
    "appointments:read": frozenset({Right.READ_APPOINTMENTS}),
    "appointments:book": frozenset({Right.BOOK}),
    "appointments:write": frozenset({Right.BOOK, Right.WRITE_APPOINTMENTS}),
    "appointments:override": frozenset({Right.OVERRIDE}),
    "appointments:source": frozenset({Right.STATE_SOURCE}),
    "schedules:read": frozenset({Right.READ_SCHEDULES}),
    "schedules:write": frozenset({Right.WRITE_SCHEDULES}),
    "slots:read": frozenset({Right.READ_SLOTS}),
    "messages:read": frozenset({Right.READ_MESSAGES}),
    "messages:send": frozenset({Right.SEND_MESSAGES}),
    "templates:write": frozenset({Right.WRITE_TEMPLATES}),
    "imports:read": frozenset({Right.READ_IMPORTS}),
    "imports:write": frozenset({Right.WRITE_IMPORTS}),
    "calendars:read": frozenset({Right.READ_CALENDARS}),
    "calendars:write": frozenset({Right.WRITE_CALENDARS}),
    "reports:read": frozenset({Right.READ_REPORTS}),
}


def rights_of(role: Role, scopes: frozenset[str]) -> frozenset[Right]:
    """The rights of a role. An integration has only those of its scopes."""
    if role is not Role.INTEGRATION:
        return RIGHTS_OF_ROLE[role]
    return frozenset().union(*(RIGHTS_OF_SCOPE.get(scope, frozenset()) for scope in scopes))


def scopes_for(*rights: Right) -> list[str]:
    """The scopes that give an integration any of `rights`."""
    return sorted(scope for scope, given in RIGHTS_OF_SCOPE.items() if not given.isdisjoint(rights))
