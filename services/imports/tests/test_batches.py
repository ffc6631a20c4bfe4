"""Rows are asked about in batches, and each row takes its own answer."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from slotstream_contracts.commands import CommandRefused, CommandSucceeded
from slotstream_servicekit import outbox

COMMANDS = "slotstream.booking.commands.v1"
VERBS = pytest.mark.parametrize("verb", ["check", "book"])


def a_file(rows: int) -> str:
    lines = ["Client,Phone,Service,Staff,Start"]
    for number in range(rows):
        day, half_hour = divmod(number, 48)
        start = f"2026-04-{day + 2:02} {half_hour // 2:02}:{half_hour % 2 * 30:02}"
        lines.append(f"Client {number},030 {5550000 + number},First visit,Anna,{start}")
    return "\n".join(lines)


async def asked(world: Any, verb: str, rows: int) -> tuple[str, list[Any]]:
    """An import whose rows wait for booking to check or to book them; its id and the commands."""
    if verb == "check":
        import_id = await world.mapped(a_file(rows))
    else:
        import_id = await world.checked(a_file(rows))
        assert (await world.http.post(f"/v1/imports/{import_id}/confirm", json={})).status_code == 202
    await world.work()
    return import_id, await world.take(topic=COMMANDS)


async def verdicts(world: Any, import_id: str, verb: str) -> dict[int, tuple[str | None, list[str]]]:
    """By row, what its answer made of it, and the codes of the reasons: None while none has come."""
    column = {"check": ("state", "reasons"), "book": ("outcome", "outcome_reasons")}[verb]
    return {
        row["number"]: (
            None if verb == "check" and not row["checked"] else row[column[0]],
            [each["code"] for each in row[column[1]]],
        )
        for row in await world.rows(import_id)
    }


@VERBS
async def test_one_command_asks_for_fifty_rows(world: Any, verb: str) -> None:
    import_id, commands = await asked(world, verb, 120)
    assert {each.type for each in commands} == {f"slotstream.command.{verb}_appointments"}
    assert [len(world.items_of(each)) for each in commands] == [50, 50, 20]
    in_the_file = [row["appointment_id"] for row in await world.rows(import_id)]
    assert [str(item.appointment_id) for item in world.items_of(*commands)] == in_the_file
    assert {str(item.request.batch_id) for item in world.items_of(*commands)} == {import_id}
    # Keyed by themselves, so that one import's commands spread over the partitions.
    assert [each.partitionkey for each in commands] == [str(each.id) for each in commands]
    assert len({each.id for each in commands}) == len(commands)


@pytest.mark.parametrize(
    ("verb", "refused", "granted"),
    [("check", ("conflict", ["slot_taken"]), ("ok", [])), ("book", ("refused", ["slot_taken"]), ("booked", []))],
)
async def test_a_refused_row_is_marked_and_its_batch_goes_on(
    world: Any, verb: str, refused: tuple[str, list[str]], granted: tuple[str, list[str]]
) -> None:
    import_id, (command,) = await asked(world, verb, 4)
    unwanted = world.items_of(command)[1].appointment_id
    await world.answer([world.refused(command, only={unwanted})])
    assert await verdicts(world, import_id, verb) == {2: granted, 3: refused, 4: granted, 5: granted}
    await world.work()
    assert (await world.get(import_id))["state"] == {"check": "checked", "book": "finished"}[verb]


@VERBS
async def test_a_refusal_without_reasons_is_told_by_its_code(world: Any, verb: str) -> None:
    import_id, (command,) = await asked(world, verb, 1)
    (item,) = world.items_of(command)
    refusal = world.item_result(item, outcome="refused", code="not_found", detail="No such service.")
    await world.answer([world.answered(command, refusal)])
    (row,) = await world.rows(import_id)
    reasons = row["reasons"] if verb == "check" else row["outcome_reasons"]
    assert reasons == [{"code": "not_found", "detail": "No such service.", "conflicts_with": []}]


async def test_rows_that_were_booked_before_say_so_beside_those_that_are_new(world: Any) -> None:
    import_id, (command,) = await asked(world, "book", 2)
    before, new = world.items_of(command)
    await world.answer(
        [
            world.answered(
                command,
                world.item_result(before, outcome="already_done"),
                world.item_result(new, outcome="done"),
            )
        ]
    )
    assert await verdicts(world, import_id, "book") == {2: ("already_done", []), 3: ("booked", [])}


@VERBS
async def test_rows_wait_until_an_answer_names_them(world: Any, verb: str) -> None:
    import_id, (command,) = await asked(world, verb, 2)
    first, last = world.everything_goes(command).items
    await world.answer([world.answered(command, last)])
    await world.work()
    assert [(each is None) for each, _ in (await verdicts(world, import_id, verb)).values()] == [True, False]
    assert (await world.get(import_id))["state"] == {"check": "checking", "book": "booking"}[verb]
    await world.answer([world.answered(command, first)])
    await world.work()
    assert (await world.get(import_id))["state"] == {"check": "checked", "book": "finished"}[verb]


@VERBS
async def test_an_answer_that_comes_again_changes_nothing(world: Any, verb: str) -> None:
    import_id, commands = await asked(world, verb, 60)
    unwanted = {world.items_of(each)[0].appointment_id for each in commands}
    results = [world.refused(each, only=unwanted) for each in commands]
    await world.answer([*results, results[0]])
    before = await world.rows(import_id)
    assert sum(bool(codes) for _, codes in (await verdicts(world, import_id, verb)).values()) == 2
    await world.answer(results)
    await world.answer([world.refused(each) for each in commands])
    assert await world.rows(import_id) == before


@VERBS
async def test_a_batch_that_is_refused_whole_leaves_no_row_waiting(world: Any, verb: str) -> None:
    import_id, commands = await asked(world, verb, 60)
    await world.answer([world.refused_whole(commands[0]), world.everything_goes(commands[1])])
    await world.work()
    marked = [number for number, (_, codes) in (await verdicts(world, import_id, verb)).items() if codes]
    assert marked == list(range(2, 52))
    assert (await world.rows(import_id))[0][{"check": "reasons", "book": "outcome_reasons"}[verb]] == [
        {"code": "forbidden", "detail": "Not for you.", "conflicts_with": []}
    ]
    assert (await world.get(import_id))["state"] == {"check": "checked", "book": "finished"}[verb]


@VERBS
async def test_answers_to_the_version_that_asked_row_by_row_still_count(world: Any, verb: str) -> None:
    import_id, _ = await asked(world, verb, 3)
    ids: dict[int, UUID] = {number: uuid4() for number in (2, 3, 4)}
    for number, command_id in ids.items():
        await world.query(
            f"UPDATE import_rows SET {verb}_id = :id WHERE number = :number RETURNING 1", id=command_id, number=number
        )
    command_type, batch_id = f"slotstream.command.{verb}_appointment", UUID(import_id)
    done = {"command_type": command_type, "batch_id": batch_id}
    await world.answer(
        [
            CommandSucceeded(command_id=ids[2], outcome="bookable" if verb == "check" else "done", **done),
            CommandSucceeded(command_id=ids[3], outcome="bookable" if verb == "check" else "already_done", **done),
            CommandRefused(command_id=ids[4], code="slot_taken", detail="Somebody has it.", **done),
        ]
    )
    assert await verdicts(world, import_id, verb) == {
        "check": {2: ("ok", []), 3: ("ok", []), 4: ("conflict", ["slot_taken"])},
        "book": {2: ("booked", []), 3: ("already_done", []), 4: ("refused", ["slot_taken"])},
    }[verb]  # fmt: skip


async def test_no_appointment_is_asked_for_twice_in_one_import(world: Any) -> None:
    lines = a_file(4).splitlines()
    import_id = await world.checked("\n".join([*lines, lines[1], lines[1]]))
    for number, body in (
        (2, {"dropped": True}),
        (2, {"dropped": False}),
        (3, {"values": {"client_name": "Client 3", "phone": "030 5550003", "starts_at": "2026-04-02 01:30"}}),
        (4, {"values": {"starts_at": "2026-04-03 10:00"}}),
    ):
        answer = await world.http.patch(f"/v1/imports/{import_id}/rows/{number}", json=body)
        assert answer.status_code == 200, answer.text
    rechecked = [item.appointment_id for item in world.items_of(*await world.settle())]
    await world.http.post(f"/v1/imports/{import_id}/confirm", json={})
    booked = [item.appointment_id for item in world.items_of(*await world.settle())]
    assert (len(rechecked), len(set(rechecked))) == (2, 2)
    assert (len(booked), len(set(booked))) == (3, 3)
    assert [row["state"] for row in await world.rows(import_id)].count("invalid") == 3


async def test_rows_with_more_text_than_a_record_holds_go_in_several(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MAX_PAYLOAD_BYTES", 20_000)
    import_id, commands = await asked(world, "check", 60)
    assert len(commands) > 2
    assert len(world.items_of(*commands)) == 60
    await world.answer([world.everything_goes(each) for each in commands])
    await world.work()
    assert (await world.get(import_id))["state"] == "checked"
