"""Each defect that was once found, planted into what a run left behind: the checker sees it, and sees none elsewhere."""

import ast
from collections.abc import Callable
from dataclasses import replace

import pytest
from checker.evidence.model import Arrival, BusyTime, Event, Evidence, ImportedRow, ImportState, Occupancy
from checker.history import History
from checker.invariants import INVARIANTS
from checker.run import judge
from planted import CODE_BUGS, REMINDER_BUGS, CodeBug
from recorded import HALF_AN_HOUR, JANE, OURS, TEN, THEIRS, appointment, booked, operation, sound_run

from slotstream_contracts.topics import SERVICES

Plant = Callable[[History, Evidence], None]
PLANTS: list[tuple[str, Plant]] = []


def breaks(says: str) -> Callable[[Plant], Plant]:
    """What the planted defect contradicts."""

    def planted(plant: Plant) -> Plant:
        PLANTS.append((says, plant))
        return plant

    return planted


def change(evidence: Evidence, identity: str, **values: object) -> None:
    changed = replace(evidence.appointments[identity], **values)  # type: ignore[arg-type]
    evidence.appointments = {**evidence.appointments, identity: changed}


@breaks("no two appointments overlap, but for recorded overrides")
def a_booking_under_a_holds_id_joins_the_holds_session(_: History, evidence: Evidence) -> None:
    later = appointment("late", resources=("bob",), blocked_from=TEN + HALF_AN_HOUR / 2)
    evidence.appointments = {**evidence.appointments, "late": later}


@breaks("no two appointments overlap, but for recorded overrides")
def an_override_that_is_recorded_nowhere(_: History, evidence: Evidence) -> None:
    evidence.recorded_beside = frozenset()


@breaks("no time is held twice, but for recorded overrides")
def an_occupancy_that_overlaps(_: History, evidence: Evidence) -> None:
    evidence.occupancy = [*evidence.occupancy, Occupancy("hold", "ada", TEN, TEN + HALF_AN_HOUR)]


@breaks("no group has more than its seats")
def one_more_in_a_group_than_it_has_seats(_: History, evidence: Evidence) -> None:
    third = appointment("seat-3", service="yoga", resources=("bob",))
    evidence.appointments = {**evidence.appointments, "seat-3": third}


@breaks("what is active takes its time")
def a_series_change_that_frees_time_and_takes_none(_: History, evidence: Evidence) -> None:
    evidence.occupancy = [row for row in evidence.occupancy if row.holder != "by-command"]


@breaks("what is active takes its time")
def an_approval_that_takes_other_buffers_than_the_snapshot_tells(_: History, evidence: Evidence) -> None:
    change(evidence, "by-command", blocked_to=TEN + 20 * HALF_AN_HOUR)


@breaks("what takes time is active")
def an_occupancy_without_holder(_: History, evidence: Evidence) -> None:
    evidence.occupancy = [*evidence.occupancy, Occupancy("nobody", "eve", TEN - HALF_AN_HOUR, TEN)]


@breaks("what takes time is active")
def a_cancellation_that_keeps_its_time(_: History, evidence: Evidence) -> None:
    change(evidence, "single", status="cancelled", occupies=False)


@breaks("what occupies follows from the status")
def a_missed_appointment_that_still_occupies(_: History, evidence: Evidence) -> None:
    change(evidence, "missed", occupies=True)


@breaks("nothing archived is open")
def an_archive_that_is_a_back_door(_: History, evidence: Evidence) -> None:
    change(evidence, "single", archived=True)


@breaks("no deadlocks")
def two_reschedules_that_lock_each_other(_: History, evidence: Evidence) -> None:
    evidence.deadlocks = 1


@breaks("the auditor's gauge stays 0")
def a_fault_that_only_the_auditor_counts(_: History, evidence: Evidence) -> None:
    evidence.audit = {"overlap": 0, "foreign_session": 1}


@breaks("time is taken by the rules of now")
def an_appointment_reopened_by_the_rules_of_a_moment_ago(history: History, _: Evidence) -> None:
    reopened, buffer = history.by_new_rules[0]
    history.by_new_rules[0] = (reopened, buffer + 5)


@breaks("nobody misses what has not begun")
def a_no_show_before_its_time(history: History, _: Evidence) -> None:
    history.operations.append(operation("no-show", target="single"))


@breaks("nobody misses what has not begun")
def a_no_show_that_nobody_said(history: History, _: Evidence) -> None:
    history.operations = [asked for asked in history.operations if asked.verb != "no-show later"]


@breaks("a success answer was committed")
def a_success_answer_without_a_commit(history: History, _: Evidence) -> None:
    history.operations.append(booked("never"))


@breaks("an error answer changed nothing")
def a_refused_booking_that_exists(history: History, evidence: Evidence) -> None:
    history.operations.append(operation("create", target="half", outcome="refused", status=409))
    evidence.appointments = {**evidence.appointments, "half": appointment("half", hour=9)}


@breaks("nothing happens unasked")
def an_appointment_nobody_asked_for(_: History, evidence: Evidence) -> None:
    evidence.appointments = {**evidence.appointments, "ghost": appointment("ghost", hour=9)}


@breaks("appointment and history agree")
def a_version_without_history(_: History, evidence: Evidence) -> None:
    change(evidence, "single", version=2)


@breaks("one key, one effect, one answer")
def a_repetition_that_books_again(history: History, _: Evidence) -> None:
    first, second = booked("once", key="key"), booked("twice", key="key")
    second.body = first.body
    history.operations += [first, second]


@breaks("one key, one effect, one answer")
def a_key_that_serves_another_body(history: History, _: Evidence) -> None:
    history.operations += [booked("single", key="key"), booked("forced", key="key")]


@breaks("booking goes on while others are down")
def a_booking_that_waits_for_kafka(history: History, _: Evidence) -> None:
    history.operations.append(operation("create", outcome="unknown", status=503, under="kafka frozen"))


@breaks("every committed change reached Kafka, and nothing else did")
def a_lost_event(_: History, evidence: Evidence) -> None:
    evidence.events = evidence.events[1:]


@breaks("every committed change reached Kafka, and nothing else did")
def an_event_of_what_was_never_committed(_: History, evidence: Evidence) -> None:
    evidence.events = [*evidence.events, Event("more", OURS, "single", 2)]


@breaks("events of an appointment are in order")
def an_event_that_overtakes_another(_: History, evidence: Evidence) -> None:
    evidence.events = list(reversed(evidence.events))


@breaks("one event per change")
def an_event_told_under_two_ids(_: History, evidence: Evidence) -> None:
    evidence.events = [*evidence.events, evidence.events[0]._replace(id="again")]


@breaks("one message per change")
def a_message_with_two_rows(_: History, evidence: Evidence) -> None:
    evidence.ledger.with_two_rows = 1


@breaks("one message per change")
def a_mail_that_is_sent_twice(_: History, evidence: Evidence) -> None:
    evidence.ledger.mails, evidence.ledger.mails_repeated = 2, 1


@breaks("one message per change")
def a_mail_that_is_said_to_be_sent_and_never_arrives(_: History, evidence: Evidence) -> None:
    evidence.ledger.mails = 0


@breaks("projections end where booking is")
def a_projection_that_stays_behind(_: History, evidence: Evidence) -> None:
    shown = evidence.projections["availability"]
    evidence.projections = {**evidence.projections, "availability": {**shown, "missed": (1, "scheduled")}}


@breaks("what is held is held for those who offer slots")
def a_held_slot_that_is_offered(_: History, evidence: Evidence) -> None:
    evidence.held = {**evidence.held, "availability": frozenset()}


@breaks("what is held is held for those who offer slots")
def a_hold_that_was_given_back_and_is_still_in_the_way(_: History, evidence: Evidence) -> None:
    evidence.held = {**evidence.held, "booking": frozenset()}


@breaks("headers tell whose a record is and of what type")
def a_tombstone_that_does_not_say_whose_it_is(_: History, evidence: Evidence) -> None:
    evidence.unlabelled = ["slotstream.clients.v1 b'jane'"]


@breaks("repeated and reordered events change nothing")
def an_old_state_that_wins(_: History, evidence: Evidence) -> None:
    shown = evidence.projections_after_replay["availability"]
    evidence.projections_after_replay = {"availability": {**shown, "missed": (1, "scheduled")}}


@breaks("repeated and reordered events change nothing")
def a_replayed_event_that_is_told_to_the_client_again(_: History, evidence: Evidence) -> None:
    evidence.ledger.after_replay = {"sent": 2, "suppressed": 3}


@breaks("nothing crosses organizations")
def another_tenants_service_that_can_be_booked(history: History, _: Evidence) -> None:
    history.trespasses.append(operation("trespass", body={"service_id": "theirs"}))


@breaks("nothing crosses organizations")
def an_answer_that_names_another_tenant(history: History, _: Evidence) -> None:
    answer = {"code": "id_taken", "detail": f"It is of {THEIRS}"}
    history.operations.append(operation("equal id", outcome="refused", status=409, answer=answer))


@breaks("events are of their appointment's organization")
def an_event_under_another_tenants_name(_: History, evidence: Evidence) -> None:
    evidence.events = [evidence.events[0]._replace(organization=THEIRS), *evidence.events[1:]]


@breaks("database roles see one organization")
def a_policy_that_shows_everybodys_rows(_: History, evidence: Evidence) -> None:
    evidence.seen_by_role = {f"imports {OURS}": frozenset({OURS, THEIRS})}


@breaks("busy time belongs to its tenant")
def busy_time_of_a_foreign_resource(_: History, evidence: Evidence) -> None:
    stolen = BusyTime(OURS, "calendar", "event", "eve", TEN, TEN + HALF_AN_HOUR)
    evidence.busy = {keeper: rows | {stolen} for keeper, rows in evidence.busy.items()}


@breaks("busy time belongs to its tenant")
def a_calendar_connected_under_another_tenants_id(history: History, _: Evidence) -> None:
    history.calendars_taken.append("org-b took connection calendar")


@breaks("busy time is what the calendars say")
def busy_time_that_another_tenants_tombstone_deleted(_: History, evidence: Evidence) -> None:
    evidence.busy = {**evidence.busy, "booking": frozenset()}


@breaks("nothing that was typed about an erased client is left")
def a_reason_left_in_a_table(_: History, evidence: Evidence) -> None:
    evidence.texts = {"table booking.history": frozenset({JANE.mark})}


@breaks("nothing that was typed about an erased client is left")
def a_phone_left_on_a_topic(_: History, evidence: Evidence) -> None:
    evidence.texts = {"topic slotstream.clients.v1": frozenset({JANE.phone.lstrip("+")})}


@breaks("no replay brings an erased client back")
def an_old_record_that_brings_somebody_back(_: History, evidence: Evidence) -> None:
    evidence.texts_after_replay = {"table notifications.clients": frozenset({JANE.mark})}


@breaks("an erase takes the whole person")
def a_duplicate_that_is_not_erased(_: History, evidence: Evidence) -> None:
    evidence.merged_into = {**evidence.merged_into, "jane-2": "jane"}


@breaks("nobody books for an erased client")
def a_booking_for_somebody_erased(history: History, _: Evidence) -> None:
    history.after_erase.append(operation("create_erased", answer={"id": "late"}))


@breaks("nothing lies ahead of an erased client")
def an_erase_that_leaves_an_appointment_open(_: History, evidence: Evidence) -> None:
    change(evidence, "of-jane", status="scheduled")


@breaks("a merged client is the survivor")
def a_merged_clients_id_that_still_books(_: History, evidence: Evidence) -> None:
    change(evidence, "by-duplicate", client="duplicate")


@breaks("poison neither vanishes nor passes")
def poison_that_vanishes(_: History, evidence: Evidence) -> None:
    evidence.set_aside = {service: frozenset() for service in SERVICES}


@breaks("what is only old is passed over")
def an_old_record_counted_as_poison(_: History, evidence: Evidence) -> None:
    evidence.set_aside = {**evidence.set_aside, "notifications": frozenset({"poison", "old"})}


@breaks("what cannot be sent is set aside")
def a_record_that_kafka_refuses_and_that_stays_in_the_outbox(_: History, evidence: Evidence) -> None:
    evidence.set_aside = {**evidence.set_aside, "booking": frozenset()}


@breaks("no file forces what its sender may not")
def an_integration_that_overrides_by_a_file(history: History, _: Evidence) -> None:
    history.forced_by_robots.append("import")


@breaks("every import comes to its end")
def an_import_that_hangs(_: History, evidence: Evidence) -> None:
    evidence.imports = {"import": ImportState("checking")}


@breaks("every import comes to its end")
def an_import_that_fails(_: History, evidence: Evidence) -> None:
    evidence.imports = {"import": ImportState("failed", "Something unforeseen happened")}


@breaks("an import is in the name of who confirmed it")
def an_import_in_the_name_of_who_uploaded_it(_: History, evidence: Evidence) -> None:
    evidence.booked_by = {**evidence.booked_by, "imported": "local-user"}


@breaks("what is imported is in the book")
def a_row_said_to_be_booked(_: History, evidence: Evidence) -> None:
    evidence.imported_rows = [ImportedRow("import", 1, "booked", "nowhere")]


@breaks("what is imported is there once")
def a_row_imported_twice(_: History, evidence: Evidence) -> None:
    change(evidence, "by-command", external_id="A-1")


@breaks("nobody is sent away from a group with free seats")
def a_seat_chooser_that_gives_up(history: History, _: Evidence) -> None:
    answer = {"code": "try_again"}
    history.operations.append(
        operation("create", body={"service_id": "yoga"}, outcome="unknown", status=503, answer=answer)
    )


@breaks("every command is answered, a broken one refused")
def an_unanswered_command(_: History, evidence: Evidence) -> None:
    evidence.results = {"broken": "slotstream.command.refused"}


@breaks("every command is answered, a broken one refused")
def a_broken_command_that_is_carried_out(_: History, evidence: Evidence) -> None:
    evidence.results = {**evidence.results, "broken": "slotstream.appointment.booked"}


@breaks("nothing stops for good")
def a_topic_that_stopped(_: History, evidence: Evidence) -> None:
    evidence.behind = {"booking slotstream.booking.commands.v1": 300}


@breaks("nothing stops for good")
def a_worker_that_ended(_: History, evidence: Evidence) -> None:
    evidence.not_ready = {"calendar_sync": "the poller has ended"}


@breaks("in the end nobody has anything left to do")
def a_mail_that_is_tried_again_and_again(_: History, evidence: Evidence) -> None:
    evidence.left_to_do = ["1 messages (created) are planned (smtp_unreachable), the next at noon"]


@breaks("a calendar that is sound again is read again")
def a_calendar_that_is_never_read_again(_: History, evidence: Evidence) -> None:
    evidence.calendars = [replace(evidence.calendars[0], state="failing")]


@breaks("a calendar that is sound again is read again")
def a_calendar_of_which_nothing_becomes_busy_time(_: History, evidence: Evidence) -> None:
    evidence.busy = {keeper: frozenset() for keeper in evidence.busy}


def remind(evidence: Evidence, identity: str, **values: object) -> None:
    changed = replace(evidence.reminders[identity], **values)  # type: ignore[arg-type]
    evidence.reminders = {**evidence.reminders, identity: changed}


@breaks("no reminder comes early")
def a_reminder_of_a_minute_too_soon(_: History, evidence: Evidence) -> None:
    evidence.arrivals = [replace(each, at=each.at - HALF_AN_HOUR / 30) for each in evidence.arrivals]


@breaks("no reminder comes early")
def a_reminder_of_the_time_before_the_move(_: History, evidence: Evidence) -> None:
    change(evidence, "single", starts_at=TEN + HALF_AN_HOUR)


@breaks("nobody is reminded of what does not take place")
def a_reminder_after_the_cancellation(_: History, evidence: Evidence) -> None:
    evidence.arrivals = [*evidence.arrivals, Arrival(message="stopped", at=TEN + 2 * HALF_AN_HOUR)]


@breaks("nobody is reminded of what does not take place")
def a_reminder_of_what_has_begun(_: History, evidence: Evidence) -> None:
    evidence.arrivals = [replace(each, at=each.at + 4 * HALF_AN_HOUR) for each in evidence.arrivals]


@breaks("no reminder comes twice")
def a_reminder_that_is_sent_again_by_whoever_takes_it_over(_: History, evidence: Evidence) -> None:
    evidence.arrivals = [*evidence.arrivals, evidence.arrivals[1]]


@breaks("no reminder comes twice")
def a_reminder_that_stands_twice_in_the_ledger(_: History, evidence: Evidence) -> None:
    evidence.reminders = {**evidence.reminders, "again": replace(evidence.reminders["came"], id="again")}
    evidence.arrivals = [*evidence.arrivals, replace(evidence.arrivals[1], message="again")]


@breaks("what was due came, or it is said why not")
def a_reminder_that_is_lost_with_its_process(_: History, evidence: Evidence) -> None:
    remind(evidence, "silent", status="claimed")


@breaks("what was due came, or it is said why not")
def a_reminder_that_was_sent_nowhere(_: History, evidence: Evidence) -> None:
    evidence.arrivals = evidence.arrivals[:1]


@breaks("what was due came, or it is said why not")
def a_reminder_that_is_stopped_although_its_appointment_takes_place(_: History, evidence: Evidence) -> None:
    remind(evidence, "ahead", status="suppressed", reason="appointment_cancelled", is_due=True)


@breaks("what was due came, or it is said why not")
def a_reminder_that_was_asked_for_and_planned_nowhere(_: History, evidence: Evidence) -> None:
    remind(evidence, "came", reminder="another")


@breaks("what nobody has answered is unknown")
def a_time_out_that_counts_as_sent(_: History, evidence: Evidence) -> None:
    remind(evidence, "silent", status="sent")


def test_a_sound_run_breaks_no_promise() -> None:
    assert [finding for finding in judge(*sound_run()) if finding.violations] == []


@pytest.mark.parametrize(("says", "plant"), PLANTS, ids=[plant.__name__ for _, plant in PLANTS])
def test_a_planted_defect_is_found(says: str, plant: Plant) -> None:
    history, evidence = sound_run()
    plant(history, evidence)
    assert says in {finding.says for finding in judge(history, evidence) if finding.violations}


@pytest.mark.parametrize("bug", CODE_BUGS + REMINDER_BUGS, ids=lambda bug: bug.breaks)
def test_a_bug_in_the_code_takes_the_place_of_something_that_is_there(bug: CodeBug) -> None:
    """Else it would be planted into nothing, and nobody would find it."""
    tree = ast.parse(bug.patch)
    known: dict[str, object] = {}
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    exec(compile(ast.Module(imports, []), bug.breaks, "exec"), known)  # noqa: S102 - our own text
    places = [place for node in tree.body if isinstance(node, ast.Assign) for place in node.targets]
    assert places
    for place in places:
        assert eval(ast.unparse(place), known) is not None, ast.unparse(place)  # noqa: S307 - our own text


def test_there_is_a_defect_for_every_invariant() -> None:
    assert {says for says, _ in PLANTS} == {invariant.says for invariant in INVARIANTS}
