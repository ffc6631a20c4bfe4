"""From a file to bookings and back, over HTTP and the booking topics, on a real database."""

from typing import Any
from uuid import UUID

from imports_service import ImportsService

from slotstream_contracts.base import Reason

FILE = """External ID;Client;Phone;E-Mail;Service;Staff;Date;Time;Duration
1;Clara Huber;030 901820;clara@example.com;First Visit;Anna;29.03.2026;10:00;
2;David Yilmaz;+49 30 901821;;Haircut;Anna;29.03.2026;10:15;30
3;Eva Klein;12;;Haircut;Anna;30.03.2026;11:00;
4;Finn Wolf;030 901823;;First visit;;29.03.2026;02:30;
5;Gero Lang;030 901824;;first-visit;Ben;25.10.2026;02:30;1:30
"""


async def test_every_row_is_judged_with_all_its_reasons(service: ImportsService) -> None:
    import_id = await service.checked(FILE)
    rows = {row["number"]: row for row in await service.rows(import_id)}
    assert {number: row["state"] for number, row in rows.items()} == {
        2: "ok",
        3: "conflict",
        4: "invalid",
        5: "invalid",
        6: "warning",
    }
    assert rows[2]["requested"]["starts_at"] == "2026-03-29T08:00:00Z"
    assert rows[2]["requested"]["phone"] == "+4930901820"
    assert rows[2]["requested"]["duration_minutes"] == 30
    assert [reason["code"] for reason in rows[3]["reasons"]] == ["conflict_in_file"]
    assert rows[3]["reasons"][0]["conflicts_with"] == ["2"]
    assert [reason["code"] for reason in rows[4]["reasons"]] == ["invalid_phone"]
    assert [reason["code"] for reason in rows[5]["reasons"]] == ["nonexistent_time"]
    assert [reason["code"] for reason in rows[6]["reasons"]] == ["ambiguous_time"]
    assert [row["number"] for row in await service.rows(import_id, state="invalid")] == [4, 5]


async def test_an_import_is_booked_watched_and_undone(service: ImportsService) -> None:
    import_id = await service.finished(FILE)
    shown = await service.get(import_id)
    assert shown["state"] == "finished"
    assert (shown["counts"]["booked"], shown["counts"]["failed"], shown["counts"]["invalid"]) == (2, 0, 2)
    stream = await service.http.get(f"/v1/imports/{import_id}/progress")
    assert stream.text.startswith('retry: 1000\nevent: progress\ndata: {"state":"finished"')
    answer = await service.http.post(f"/v1/imports/{import_id}/undo", json={})
    assert answer.status_code == 202, answer.text
    (command,) = await service.settle()
    assert (command.type, str(command.data.batch_id)) == ("slotstream.command.undo_appointments", import_id)
    booked = [row["appointment_id"] for row in await service.rows(import_id, outcome="undone")]
    assert [str(appointment_id) for appointment_id in command.data.appointment_ids] == booked
    shown = await service.get(import_id)
    assert (shown["state"], shown["counts"]["undone"]) == ("undone", 2)
    events = await service.take(topic="slotstream.imports.v1")
    assert service.events_of(events) == [
        ("uploaded", 1), ("checked", 2), ("confirmed", 3), ("finished", 4), ("undone", 5),
    ]  # fmt: skip


async def test_importing_the_same_file_again_changes_nothing(service: ImportsService) -> None:
    first = await service.finished(FILE)
    ids = {row["number"]: row["appointment_id"] for row in await service.rows(first)}
    second = await service.checked(FILE)
    again = {row["number"]: row for row in await service.rows(second)}
    assert {number: row["appointment_id"] for number, row in again.items()} == ids
    assert "already_imported" in [reason["code"] for reason in again[2]["reasons"]]
    await service.http.post(f"/v1/imports/{second}/confirm", json={})
    await service.settle(lambda command: service.everything_goes(command, outcome="already_done"))
    counts = (await service.get(second))["counts"]
    assert (counts["new"], counts["already_done"]) == (0, 2)


async def test_a_file_can_be_imported_again_after_it_was_undone(service: ImportsService) -> None:
    first = await service.finished(FILE)
    await service.http.post(f"/v1/imports/{first}/undo", json={})
    await service.settle()
    second = await service.checked(FILE)
    before = {row["appointment_id"] for row in await service.rows(first, state="ok")}
    after = {row["appointment_id"] for row in await service.rows(second, state="ok")}
    assert before
    assert not before & after


async def test_what_somebody_changed_since_is_kept_by_an_undo(service: ImportsService) -> None:
    import_id = await service.finished(FILE)
    kept = (await service.rows(import_id, outcome="booked"))[0]["appointment_id"]
    await service.http.post(f"/v1/imports/{import_id}/undo", json={})
    changed = Reason(code="changed_since", detail="Somebody has changed it.")
    await service.settle(lambda command: service.refused(command, {UUID(kept)}, because=changed))
    assert [row["appointment_id"] for row in await service.rows(import_id, outcome="kept")] == [kept]
    assert (await service.get(import_id))["state"] == "undone"


async def test_a_conflict_with_the_book_is_booked_only_with_an_override(service: ImportsService) -> None:
    import_id = await service.mapped(FILE)
    await service.settle(service.refused)
    row = (await service.rows(import_id, state="conflict"))[0]
    assert row["reasons"][-1] == {"code": "slot_taken", "detail": "Somebody has it.", "conflicts_with": ["a"]}
    patched = await service.http.patch(
        f"/v1/imports/{import_id}/rows/{row['number']}", json={"override_reason": "agreed"}
    )
    assert patched.status_code == 200, patched.text
    await service.http.post(f"/v1/imports/{import_id}/confirm", json={"notify": True})
    (item,) = service.items_of(*await service.settle())
    assert item.request.override.reason == "agreed"
    assert item.request.notify is True
    assert str(item.appointment_id) == row["appointment_id"]


async def test_clients_are_not_told_unless_asked(service: ImportsService) -> None:
    import_id = await service.checked(FILE)
    await service.http.post(f"/v1/imports/{import_id}/confirm", json={})
    commands = await service.settle()
    assert [item.request.notify for item in service.items_of(*commands)] == [False, False]


async def test_a_corrected_row_is_judged_and_checked_anew(service: ImportsService) -> None:
    import_id = await service.checked(FILE)
    patched = await service.http.patch(f"/v1/imports/{import_id}/rows/4", json={"values": {"phone": "030 901822"}})
    assert (patched.json()["state"], patched.json()["checked"]) == ("ok", False)
    (command,) = await service.settle()
    assert command.type == "slotstream.command.check_appointments"
    assert [str(item.appointment_id) for item in service.items_of(command)] == [patched.json()["appointment_id"]]
    assert (await service.get(import_id))["state"] == "checked"


async def test_dropping_a_row_frees_what_was_in_its_way(service: ImportsService) -> None:
    import_id = await service.checked(FILE)
    await service.http.patch(f"/v1/imports/{import_id}/rows/2", json={"dropped": True})
    await service.settle()
    row = next(row for row in await service.rows(import_id) if row["number"] == 3)
    assert (row["state"], row["reasons"]) == ("ok", [])


async def test_the_errors_come_as_a_file_that_no_spreadsheet_runs(service: ImportsService) -> None:
    file = "Client,Phone,Service,Start\n=cmd|x,+4930901820,Nothing,2026-03-30 10:00\n"
    import_id = await service.checked(file)
    answer = await service.http.get(f"/v1/imports/{import_id}/errors.csv")
    lines = answer.text.splitlines()
    assert lines[0] == "row,state,codes,details,Client,Phone,Service,Start"
    assert lines[1].startswith("2,invalid,unknown_service,")
    assert "'=cmd|x,+4930901820" in lines[1]


async def test_dates_that_can_be_read_in_two_ways_are_for_the_user_to_decide(service: ImportsService) -> None:
    file = "Client,Phone,Service,Start\nEva,030 901820,Haircut,03/04/2026 10:00\n"
    import_id = (await service.upload(file)).json()["id"]
    preview = (await service.http.get(f"/v1/imports/{import_id}/preview")).json()
    assert preview["date_orders"] == {"Start": ["day-month-year", "month-day-year"]}
    body: dict[str, Any] = {"columns": preview["columns"]}
    refused_answer = await service.http.put(f"/v1/imports/{import_id}/mapping", json=body)
    assert (refused_answer.status_code, refused_answer.json()["code"]) == (422, "ambiguous_dates")
    body["date_order"] = "month-day-year"
    assert (await service.http.put(f"/v1/imports/{import_id}/mapping", json=body)).status_code == 200
    await service.settle()
    assert (await service.rows(import_id))[0]["requested"]["starts_at"] == "2026-03-04T09:00:00Z"
    again = (await service.upload(file)).json()["id"]
    remembered = (await service.http.get(f"/v1/imports/{again}/preview")).json()
    assert (remembered["remembered"], remembered["date_order"]) == (True, "month-day-year")


async def test_one_idempotency_key_makes_one_import(service: ImportsService) -> None:
    first = await service.upload(FILE, **{"Idempotency-Key": "k1"})
    again = await service.upload(FILE, **{"Idempotency-Key": "k1"})
    other = await service.upload(FILE + "x;", **{"Idempotency-Key": "k1"})
    assert first.json()["id"] == again.json()["id"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_nothing_of_one_organization_is_visible_to_another(service: ImportsService) -> None:
    import_id = await service.checked(FILE)
    for path in ("", "/preview", "/rows", "/progress", "/errors.csv"):
        assert (await service.stranger.get(f"/v1/imports/{import_id}{path}")).status_code == 404
    assert (await service.stranger.post(f"/v1/imports/{import_id}/confirm", json={})).status_code == 404
    assert (await service.stranger.patch(f"/v1/imports/{import_id}/rows/2", json={"dropped": True})).status_code == 404
    assert (await service.stranger.get("/v1/imports")).json()["items"] == []
    assert (await service.anonymous.get("/v1/imports")).status_code == 401
    assert (await service.staff_client.post(f"/v1/imports/{import_id}/confirm", json={})).status_code == 403


async def test_answers_that_come_twice_or_to_nobody_change_nothing(service: ImportsService) -> None:
    import_id = await service.mapped(FILE)
    await service.work()
    commands = await service.take(topic="slotstream.booking.commands.v1")
    results = [service.refused(command) for command in commands]
    await service.answer(results)
    before = await service.rows(import_id)
    await service.answer(results)
    await service.answer([service.refused(command) for command in reversed(commands)])
    assert await service.rows(import_id) == before


async def test_files_that_cannot_be_read_are_refused(service: ImportsService) -> None:
    for content in (b"", b"a,b\n", b"\x00\x01\x02", b"PK\x03\x04" + bytes(100)):
        answer = await service.upload(content)
        assert (answer.status_code, answer.json()["code"]) == (422, "unreadable_file"), content
    assert (await service.http.get("/v1/imports")).json()["items"] == []
