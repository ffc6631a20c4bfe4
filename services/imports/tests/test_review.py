"""Reviewing an import row by row before it is confirmed."""

from typing import Any

from imports_service import ImportsService

FILE = """Client,Phone,Service,Staff,Date,Time
Clara,030 901820,First visit,Anna,2026-03-30,10:00
David,030 901821,First visit,Anna,2026-03-30,10:15
Eva,030 901823,First visit,Ben,2026-03-30,10:00
Finn,030 901824,First visit,Ben,2026-03-30,12:00
Clara,030 901820,First visit,Anna,2026-03-30,10:00
"""


async def states(service: ImportsService, import_id: str) -> dict[int, str]:
    return {row["number"]: row["state"] for row in await service.rows(import_id)}


async def patch(service: ImportsService, import_id: str, number: int, body: dict[str, Any], **headers: str) -> Any:
    return await service.http.patch(f"/v1/imports/{import_id}/rows/{number}", json=body, headers=headers)


async def change(service: ImportsService, import_id: str, number: int, body: dict[str, Any]) -> dict[str, Any]:
    answer = await patch(service, import_id, number, body)
    assert answer.status_code == 200, answer.text
    changed: dict[str, Any] = answer.json()
    return changed


async def test_rows_that_repeat_or_obstruct_each_other_are_marked(service: ImportsService) -> None:
    import_id = await service.checked(FILE)
    assert await states(service, import_id) == {2: "ok", 3: "conflict", 4: "ok", 5: "ok", 6: "invalid"}
    last = (await service.rows(import_id))[-1]
    assert [(reason["code"], reason["conflicts_with"]) for reason in last["reasons"]] == [("duplicate_row", ["2"])]


async def test_moving_a_row_to_a_free_time_frees_what_it_stood_in_the_way_of(service: ImportsService) -> None:
    import_id = await service.checked(FILE)
    moved = await change(service, import_id, 2, {"values": {"time": "15:00"}})
    assert moved["requested"]["starts_at"] == "2026-03-30T13:00:00Z"
    # Row 6 said the same as row 2 as it was: now it asks for ten o'clock itself, before row 3.
    assert await states(service, import_id) == {2: "ok", 3: "ok", 4: "ok", 5: "ok", 6: "conflict"}
    await service.settle()
    assert (await service.get(import_id))["state"] == "checked"


async def test_moving_a_row_onto_another_makes_it_the_one_in_conflict(service: ImportsService) -> None:
    import_id = await service.checked(FILE)
    moved = await change(service, import_id, 4, {"values": {"time": "11:45"}})
    assert (moved["state"], moved["reasons"]) == (
        "conflict",
        [{"code": "conflict_in_file", "detail": "Row 5 takes the same time", "conflicts_with": ["5"]}],
    )
    assert (await states(service, import_id))[5] == "ok"


async def test_a_dropped_row_is_not_booked_and_can_be_taken_back(service: ImportsService) -> None:
    import_id = await service.checked(FILE)
    dropped = await change(service, import_id, 5, {"dropped": True})
    assert dropped["dropped"] is True
    assert (await service.get(import_id))["counts"]["dropped"] == 1
    back = await change(service, import_id, 5, {"dropped": False})
    assert (back["dropped"], back["state"]) == (False, "ok")
    await change(service, import_id, 5, {"dropped": True})
    await service.settle()
    await service.http.post(f"/v1/imports/{import_id}/confirm", json={})
    assert len(service.items_of(*await service.settle())) == 2


async def test_all_conflicts_that_are_left_can_be_forced_at_once(service: ImportsService) -> None:
    import_id = await service.checked(FILE)
    await change(service, import_id, 3, {"override_reason": "they know each other"})
    await change(service, import_id, 4, {"values": {"time": "11:45"}})
    await service.settle(service.refused)
    answer = await service.http.post(
        f"/v1/imports/{import_id}/confirm", json={"override": {"reason": "the old book says so"}}
    )
    assert answer.status_code == 202, answer.text
    commands = await service.settle()
    forced = {item.request.client.name: item.request.override for item in service.items_of(*commands)}
    assert {name: override and override.reason for name, override in forced.items()} == {
        "Clara": None,
        "David": "they know each other",
        "Eva": "the old book says so",
        "Finn": None,
    }


async def test_an_override_can_be_withdrawn(service: ImportsService) -> None:
    import_id = await service.checked(FILE)
    await change(service, import_id, 3, {"override_reason": "agreed"})
    counts = (await service.http.get(f"/v1/imports/{import_id}")).json()["counts"]
    assert (counts["conflicts"], counts["overridden"]) == (1, 1)
    withdrawn = await change(service, import_id, 3, {"override_reason": None})
    assert withdrawn["override_reason"] is None
    await service.http.post(f"/v1/imports/{import_id}/confirm", json={})
    assert len(service.items_of(*await service.settle())) == 3


async def test_a_row_that_somebody_else_has_changed_is_not_changed_blindly(service: ImportsService) -> None:
    import_id = await service.checked(FILE)
    seen = (await service.rows(import_id))[0]["version"]
    first = await patch(service, import_id, 2, {"values": {"time": "15:00"}}, **{"If-Match": f'"{seen}"'})
    second = await patch(service, import_id, 2, {"values": {"time": "16:00"}}, **{"If-Match": f'"{seen}"'})
    assert first.headers["ETag"] == f'"{first.json()["version"]}"'
    assert (second.status_code, second.json()["code"]) == (412, "version_conflict")
    assert (await service.rows(import_id))[0]["values"]["time"] == "15:00"


async def test_rows_can_be_changed_only_before_the_import_is_confirmed(service: ImportsService) -> None:
    import_id = await service.finished(FILE)
    answer = await patch(service, import_id, 2, {"dropped": True})
    assert (answer.status_code, answer.json()["code"]) == (409, "invalid_transition")


async def test_an_answer_to_a_row_as_it_was_does_not_count_for_the_row_as_it_is(service: ImportsService) -> None:
    import_id = await service.mapped(FILE)
    await service.work()
    asked = await service.take(topic="slotstream.booking.commands.v1")
    await change(service, import_id, 5, {"values": {"time": "16:00"}})
    await service.answer([service.refused(command) for command in asked])
    assert await states(service, import_id) == {2: "conflict", 3: "conflict", 4: "conflict", 5: "ok", 6: "invalid"}
    (again,) = await service.settle()
    assert [item.request.client.name for item in service.items_of(again)] == ["Finn"]
    assert (await service.get(import_id))["state"] == "checked"


async def test_a_new_mapping_starts_the_review_anew_with_commands_of_their_own(service: ImportsService) -> None:
    import_id = await service.mapped(FILE)
    await change_after_checks(service, import_id)
    before = await service.query("SELECT max(revision) AS newest FROM import_rows")
    columns = (await service.http.get(f"/v1/imports/{import_id}/preview")).json()["columns"]
    await service.http.put(f"/v1/imports/{import_id}/mapping", json={"columns": columns})
    await service.work()
    after = await service.query("SELECT min(revision) AS oldest FROM import_rows")
    assert after[0].oldest > before[0].newest
    assert await states(service, import_id) == {2: "ok", 3: "conflict", 4: "ok", 5: "ok", 6: "invalid"}


async def change_after_checks(service: ImportsService, import_id: str) -> None:
    await service.settle()
    for time in ("15:00", "16:00", "17:00"):
        await change(service, import_id, 2, {"values": {"time": time}})
    await service.settle()


async def test_rows_come_in_pages_that_neither_skip_nor_repeat(service: ImportsService) -> None:
    import_id = await service.checked(FILE)
    seen: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await service.http.get(f"/v1/imports/{import_id}/rows", params={"limit": "2", **cursor})).json()
        seen += [row["number"] for row in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == [2, 3, 4, 5, 6]
