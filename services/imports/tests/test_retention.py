"""What people typed goes when it has served its time, and at once when a client is erased."""

from datetime import timedelta
from uuid import uuid4

import pytest
from imports_service import ERIKA, NOW, ImportsService, a_client, erase, everything, received

from imports.worker import sweeps
from slotstream_servicekit.housekeeping import delete_swept

FILE = """Client,Phone,Email,Service,Staff,Start,Notes
Erika Musterfrau,0151 23456789,,First visit,Anna,2026-04-02 10:00,allergic to nuts
Max Beispiel,030 901821,max@example.com,First visit,Anna,2026-04-03 10:00,
Nobody Else,030 901822,,Nothing,Anna,2026-04-04 10:00,
"""


@pytest.mark.parametrize("booked", [True, False])
async def test_an_erased_client_is_found_nowhere_and_what_was_booked_is_still_known(
    service: ImportsService, booked: bool
) -> None:
    client_id = uuid4()
    await service.receive_clients([(client_id, a_client(service, client_id, phone="+4915123456789"))])
    import_id = await (service.finished(FILE) if booked else service.checked(FILE))
    before = await service.rows(import_id)
    await service.take(topic="slotstream.imports.v1")
    held = await everything(service)
    assert [word for word in ERIKA if word not in held] == []
    service.now[0] += timedelta(minutes=1)
    await erase(service, client_id)
    held = await everything(service)
    assert [word for word in ERIKA if word in held] == []
    after = await service.rows(import_id)
    assert [row["appointment_id"] for row in after] == [row["appointment_id"] for row in before]
    assert after[1:] == before[1:]
    assert (after[0]["outcome"], after[0]["dropped"]) == (("booked", False) if booked else (None, True))


async def test_a_row_of_an_erased_client_is_not_booked_afterwards(service: ImportsService) -> None:
    client_id = uuid4()
    await service.receive_clients([(client_id, a_client(service, client_id, phone="+4915123456789"))])
    import_id = await service.checked(FILE)
    service.now[0] += timedelta(minutes=1)
    await erase(service, client_id)
    await service.http.post(f"/v1/imports/{import_id}/confirm", json={})
    assert [item.request.client.name for item in service.items_of(*await service.settle())] == ["Max Beispiel"]


async def test_a_client_without_phone_and_e_mail_is_found_by_the_id_that_booking_told(service: ImportsService) -> None:
    client_id = uuid4()
    await service.receive_clients([(client_id, a_client(service, client_id, phone=None))])
    content = "Client,Service,Staff,Start\nErika Musterfrau,First visit,Anna,2026-04-02 10:00\n"
    import_id = await service.checked(content)
    await service.http.post(f"/v1/imports/{import_id}/confirm", json={})
    await service.settle(lambda command: service.everything_goes(command, client_id=client_id))
    await service.take(topic="slotstream.imports.v1")
    service.now[0] += timedelta(minutes=1)
    await erase(service, client_id)
    assert "Erika" not in await everything(service)


async def test_a_file_that_is_not_read_yet_goes_with_an_erased_client(service: ImportsService) -> None:
    client_id = uuid4()
    await service.receive_clients([(client_id, a_client(service, client_id, phone="+4915123456789"))])
    import_id = (await service.upload(FILE)).json()["id"]
    service.now[0] += timedelta(minutes=1)
    await erase(service, client_id)
    shown = await service.get(import_id)
    assert (shown["state"], shown["failure"]) == ("failed", "A client was erased: upload the file again")
    preview = await service.http.get(f"/v1/imports/{import_id}/preview")
    assert (preview.status_code, preview.json()["code"]) == (409, "file_deleted")


async def test_a_tombstone_that_is_read_again_takes_nothing_that_came_later(service: ImportsService) -> None:
    client_id = uuid4()
    state = a_client(service, client_id, phone="+4915123456789")
    await service.receive_clients([(client_id, state)])
    await erase(service, client_id)
    service.now[0] += timedelta(hours=1)
    import_id = await service.checked(FILE)
    before = await service.rows(import_id)
    await service.receive_clients([(client_id, state), (client_id, None)], at=NOW)
    assert await service.rows(import_id) == before


async def test_whoever_was_merged_into_an_erased_client_is_erased_too(service: ImportsService) -> None:
    survivor, merged = uuid4(), uuid4()
    state = a_client(service, merged, phone="+4915123456789").model_copy(update={"merged_into": survivor})
    await service.receive_clients([(merged, state), (survivor, a_client(service, survivor, phone="+4930111"))])
    await service.checked(FILE)
    service.now[0] += timedelta(minutes=1)
    await erase(service, survivor)
    assert "Erika" not in await everything(service)


async def test_a_late_record_brings_nothing_back_of_an_erased_client(service: ImportsService) -> None:
    known, unknown = uuid4(), uuid4()
    states = {identity: a_client(service, identity, phone="+4915123456789") for identity in (known, unknown)}
    await service.receive_clients([(known, states[known])])
    await service.receive_clients([(known, None), (unknown, None)])
    await service.receive_clients(list(states.items()))
    assert {tuple(row.contacts) for row in await service.query("SELECT contacts FROM client_contacts")} == {()}


async def test_contacts_of_clients_are_kept_as_digests_only(service: ImportsService) -> None:
    client_id = uuid4()
    await service.receive_clients(
        [(client_id, a_client(service, client_id, phone="+4915123456789", email="erika@example.com"))]
    )
    held = await everything(service)
    assert [text for text in ("4915123456789", "erika@example.com", "Erika") if text in held] == []


async def test_a_finished_import_loses_its_texts_and_keeps_its_identity(service: ImportsService) -> None:
    import_id = await service.finished(FILE)
    await service.take(topic="slotstream.imports.v1")
    ids = [row["appointment_id"] for row in await service.rows(import_id)]
    service.now[0] += timedelta(days=29)
    assert await service.worker.clear_once() is False
    service.now[0] += timedelta(days=2)
    assert await service.worker.clear_once() is True
    assert await service.worker.clear_once() is False
    held = await everything(service)
    assert [word for word in (*ERIKA, "Beispiel", "max@example.com", "Nobody") if word in held] == []
    assert [row["appointment_id"] for row in await service.rows(import_id)] == ids
    shown = await service.get(import_id)
    assert (shown["counts"]["booked"], shown["headers"], shown["mapping"]) == (2, [], None)
    # The same file still changes nothing, and can still be undone.
    again = await service.checked(FILE)
    assert "already_imported" in [reason["code"] for reason in (await service.rows(again))[0]["reasons"]]
    assert (await service.http.post(f"/v1/imports/{import_id}/undo", json={})).status_code == 202


async def test_an_import_that_nobody_confirms_is_cancelled_in_the_end(service: ImportsService) -> None:
    import_id = await service.checked(FILE)
    uploaded = (await service.upload(FILE)).json()["id"]
    service.now[0] += timedelta(days=15)
    while await service.worker.clear_once():
        pass
    for identity in (import_id, uploaded):
        assert (await service.get(identity))["state"] == "cancelled"
    assert await service.query("SELECT 1 FROM import_files") == []
    assert "Erika" not in await everything(service)


async def test_old_imports_and_mappings_are_swept_away(service: ImportsService) -> None:
    old, young = await service.finished(FILE), await service.checked(FILE.replace("10:00", "12:00"))
    await service.query("UPDATE imports SET cleared_at = now() - interval '3 years' WHERE id = :id RETURNING 1", id=old)
    await service.query("DELETE FROM import_files WHERE import_id = :id RETURNING 1", id=old)
    await service.query("UPDATE mappings SET updated_at = now() - interval '3 years' RETURNING 1")
    for sweep in sweeps(kept=timedelta(days=730)):
        await delete_swept(service.database, sweep)
    assert [str(row.id) for row in await service.query("SELECT id FROM imports")] == [young]
    assert {str(row.import_id) for row in await service.query("SELECT import_id FROM import_rows")} == {young}
    assert await service.query("SELECT 1 FROM mappings") == []


def test_a_record_of_the_builder_is_what_a_consumer_gets() -> None:
    """The tombstones of these tests are records without a value, as the relay writes them."""
    assert received(None, organization_id=uuid4(), key="k").event is None
