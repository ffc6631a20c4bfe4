"""Rows are asked about in batches, and each row takes its own answer."""

from datetime import timedelta
from typing import Any

import pytest
from imports_service import ImportsService

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


async def sent(service: ImportsService, verb: str, rows: int) -> tuple[str, list[Any]]:
    """An import whose rows wait for booking to check or to book them; its id and the commands."""
    if verb == "check":
        import_id = await service.mapped(a_file(rows))
    else:
        import_id = await service.checked(a_file(rows))
        assert (await service.http.post(f"/v1/imports/{import_id}/confirm", json={})).status_code == 202
    await service.work()
    return import_id, await service.take(topic=COMMANDS)


async def verdicts(service: ImportsService, import_id: str, verb: str) -> dict[int, tuple[str | None, list[str]]]:
    """By row, what its answer made of it, and the codes of the reasons: None while none has come."""
    column = {"check": ("state", "reasons"), "book": ("outcome", "outcome_reasons")}[verb]
    return {
        row["number"]: (
            None if verb == "check" and not row["checked"] else row[column[0]],
            [reason["code"] for reason in row[column[1]]],
        )
        for row in await service.rows(import_id)
    }


@VERBS
async def test_one_command_asks_for_fifty_rows(service: ImportsService, verb: str) -> None:
    import_id, commands = await sent(service, verb, 120)
    assert {command.type for command in commands} == {f"slotstream.command.{verb}_appointments"}
    assert [len(service.items_of(command)) for command in commands] == [50, 50, 20]
    in_the_file = [row["appointment_id"] for row in await service.rows(import_id)]
    assert [str(item.appointment_id) for item in service.items_of(*commands)] == in_the_file
    assert {str(item.request.batch_id) for item in service.items_of(*commands)} == {import_id}
    # Keyed by themselves, so that one import's commands spread over the partitions.
    assert [command.partitionkey for command in commands] == [str(command.id) for command in commands]
    assert len({command.id for command in commands}) == len(commands)


@VERBS
async def test_no_more_than_five_hundred_rows_are_with_booking_at_a_time(service: ImportsService, verb: str) -> None:
    import_id, commands = await sent(service, verb, 620)
    assert sum(len(service.items_of(command)) for command in commands) == 500

    # An answer makes room, and what comes for less than a command's worth waits.
    await service.answer([service.everything_goes(commands[0])])
    await service.work()
    more = await service.take(topic=COMMANDS)
    assert [len(service.items_of(command)) for command in more] == [50]

    for _ in range(3):
        await service.answer([service.everything_goes(command) for command in (*commands, *more)])
        await service.work()
        more = await service.take(topic=COMMANDS)
    assert (await service.get(import_id))["state"] == {"check": "checked", "book": "finished"}[verb]


@VERBS
async def test_what_nobody_answers_makes_room_once_it_is_tried_again(service: ImportsService, verb: str) -> None:
    import_id, _ = await sent(service, verb, 620)
    service.now[0] += timedelta(minutes=16)
    await service.work()
    assert (await service.get(import_id))["state"] == "stalled"
    assert (await service.http.post(f"/v1/imports/{import_id}/retry")).status_code == 202
    await service.work()
    again = await service.take(topic=COMMANDS)
    assert sum(len(service.items_of(command)) for command in again) == 500


@pytest.mark.parametrize(
    ("verb", "refused", "granted"),
    [("check", ("conflict", ["slot_taken"]), ("ok", [])), ("book", ("refused", ["slot_taken"]), ("booked", []))],
)
async def test_a_refused_row_is_marked_and_its_batch_goes_on(
    service: ImportsService, verb: str, refused: tuple[str, list[str]], granted: tuple[str, list[str]]
) -> None:
    import_id, (command,) = await sent(service, verb, 4)
    unwanted = service.items_of(command)[1].appointment_id
    await service.answer([service.refused(command, only={unwanted})])
    assert await verdicts(service, import_id, verb) == {2: granted, 3: refused, 4: granted, 5: granted}
    await service.work()
    assert (await service.get(import_id))["state"] == {"check": "checked", "book": "finished"}[verb]


@VERBS
async def test_a_refusal_without_reasons_is_told_by_its_code(service: ImportsService, verb: str) -> None:
    import_id, (command,) = await sent(service, verb, 1)
    (item,) = service.items_of(command)
    refusal = service.item_result(item, outcome="refused", code="not_found", detail="No such service.")
    await service.answer([service.answered(command, refusal)])
    (row,) = await service.rows(import_id)
    reasons = row["reasons"] if verb == "check" else row["outcome_reasons"]
    assert reasons == [{"code": "not_found", "detail": "No such service.", "conflicts_with": []}]


async def test_rows_that_were_booked_before_say_so_beside_those_that_are_new(service: ImportsService) -> None:
    import_id, (command,) = await sent(service, "book", 2)
    before, new = service.items_of(command)
    await service.answer(
        [
            service.answered(
                command,
                service.item_result(before, outcome="already_done"),
                service.item_result(new, outcome="done"),
            )
        ]
    )
    assert await verdicts(service, import_id, "book") == {2: ("already_done", []), 3: ("booked", [])}


@VERBS
async def test_rows_wait_until_an_answer_names_them(service: ImportsService, verb: str) -> None:
    import_id, (command,) = await sent(service, verb, 2)
    first, last = service.everything_goes(command).items
    await service.answer([service.answered(command, last)])
    await service.work()
    assert [(verdict is None) for verdict, _ in (await verdicts(service, import_id, verb)).values()] == [True, False]
    assert (await service.get(import_id))["state"] == {"check": "checking", "book": "booking"}[verb]
    await service.answer([service.answered(command, first)])
    await service.work()
    assert (await service.get(import_id))["state"] == {"check": "checked", "book": "finished"}[verb]


@VERBS
async def test_an_answer_that_comes_again_changes_nothing(service: ImportsService, verb: str) -> None:
    import_id, commands = await sent(service, verb, 60)
    unwanted = {service.items_of(command)[0].appointment_id for command in commands}
    results = [service.refused(command, only=unwanted) for command in commands]
    await service.answer([*results, results[0]])
    before = await service.rows(import_id)
    assert sum(bool(codes) for _, codes in (await verdicts(service, import_id, verb)).values()) == 2
    await service.answer(results)
    await service.answer([service.refused(command) for command in commands])
    assert await service.rows(import_id) == before


@VERBS
async def test_a_batch_that_is_refused_whole_leaves_no_row_waiting(service: ImportsService, verb: str) -> None:
    import_id, commands = await sent(service, verb, 60)
    await service.answer([service.refused_whole(commands[0]), service.everything_goes(commands[1])])
    await service.work()
    marked = [number for number, (_, codes) in (await verdicts(service, import_id, verb)).items() if codes]
    assert marked == list(range(2, 52))
    assert (await service.rows(import_id))[0][{"check": "reasons", "book": "outcome_reasons"}[verb]] == [
        {"code": "forbidden", "detail": "Not for you.", "conflicts_with": []}
    ]
    assert (await service.get(import_id))["state"] == {"check": "checked", "book": "finished"}[verb]


async def test_no_appointment_is_asked_for_twice_in_one_import(service: ImportsService) -> None:
    lines = a_file(4).splitlines()
    import_id = await service.checked("\n".join([*lines, lines[1], lines[1]]))
    for number, body in (
        (2, {"dropped": True}),
        (2, {"dropped": False}),
        (3, {"values": {"client_name": "Client 3", "phone": "030 5550003", "starts_at": "2026-04-02 01:30"}}),
        (4, {"values": {"starts_at": "2026-04-03 10:00"}}),
    ):
        answer = await service.http.patch(f"/v1/imports/{import_id}/rows/{number}", json=body)
        assert answer.status_code == 200, answer.text
    rechecked = [item.appointment_id for item in service.items_of(*await service.settle())]
    await service.http.post(f"/v1/imports/{import_id}/confirm", json={})
    booked = [item.appointment_id for item in service.items_of(*await service.settle())]
    assert (len(rechecked), len(set(rechecked))) == (2, 2)
    assert (len(booked), len(set(booked))) == (3, 3)
    assert [row["state"] for row in await service.rows(import_id)].count("invalid") == 3


async def test_rows_with_more_text_than_a_record_holds_go_in_several(
    service: ImportsService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MAX_PAYLOAD_BYTES", 20_000)
    import_id, commands = await sent(service, "check", 60)
    assert len(commands) > 2
    assert len(service.items_of(*commands)) == 60
    await service.answer([service.everything_goes(command) for command in commands])
    await service.work()
    assert (await service.get(import_id))["state"] == "checked"
