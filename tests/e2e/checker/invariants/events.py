"""What happened is told once, in order, and everybody ends at the same state."""

from collections import defaultdict
from collections.abc import Mapping
from itertools import pairwise

from checker.evidence.model import Evidence, Projection
from checker.history import History
from checker.invariants.model import Broken, Invariant


def lost_events(_: History, evidence: Evidence) -> Broken:
    sent = {(event.subject, event.sequence) for event in evidence.events}
    for identity, version in evidence.history.keys() - sent:
        yield f"version {version} of {identity} never reached Kafka"
    for identity, version in sent - evidence.history.keys():
        yield f"version {version} of {identity} was never committed"


def events_of_two_ids(_: History, evidence: Evidence) -> Broken:
    ids: dict[tuple[str, int], set[str]] = defaultdict(set)
    for event in evidence.events:
        ids[(event.subject, event.sequence)].add(event.id)
    for (identity, version), told in ids.items():
        if len(told) > 1:
            yield f"version {version} of {identity} is told {len(told)} times"


def inversions(_: History, evidence: Evidence) -> Broken:
    order: dict[str, list[int]] = defaultdict(list)
    known: set[str] = set()
    for event in evidence.events:
        if event.id not in known:
            known.add(event.id)
            order[event.subject].append(event.sequence)
    for subject, sequences in order.items():
        if any(later < earlier for earlier, later in pairwise(sequences)):
            yield f"{subject} is told in the order {sequences}"


def messages_doubled(_: History, evidence: Evidence) -> Broken:
    ledger = evidence.ledger
    if ledger.with_two_rows:
        yield f"{ledger.with_two_rows} messages have more than one row in the ledger"
    if ledger.mails_repeated:
        yield f"{ledger.mails_repeated} mails arrived more than once"
    sent, unknown = ledger.mails_by_status.get("sent", 0), ledger.mails_by_status.get("unknown", 0)
    if not sent <= ledger.mails <= sent + unknown:
        yield f"{ledger.mails} mails arrived; the ledger has {sent} sent, {unknown} unknown"


def projections_differ(_: History, evidence: Evidence) -> Broken:
    yield from _differences(evidence, evidence.projections, "")


def replays_change(_: History, evidence: Evidence) -> Broken:
    yield from _differences(evidence, evidence.projections_after_replay, " after a shuffled replay")
    if evidence.ledger.after_replay != evidence.ledger.by_status:
        yield f"the ledger went from {evidence.ledger.by_status} to {evidence.ledger.after_replay}"


def _differences(evidence: Evidence, projections: Mapping[str, Projection], when: str) -> Broken:
    wanted = {item.id: (item.version, item.status) for item in evidence.appointments.values()}
    for service, shown in projections.items():
        for identity in wanted.keys() | shown.keys():
            if wanted.get(identity) != shown.get(identity):
                yield f"{service} has {identity} at {shown.get(identity)}, booking at {wanted.get(identity)}{when}"


def holds_differ(_: History, evidence: Evidence) -> Broken:
    """A slot that is held is not offered, and one that is held no more is."""
    taken, told = (evidence.held.get(service, frozenset()) for service in ("booking", "availability"))
    for row in taken - told:
        yield f"availability does not know that {row.hold} holds {row.resource} at {row.blocked_from}"
    for row in told - taken:
        yield f"availability still has {row.hold} hold {row.resource} at {row.blocked_from}"


def labels_missing(_: History, evidence: Evidence) -> Broken:
    yield from evidence.unlabelled


INVARIANTS = (
    Invariant("P6", "what is held is held for those who offer slots", holds_differ),
    Invariant("P4", "headers tell whose a record is and of what type", labels_missing),
    Invariant("P4", "every committed change reached Kafka, and nothing else did", lost_events),
    Invariant("P5", "events of an appointment are in order", inversions),
    Invariant("P6", "one event per change", events_of_two_ids),
    Invariant("P6", "one message per change", messages_doubled),
    Invariant("P6", "projections end where booking is", projections_differ),
    Invariant("P8", "repeated and reordered events change nothing", replays_change),
)
