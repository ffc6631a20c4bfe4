"""Files that went wrong elsewhere: what they hold is used, asked about or told, over HTTP."""

from typing import Any

import pytest
from imports_service import ImportsService

HEADER = "Client,Phone,Service,Start\n"


async def preview_of(service: ImportsService, import_id: str, **query: str) -> dict[str, Any]:
    answer = await service.http.get(f"/v1/imports/{import_id}/preview", params=query)
    assert answer.status_code == 200, answer.text
    preview: dict[str, Any] = answer.json()
    return preview


async def uploaded(service: ImportsService, content: str | bytes) -> str:
    answer = await service.upload(content)
    assert answer.status_code == 201, answer.text
    import_id: str = answer.json()["id"]
    return import_id


async def test_a_range_in_the_time_column_is_booked_as_a_range(service: ImportsService) -> None:
    import_id = await service.checked("Client,Date,Time,Service\nA,2027-06-03,10:00-11:00,Haircut\n")
    (row,) = await service.rows(import_id)
    assert (row["requested"]["starts_at"], row["requested"]["duration_minutes"]) == ("2027-06-03T08:00:00Z", 60)


async def test_an_end_time_is_used(service: ImportsService) -> None:
    import_id = await service.checked("Client,Date,Start Time,End Time,Service\nA,2027-06-03,10:00,11:30,Haircut\n")
    (row,) = await service.rows(import_id)
    assert (row["requested"]["starts_at"], row["requested"]["duration_minutes"]) == ("2027-06-03T08:00:00Z", 90)


async def test_what_may_be_a_range_or_an_offset_is_asked_about(service: ImportsService) -> None:
    import_id = await uploaded(service, HEADER + "A,030 901820,Haircut,2027-06-03 10:00-11:00\n")
    columns = (await preview_of(service, import_id))["columns"]
    path = f"/v1/imports/{import_id}/mapping"
    refused = await service.http.put(path, json={"columns": columns})
    assert (refused.status_code, refused.json()["code"]) == (422, "ambiguous_times")
    for ranges, start in ((True, "2027-06-03T08:00:00Z"), (False, "2027-06-03T21:00:00Z")):
        answer = await service.http.put(path, json={"columns": columns, "time_ranges": ranges})
        assert answer.status_code == 200, answer.text
        await service.settle()
        (row,) = await service.rows(import_id)
        assert row["requested"]["starts_at"] == start


async def test_a_column_that_shows_ranges_elsewhere_is_read_as_ranges(service: ImportsService) -> None:
    rows = "A,030 901820,Haircut,2027-06-03 10:00-11:00\nB,030 901821,Haircut,2027-06-03 14:00-15:30\n"
    import_id = await service.checked(HEADER + rows)
    minutes = [row["requested"]["duration_minutes"] for row in await service.rows(import_id)]
    assert minutes == [60, 90]


async def test_columns_that_nobody_uses_are_listed_before_and_after_mapping(service: ImportsService) -> None:
    import_id = await uploaded(service, "Client,Start,Service,Colour\nA,2027-05-01 10:00,Haircut,red\n")
    preview = await preview_of(service, import_id)
    assert preview["unmapped"] == {"Colour": 1}
    await service.http.put(f"/v1/imports/{import_id}/mapping", json={"columns": preview["columns"]})
    warnings = (await service.get(import_id))["warnings"]
    assert [(warning["code"], warning["conflicts_with"]) for warning in warnings] == [("unmapped_column", ["Colour"])]


async def test_a_file_without_a_header_is_imported_whole(service: ImportsService) -> None:
    content = "A Muster,2027-06-02,08:31 am,Haircut\r\nB Muster,2027-06-03,10:08 am,Haircut\r\n"
    import_id = await uploaded(service, content)
    preview = await preview_of(service, import_id)
    assert preview["warnings"][0]["code"] == "no_header"
    columns = {"client_name": "column 1", "date": "column 2", "time": "column 3", "service": "column 4"}
    answer = await service.http.put(f"/v1/imports/{import_id}/mapping", json={"columns": columns})
    assert answer.status_code == 200, answer.text
    await service.settle()
    rows = await service.rows(import_id)
    assert [(row["number"], row["requested"]["client_name"]) for row in rows] == [(1, "A Muster"), (2, "B Muster")]


async def test_the_headers_row_can_be_chosen(service: ImportsService) -> None:
    content = HEADER + "Kunde,Telefon,Leistung,Beginn\nA,030 901820,Haircut,2027-06-03 10:00\n"
    import_id = await uploaded(service, content)
    preview = await preview_of(service, import_id, reading="header_row:2")
    assert preview["headers"] == ["Kunde", "Telefon", "Leistung", "Beginn"]
    body = {"columns": preview["columns"], "reading": {"header_row": "2"}}
    answer = await service.http.put(f"/v1/imports/{import_id}/mapping", json=body)
    assert (answer.status_code, answer.json()["file_rows"]) == (200, 1), answer.text
    await service.settle()
    assert [row["number"] for row in await service.rows(import_id)] == [3]
    # What was chosen is kept for the next look.
    assert (await preview_of(service, import_id))["headers"] == ["Kunde", "Telefon", "Leistung", "Beginn"]


@pytest.mark.parametrize("above", ["sep=,\r\n", "\r\n", "Book of May\r\n\r\n"])
async def test_lines_above_the_header_do_not_keep_a_file_out(service: ImportsService, above: str) -> None:
    import_id = await service.checked(above + HEADER + "A,030 901820,Haircut,2027-06-03 10:00\n")
    assert [row["state"] for row in await service.rows(import_id)] == ["ok"]


async def test_a_remembered_order_of_dates_does_not_overrule_what_the_file_shows(service: ImportsService) -> None:
    ambiguous = await uploaded(service, HEADER + "A,030 901820,Haircut,03/04/2027 10:00\n")
    columns = (await preview_of(service, ambiguous))["columns"]
    body = {"columns": columns, "date_order": "month-day-year"}
    assert (await service.http.put(f"/v1/imports/{ambiguous}/mapping", json=body)).status_code == 200
    clear = await uploaded(service, HEADER + "A,030 901820,Haircut,30/04/2027 10:00\n")
    preview = await preview_of(service, clear)
    assert (preview["remembered"], preview["date_order"]) == (True, "day-month-year")
    # Who insists is told what is lost by it.
    answer = await service.http.put(f"/v1/imports/{clear}/mapping", json=body)
    assert [warning["code"] for warning in answer.json()["warnings"]] == ["contradicted_date_order"]


async def test_the_words_of_a_status_column_are_shown_and_can_be_given_a_meaning(service: ImportsService) -> None:
    content = (
        "Client,Phone,Service,Start,Status\n"
        "A,030 901820,Haircut,2026-02-03 10:00,done\n"
        "B,030 901821,Haircut,2026-02-03 11:00,Weg\n"
        "C,030 901822,Haircut,2026-02-03 12:00,cancelled\n"
    )
    import_id = await uploaded(service, content)
    preview = await preview_of(service, import_id)
    assert preview["words"] == {"Weg": None, "cancelled": "cancelled", "done": "completed"}
    answer = await service.http.put(f"/v1/imports/{import_id}/mapping", json={"columns": preview["columns"]})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_statuses")
    assert [reason["detail"] for reason in answer.json()["reasons"]] == ["Weg"]
    body = {"columns": preview["columns"], "statuses": {"Weg": "no_show"}}
    assert (await service.http.put(f"/v1/imports/{import_id}/mapping", json=body)).status_code == 200
    commands = await service.settle()
    assert [item.request.status for item in service.items_of(*commands)] == ["completed", "no_show", "cancelled"]
    again = await preview_of(service, await uploaded(service, content))
    assert again["words"]["Weg"] == "no_show"


async def test_a_column_that_holds_all_sorts_of_words_is_no_column_of_statuses(service: ImportsService) -> None:
    lines = (f"A,030 901820,Haircut,2026-02-03 {8 + turn // 60}:{turn % 60:02},word {turn}\n" for turn in range(80))
    import_id = await uploaded(service, "Client,Phone,Service,Start,Status\n" + "".join(lines))
    columns = (await preview_of(service, import_id))["columns"]
    answer = await service.http.put(f"/v1/imports/{import_id}/mapping", json={"columns": columns})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_mapping")


async def test_a_place_comes_in_with_the_appointment(service: ImportsService) -> None:
    content = "Client,Phone,Service,Start,Location\nA,030 901820,Haircut,2027-02-03 10:00,https://meet.example/x\n"
    import_id = await service.mapped(content)
    (item,) = service.items_of(*await service.settle())
    assert (item.request.location.kind, item.request.location.url) == ("video", "https://meet.example/x")
    assert (await service.rows(import_id))[0]["requested"]["location"]["kind"] == "video"


async def test_the_language_of_the_business_decides_between_old_encodings(service: ImportsService) -> None:
    content = (HEADER + "Łukasz Wiśniewski,030 901820,Haircut,2027-06-03 10:00\n").encode("cp1250")
    await service.speak("pl")
    polish = await preview_of(service, await uploaded(service, content))
    assert polish["rows"][0]["cells"][0] == "Łukasz Wiśniewski"


async def test_rows_for_anybody_are_booked_after_those_that_name_somebody(service: ImportsService) -> None:
    content = (
        "Client,Phone,Service,Staff,Start,Duration\n"
        "B,0151 23456781,Haircut,Anna,2027-02-01 11:00,30\n"
        "D,0151 23456784,Haircut,,2027-02-01 12:00,30\n"
        "X,0151 23456782,Haircut,Ben,2027-02-01 11:10,60\n"
    )
    import_id = await service.checked(content)
    assert [row["state"] for row in await service.rows(import_id)] == ["ok", "ok", "ok"]
    await service.http.post(f"/v1/imports/{import_id}/confirm", json={})
    await service.work()
    (first,) = await service.take(topic="slotstream.booking.commands.v1")
    assert [item.request.client.name for item in first.data.items] == ["B", "X"]
    await service.work()
    assert await service.take(topic="slotstream.booking.commands.v1") == []
    await service.answer([service.everything_goes(first)])
    (second,) = await service.settle()
    assert [item.request.client.name for item in second.data.items] == ["D"]
    assert (await service.get(import_id))["state"] == "finished"


async def test_the_check_foresees_whom_the_book_and_the_file_together_leave(service: ImportsService) -> None:
    content = (
        "Client,Phone,Service,Staff,Start\n"
        "B,0151 23456781,Haircut,Anna,2027-02-01 11:00\n"
        "D,0151 23456784,Haircut,,2027-02-01 11:00\n"
        "E,0151 23456785,Haircut,,2027-02-01 15:00\n"
    )
    import_id = await service.mapped(content)

    def anna_alone_is_free(command: Any) -> Any:
        """Ben is taken in the book."""
        answer = service.everything_goes(command)
        choices = [
            {} if item.request.resource_ids else {"free_resource_ids": (service.anna_id,)}
            for item in service.items_of(command)
        ]
        results = (item.model_copy(update=choice) for item, choice in zip(answer.items, choices, strict=True))
        return service.answered(command, *results)

    await service.settle(anna_alone_is_free)
    rows = await service.rows(import_id)
    assert [row["state"] for row in rows] == ["ok", "conflict", "ok"]
    assert [(reason["code"], reason["conflicts_with"]) for reason in rows[1]["reasons"]] == [
        ("conflict_in_file", ["2"])
    ]
    # Without the row that was in its way it is free again.
    assert (await service.http.patch(f"/v1/imports/{import_id}/rows/2", json={"dropped": True})).status_code == 200
    await service.settle(anna_alone_is_free)
    assert [row["state"] for row in (await service.rows(import_id))[1:]] == ["ok", "ok"]


async def test_rows_for_anybody_are_booked_by_their_start_so_that_nobody_is_taken_in_vain(
    service: ImportsService,
) -> None:
    starts = {"late": "12:00", "long": "10:30", "early": "10:00"}
    minutes = {"late": 60, "long": 120, "early": 60}
    lines = (f"{name},030 901820,Haircut,2027-02-01 {start},{minutes[name]}\n" for name, start in starts.items())
    import_id = await service.checked("Client,Phone,Service,Start,Duration\n" + "".join(lines))
    assert {row["state"] for row in await service.rows(import_id)} == {"ok"}
    await service.http.post(f"/v1/imports/{import_id}/confirm", json={})
    commands = await service.settle()
    booked = [item.request.client.name for item in service.items_of(*commands)]
    assert booked == ["early", "long", "late"]
