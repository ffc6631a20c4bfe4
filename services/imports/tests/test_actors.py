"""Commands carry who asked for what they do; nothing is forced through a file that could not be forced directly."""

from typing import Any

from imports_service import ImportsService

FILE = """Client,Phone,Service,Staff,Start
Clara,030 901820,First visit,Anna,2026-03-30 10:00
David,030 901821,First visit,Anna,2026-03-30 10:15
Eva,030 901822,First visit,Ben,2026-03-30 10:15
"""


def actors_of(commands: list[Any]) -> list[tuple[str, str]]:
    return [(command.data.actor.type, command.data.actor.id) for command in commands]


async def test_each_command_carries_who_asked_for_it(service: ImportsService) -> None:
    uploader, confirmer = service.as_user("uploader"), service.as_user("confirmer")
    import_id = (await service.upload(FILE, client=await uploader)).json()["id"]
    columns = (await service.http.get(f"/v1/imports/{import_id}/preview")).json()["columns"]
    mapper = await service.as_user("mapper")
    await mapper.put(f"/v1/imports/{import_id}/mapping", json={"columns": columns})
    assert set(actors_of(await service.settle())) == {("user", "mapper")}
    who = await confirmer
    answer = await who.post(f"/v1/imports/{import_id}/confirm", json={})
    assert answer.status_code == 202, answer.text
    assert set(actors_of(await service.settle())) == {("user", "confirmer")}
    await (await service.as_user("undoer")).post(f"/v1/imports/{import_id}/undo", json={})
    assert actors_of(await service.settle()) == [("user", "undoer")]
    events = await service.take(topic="slotstream.imports.v1")
    assert [(event.type.rpartition(".")[2], event.data.actor.id) for event in events] == [
        ("uploaded", "uploader"),
        ("checked", "mapper"),
        ("confirmed", "confirmer"),
        ("finished", "confirmer"),
        ("undone", "undoer"),
    ]


async def test_a_forced_row_goes_in_the_name_of_who_forced_it(service: ImportsService) -> None:
    import_id = await service.checked(FILE)
    forcer = await service.as_user("forcer")
    path = f"/v1/imports/{import_id}"
    assert (await forcer.patch(f"{path}/rows/3", json={"override_reason": "twins"})).status_code == 200
    await (await service.as_user("confirmer")).post(f"{path}/confirm", json={})
    commands = await service.settle()
    by_actor = {command.data.actor.id: [item.request for item in command.data.items] for command in commands}
    assert {actor: [request.client.name for request in requests] for actor, requests in by_actor.items()} == {
        "confirmer": ["Clara", "Eva"],
        "forcer": ["David"],
    }
    assert by_actor["forcer"][0].override.reason == "twins"


async def test_an_integration_forces_nothing_through_a_file(service: ImportsService) -> None:
    import_id = await service.checked(FILE)
    path = f"/v1/imports/{import_id}"
    integration = await service.as_integration("imports:write", "imports:read", "appointments:override")
    for answer in (
        await integration.patch(f"{path}/rows/3", json={"override_reason": "twins"}),
        await integration.post(f"{path}/confirm", json={"override": {"reason": "all of them"}}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    confirmed = await integration.post(f"{path}/confirm", json={})
    assert confirmed.status_code == 202, confirmed.text
    commands = await service.settle()
    assert {actor for actor, _ in actors_of(commands)} == {"integration"}
    assert [item.request.client.name for item in service.items_of(*commands)] == ["Clara", "Eva"]


async def test_an_override_ends_when_the_row_is_changed_by_somebody_else(service: ImportsService) -> None:
    import_id = await service.checked(FILE)
    row = f"/v1/imports/{import_id}/rows/3"
    await service.http.patch(row, json={"override_reason": "twins"})
    integration = await service.as_integration("imports:write", "imports:read")
    changed = await integration.patch(row, json={"values": {"starts_at": "2026-03-30 10:20"}})
    assert (changed.status_code, changed.json()["override_reason"]) == (200, None)
    await service.settle()
    await service.http.post(f"/v1/imports/{import_id}/confirm", json={})
    assert len(service.items_of(*await service.settle())) == 2
