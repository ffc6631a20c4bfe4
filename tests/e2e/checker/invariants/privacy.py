"""Who is erased is nowhere, and stays so; who is merged is the survivor."""

from collections.abc import Mapping

from checker.evidence.model import Evidence
from checker.history import History
from checker.invariants.model import Broken, Invariant


def erased_text_left(history: History, evidence: Evidence) -> Broken:
    yield from _left(history, evidence, evidence.texts, "")


def erased_text_back(history: History, evidence: Evidence) -> Broken:
    yield from _left(history, evidence, evidence.texts_after_replay, " after a replay")


def _left(history: History, evidence: Evidence, texts: Mapping[str, frozenset[str]], when: str) -> Broken:
    gone = {
        mark: person for person in history.people.values() for mark in person.marks if person.client in evidence.erased
    }
    for place, marks in texts.items():
        for mark in sorted(marks & gone.keys()):
            yield f"{place} holds {mark!r} of the erased client {gone[mark].client}{when}"


def erases_half_done(history: History, evidence: Evidence) -> Broken:
    """A success answer erased the client and all duplicates of them, who ever was named."""
    for operation in history.with_outcome("ok"):
        if operation.verb != "erase" or operation.target is None:
            continue
        survivor = evidence.merged_into.get(operation.target, operation.target)
        theirs = {duplicate for duplicate, into in evidence.merged_into.items() if into == survivor}
        for client in {operation.target, survivor, *theirs} - evidence.erased:
            yield f"{operation.target} was erased, but {client} was not"


def booked_for_erased(history: History, _: Evidence) -> Broken:
    for operation in history.after_erase:
        if operation.outcome == "ok":
            yield f"an erased client was booked for: {operation.answer.get('id')}"


def open_for_erased(_: History, evidence: Evidence) -> Broken:
    """An erase that cancels leaves nothing ahead."""
    for appointment in evidence.appointments.values():
        if appointment.client in evidence.erased and appointment.status in {"pending", "scheduled", "confirmed"}:
            yield f"{appointment.id} is {appointment.status}, its client {appointment.client} is erased"


def merges_forgotten(history: History, evidence: Evidence) -> Broken:
    for identity, survivor in history.booked_by_duplicates.items():
        appointment = evidence.appointments.get(identity)
        if appointment is not None and appointment.client != survivor:
            yield f"{identity} is of {appointment.client}, who was merged into {survivor}"


INVARIANTS = (
    Invariant("P17c", "nothing that was typed about an erased client is left", erased_text_left),
    Invariant("P17c", "no replay brings an erased client back", erased_text_back),
    Invariant("P17c", "an erase takes the whole person", erases_half_done),
    Invariant("P17c", "nobody books for an erased client", booked_for_erased),
    Invariant("P17c", "nothing lies ahead of an erased client", open_for_erased),
    Invariant("P17c", "a merged client is the survivor", merges_forgotten),
)
