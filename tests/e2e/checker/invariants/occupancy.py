"""Whose time is taken: judged from the appointments, not from the constraint."""

from collections import Counter, defaultdict
from datetime import datetime

from checker.evidence.model import Evidence, Occupancy
from checker.history import History
from checker.invariants.model import Broken, Invariant

OPEN = frozenset({"pending", "scheduled", "confirmed"})


def overlaps(_: History, evidence: Evidence) -> Broken:
    """Of each resource the appointments in order, each compared with those that have not ended."""
    by_resource: dict[str, list[tuple[datetime, datetime, str]]] = defaultdict(list)
    for appointment in evidence.appointments.values():
        if appointment.occupies:
            for resource in appointment.resources:
                by_resource[resource].append((appointment.blocked_from, appointment.blocked_to, appointment.id))
    for resource, taken in by_resource.items():
        running: list[tuple[datetime, str]] = []
        for begins, ends, identity in sorted(taken):
            running = [(until, other) for until, other in running if until > begins]
            for _until, other in running:
                if not _may_share(evidence, identity, other):
                    yield f"{identity} and {other} both take {resource} at {begins:%Y-%m-%d %H:%M}"
            running.append((ends, identity))


def _may_share(evidence: Evidence, left: str, right: str) -> bool:
    if (left, right) in evidence.recorded_beside:
        return True
    mine, theirs = evidence.appointments[left], evidence.appointments[right]
    same = (mine.service, mine.blocked_from, mine.blocked_to) == (
        theirs.service,
        theirs.blocked_from,
        theirs.blocked_to,
    )
    return same and evidence.capacity.get(mine.service or "", 1) > 1


def overlapping_occupancy(_: History, evidence: Evidence) -> Broken:
    """The same question asked of what is taken, whatever holds it."""
    by_resource: dict[str, list[Occupancy]] = defaultdict(list)
    for taken in evidence.occupancy:
        by_resource[taken.resource].append(taken)
    for resource, rows in by_resource.items():
        rows.sort(key=lambda taken: taken.blocked_from)
        running: list[Occupancy] = []
        for taken in rows:
            running = [other for other in running if other.blocked_to > taken.blocked_from]
            for other in running:
                known = taken.holder in evidence.appointments and other.holder in evidence.appointments
                if not known or not _may_share(evidence, taken.holder, other.holder):
                    yield f"{taken.holder} and {other.holder} both hold {resource} at {taken.blocked_from}"
            running.append(taken)


def overfull(_: History, evidence: Evidence) -> Broken:
    seats: Counter[tuple[str, str, datetime]] = Counter()
    forced = {identity for pair in evidence.recorded_beside for identity in pair}
    for appointment in evidence.appointments.values():
        if appointment.occupies and appointment.id not in forced:
            for resource in appointment.resources:
                seats[(resource, appointment.service or "", appointment.blocked_from)] += 1
    for (resource, service, begins), count in seats.items():
        if count > evidence.capacity.get(service, 1):
            yield f"{count} in a group of {evidence.capacity.get(service, 1)} at {begins} with {resource}"


def _wanted(evidence: Evidence) -> set[Occupancy]:
    return {
        Occupancy(appointment.id, resource, appointment.blocked_from, appointment.blocked_to)
        for appointment in evidence.appointments.values()
        if appointment.occupies
        for resource in appointment.resources
    }


def time_not_taken(_: History, evidence: Evidence) -> Broken:
    for row in _wanted(evidence) - set(evidence.occupancy):
        yield f"{row.holder} takes no time of {row.resource} at {row.blocked_from:%Y-%m-%d %H:%M}"


def time_taken_by_nothing(_: History, evidence: Evidence) -> Broken:
    for row in set(evidence.occupancy) - _wanted(evidence):
        yield f"{row.holder} still takes time of {row.resource} at {row.blocked_from:%Y-%m-%d %H:%M}"


def occupies_by_status(_: History, evidence: Evidence) -> Broken:
    """`occupies` is what the rest is compared with, so it must follow from the status."""
    for appointment in evidence.appointments.values():
        takes_time = appointment.status in {"scheduled", "confirmed", "completed"}
        if appointment.occupies != takes_time and appointment.status != "pending":
            yield f"{appointment.id} is {appointment.status}, and occupies: {appointment.occupies}"


def archived_and_open(_: History, evidence: Evidence) -> Broken:
    for appointment in evidence.appointments.values():
        if appointment.archived and appointment.status in OPEN:
            yield f"{appointment.id} is archived, and {appointment.status}"


def auditor_finds(_: History, evidence: Evidence) -> Broken:
    yield from (f"the auditor counts {count} × {kind}" for kind, count in evidence.audit.items() if count)


def deadlocks(_: History, evidence: Evidence) -> Broken:
    if evidence.deadlocks:
        yield f"{evidence.deadlocks} deadlocks"


def not_shown_too_early(history: History, evidence: Evidence) -> Broken:
    """By today's clock nothing of a run has begun, so that nobody has missed it."""
    for operation in history.with_outcome("ok"):
        if operation.verb == "no-show":
            yield f"{operation.target} is a no-show before it begins"
    later = {operation.target for operation in history.operations if operation.verb == "no-show later"}
    for appointment in evidence.appointments.values():
        if appointment.status == "no_show" and appointment.id not in later:
            yield f"{appointment.id} is a no-show, and nobody said so"


def taken_by_old_rules(history: History, _: Evidence) -> Broken:
    """Whoever asks after a change was answered is judged by the change."""
    for operation, buffer in history.by_new_rules:
        taken = operation.answer.get("buffer_after_minutes")
        if operation.outcome == "ok" and taken != buffer:
            yield f"{operation.verb} of {operation.target} took a buffer of {taken} min, by then it was {buffer}"


INVARIANTS = (
    Invariant("P1", "no two appointments overlap, but for recorded overrides", overlaps),
    Invariant("P1", "no time is held twice, but for recorded overrides", overlapping_occupancy),
    Invariant("P1", "no group has more than its seats", overfull),
    Invariant("P1", "no deadlocks", deadlocks),
    Invariant("P1", "nothing archived is open", archived_and_open),
    Invariant("P17d", "what is active takes its time", time_not_taken),
    Invariant("P17d", "what takes time is active", time_taken_by_nothing),
    Invariant("P17d", "what occupies follows from the status", occupies_by_status),
    Invariant("P17d", "the auditor's gauge stays 0", auditor_finds),
    Invariant("P17d", "time is taken by the rules of now", taken_by_old_rules),
    Invariant("P14", "nobody misses what has not begun", not_shown_too_early),
)
