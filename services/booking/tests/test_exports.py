"""Appointments as files."""

import csv
import io
import tracemalloc
from typing import Any
from uuid import UUID, uuid4
from zipfile import ZipFile

import icalendar
import pytest
from booking_fixtures import Tenant

from booking.adapters.exports import writer_of
from booking.domain.exports import COLUMNS, ExportedAppointment, Format
from booking.storage.appointments import AppointmentStore
from booking.storage.connections import connection_of

EXPORT = "/v1/appointments/export"


async def exported(tenant: Tenant, **params: Any) -> list[dict[str, str]]:
    answer = await tenant.api.get(EXPORT, params=params)
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


async def test_all_matching_appointments_are_exported_with_all_fields_in_order_of_their_start(tenant: Tenant) -> None:
    for hour in (11, 9, 10):
        await tenant.book(tenant.at(hour))
    rows = await exported(tenant)
    assert list(rows[0]) == list(COLUMNS)
    assert [row["starts_at"] for row in rows] == [
        "2027-03-02T10:00:00+01:00",
        "2027-03-02T11:00:00+01:00",
        "2027-03-02T12:00:00+01:00",
    ]
    assert rows[0]["client_name"] == tenant.client["name"]
    assert rows[0]["staff"] == tenant.staff[0]["name"]
    assert rows[0]["business"] == tenant.business["name"]
    descending = await exported(tenant, order="desc")
    assert [row["id"] for row in descending] == [row["id"] for row in reversed(rows)]


async def test_the_lists_filters_narrow_an_export(tenant: Tenant) -> None:
    first = await tenant.book(tenant.at(9))
    await tenant.book(tenant.at(10))
    await tenant.post(f"/v1/appointments/{first['id']}/confirm")
    rows = await exported(tenant, status="confirmed")
    assert [row["id"] for row in rows] == [first["id"]]
    assert [row["id"] for row in await exported(tenant, to=tenant.at(10))] == [first["id"]]


async def test_selected_appointments_are_exported_archived_or_not(tenant: Tenant) -> None:
    first, second, _third = [await tenant.book(tenant.at(hour)) for hour in (9, 10, 11)]
    await tenant.post(f"/v1/appointments/{second['id']}/dismiss")
    await tenant.post(f"/v1/appointments/{second['id']}/archive")
    rows = await exported(tenant, ids=[first["id"], second["id"]])
    assert [row["id"] for row in rows] == [first["id"], second["id"]]


async def test_chosen_fields_come_in_the_chosen_order(tenant: Tenant) -> None:
    await tenant.book(tenant.at(9))
    rows = await exported(tenant, fields=["status", "client_name"])
    assert rows == [{"status": "scheduled", "client_name": tenant.client["name"]}]
    refused = await tenant.api.get(EXPORT, params={"fields": "password"})
    assert refused.status_code == 422


async def test_cells_that_a_spreadsheet_would_run_are_defused(tenant: Tenant) -> None:
    await tenant.book(tenant.at(9), notes='=HYPERLINK("http://evil.example")')
    await tenant.book(tenant.at(10), notes="+49 30 1234")
    notes = [row["notes"] for row in await exported(tenant)]
    assert notes == ['\'=HYPERLINK("http://evil.example")', "+49 30 1234"]


async def test_a_workbook_holds_text_as_text_and_times_as_times(tenant: Tenant) -> None:
    await tenant.book(tenant.at(9), notes="=1+1")
    answer = await tenant.api.get(EXPORT, params={"format": "xlsx", "fields": ["starts_at", "notes"]})
    assert answer.headers["content-disposition"] == 'attachment; filename="appointments.xlsx"'
    with ZipFile(io.BytesIO(answer.content)) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "=1+1" in sheet
    assert "<v>46448.41666666666" in sheet, "2 March 2027, 10:00 on the business's clock"


async def test_rows_of_an_hour_that_clocks_show_twice_say_which_one(tenant: Tenant) -> None:
    await tenant.open_hours([{"weekday": day, "intervals": [{"from": "00:00", "to": "24:00"}]} for day in range(7)])
    for starts_at in ("2027-10-31T00:30:00Z", "2027-10-31T01:30:00Z"):
        await tenant.book(starts_at)
    told = ["2027-10-31T02:30:00+02:00", "2027-10-31T02:30:00+01:00"]
    assert [row["starts_at"] for row in await exported(tenant)] == told
    answer = await tenant.api.get(EXPORT, params={"format": "xlsx", "fields": ["starts_at"]})
    with ZipFile(io.BytesIO(answer.content)) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert [moment for moment in told if moment in sheet] == told


async def test_a_calendar_file_holds_the_same_appointments(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    answer = await tenant.api.get(EXPORT, params={"format": "ics"})
    calendar = icalendar.Calendar.from_ical(answer.content)
    (event,) = calendar.walk("VEVENT")
    assert str(event["uid"]) == booked["calendar_uid"]
    assert event.decoded("dtstart").isoformat() == "2027-03-02T09:00:00+00:00"


async def test_a_moved_appointment_is_in_a_calendar_file_once_at_its_new_time(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    moved = await tenant.post(f"/v1/appointments/{booked['id']}/reschedule", {"starts_at": tenant.at(11)}, status=201)
    await tenant.post(
        f"/v1/appointments/{moved['appointment']['id']}/reschedule", {"starts_at": tenant.at(12)}, status=201
    )
    answer = await tenant.api.get(EXPORT, params={"format": "ics"})
    (event,) = icalendar.Calendar.from_ical(answer.content).walk("VEVENT")
    assert str(event["uid"]) == booked["calendar_uid"]
    assert event.decoded("dtstart").isoformat() == "2027-03-02T12:00:00+00:00"


async def test_each_price_is_labelled_with_its_currency(tenant: Tenant) -> None:
    await tenant.book(tenant.at(9), quoted_price={"amount": "45.00", "currency": "EUR"})
    (row,) = await exported(tenant)
    assert (row["quoted_price"], row["quoted_currency"]) == ("45.00", "EUR")
    assert (row["actual_price"], row["actual_currency"]) == ("", "")


async def test_a_location_is_the_businesss_address_unless_another_was_agreed(tenant: Tenant) -> None:
    await tenant.api.patch(f"/v1/businesses/{tenant.business['id']}", json={"address": "Torstr. 1, Berlin"})
    await tenant.book(tenant.at(9))
    await tenant.book(tenant.at(10), location={"kind": "video", "url": "https://meet.example/1"})

    assert [row["location"] for row in await exported(tenant)] == ["Torstr. 1, Berlin", "https://meet.example/1"]
    answer = await tenant.api.get(EXPORT, params={"format": "ics"})
    events = icalendar.Calendar.from_ical(answer.content).walk("VEVENT")
    assert [str(event["location"]) for event in events] == ["Torstr. 1, Berlin", "https://meet.example/1"]


async def test_an_empty_export_is_an_empty_file_and_no_error(tenant: Tenant) -> None:
    assert await exported(tenant, q="nobody of that name") == []
    answer = await tenant.api.get(EXPORT, params={"format": "ics"})
    assert icalendar.Calendar.from_ical(answer.content).walk("VEVENT") == []


async def test_agents_and_integrations_get_no_internal_notes(tenant: Tenant) -> None:
    await tenant.book(tenant.at(9), internal_notes="difficult")
    assert (await exported(tenant))[0]["internal_notes"] == "difficult"
    agent = await tenant.client_as(role="agent")
    answer = await agent.get(EXPORT)
    assert answer.status_code == 200
    assert "difficult" not in answer.text


async def test_an_export_shows_nothing_of_another_organization(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    stranger = await tenant.client_as(organization=uuid4())
    answer = await stranger.get(EXPORT, params={"ids": booked["id"]})
    assert booked["id"] not in answer.text


@pytest.mark.parametrize("kind", [Format.CSV, Format.XLSX, Format.ICS])
async def test_more_rows_need_no_more_memory(tenant: Tenant, kind: Format) -> None:
    booked = await tenant.book(tenant.at(9))
    row = await a_row(tenant, booked)

    def peak(pages: int) -> int:
        writer = writer_of(kind, list(COLUMNS))
        tracemalloc.start()
        for pieces in (writer.begin(), *(writer.add([row] * 100) for _ in range(pages)), writer.finish()):
            for _piece in pieces:
                pass
        _now, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        writer.discard()
        return most

    peak(1)
    few, many = 4, 40
    for_each_row = (peak(many) - peak(few)) / ((many - few) * 100)
    assert for_each_row < 60, "a row is more than 200 bytes of a file, and must not be kept"


async def a_row(tenant: Tenant, booked: dict[str, Any]) -> ExportedAppointment:
    async with tenant.database.transaction(tenant.organization_id) as session:
        store = AppointmentStore(await connection_of(session), tenant.organization_id)
        appointment = await store.get(UUID(booked["id"]))
    return ExportedAppointment(
        appointment=appointment,
        business_name="Salon",
        client_name="Grace",
        client_phone=None,
        client_email=None,
        shows_internal_notes=True,
    )
