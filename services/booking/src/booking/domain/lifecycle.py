"""The life of an appointment as data: which verb leads from which status to which."""

from dataclasses import dataclass
from enum import StrEnum

from booking.domain.errors import InvalidTransitionError


class Status(StrEnum):
    PENDING = "pending"
    SCHEDULED = "scheduled"
    CONFIRMED = "confirmed"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    RESCHEDULED = "rescheduled"
    NO_SHOW = "no_show"
    DISMISSED = "dismissed"


class Verb(StrEnum):
    CREATE = "create"
    APPROVE = "approve"
    DECLINE = "decline"
    CONFIRM = "confirm"
    CANCEL = "cancel"
    RESCHEDULE = "reschedule"
    COMPLETE = "complete"
    NO_SHOW = "no_show"
    DISMISS = "dismiss"
    REOPEN = "reopen"
    UPDATE = "update"
    ASSIGN = "assign"
    ARCHIVE = "archive"
    UNARCHIVE = "unarchive"


OPEN = frozenset({Status.PENDING, Status.SCHEDULED, Status.CONFIRMED})
ACTIVE = frozenset({Status.SCHEDULED, Status.CONFIRMED})
ANY = frozenset(Status)
TAKES_TIME = frozenset({Status.SCHEDULED, Status.CONFIRMED, Status.COMPLETED})
"""Statuses that occupy their resources; `pending` does where its service says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One row of the table. `to` None keeps the status."""

    verb: Verb
    sources: frozenset[Status]
    to: Status | None
    needs_reason: bool = False
    only_after_start: bool = False
    rechecks_slot: bool = False
    moves_calendar: bool = False
    """Whether calendars that follow the appointment must hear of it (RFC 5545 SEQUENCE rises)."""


def _row(verb: Verb, sources: frozenset[Status], to: Status | None, **rules: bool) -> Transition:
    return Transition(verb=verb, sources=sources, to=to, **rules)


TRANSITIONS: dict[Verb, Transition] = {
    row.verb: row
    for row in (
        _row(Verb.CREATE, frozenset(), Status.SCHEDULED, rechecks_slot=True),
        _row(
            Verb.APPROVE,
            frozenset({Status.PENDING}),
            Status.SCHEDULED,
            rechecks_slot=True,
            moves_calendar=True,
        ),
        _row(Verb.DECLINE, frozenset({Status.PENDING}), Status.CANCELLED, moves_calendar=True),
        _row(Verb.CONFIRM, frozenset({Status.SCHEDULED}), Status.CONFIRMED, moves_calendar=True),
        _row(Verb.CANCEL, OPEN, Status.CANCELLED, needs_reason=True, moves_calendar=True),
        _row(Verb.RESCHEDULE, ACTIVE, Status.RESCHEDULED, rechecks_slot=True),
        _row(Verb.COMPLETE, ACTIVE, Status.COMPLETED),
        _row(Verb.NO_SHOW, ACTIVE, Status.NO_SHOW, only_after_start=True),
        _row(Verb.DISMISS, ACTIVE, Status.DISMISSED, moves_calendar=True),
        _row(
            Verb.REOPEN,
            frozenset({Status.COMPLETED, Status.NO_SHOW, Status.DISMISSED, Status.CANCELLED}),
            Status.SCHEDULED,
            rechecks_slot=True,
            moves_calendar=True,
        ),
        _row(Verb.ASSIGN, OPEN, None, rechecks_slot=True),
        _row(Verb.UPDATE, OPEN, None),
        _row(Verb.ARCHIVE, ANY, None),
        _row(Verb.UNARCHIVE, ANY, None),
    )
}


def status_after(verb: Verb, status: Status) -> Status:
    """The status that `verb` leads to from `status`; refused where the table has no such row."""
    row = TRANSITIONS[verb]
    if status not in row.sources:
        raise InvalidTransitionError(f"An appointment that is {status} cannot be changed by '{verb}'.")
    return row.to or status


def verbs_from(status: Status) -> tuple[Verb, ...]:
    """What can be done with an appointment of this status."""
    return tuple(verb for verb, row in TRANSITIONS.items() if status in row.sources)


def transition_table() -> str:
    """The table as Markdown, as the README prints it."""
    lines = ["| verb | from | to | rules |", "|---|---|---|---|"]
    for row in TRANSITIONS.values():
        sources = "any" if row.sources == ANY else ", ".join(sorted(row.sources)) or "-"
        rules = {
            "reason required": row.needs_reason,
            "only once the start has passed": row.only_after_start,
            "checks the slot": row.rechecks_slot,
        }
        said = "; ".join(rule for rule, holds in rules.items() if holds)
        lines.append(f"| {row.verb} | {sources} | {row.to or 'same'} | {said} |")
    return "\n".join(lines)
