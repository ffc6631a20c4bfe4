"""What was answered is what happened."""

from collections import defaultdict

from checker.evidence.model import Evidence
from checker.history import History, Operation
from checker.invariants.model import Broken, Invariant

CREATES = frozenset({"create", "create_twice", "create_changed", "create_equal", "create_erased"})


def answers_without_effect(history: History, evidence: Evidence) -> Broken:
    for operation in history.with_outcome("ok"):
        for identity, version in operation.versions():
            if (identity, version) not in evidence.history:
                yield f"{operation.verb} answered {operation.status}, but {identity} has no version {version}"


def effects_without_answer(history: History, evidence: Evidence) -> Broken:
    """An error answer means that nothing was done: refused ids do not exist."""
    answered = _answered(history, evidence)
    unknown = _unknown(history)
    for operation in history.with_outcome("refused"):
        own = operation.target if operation.verb == "create" else operation.body.get("id")
        # An id that was refused as another organization's is there, of course.
        owner = evidence.appointments.get(str(own))
        if owner and owner.organization == operation.organization and own not in answered and own not in unknown:
            yield f"{operation.verb} was refused ({operation.code}), but {own} exists"


def effects_unasked(history: History, evidence: Evidence) -> Broken:
    """Nothing exists that nobody was told of, but for requests whose answer was lost."""
    unanswered = sum(
        1
        for group in history.by_key().values()
        if group[0].verb in CREATES and all(operation.outcome == "unknown" for operation in group)
    )
    known = _answered(history, evidence) | _unknown(history)
    lost_series = any(operation.verb.startswith("series") for operation in history.with_outcome("unknown"))
    strangers = [
        appointment.id
        for appointment in evidence.appointments.values()
        # A series whose answer was lost has dates that nobody was told of.
        if appointment.id not in known and not (appointment.series and lost_series)
    ]
    if len(strangers) > unanswered:
        yield f"{len(strangers)} appointments nobody was told of, with {unanswered} requests without an answer"


def _answered(history: History, evidence: Evidence) -> set[str | None]:
    answered: set[str | None] = set()
    for operation in history.with_outcome("ok"):
        answered |= {identity for identity, _ in operation.versions()} | set(operation.occurrences())
    answered |= {sent.appointment_id for sent in (history.commands | history.commands_in_doubt).values()}
    return answered | {row.appointment for row in evidence.imported_rows}


def _unknown(history: History) -> set[str | None]:
    lost = list(history.with_outcome("unknown"))
    return {operation.target for operation in lost} | {operation.body.get("id") for operation in lost}


def half_states(_: History, evidence: Evidence) -> Broken:
    versions: dict[str, set[int]] = defaultdict(set)
    for identity, version in evidence.history:
        versions[identity].add(version)
    for appointment in evidence.appointments.values():
        if versions[appointment.id] != set(range(1, appointment.version + 1)):
            known = sorted(versions[appointment.id])
            yield f"{appointment.id} is at version {appointment.version}, its history has {known}"
    for identity in versions.keys() - evidence.appointments.keys():
        yield f"{identity} has a history and no appointment"


def keys_with_two_effects(history: History, _: Evidence) -> Broken:
    for (_organization, key), group in history.by_key().items():
        yield from _two_effects(key, group)


def _two_effects(key: str, group: list[Operation]) -> Broken:
    first = group[0].body
    same = [operation for operation in group if operation.body == first and operation.outcome != "unknown"]
    effects = {tuple(operation.versions()) for operation in same if operation.outcome == "ok"}
    if len(effects) > 1:
        yield f"{key}: {len(effects)} effects"
    answers = {(operation.status, _said(operation)) for operation in same}
    if len(answers) > 1 and len(effects) <= 1:
        yield f"{key}: different answers {sorted(str(answer)[:80] for answer in answers)}"
    for operation in group:
        another = operation.body != first and effects and operation.outcome != "unknown"
        if another and operation.code != "idempotency_key_reused":
            yield f"{key}: another body was answered {operation.status} {operation.code}"


def _said(operation: Operation) -> str | None:
    return str(operation.answer) if operation.outcome == "ok" else operation.code


def booking_stood_still(history: History, _: Evidence) -> Broken:
    """Booking has no need of Kafka or of any other service."""
    meanwhile = [
        operation
        for operation in history.operations
        if operation.under and not operation.under.startswith(("booking-api", "postg"))
    ]
    if meanwhile and not any(operation.outcome == "ok" for operation in meanwhile):
        yield f"none of {len(meanwhile)} requests succeeded while something else was down"


INVARIANTS = (
    Invariant("P2", "a success answer was committed", answers_without_effect),
    Invariant("P2", "an error answer changed nothing", effects_without_answer),
    Invariant("P2", "nothing happens unasked", effects_unasked),
    Invariant("P2", "appointment and history agree", half_states),
    Invariant("P3", "one key, one effect, one answer", keys_with_two_effects),
    Invariant("P9", "booking goes on while others are down", booking_stood_still),
)
