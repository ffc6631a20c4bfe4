"""Taking in a file, and settling what its columns mean."""

import asyncio
import csv
import io
from typing import Any

import pytest
from imports_service import ImportsService

from imports.usecases import files

FILE = "Client,Phone,Service,Start\nEva Müller,030 901820,Haircut,2026-03-30 10:00\n"


async def preview_of(service: ImportsService, import_id: str, **query: str) -> dict[str, Any]:
    answer = await service.http.get(f"/v1/imports/{import_id}/preview", params=query)
    assert answer.status_code == 200, answer.text
    imported: dict[str, Any] = answer.json()
    return imported


async def test_an_upload_books_nothing_and_says_what_it_found(service: ImportsService) -> None:
    answer = await service.upload(FILE)
    assert answer.status_code == 201
    shown = answer.json()
    assert (shown["state"], shown["file_name"], shown["file_rows"]) == ("uploaded", "march.csv", 1)
    assert shown["headers"] == ["Client", "Phone", "Service", "Start"]
    assert answer.headers["Location"] == f"/v1/imports/{shown['id']}"
    assert await service.settle() == []


async def test_the_preview_shows_the_first_rows_and_suggests_what_the_columns_mean(service: ImportsService) -> None:
    rows = "".join(f"Client {number},030 901820,Haircut,2026-03-30 10:00\n" for number in range(50))
    import_id = (await service.upload(FILE + rows)).json()["id"]
    preview = await preview_of(service, import_id)
    assert preview["columns"] == {
        "client_name": "Client",
        "phone": "Phone",
        "service": "Service",
        "starts_at": "Start",
    }
    assert len(preview["rows"]) == 20
    assert preview["rows"][0] == {"number": 2, "cells": ["Eva Müller", "030 901820", "Haircut", "2026-03-30 10:00"]}
    assert preview["date_orders"] == {"Start": ["year-month-day"]}


async def test_a_file_is_read_in_the_encoding_and_with_the_delimiter_that_it_has(service: ImportsService) -> None:
    for content in (
        FILE.encode("utf-8-sig"),
        FILE.encode("utf-16"),
        FILE.replace(",", ";").encode(),
        FILE.replace(",", "\t").encode(),
        FILE.replace("\n", "\r\n").encode(),
    ):
        import_id = (await service.upload(content)).json()["id"]
        preview = await preview_of(service, import_id)
        assert preview["rows"][0]["cells"] == ["Eva Müller", "030 901820", "Haircut", "2026-03-30 10:00"]


async def test_another_encoding_can_be_tried_and_chosen(service: ImportsService) -> None:
    import_id = (await service.upload(FILE.encode("cp1252"))).json()["id"]
    wrong = await preview_of(service, import_id, reading="encoding:cp850")
    right = await preview_of(service, import_id, reading="encoding:cp1252")
    assert wrong["rows"][0]["cells"][0] != "Eva Müller"
    assert right["rows"][0]["cells"][0] == "Eva Müller"
    body = {"columns": right["columns"], "reading": {"encoding": "cp1252"}}
    assert (await service.http.put(f"/v1/imports/{import_id}/mapping", json=body)).status_code == 200
    await service.settle()
    assert (await service.rows(import_id))[0]["requested"]["client_name"] == "Eva Müller"


async def test_an_encoding_that_is_not_one_of_files_is_refused(service: ImportsService) -> None:
    import_id = (await service.upload(FILE)).json()["id"]
    for encoding in ("unicode_escape", "raw_unicode_escape", "utf-7", "idna", "punycode", "rot13", "base64", "klingon"):
        answer = await service.http.get(f"/v1/imports/{import_id}/preview", params={"reading": f"encoding:{encoding}"})
        assert (answer.status_code, answer.json()["code"]) == (422, "unreadable_file"), encoding


async def test_a_mapping_is_remembered_for_files_with_the_same_columns_of_the_same_organization(
    service: ImportsService,
) -> None:
    odd = FILE.replace("Client", "Who").replace("Start", "When")
    import_id = (await service.upload(odd)).json()["id"]
    preview = await preview_of(service, import_id)
    assert (preview["remembered"], "client_name" in preview["columns"]) == (False, False)
    chosen = {"client_name": "Who", "phone": "Phone", "service": "Service", "starts_at": "When"}
    assert (await service.http.put(f"/v1/imports/{import_id}/mapping", json={"columns": chosen})).status_code == 200
    again = await preview_of(service, (await service.upload(odd)).json()["id"])
    assert (again["remembered"], again["columns"]) == (True, chosen)
    kept = await service.query("SELECT DISTINCT organization_id FROM mappings")
    assert [row.organization_id for row in kept] == [service.organization_id]


async def test_a_mapping_must_name_columns_of_the_file_and_everything_that_is_needed(service: ImportsService) -> None:
    import_id = (await service.upload(FILE)).json()["id"]
    good = (await preview_of(service, import_id))["columns"]
    for columns in (
        {**good, "notes": "Remarks"},
        {name: column for name, column in good.items() if name != "client_name"},
        {name: column for name, column in good.items() if name != "service"},
        {name: column for name, column in good.items() if name != "starts_at"},
    ):
        answer = await service.http.put(f"/v1/imports/{import_id}/mapping", json={"columns": columns})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_mapping"), columns
    assert (await service.get(import_id))["state"] == "uploaded"


async def test_a_mapping_made_for_another_version_of_the_import_is_refused(service: ImportsService) -> None:
    import_id = await service.checked(FILE)
    columns = (await preview_of(service, import_id))["columns"]
    answer = await service.http.put(
        f"/v1/imports/{import_id}/mapping", json={"columns": columns}, headers={"If-Match": '"1"'}
    )
    assert (answer.status_code, answer.json()["code"]) == (412, "version_conflict")


async def test_a_file_with_more_rows_than_allowed_is_refused_whole(service: ImportsService) -> None:
    rows = "Eva,030 901820,Haircut,2026-03-30 10:00\n" * 200_001
    answer = await service.upload("Client,Phone,Service,Start\n" + rows)
    assert (answer.status_code, answer.json()["code"]) == (422, "unreadable_file")
    assert (await service.http.get("/v1/imports")).json()["items"] == []


async def test_an_organization_has_so_many_open_imports_and_one_is_cancelled_before_another_comes(
    service: ImportsService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MOST_OPEN", 1)
    uploads = await asyncio.gather(*(service.upload(FILE, **{"Idempotency-Key": f"k{number}"}) for number in range(3)))
    [(number, taken)] = [(number, answer) for number, answer in enumerate(uploads) if answer.status_code == 201]
    assert {answer.json()["code"] for answer in uploads if answer.status_code == 409} == {"too_many_imports"}
    assert len((await service.http.get("/v1/imports")).json()["items"]) == 1
    assert (await service.upload(FILE, **{"Idempotency-Key": f"k{number}"})).status_code == 201

    cancelled = await service.http.post(f"/v1/imports/{taken.json()['id']}/cancel")
    assert cancelled.status_code == 200, cancelled.text
    assert (await service.upload(FILE)).status_code == 201


async def test_a_business_of_another_organization_is_not_there(service: ImportsService) -> None:
    answer = await service.stranger.post(
        "/v1/imports",
        files={"file": ("march.csv", FILE.encode(), "text/csv")},
        data={"business_id": str(service.business_id)},
    )
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_unknown_fields_and_parameters_are_refused(service: ImportsService) -> None:
    import_id = await service.checked(FILE)
    path = f"/v1/imports/{import_id}"
    assert (await service.http.put(f"{path}/mapping", json={"colums": {}})).status_code == 422
    assert (await service.http.post(f"{path}/confirm", json={"notfy": True})).status_code == 422
    assert (await service.http.get(f"{path}/rows", params={"status": "ok"})).status_code == 422
    assert (await service.http.patch(f"{path}/rows/2", json={})).status_code == 422
    assert (await service.get(import_id))["state"] == "checked"


async def test_who_only_reads_can_change_nothing(service: ImportsService) -> None:
    import_id = await service.checked(FILE)
    path = f"/v1/imports/{import_id}"
    assert (await service.viewer.get(path)).status_code == 200
    assert (await service.viewer.get(f"{path}/rows")).status_code == 200
    for answer in (
        await service.viewer.post(f"{path}/confirm", json={}),
        await service.viewer.post(f"{path}/undo", json={}),
        await service.viewer.put(f"{path}/mapping", json={"columns": {"client_name": "Client"}}),
        await service.viewer.patch(f"{path}/rows/2", json={"dropped": True}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_a_file_of_errors_can_be_corrected_and_imported(service: ImportsService) -> None:
    import_id = await service.checked(FILE + "Finn,12,Haircut,2026-03-31 10:00\n")
    errors = (await service.http.get(f"/v1/imports/{import_id}/errors.csv")).text
    table = list(csv.DictReader(io.StringIO(errors)))
    assert [(row["row"], row["state"], row["codes"]) for row in table] == [("3", "invalid", "invalid_phone")]
    corrected = io.StringIO()
    writer = csv.DictWriter(corrected, fieldnames=list(table[0]))
    writer.writeheader()
    writer.writerow({**table[0], "Phone": "030 901821"})
    again = await service.checked(corrected.getvalue())
    assert [(row["number"], row["state"]) for row in await service.rows(again)] == [(2, "ok")]


async def test_a_row_with_an_external_id_is_the_same_row_whatever_else_it_says(service: ImportsService) -> None:
    first = await service.finished(FILE.replace("Client", "ID,Client").replace("\nEva", "\nA-7,Eva"))
    moved = FILE.replace("Client", "ID,Client").replace("\nEva", "\nA-7,Eva").replace("10:00", "16:00")
    second = await service.checked(moved)
    [before], [after] = await service.rows(first), await service.rows(second)
    assert before["appointment_id"] == after["appointment_id"]
    assert [reason["code"] for reason in after["reasons"]] == ["already_imported"]
