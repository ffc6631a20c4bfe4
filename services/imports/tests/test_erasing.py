"""An erase leaves nothing of a person in any table, in whatever way it came there, and what it can of everybody else's."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from imports_service import ERIKA, ImportsService, a_client, erase, everything

from imports.storage.imports import ImportStore
from imports.storage.rows import RowStore

Until = Callable[..., Awaitable[Any]]

HER = "Erika Musterfrau,0151 23456789,First visit,Anna,2026-04-02 10:00,allergic to nuts"
HIM = "Max Beispiel,030 901821,First visit,Anna,2026-04-03 10:00,"
HEADER = "Client,Phone,Service,Staff,Start,Notes"
OF_TWO = f"{HEADER}\n{HER}\n{HIM}"
FIELDS = ("client_name", "phone", "service", "staff", "starts_at", "notes")
COLUMNS = dict(zip(FIELDS, HEADER.split(","), strict=True))
HERS_AS_COLUMNS = dict(zip(FIELDS, HER.split(","), strict=True))


async def known(service: ImportsService) -> UUID:
    """A client whom a tombstone may name later."""
    client_id = uuid4()
    await service.receive_clients([(client_id, a_client(service, client_id, phone="+4915123456789"))])
    return client_id


async def traces_after_erasing(service: ImportsService, client_id: UUID) -> list[str]:
    """What is left of Erika, of whom all was there before."""
    await service.take(topic="slotstream.imports.v1")
    held = await everything(service)
    assert [word for word in ERIKA if word not in held] == []
    service.now[0] += timedelta(minutes=1)
    await erase(service, client_id)
    held = await everything(service)
    return [word for word in ERIKA if word in held]


@pytest.mark.parametrize("then", ["checked", "finished", "cancelled", "mapped again"])
async def test_nothing_is_left_of_a_person_whose_row_was_taken_for_the_header(
    service: ImportsService, then: str
) -> None:
    client_id = await known(service)
    import_id = (await service.upload(OF_TWO, name="Erika.csv")).json()["id"]
    await service.map(import_id, HERS_AS_COLUMNS, header_row="2")
    await service.settle()
    if then == "mapped again":
        await service.map(import_id, COLUMNS, header_row="1")
        await service.settle()
    elif then != "checked":
        key = {"Idempotency-Key": "once"}
        verb = "confirm" if then == "finished" else "cancel"
        answer = await service.http.post(f"/v1/imports/{import_id}/{verb}", json={}, headers=key)
        assert answer.is_success, answer.text
        await service.settle()
        assert (await service.get(import_id))["state"] == then
    assert await traces_after_erasing(service, client_id) == []


async def test_nothing_is_left_of_a_person_whose_row_is_above_the_header(service: ImportsService) -> None:
    client_id = await known(service)
    import_id = (await service.upload(f"{HER}\n{HEADER}\n{HIM}")).json()["id"]
    await service.map(import_id, COLUMNS, header_row="2")
    await service.settle()
    assert await traces_after_erasing(service, client_id) == []


async def test_nothing_is_left_of_a_person_whose_row_was_given_the_contacts_of_another(service: ImportsService) -> None:
    client_id = await known(service)
    import_id = await service.checked(OF_TWO)
    corrected = {"values": {"phone": "030 901999"}}
    assert (await service.http.patch(f"/v1/imports/{import_id}/rows/2", json=corrected)).status_code == 200
    await service.settle()
    assert await traces_after_erasing(service, client_id) == []


@pytest.mark.parametrize("at_once", [True, False])
async def test_nothing_is_left_of_a_person_whose_number_is_another_by_now(
    service: ImportsService, at_once: bool
) -> None:
    client_id = uuid4()
    first = a_client(service, client_id, phone="+4915123456789")
    numbers = ("+4915123456789", "+493011111", "+493022222")
    states = [
        (client_id, first.model_copy(update={"phone": phone, "version": version}))
        for version, phone in enumerate(numbers, start=1)
    ]
    for batch in [states] if at_once else [[state] for state in states]:
        await service.receive_clients(batch)
    await service.checked(OF_TWO)
    assert await traces_after_erasing(service, client_id) == []
    await service.receive_clients(states)
    assert await service.query("SELECT 1 FROM former_contacts") == []


@pytest.mark.parametrize("dropped", [True, False])
async def test_nothing_is_left_of_a_person_whose_contacts_are_in_other_columns(
    service: ImportsService, dropped: bool
) -> None:
    client_id = await known(service)
    swapped = {"email" if name == "phone" else name: column for name, column in COLUMNS.items()}
    import_id = (await service.upload(OF_TWO)).json()["id"]
    await service.map(import_id, swapped)
    await service.settle()
    if dropped:
        await service.http.patch(f"/v1/imports/{import_id}/rows/2", json={"dropped": True})
    assert [row["state"] for row in await service.rows(import_id)] == ["invalid", "invalid"]
    assert await traces_after_erasing(service, client_id) == []
    assert [row["values"].get("client_name") for row in await service.rows(import_id)] == [None, "Max Beispiel"]


async def test_nothing_is_left_of_a_person_of_whom_only_the_tombstone_was_heard(service: ImportsService) -> None:
    client_id = uuid4()
    import_id = await service.checked(OF_TWO)
    await service.http.post(f"/v1/imports/{import_id}/confirm", json={})
    hers = (await service.rows(import_id))[0]["appointment_id"]

    def answers(command: Any) -> Any:
        items = [
            service.item_result(item, outcome="done", client_id=client_id if str(item.appointment_id) == hers else None)
            for item in service.items_of(command)
        ]
        return service.answered(command, *items)

    await service.settle(answers)
    assert await traces_after_erasing(service, client_id) == []
    assert [bool(row["values"]) for row in await service.rows(import_id)] == [False, True]


async def test_a_correction_that_is_under_way_brings_nothing_back_of_an_erased_client(
    service: ImportsService, until: Until
) -> None:
    client_id = await known(service)
    import_id = UUID(await service.checked(OF_TWO))
    service.now[0] += timedelta(minutes=1)
    async with service.database.system_transaction() as session:
        await ImportStore(session).lock(service.organization_id, import_id)
        rows = RowStore(session, service.organization_id, import_id)
        row = await rows.find(2)
        assert row is not None
        erasing = asyncio.create_task(erase(service, client_id))
        await until(lambda: is_waiting_or_done(service, erasing))
        await rows.save(replace(row, revision=row.revision + 1))
    await erasing
    assert "Erika" not in await everything(service)


async def is_waiting_or_done(service: ImportsService, task: "asyncio.Task[None]") -> bool:
    waiting = """
        SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname = current_database()
    """
    return task.done() or bool(await service.query(waiting))


@pytest.mark.parametrize("name", ["Erika Musterfrau", "musterfrau,  ERIKA"])
@pytest.mark.parametrize("what", ["First visit", "Nothing"])
async def test_nothing_is_left_of_a_person_whose_row_tells_a_name_alone(
    service: ImportsService, name: str, what: str
) -> None:
    client_id = await known(service)
    hers = f'"{name}",,{what},Anna,2026-04-02 10:00,allergic to nuts'
    import_id = await service.checked(f"{HEADER}\n{hers}\n{HIM}\nNo Contact,,First visit,Anna,2026-04-05 10:00,")
    service.now[0] += timedelta(minutes=1)
    await erase(service, client_id)
    held = (await everything(service)).casefold()
    assert [word for word in ("erika", "musterfrau", "allergic") if word in held] == []
    names = [row["values"].get("client_name") for row in await service.rows(import_id)]
    assert names == [None, "Max Beispiel", "No Contact"]


async def test_nothing_is_left_of_a_person_whose_row_tells_a_former_name_alone(service: ImportsService) -> None:
    client_id = await known(service)
    married = a_client(service, client_id, phone=None).model_copy(update={"name": "Erika Beispiel", "version": 2})
    await service.receive_clients([(client_id, married)])
    await service.checked(f"{HEADER}\nErika Musterfrau,,First visit,Anna,2026-04-02 10:00,23456789 allergic")
    assert await traces_after_erasing(service, client_id) == []


async def test_a_row_that_is_booked_for_somebody_of_the_same_name_stays(service: ImportsService) -> None:
    client_id, namesake = await known(service), uuid4()
    import_id = await service.checked(f"{HEADER}\nErika Musterfrau,,First visit,Anna,2026-04-02 10:00,")
    await service.http.post(f"/v1/imports/{import_id}/confirm", json={})
    await service.settle(
        lambda command: service.answered(
            command,
            *(service.item_result(item, outcome="done", client_id=namesake) for item in service.items_of(command)),
        )
    )
    service.now[0] += timedelta(minutes=1)
    await erase(service, client_id)
    [row] = await service.rows(import_id)
    assert (row["outcome"], row["values"]["client_name"]) == ("booked", "Erika Musterfrau")


async def test_an_erase_leaves_the_rows_of_others_to_be_corrected_and_booked(service: ImportsService) -> None:
    client_id = await known(service)
    import_id = await service.checked(f"{OF_TWO}\nNo Contact,,Nothing,Anna,2026-04-05 10:00,\n")
    service.now[0] += timedelta(minutes=1)
    await erase(service, client_id)
    shown = await service.get(import_id)
    assert (shown["state"], [warning["code"] for warning in shown["warnings"]]) == ("checked", ["file_erased"])
    errors = (await service.http.get(f"/v1/imports/{import_id}/errors.csv")).text.splitlines()
    assert errors[0].startswith("row,state,codes,details,client_name,phone,")
    assert "No Contact" in errors[-1]
    corrected = {"values": {"service": "First visit"}}
    await service.http.patch(f"/v1/imports/{import_id}/rows/4", json=corrected)
    await service.settle()
    await service.http.post(f"/v1/imports/{import_id}/confirm", json={})
    await service.settle()
    assert [row["outcome"] for row in await service.rows(import_id)] == [None, "booked", "booked"]


async def test_an_erase_forgets_the_words_that_only_the_erased_row_had_for_a_status(service: ImportsService) -> None:
    client_id = await known(service)
    words = f"{HEADER},Status\n{HER},wg. Erika\n{HIM},Weg"
    statuses = {"wg. Erika": "cancelled", "Weg": "cancelled"}
    import_id = await service.checked(words, statuses=statuses)
    service.now[0] += timedelta(minutes=1)
    await erase(service, client_id)
    assert (await service.get(import_id))["mapping"]["statuses"] == {"weg": "cancelled"}
    corrected = {"values": {"notes": "at last"}}
    answer = await service.http.patch(f"/v1/imports/{import_id}/rows/3", json=corrected)
    assert (answer.json()["state"], answer.json()["requested"]["status"]) == ("ok", "cancelled")
    assert "erika" not in await everything(service)


async def test_what_columns_mean_is_remembered_over_an_erase_without_their_names(service: ImportsService) -> None:
    client_id = await known(service)
    strange = OF_TWO.replace("Client,Phone", "Wer,Woher")
    columns = {**COLUMNS, "client_name": "Wer", "phone": "Woher"}
    await service.map((await service.upload(strange)).json()["id"], columns)
    service.now[0] += timedelta(minutes=1)
    await erase(service, client_id)
    assert "Woher" not in await everything(service)
    again = (await service.upload(strange)).json()["id"]
    preview = (await service.http.get(f"/v1/imports/{again}/preview")).json()
    assert (preview["remembered"], preview["columns"]) == (True, columns)


async def test_mappings_that_an_earlier_version_remembered_by_names_serve_until_an_erase(
    service: ImportsService,
) -> None:
    client_id = await known(service)
    await service.map((await service.upload(OF_TWO)).json()["id"], COLUMNS)
    named = """
        UPDATE mappings SET mapping = mapping - 'ranks' || jsonb_build_object('columns', CAST(:columns AS jsonb))
        RETURNING 1
    """
    await service.query(named, columns=json.dumps({**COLUMNS, "location": "Notes"}))
    import_id = (await service.upload(OF_TWO)).json()["id"]
    preview = (await service.http.get(f"/v1/imports/{import_id}/preview")).json()
    assert (preview["remembered"], preview["columns"]["location"]) == (True, "Notes")
    service.now[0] += timedelta(minutes=1)
    await erase(service, client_id)
    assert await service.query("SELECT 1 FROM mappings") == []
