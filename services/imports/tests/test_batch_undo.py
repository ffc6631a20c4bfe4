"""An import is undone all and once, in bounded batches, whoever is killed in the middle."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from imports_service import ImportsService, appointments_of
from test_booking_rows import ROWS, a_file, dying_after

from imports.storage.commands import AnswerStore, RowCommandStore
from imports.storage.imports import ImportStore
from imports.usecases.commands import ROWS_PER_COMMAND
from slotstream_contracts.base import Reason

COMMANDS = "slotstream.booking.commands.v1"
SMALL = "Client,Phone,Service,Staff,Start\n" + "".join(
    f"Client {number},030 {5550000 + number},First visit,Anna,2026-04-{number + 2:02} 10:00\n" for number in range(3)
)
WHY = {
    code: Reason(code=code, detail=f"As booking says: {code}.")
    for code in ("changed_since", "of_another_batch", "not_found")
}


@dataclass
class UndoingBooking:
    """Answers as booking does; `undone` lists every effect."""

    service: ImportsService
    undone: list[UUID] = field(default_factory=list)
    taken: list[Any] = field(default_factory=list)

    async def take(self) -> Sequence[Any]:
        commands: Sequence[Any] = await self.service.take(topic=COMMANDS)
        self.taken += commands
        return commands

    async def answer_all(self, commands: Sequence[Any]) -> None:
        answers = []
        for command in commands:
            is_new = command.data.appointment_ids[0] not in self.undone
            self.undone += command.data.appointment_ids if is_new else ()
            answers.append(self.service.everything_goes(command, outcome="done" if is_new else "already_done"))
        await self.service.answer(answers)

    async def finish(self) -> None:
        while True:
            await self.service.work()
            commands = await self.take()
            if not commands:
                return
            await self.answer_all(commands)


async def undoing(service: ImportsService, content: str) -> str:
    import_id = await service.finished(content)
    await service.take(topic="slotstream.imports.v1")
    await ask_to_undo(service, import_id)
    return import_id


async def ask_to_undo(service: ImportsService, import_id: str) -> None:
    answer = await service.http.post(f"/v1/imports/{import_id}/undo", json={})
    assert answer.status_code == 202, answer.text


async def assert_undone_once(service: ImportsService, booking: UndoingBooking, import_id: str) -> None:
    shown = await service.get(import_id)
    assert (shown["state"], shown["counts"]["undone"], shown["counts"]["booked"]) == ("undone", ROWS, 0)
    assert (len(booking.undone), len(set(booking.undone))) == (ROWS, ROWS)
    events = await service.take(topic="slotstream.imports.v1")
    assert [event.type.rpartition(".")[2] for event in events] == ["undone"]


async def test_it_goes_in_batches_whose_progress_is_seen(service: ImportsService) -> None:
    import_id = await undoing(service, a_file())
    booking = UndoingBooking(service)
    await service.work()
    commands = await booking.take()
    assert [len(appointments_of(command)) for command in commands] == [ROWS_PER_COMMAND] * (ROWS // ROWS_PER_COMMAND)
    await booking.answer_all(commands[:2])
    shown = await service.get(import_id)
    assert (shown["state"], shown["counts"]["undone"]) == ("undoing", 2 * ROWS_PER_COMMAND)
    await booking.answer_all(commands[2:])
    await booking.finish()
    await assert_undone_once(service, booking, import_id)


@pytest.mark.parametrize(("store", "step"), [(RowCommandStore, "mark_sent"), (ImportStore, "save")])
async def test_a_worker_killed_while_it_sends_leaves_the_rest_to_another(
    service: ImportsService, monkeypatch: pytest.MonkeyPatch, store: type, step: str
) -> None:
    import_id = await undoing(service, a_file())
    booking = UndoingBooking(service)
    await service.worker.work_once()
    monkeypatch.setattr(store, step, dying_after(getattr(store, step)))
    with pytest.raises(asyncio.CancelledError):
        await service.worker.work_once()
    monkeypatch.undo()
    assert len(await booking.take()) == 2
    await booking.answer_all(booking.taken)
    service.worker = service.another_worker()
    await booking.finish()
    assert len({command.id for command in booking.taken}) == len(booking.taken) == ROWS / ROWS_PER_COMMAND
    await assert_undone_once(service, booking, import_id)


async def test_answers_that_a_killed_consumer_did_not_keep_come_again(
    service: ImportsService, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = await undoing(service, a_file())
    booking = UndoingBooking(service)
    await service.work()
    commands = await booking.take()
    monkeypatch.setattr(AnswerStore, "apply", dying_after(AnswerStore.apply))
    with pytest.raises(asyncio.CancelledError):
        await booking.answer_all(commands[:2])
    monkeypatch.undo()
    assert (await service.get(import_id))["counts"]["undone"] == 0
    await booking.answer_all([*commands, *commands[:3]])
    await booking.finish()
    await assert_undone_once(service, booking, import_id)


async def test_what_was_sent_again_in_other_batches_while_it_was_booked_is_undone_as_well(
    service: ImportsService,
) -> None:
    import_id = await service.checked(SMALL)
    await service.http.post(f"/v1/imports/{import_id}/confirm", json={})
    # Booked by a command whose answer was lost: the next one is told that it is done already.
    await service.settle(lambda command: service.everything_goes(command, outcome="already_done"))
    await ask_to_undo(service, import_id)
    (command,) = await service.settle()
    assert len(appointments_of(command)) == 3
    assert (await service.get(import_id))["counts"]["undone"] == 3
    again = await service.rows(await service.checked(SMALL))
    assert {row["appointment_id"] for row in again}.isdisjoint(map(str, appointments_of(command)))


async def test_what_another_import_has_booked_is_left_to_it(service: ImportsService) -> None:
    await service.finished(SMALL)
    second = await service.checked(SMALL)
    await service.http.post(f"/v1/imports/{second}/confirm", json={})
    await service.settle(lambda command: service.everything_goes(command, outcome="already_done"))
    await ask_to_undo(service, second)
    await service.settle(lambda command: service.refused(command, because=WHY["of_another_batch"]))
    shown = await service.get(second)
    assert (shown["state"], shown["counts"]["undone"], shown["counts"]["already_done"]) == ("undone", 0, 3)


async def test_what_booking_says_afterwards_that_it_booked_can_be_undone_too(service: ImportsService) -> None:
    import_id = await service.checked(SMALL)
    await service.http.post(f"/v1/imports/{import_id}/confirm", json={})
    await service.work()
    (booked,) = await service.take(topic=COMMANDS)
    await service.http.post(f"/v1/imports/{import_id}/cancel")
    await ask_to_undo(service, import_id)
    (first,) = await service.settle(lambda command: service.refused(command, because=WHY["not_found"]))
    assert ((await service.get(import_id))["state"], len(appointments_of(first))) == ("undone", 3)
    await service.answer([service.everything_goes(booked)])
    assert (await service.get(import_id))["counts"]["new"] == 3
    await ask_to_undo(service, import_id)
    (second,) = await service.settle()
    assert (second.id != first.id, appointments_of(second)) == (True, appointments_of(first))
    assert (await service.get(import_id))["counts"]["undone"] == 3
    again = await service.http.post(f"/v1/imports/{import_id}/undo", json={})
    assert (again.status_code, again.json()["code"]) == (409, "invalid_transition")


async def test_an_undo_that_booking_refuses_whole_says_so_and_can_be_asked_for_again(service: ImportsService) -> None:
    import_id = await undoing(service, SMALL)
    (first,) = await service.settle(service.refused_whole)
    shown = await service.get(import_id)
    assert (shown["state"], "3 rows could not be undone" in shown["failure"]) == ("finished", True)
    assert [row["outcome_reasons"][0]["code"] for row in await service.rows(import_id)] == ["forbidden"] * 3
    await ask_to_undo(service, import_id)
    (second,) = await service.settle()
    shown = await service.get(import_id)
    assert (second.id != first.id, shown["state"], shown["failure"]) == (True, "undone", None)


async def test_an_undo_that_is_cancelled_keeps_what_is_undone_and_takes_late_answers(service: ImportsService) -> None:
    import_id = await undoing(service, SMALL)
    await service.work()
    (command,) = await service.take(topic=COMMANDS)
    answer = await service.http.post(f"/v1/imports/{import_id}/cancel")
    assert (answer.status_code, answer.json()["state"]) == (200, "finished")
    await service.answer([service.everything_goes(command)])
    shown = await service.get(import_id)
    assert (shown["state"], shown["counts"]["undone"]) == ("finished", 3)
