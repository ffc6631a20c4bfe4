"""Nothing of one organization is visible to or changeable by another."""

from checker.evidence.model import Evidence
from checker.history import History
from checker.invariants.model import Broken, Invariant


def trespasses(history: History, evidence: Evidence) -> Broken:
    for operation in history.trespasses:
        if operation.outcome == "ok":
            yield f"{operation.organization} used another organization's {operation.body or operation.target}"
    for operation in history.operations:
        others = evidence.organizations - {operation.organization}
        text = str(operation.answer)
        yield from (f"an answer to {operation.organization} names {other}" for other in others if other in text)


def events_of_others(_: History, evidence: Evidence) -> Broken:
    for event in evidence.events:
        appointment = evidence.appointments.get(event.subject)
        if appointment is not None and appointment.organization != event.organization:
            yield f"event {event.id} says {event.organization}, its appointment is of {appointment.organization}"


def rows_of_others(_: History, evidence: Evidence) -> Broken:
    for seen_as, seen in evidence.seen_by_role.items():
        service, _space, tenant = seen_as.partition(" ")
        if seen - {tenant}:
            yield f"as {tenant}, {service}'s database role sees rows of {sorted(seen - {tenant})}"


def busy_time_of_others(history: History, evidence: Evidence) -> Broken:
    """Busy time is its tenant's: whose resource, whose calendar, whoever keeps it."""
    yield from history.calendars_taken
    for keeper, rows in evidence.busy.items():
        for row in rows:
            for owned in (row.resource, row.connection):
                if evidence.owners.get(owned) != row.organization:
                    yield f"{keeper} has busy time of {row.organization} with {owned}, of {evidence.owners.get(owned)}"


def busy_time_differs(_: History, evidence: Evidence) -> Broken:
    """Whoever keeps busy time keeps what calendar-sync has read."""
    read = evidence.busy.get("calendar-sync", frozenset())
    for keeper, rows in evidence.busy.items():
        for row in read - rows:
            yield f"{keeper} does not know of {row.instance} at {row.starts_at}"
        for row in rows - read:
            yield f"{keeper} still has {row.instance} at {row.starts_at}"


INVARIANTS = (
    Invariant("P13", "nothing crosses organizations", trespasses),
    Invariant("P13", "events are of their appointment's organization", events_of_others),
    Invariant("P13", "database roles see one organization", rows_of_others),
    Invariant("P13", "busy time belongs to its tenant", busy_time_of_others),
    Invariant("P18", "busy time is what the calendars say", busy_time_differs),
)
