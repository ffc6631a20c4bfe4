"""A small run as the checker records it, with everything in it and nothing wrong: what defects are planted into."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from checker.evidence.model import (
    Arrival,
    BookedAppointment,
    BusyTime,
    Calendar,
    Event,
    Evidence,
    HeldTime,
    ImportedRow,
    ImportState,
    Ledger,
    Occupancy,
    PlannedReminder,
)
from checker.history import AskedReminder, History, Operation, Person, RunImport
from checker.work.commands import SentCommand
from harness.subscriptions import SUBSCRIBERS

OURS, THEIRS = "org-a", "org-b"
TEN = datetime(2027, 3, 1, 10, tzinfo=UTC)
HALF_AN_HOUR = timedelta(minutes=30)
JANE = Person(organization=OURS, client="jane", mark="zqx0123456789ab", phone="+4915000000001")
POISONED = "slotstream.clients.v1"

Answer = Mapping[str, Any]


def appointment(identity: str, *, hour: float = 0, **more: Any) -> BookedAppointment:
    starts_at = TEN + timedelta(hours=hour)
    usual = BookedAppointment(
        id=identity,
        organization=OURS,
        client="client",
        service="haircut",
        status="scheduled",
        occupies=True,
        archived=False,
        series=None,
        external_id=None,
        starts_at=starts_at,
        blocked_from=starts_at,
        blocked_to=starts_at + HALF_AN_HOUR,
        version=1,
        resources=("ada",),
    )
    return replace(usual, **more)


def operation(verb: str, *, outcome: str = "ok", status: int = 201, **more: Any) -> Operation:
    usual: dict[str, Any] = {"client": 1, "organization": OURS, "target": None, "key": None, "body": {}}
    return Operation(verb=verb, outcome=outcome, status=status, sent_at=TEN, **(usual | more))  # type: ignore[arg-type]


def booked(identity: str, **more: Any) -> Operation:
    answer = {"id": identity, "status": "scheduled", "version": 1}
    return operation("create", target=identity, body={"id": identity}, answer=answer, **more)


def reminder(identity: str, of: str, **more: Any) -> PlannedReminder:
    """An hour before, by mail; sent."""
    usual = PlannedReminder(
        id=identity, appointment=of, reminder=f"asked-{identity}", channel="email", minutes=60, status="sent"
    )
    return replace(usual, **more)


def evidence_of(*appointments: BookedAppointment) -> Evidence:
    """Everything that follows from what is booked: time, history, events, projections."""
    shown = {item.id: (item.version, item.status) for item in appointments}
    versions = [(item, version) for item in appointments for version in range(1, item.version + 1)]
    return Evidence(
        organizations=frozenset({OURS, THEIRS}),
        appointments={item.id: item for item in appointments},
        occupancy=[
            Occupancy(item.id, resource, item.blocked_from, item.blocked_to)
            for item in appointments
            if item.occupies
            for resource in item.resources
        ],
        capacity={"haircut": 1, "yoga": 2},
        history={(item.id, version): "create" for item, version in versions},
        events=[Event(f"{item.id}-{version}", item.organization, item.id, version) for item, version in versions],
        projections={"availability": shown, "notifications": shown},
        projections_after_replay={"availability": shown, "notifications": shown},
    )


def sound_run() -> tuple[History, Evidence]:
    """Two organizations: bookings, a full group, an override, a no-show, a merge, an erase, an import, a calendar."""
    evidence = evidence_of(
        appointment("single"),
        appointment("forced"),
        appointment("seat-1", service="yoga", resources=("bob",)),
        appointment("seat-2", service="yoga", resources=("bob",)),
        appointment("missed", hour=1, status="no_show", occupies=False, version=2),
        appointment("of-jane", hour=2, client="jane", status="cancelled", occupies=False, version=2),
        appointment("by-duplicate", hour=3, client="survivor"),
        appointment("imported", hour=4, external_id="A-1"),
        appointment("by-command", hour=5),
        appointment("foreign", organization=THEIRS, resources=("eve",)),
    )
    evidence.recorded_beside = frozenset({("forced", "single"), ("single", "forced")})
    evidence.owners = {"ada": OURS, "bob": OURS, "eve": THEIRS, "calendar": OURS, "their-calendar": THEIRS}
    evidence.ledger = Ledger(
        by_status={"sent": 1, "suppressed": 3},
        after_replay={"sent": 1, "suppressed": 3},
        mails_by_status={"sent": 1},
        mails=1,
    )
    evidence.seen_by_role = {f"booking {OURS}": frozenset({OURS}), f"booking {THEIRS}": frozenset({THEIRS})}
    evidence.erased = frozenset({"jane"})
    evidence.merged_into = {"duplicate": "survivor"}
    evidence.results = {"command": "slotstream.appointment.booked", "broken": "slotstream.command.refused"}
    evidence.imports = {"import": ImportState("finished")}
    evidence.imported_rows = [ImportedRow("import", 1, "booked", "imported")]
    evidence.booked_by = {"imported": "deputy", "single": "local-user"}
    held = frozenset({HeldTime("hold", "bob", TEN - HALF_AN_HOUR, TEN)})
    evidence.held = {"booking": held, "availability": held}
    evidence.calendars = [Calendar(id="calendar", organization=OURS, resource="ada", state="ok")]
    busy = frozenset({BusyTime(OURS, "calendar", "event", "ada", TEN, TEN + HALF_AN_HOUR)})
    evidence.busy = dict.fromkeys(("calendar-sync", "the topic", "booking", "availability"), busy)
    evidence.set_aside = {service: frozenset({"poison"}) for service in SUBSCRIBERS[POISONED]} | {
        "booking": frozenset({"unsendable"})
    }
    _remind(evidence)
    return _history(), evidence


def _remind(evidence: Evidence) -> None:
    """One that came, one that nobody answered, one that was given up with its appointment, one that came before that."""
    reminders = (
        reminder("came", "single"),
        reminder("silent", "forced", channel="sms", status="unknown", code="twilio_no_answer"),
        reminder("stopped", "of-jane", status="suppressed", reason="appointment_cancelled"),
        reminder("before", "of-jane", minutes=1440),
        reminder("ahead", "by-command", status="planned", is_due=False),
    )
    evidence.reminders = {each.id: each for each in reminders}
    evidence.arrivals = [
        Arrival(message="before", at=TEN + timedelta(hours=2) - timedelta(days=1)),
        Arrival(message="came", at=TEN - timedelta(hours=1) + timedelta(seconds=1)),
        Arrival(message="silent", at=TEN - timedelta(hours=1), answered=False),
    ]


def _history() -> History:
    ids = ("single", "forced", "seat-1", "seat-2", "missed", "of-jane", "by-duplicate", "foreign")
    history = History(
        operations=[booked(identity, key=identity) for identity in ids],
        people={"jane": JANE},
        booked_by_duplicates={"by-duplicate": "survivor"},
        imports=[RunImport(organization=OURS, id="import", rows=1, confirmed_by="deputy", wanted="finished")],
        poison=[(POISONED, "poison")],
        outdated=[(POISONED, "old")],
        unsendable=[("booking", "unsendable")],
        calendars={"calendar": 1},
    )
    history.operations[-1].organization = THEIRS
    history.operations += [
        operation("no-show later", target="missed", answer={"id": "missed", "status": "no_show", "version": 2}),
        operation("erase", target="jane", status=204),
        operation("create", target="refused", outcome="refused", status=409, answer={"code": "slot_unavailable"}),
        operation("create", body={"service_id": "yoga"}, outcome="refused", status=409, answer={"code": "class_full"}),
    ]
    history.reminders = {"asked-came": AskedReminder(appointment="single", channel="email", minutes=60)}
    history.ended = [("of-jane", TEN - timedelta(hours=1)), ("single", TEN - timedelta(hours=9))]
    history.resumed = [("single", TEN - timedelta(hours=8))]
    reopened = operation("reopen", target="single", answer={"id": "single", "version": 1, "buffer_after_minutes": 5})
    history.by_new_rules = [(reopened, 5), (operation("reopen", outcome="refused", status=409), 10)]
    history.trespasses = [operation("trespass", outcome="refused", status=404)]
    history.after_erase = [operation("create_erased", outcome="refused", status=404)]
    history.commands = {
        "command": SentCommand(organization=OURS, appointment_id="by-command", broken=False),
        "broken": SentCommand(organization=OURS, appointment_id="nothing", broken=True),
    }
    return history
