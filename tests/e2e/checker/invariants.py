"""What must hold after any run: each promise as a function from history and evidence to what breaks it."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from checker.evidence import Evidence
from checker.history import History, Operation

Broken = Iterator[str]
CREATES = frozenset({"create", "create_twice", "create_changed"})


@dataclass(frozen=True, slots=True)
class Invariant:
    """One promise of the product, and the search for what contradicts it."""

    promise: str
    says: str
    violations: Callable[[History, Evidence], Broken]


def overlaps(_: History, evidence: Evidence) -> Broken:
    """Judged from the appointments, not from the constraint: time sorted, neighbours compared."""
    by_resource = defaultdict(list)
    for identity, row in evidence.appointments.items():
        if row["occupies"]:
            for resource in row["resources"] or ():
                by_resource[resource].append((row["blocked_from"], row["blocked_to"], identity))
    for resource, taken in by_resource.items():
        taken.sort()
        open_until: list[tuple[object, str]] = []
        for begins, ends, identity in taken:
            open_until = [each for each in open_until if each[0] > begins]  # type: ignore[operator]
            for _until, other in open_until:
                if not _may_share(evidence, identity, other):
                    yield f"{identity} and {other} both take {resource} at {begins:%Y-%m-%d %H:%M}"
            open_until.append((ends, identity))


def _may_share(evidence: Evidence, one: str, other: str) -> bool:
    if (one, other) in evidence.recorded_beside:
        return True
    mine, theirs = evidence.appointments[one], evidence.appointments[other]
    keys = ("service", "blocked_from", "blocked_to")
    return evidence.capacity.get(mine["service"], 1) > 1 and all(mine[key] == theirs[key] for key in keys)


def overfull(_: History, evidence: Evidence) -> Broken:
    seats: Counter[tuple[str, str, object]] = Counter()
    forced = {one for pair in evidence.recorded_beside for one in pair}
    for identity, row in evidence.appointments.items():
        if row["occupies"] and identity not in forced:
            for resource in row["resources"] or ():
                seats[(resource, row["service"], row["blocked_from"])] += 1
    for (resource, service, begins), count in seats.items():
        if count > evidence.capacity.get(service, 1):
            yield f"{count} in a group of {evidence.capacity.get(service, 1)} at {begins} with {resource}"


def occupancy_differs(_: History, evidence: Evidence) -> Broken:
    wanted = {
        (identity, resource, row["blocked_from"], row["blocked_to"])
        for identity, row in evidence.appointments.items()
        if row["occupies"]
        for resource in row["resources"] or ()
    }
    taken = set(evidence.occupancy)
    yield from (f"{each[0]} takes no time of {each[1]}" for each in wanted - taken)
    yield from (f"{each[0]} still takes time of {each[1]}" for each in taken - wanted)


def deadlocks(_: History, evidence: Evidence) -> Broken:
    if evidence.deadlocks:
        yield f"{evidence.deadlocks} deadlocks"


def answers_without_effect(history: History, evidence: Evidence) -> Broken:
    for operation in history.with_outcome("ok"):
        for identity, version in operation.versions():
            if (identity, version) not in evidence.history:
                yield f"{operation.verb} answered {operation.status}, but {identity} has no version {version}"


def effects_without_answer(history: History, evidence: Evidence) -> Broken:
    """An error answer means that nothing was done: refused ids do not exist, and nothing else does unasked."""
    answered = {identity for operation in history.with_outcome("ok") for identity, _ in operation.versions()}
    answered |= {identity for operation in history.with_outcome("ok") for identity in operation.occurrences()}
    answered |= {sent.appointment_id for sent in (history.commands | history.commands_in_doubt).values()}
    unknown = {operation.target for operation in history.with_outcome("unknown")} | {
        operation.body.get("id") for operation in history.with_outcome("unknown")
    }
    for operation in history.with_outcome("refused"):
        own = operation.target if operation.verb == "create" else operation.body.get("id")
        if own in evidence.appointments and own not in answered and own not in unknown:
            yield f"{operation.verb} was refused ({operation.code}), but {own} exists"
    unanswered = sum(
        1
        for group in history.by_key().values()
        if group[0].verb in CREATES and all(each.outcome == "unknown" for each in group)
    )
    strangers = [
        identity
        for identity, row in evidence.appointments.items()
        # A series whose answer was lost has dates that nobody was told of.
        if identity not in answered and identity not in unknown and not (row["series"] and _lost_series(history))
    ]
    if len(strangers) > unanswered:
        yield f"{len(strangers)} appointments nobody was told of, with {unanswered} requests without an answer"


def _lost_series(history: History) -> bool:
    return any(operation.verb.startswith("series") for operation in history.with_outcome("unknown"))


def half_states(_: History, evidence: Evidence) -> Broken:
    versions = defaultdict(set)
    for identity, version in evidence.history:
        versions[identity].add(version)
    for identity, row in evidence.appointments.items():
        if versions[identity] != set(range(1, row["version"] + 1)):
            yield f"{identity} is at version {row['version']}, its history has {sorted(versions[identity])}"
    yield from (f"{each} has a history and no appointment" for each in versions.keys() - evidence.appointments.keys())


def keys_with_two_effects(history: History, _: Evidence) -> Broken:
    for (_organization, key), group in history.by_key().items():
        yield from _two_effects(key, group)


def _two_effects(key: str, group: list[Operation]) -> Broken:
    first = group[0].body
    same = [each for each in group if each.body == first and each.outcome != "unknown"]
    effects = {tuple(each.versions()) for each in same if each.outcome == "ok"}
    if len(effects) > 1:
        yield f"{key}: {len(effects)} effects"
    answers = {(each.status, str(each.answer) if each.outcome == "ok" else each.code) for each in same}
    if len(answers) > 1 and len(effects) <= 1:
        yield f"{key}: different answers {sorted(str(answer)[:80] for answer in answers)}"
    for each in group:
        if each.body != first and effects and each.outcome != "unknown" and each.code != "idempotency_key_reused":
            yield f"{key}: another body was answered {each.status} {each.code}"


def lost_events(_: History, evidence: Evidence) -> Broken:
    sent = {(event.subject, event.sequence) for event in evidence.events}
    yield from (f"version {version} of {one} never reached Kafka" for one, version in evidence.history.keys() - sent)
    yield from (f"version {version} of {one} was never committed" for one, version in sent - evidence.history.keys())


def events_of_two_ids(_: History, evidence: Evidence) -> Broken:
    ids = defaultdict(set)
    for event in evidence.events:
        ids[(event.subject, event.sequence)].add(event.id)
    yield from (f"version {one[1]} of {one[0]} is told {len(each)} times" for one, each in ids.items() if len(each) > 1)


def inversions(_: History, evidence: Evidence) -> Broken:
    order = defaultdict(list)
    known = set()
    for event in evidence.events:
        if event.id not in known:
            known.add(event.id)
            order[event.subject].append(event.sequence)
    for subject, sequences in order.items():
        if any(later < earlier for earlier, later in pairwise(sequences)):
            yield f"{subject} is told in the order {sequences}"


def messages_doubled(_: History, evidence: Evidence) -> Broken:
    if evidence.messages_with_two_rows:
        yield f"{evidence.messages_with_two_rows} messages have more than one row in the ledger"
    if evidence.mails_repeated:
        yield f"{evidence.mails_repeated} mails arrived more than once"
    sent, unknown = evidence.ledger.get("sent", 0), evidence.ledger.get("unknown", 0)
    if not sent <= evidence.mails <= sent + unknown:
        yield f"{evidence.mails} mails arrived; the ledger has {sent} sent, {unknown} unknown"


def projections_differ(_: History, evidence: Evidence) -> Broken:
    yield from _differences(evidence, evidence.projections, "")


def replays_change(_: History, evidence: Evidence) -> Broken:
    yield from _differences(evidence, evidence.projections_after_replay, " after a shuffled replay")
    if evidence.ledger_after_replay != evidence.ledger:
        yield f"the ledger went from {evidence.ledger} to {evidence.ledger_after_replay}"


def _differences(evidence: Evidence, projections: object, when: str) -> Broken:
    wanted = {each: (row["version"], row["status"]) for each, row in evidence.appointments.items()}
    assert isinstance(projections, dict)
    for service, shown in projections.items():
        for identity in wanted.keys() | shown.keys():
            if wanted.get(identity) != shown.get(identity):
                yield f"{service} has {identity} at {shown.get(identity)}, booking at {wanted.get(identity)}{when}"


def archived_takes_time(_: History, evidence: Evidence) -> Broken:
    for identity, row in evidence.appointments.items():
        if row["archived"] and row["status"] in {"pending", "scheduled", "confirmed"}:
            yield f"{identity} is archived, and {row['status']}"


def commands_unanswered(history: History, evidence: Evidence) -> Broken:
    for command_id, sent in history.commands.items():
        answer = evidence.results.get(command_id)
        if answer is None:
            yield f"command {command_id} of {sent.organization} was never answered"
        elif sent.broken and answer != "slotstream.command.refused":
            yield f"the broken command {command_id} was answered {answer}"


def booking_stood_still(history: History, _: Evidence) -> Broken:
    """Booking has no need of Kafka or of any other service."""
    others = [each for each in history.operations if each.under and not each.under.startswith(("booking-api", "postg"))]
    if others and not any(each.outcome == "ok" for each in others):
        yield f"none of {len(others)} requests succeeded while something else was down"


def trespasses(history: History, evidence: Evidence) -> Broken:
    for operation in history.trespasses:
        if operation.outcome == "ok":
            yield f"{operation.organization} used another organization's {operation.body or operation.target}"
    for operation in history.operations:
        others = evidence.organizations - {operation.organization}
        text = str(operation.answer)
        yield from (f"an answer to {operation.organization} names {each}" for each in others if each in text)
    for event in evidence.events:
        owner = evidence.appointments.get(event.subject, {}).get("organization")
        if owner is not None and owner != event.organization:
            yield f"event {event.id} says {event.organization}, its appointment is of {owner}"
    for tenant, seen in evidence.seen_by_role.items():
        if seen - {tenant}:
            yield f"as {tenant}, booking's database role sees rows of {sorted(seen - {tenant})}"


INVARIANTS = (
    Invariant("P1", "no two appointments overlap, but for recorded overrides", overlaps),
    Invariant("P1", "no group has more than its seats", overfull),
    Invariant("P1", "what takes time is exactly what is active", occupancy_differs),
    Invariant("P1", "no deadlocks", deadlocks),
    Invariant("P1", "nothing archived is open", archived_takes_time),
    Invariant("P2", "a success answer was committed", answers_without_effect),
    Invariant("P2", "an error answer changed nothing", effects_without_answer),
    Invariant("P2", "appointment and history agree", half_states),
    Invariant("P3", "one key, one effect, one answer", keys_with_two_effects),
    Invariant("P4", "every committed change reached Kafka, and nothing else did", lost_events),
    Invariant("P5", "events of an appointment are in order", inversions),
    Invariant("P6", "one event per change", events_of_two_ids),
    Invariant("P6", "one message per change", messages_doubled),
    Invariant("P6", "projections end where booking is", projections_differ),
    Invariant("P8", "repeated and reordered events change nothing", replays_change),
    Invariant("P9", "booking goes on while others are down", booking_stood_still),
    Invariant("P17b", "every command is answered, a broken one refused", commands_unanswered),
    Invariant("P13", "nothing crosses organizations", trespasses),
)
