"""A confirmed import is booked all and once, whoever is killed in the middle."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import pytest

from imports import consumers
from imports.storage.rows import apply_bookings
from imports.usecases import Reader, answers, steps
from imports.usecases.steps import ROWS_PER_COMMAND

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

    world: Any
    stored: dict[UUID, Any] = field(default_factory=dict)
    booked: Counter[UUID] = field(default_factory=Counter)
    taken: list[Any] = field(default_factory=list)

    async def take(self) -> Sequence[Any]:
        """The commands on their way, as the relay would bring them."""
        found: Sequence[Any] = await self.world.take(topic="slotstream.booking.commands.v1")
        self.taken += found
        return found

    def answer(self, command: Any) -> Any:
        if command.id not in self.stored:
            self.stored[command.id] = self.world.answered(command, *map(self.book, self.world.items_of(command)))
        return self.stored[command.id]

    def book(self, item: Any) -> Any:
        outcome = "done" if item.appointment_id not in self.booked else "already_done"
        if outcome == "done":
            self.booked[item.appointment_id] += 1
        return self.world.item_result(item, outcome=outcome)

    async def answer_all(self, commands: Sequence[Any]) -> None:
        await self.world.answer([self.answer(each) for each in commands])

    async def finish(self) -> None:
        while True:
            await self.world.work()
            commands = await self.take()
            if not commands:
                return
            await self.answer_all(commands)


async def confirmed(world: Any) -> str:
    import_id: str = await world.checked(a_file())
    answer = await world.http.post(f"/v1/imports/{import_id}/confirm", json={})
    assert answer.status_code == 202, answer.text
    return import_id


async def assert_booked_once(world: Any, booking: FakeBooking, import_id: str) -> None:
    shown = await world.get(import_id)
    assert shown["state"] == "finished"
    assert (shown["counts"]["new"], shown["counts"]["already_done"], shown["counts"]["failed"]) == (ROWS, 0, 0)
    assert (len(booking.booked), max(booking.booked.values())) == (ROWS, 1)
    finished = [each for each in await world.take(topic="slotstream.imports.v1") if each.type.endswith("finished")]
    assert [each.data.booked for each in finished] == [ROWS]


def dying_after(real: Any) -> Any:
    async def dies(*args: Any, **more: Any) -> None:
        await real(*args, **more)
        raise asyncio.CancelledError

    return dies


@pytest.mark.parametrize("step", ["enqueue", "mark_sent"])
async def test_a_worker_killed_while_it_sends_leaves_the_rest_to_another(
    world: Any, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    import_id = await confirmed(world)
    booking = FakeBooking(world)
    await world.worker.work_once()
    monkeypatch.setattr(steps, step, dying_after(getattr(steps, step)))
    with pytest.raises(asyncio.CancelledError):
        await world.worker.work_once()
    monkeypatch.undo()
    assert len(await booking.take()) == 2
    await booking.answer_all(booking.taken)
    world.worker = replace(world.worker, reader=Reader())
    await booking.finish()
    assert len({each.id for each in booking.taken}) == len(booking.taken) == ROWS / ROWS_PER_COMMAND
    assert len(world.items_of(*booking.taken)) == ROWS
    await assert_booked_once(world, booking, import_id)


async def test_commands_that_are_sent_again_have_the_ids_they_had(world: Any) -> None:
    import_id = await confirmed(world)
    booking = FakeBooking(world)
    await world.work()
    first = await booking.take()
    [booking.answer(each) for each in first]
    # As though everything that was remembered since the confirmation had been lost, and the answers with it.
    await world.query("UPDATE import_rows SET to_book = true, book_id = NULL RETURNING 1")
    await booking.finish()
    again = booking.taken[len(first) :]
    assert {each.id for each in again} == {each.id for each in first}
    assert world.items_of(*again) == world.items_of(*first)
    await assert_booked_once(world, booking, import_id)


async def test_answers_that_a_killed_consumer_did_not_keep_come_again(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = await confirmed(world)
    booking = FakeBooking(world)
    await world.work()
    commands = await booking.take()
    monkeypatch.setattr(answers, "apply_bookings", dying_after(apply_bookings))
    with pytest.raises(asyncio.CancelledError):
        await booking.answer_all(commands[:2])
    monkeypatch.undo()
    assert (await world.get(import_id))["counts"]["booked"] == 0
    await booking.answer_all(commands[:2])
    # A relay or a consumer that dies before it can say how far it was brings both once more.
    await booking.answer_all([*commands[1:], *commands[:3]])
    await booking.finish()
    await assert_booked_once(world, booking, import_id)


async def test_an_import_is_finished_only_when_every_row_is_answered(world: Any) -> None:
    import_id = await confirmed(world)
    booking = FakeBooking(world)
    await world.work()
    commands = await booking.take()
    await booking.answer_all(commands[1:])
    await world.work()
    assert (await world.get(import_id))["state"] == "booking"
    await booking.answer_all(commands[:1])
    await booking.finish()
    await assert_booked_once(world, booking, import_id)


async def test_a_confirmation_that_is_repeated_books_nothing_twice(world: Any) -> None:
    import_id = await world.checked(a_file())
    key = {"Idempotency-Key": "confirm-once"}
    first = await world.http.post(f"/v1/imports/{import_id}/confirm", json={}, headers=key)
    again = await world.http.post(f"/v1/imports/{import_id}/confirm", json={}, headers=key)
    assert (first.status_code, again.status_code, again.headers["Idempotency-Replayed"]) == (202, 202, "true")
    other = await world.http.post(f"/v1/imports/{import_id}/confirm", json={})
    assert (other.status_code, other.json()["code"]) == (409, "invalid_transition")
    booking = FakeBooking(world)
    await booking.finish()
    await assert_booked_once(world, booking, import_id)


async def test_answers_to_other_services_are_left_alone(world: Any) -> None:
    import_id = await confirmed(world)
    await world.work()
    command = (await world.take(topic="slotstream.booking.commands.v1"))[0]
    stranger = world.everything_goes(command).model_copy(update={"batch_id": None})
    await world.answer([stranger])
    assert (await world.get(import_id))["counts"]["booked"] == 0
    assert set(consumers.RESULT_TYPES) == {"slotstream.command.succeeded", "slotstream.command.refused"}


async def test_refused_rows_say_why_and_the_others_are_booked(world: Any) -> None:
    import_id = await confirmed(world)
    await world.work()
    commands = await world.take(topic="slotstream.booking.commands.v1")
    unwanted = {item.appointment_id for item in world.items_of(*commands)[:3]}
    await world.answer([world.refused(each, only=unwanted) for each in commands])
    await world.work()
    shown = await world.get(import_id)
    assert (shown["state"], shown["counts"]["new"], shown["counts"]["failed"]) == ("finished", ROWS - 3, 3)
    refused = await world.rows(import_id, outcome="refused")
    assert {UUID(row["appointment_id"]) for row in refused} == unwanted
    assert [row["outcome_reasons"][0]["code"] for row in refused] == ["slot_taken"] * 3
    lines = (await world.http.get(f"/v1/imports/{import_id}/errors.csv")).text.splitlines()
    assert [line.split(",")[:3] for line in lines[1:]] == [
        [str(row["number"]), "refused", "slot_taken"] for row in refused
    ]
