"""A confirmed import is booked all and once, whoever is killed in the middle."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from imports_service import ImportsService

from imports import consumers
from imports.storage.commands import AnswerStore, RowCommandStore
from imports.storage.imports import ImportStore
from imports.usecases.commands import ROWS_PER_COMMAND

ROWS = 250


def a_file() -> str:
    lines = ["Client,Phone,Service,Staff,Start"]
    for number in range(ROWS):
        day, half_hour = divmod(number, 48)
        start = f"2026-04-{day + 2:02} {half_hour // 2:02}:{half_hour % 2 * 30:02}"
        lines.append(f"Client {number},030 {5550000 + number},First visit,Anna,{start}")
    return "\n".join(lines)


@dataclass
class FakeBooking:
    """Answers as booking does: what it has seen before gets the stored answer, and has no second effect."""

    service: ImportsService
    stored: dict[UUID, Any] = field(default_factory=dict)
    booked: Counter[UUID] = field(default_factory=Counter)
    taken: list[Any] = field(default_factory=list)

    async def take(self) -> Sequence[Any]:
        """The commands on their way, as the relay would bring them."""
        commands: Sequence[Any] = await self.service.take(topic="slotstream.booking.commands.v1")
        self.taken += commands
        return commands

    def answer(self, command: Any) -> Any:
        if command.id not in self.stored:
            self.stored[command.id] = self.service.answered(command, *map(self.book, self.service.items_of(command)))
        return self.stored[command.id]

    def book(self, item: Any) -> Any:
        outcome = "done" if item.appointment_id not in self.booked else "already_done"
        if outcome == "done":
            self.booked[item.appointment_id] += 1
        return self.service.item_result(item, outcome=outcome)

    async def answer_all(self, commands: Sequence[Any]) -> None:
        await self.service.answer([self.answer(command) for command in commands])

    async def finish(self) -> None:
        while True:
            await self.service.work()
            commands = await self.take()
            if not commands:
                return
            await self.answer_all(commands)


async def confirmed(service: ImportsService) -> str:
    import_id: str = await service.checked(a_file())
    answer = await service.http.post(f"/v1/imports/{import_id}/confirm", json={})
    assert answer.status_code == 202, answer.text
    return import_id


async def assert_booked_once(service: ImportsService, booking: FakeBooking, import_id: str) -> None:
    shown = await service.get(import_id)
    assert shown["state"] == "finished"
    assert (shown["counts"]["new"], shown["counts"]["already_done"], shown["counts"]["failed"]) == (ROWS, 0, 0)
    assert (len(booking.booked), max(booking.booked.values())) == (ROWS, 1)
    finished = [event for event in await service.take(topic="slotstream.imports.v1") if event.type.endswith("finished")]
    assert [event.data.booked for event in finished] == [ROWS]


def dying_after(real: Any) -> Any:
    async def dies(*args: Any, **more: Any) -> None:
        await real(*args, **more)
        raise asyncio.CancelledError

    return dies


@pytest.mark.parametrize(("store", "step"), [(RowCommandStore, "mark_sent"), (ImportStore, "save")])
async def test_a_worker_killed_while_it_sends_leaves_the_rest_to_another(
    service: ImportsService, monkeypatch: pytest.MonkeyPatch, store: type, step: str
) -> None:
    import_id = await confirmed(service)
    booking = FakeBooking(service)
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
    assert len(service.items_of(*booking.taken)) == ROWS
    await assert_booked_once(service, booking, import_id)


async def test_commands_that_are_sent_again_have_the_ids_they_had(service: ImportsService) -> None:
    import_id = await confirmed(service)
    booking = FakeBooking(service)
    await service.work()
    first = await booking.take()
    [booking.answer(command) for command in first]
    # As though everything that was remembered since the confirmation had been lost, and the answers with it.
    await service.query("UPDATE import_rows SET to_book = true, book_id = NULL RETURNING 1")
    await service.query("UPDATE imports SET due_at = created_at RETURNING 1")
    await booking.finish()
    again = booking.taken[len(first) :]
    assert {command.id for command in again} == {command.id for command in first}
    assert service.items_of(*again) == service.items_of(*first)
    await assert_booked_once(service, booking, import_id)


async def test_answers_that_a_killed_consumer_did_not_keep_come_again(
    service: ImportsService, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = await confirmed(service)
    booking = FakeBooking(service)
    await service.work()
    commands = await booking.take()
    monkeypatch.setattr(AnswerStore, "apply", dying_after(AnswerStore.apply))
    with pytest.raises(asyncio.CancelledError):
        await booking.answer_all(commands[:2])
    monkeypatch.undo()
    assert (await service.get(import_id))["counts"]["booked"] == 0
    await booking.answer_all(commands[:2])
    # A relay or a consumer that dies before it can say how far it was brings both once more.
    await booking.answer_all([*commands[1:], *commands[:3]])
    await booking.finish()
    await assert_booked_once(service, booking, import_id)


async def test_an_import_is_finished_only_when_every_row_is_answered(service: ImportsService) -> None:
    import_id = await confirmed(service)
    booking = FakeBooking(service)
    await service.work()
    commands = await booking.take()
    await booking.answer_all(commands[1:])
    await service.work()
    assert (await service.get(import_id))["state"] == "booking"
    await booking.answer_all(commands[:1])
    await booking.finish()
    await assert_booked_once(service, booking, import_id)


async def test_a_confirmation_that_is_repeated_books_nothing_twice(service: ImportsService) -> None:
    import_id = await service.checked(a_file())
    key = {"Idempotency-Key": "confirm-once"}
    first = await service.http.post(f"/v1/imports/{import_id}/confirm", json={}, headers=key)
    again = await service.http.post(f"/v1/imports/{import_id}/confirm", json={}, headers=key)
    assert (first.status_code, again.status_code, again.headers["Idempotency-Replayed"]) == (202, 202, "true")
    other = await service.http.post(f"/v1/imports/{import_id}/confirm", json={})
    assert (other.status_code, other.json()["code"]) == (409, "invalid_transition")
    booking = FakeBooking(service)
    await booking.finish()
    await assert_booked_once(service, booking, import_id)


async def test_answers_to_other_services_are_left_alone(service: ImportsService) -> None:
    import_id = await confirmed(service)
    await service.work()
    command = (await service.take(topic="slotstream.booking.commands.v1"))[0]
    stranger = service.everything_goes(command).model_copy(update={"batch_id": None})
    await service.answer([stranger])
    assert (await service.get(import_id))["counts"]["booked"] == 0
    assert set(consumers.RESULT_TYPES) == {"slotstream.command.succeeded", "slotstream.command.refused"}


async def test_refused_rows_say_why_and_the_others_are_booked(service: ImportsService) -> None:
    import_id = await confirmed(service)
    await service.work()
    commands = await service.take(topic="slotstream.booking.commands.v1")
    unwanted = {item.appointment_id for item in service.items_of(*commands)[:3]}
    await service.answer([service.refused(command, only=unwanted) for command in commands])
    await service.work()
    shown = await service.get(import_id)
    assert (shown["state"], shown["counts"]["new"], shown["counts"]["failed"]) == ("finished", ROWS - 3, 3)
    refused = await service.rows(import_id, outcome="refused")
    assert {UUID(row["appointment_id"]) for row in refused} == unwanted
    assert [row["outcome_reasons"][0]["code"] for row in refused] == ["slot_taken"] * 3
    lines = (await service.http.get(f"/v1/imports/{import_id}/errors.csv")).text.splitlines()
    assert [line.split(",")[:3] for line in lines[1:]] == [
        [str(row["number"]), "refused", "slot_taken"] for row in refused
    ]
