"""Everything comes to its end: no command, import, record or calendar stops for good, or stops others."""

from collections import Counter

from harness.subscriptions import SUBSCRIBERS

from checker.evidence.model import Evidence
from checker.history import History
from checker.invariants.model import Broken, Invariant

REFUSED = "slotstream.command.refused"


def commands_unanswered(history: History, evidence: Evidence) -> Broken:
    for command_id, sent in history.commands.items():
        answer = evidence.results.get(command_id)
        if answer is None:
            yield f"command {command_id} of {sent.organization} was never answered"
        elif sent.broken and answer != REFUSED:
            yield f"the broken command {command_id} was answered {answer}"


def stopped_for_good(_: History, evidence: Evidence) -> Broken:
    for name, records in evidence.behind.items():
        yield f"{name}: {records} records are not worked through"
    for process, readiness in evidence.not_ready.items():
        yield f"{process} is not ready: {readiness}"


def left_to_do(_: History, evidence: Evidence) -> Broken:
    """Also what no other invariant looks at: a message that is tried again and again, a record of any outbox."""
    yield from evidence.left_to_do


def poison_vanished(history: History, evidence: Evidence) -> Broken:
    for topic, mark in history.poison:
        for service in SUBSCRIBERS[topic]:
            if mark not in evidence.set_aside.get(service, frozenset()):
                yield f"{service} neither read nor set aside {mark} on {topic}"


def outdated_set_aside(history: History, evidence: Evidence) -> Broken:
    """A record of long ago has no fault: whoever comes back after a week reads thousands of them."""
    for topic, mark in history.outdated:
        for service in SUBSCRIBERS[topic]:
            if mark in evidence.set_aside.get(service, frozenset()):
                yield f"{service} set aside {mark} on {topic}, which is only old"


def unsendable_kept(history: History, evidence: Evidence) -> Broken:
    """Else it stays in the outbox for good, and all that comes after it with it."""
    for service, mark in history.unsendable:
        if mark not in evidence.set_aside.get(service, frozenset()):
            yield f"{service} has not set aside {mark}, which cannot be sent"


def imports_unfinished(history: History, evidence: Evidence) -> Broken:
    """Whom a file names that is being read while a client is erased is not known: it is to be uploaded again."""
    for run in history.imports:
        state = evidence.imports.get(run.id)
        if state is None:
            yield f"import {run.id} is gone; it was to be {run.wanted}"
        elif state.name not in {run.wanted, "checked", "finished", "undone"} and not (
            run.wanted == "checked" and state.failed_by_erase
        ):
            yield f"import {run.id} is {state.name} ({state.failure}); it was to be {run.wanted}"


def imported_wrongly(_: History, evidence: Evidence) -> Broken:
    """A row that is said to be booked is in the book, and one that is undone takes no time."""
    for row in evidence.imported_rows:
        appointment = evidence.appointments.get(row.appointment or "")
        if row.outcome in {"booked", "already_done"} and appointment is None:
            yield f"row {row.number} of import {row.import_id} is {row.outcome}, but not in the book"
        if row.outcome == "undone" and appointment is not None and appointment.status == "scheduled":
            yield f"row {row.number} of import {row.import_id} is undone, but {appointment.id} is scheduled"


def imported_twice(_: History, evidence: Evidence) -> Broken:
    """An external id has one appointment that takes time, however often its row came."""
    known = Counter(
        (appointment.organization, appointment.external_id)
        for appointment in evidence.appointments.values()
        if appointment.external_id is not None and appointment.occupies
    )
    for (organization, external_id), count in known.items():
        if count > 1:
            yield f"{external_id} of {organization} is in the book {count} times"


def imported_in_anothers_name(history: History, evidence: Evidence) -> Broken:
    """Who uploads a file asks for nothing yet: it is booked by who confirms it."""
    confirmed_by = {run.id: run.confirmed_by for run in history.imports}
    for row in evidence.imported_rows:
        booker = evidence.booked_by.get(row.appointment or "")
        if booker is not None and row.import_id in confirmed_by and booker != confirmed_by[row.import_id]:
            yield f"row {row.number} of import {row.import_id} was booked by {booker}"


def forced_by_robots(history: History, _: Evidence) -> Broken:
    for identity in history.forced_by_robots:
        yield f"an integration has forced the conflicts of import {identity}"


def sent_away(history: History, evidence: Evidence) -> Broken:
    """Who comes for a seat of a group gets one or hears that it is full."""
    for operation in history.operations:
        seats = evidence.capacity.get(str(operation.body.get("service_id")), 1)
        if operation.verb == "create" and operation.code == "try_again" and seats > 1:
            yield f"{operation.target} was to try again for a group of {seats}"


def calendars_stopped(history: History, evidence: Evidence) -> Broken:
    """However hostile its content was: once it is sound, a calendar is read again, and all of it."""
    states = {calendar.id: calendar.state for calendar in evidence.calendars}
    read = Counter(row.connection for row in evidence.busy.get("calendar-sync", ()))
    for connection, events in history.calendars.items():
        if states.get(connection) != "ok":
            yield f"calendar {connection} is {states.get(connection)}"
        elif read[connection] != events:
            yield f"calendar {connection} has {read[connection]} of {events} events"


INVARIANTS = (
    Invariant("P7", "poison neither vanishes nor passes", poison_vanished),
    Invariant("P7", "what is only old is passed over", outdated_set_aside),
    Invariant("P7", "what cannot be sent is set aside", unsendable_kept),
    Invariant("P17", "every import comes to its end", imports_unfinished),
    Invariant("P17", "what is imported is in the book", imported_wrongly),
    Invariant("P17", "what is imported is there once", imported_twice),
    Invariant("P17", "an import is in the name of who confirmed it", imported_in_anothers_name),
    Invariant("P17", "no file forces what its sender may not", forced_by_robots),
    Invariant("P17b", "nobody is sent away from a group with free seats", sent_away),
    Invariant("P17b", "every command is answered, a broken one refused", commands_unanswered),
    Invariant("P17b", "nothing stops for good", stopped_for_good),
    Invariant("P17b", "in the end nobody has anything left to do", left_to_do),
    Invariant("P17b", "a calendar that is sound again is read again", calendars_stopped),
)
