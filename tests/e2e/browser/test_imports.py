"""Bulk import in the browser: upload, columns, review with override, progress, done."""

import asyncio
import csv
import io
from datetime import datetime, timedelta

from harness.desk import Desk, see
from harness.practice import Practice


async def test_bulk_import_with_review_and_override(desk: Desk, practice: Practice) -> None:
    # An evening in which no other test books, on the tenth: nobody can tell which of 10.02. is the month.
    day = (practice.a_day(hour=20) + timedelta(days=31)).replace(day=10)
    await practice.book(day, "Otto Occupied", staff=0)
    await desk.goto("/imports")
    await desk.page.locator("input[type=file]").set_input_files(
        {"name": "appointments.csv", "mimeType": "text/csv", "buffer": _sheet(day)}
    )
    await see(desk.page.get_by_role("heading", name="Columns")).to_be_visible()
    unclear = desk.page.get_by_text("do not show whether the day or the month comes first")
    await see(unclear).to_contain_text("“Date”")
    await see(unclear).to_contain_text("choose how to read them")
    await desk.choose("Order of dates", "day-month-year")
    await see(unclear).to_contain_text("they are read as day-month-year")

    await desk.button("Check rows").click()

    tabs = desk.page.get_by_role("navigation", name="Rows")
    for tab in ("OK 1", "Conflict 1", "Invalid 1"):
        await see(tabs.get_by_role("button", name=tab)).to_be_visible(timeout=30_000)
    await tabs.get_by_role("button", name="Conflict 1").click()
    await see(desk.page.get_by_role("listitem").filter(has_text="Iris Conflict")).to_be_visible()
    await desk.button("Book 1 conflict too").click()
    await desk.sheet.get_by_role("textbox", name="Reason").fill("They share the chair")
    problem = {"title": "", "status": 503, "detail": "", "code": "service_unavailable", "trace_id": None}
    await desk.page.route("**/confirm", lambda route: route.fulfill(status=503, json=problem))
    await desk.button("Override", within=desk.sheet).click()
    # What was refused can be tried again, with the reason that was typed.
    await see(desk.sheet.get_by_role("alert")).to_be_visible()
    await desk.page.unroute("**/confirm")
    await desk.button("Override", within=desk.sheet).click()
    await see(desk.page.get_by_text("2 booked")).to_be_visible(timeout=60_000)
    [fine] = await practice.appointments_of("Ian Fine")
    [forced] = await practice.appointments_of("Iris Conflict")
    assert fine["source"] == forced["source"] == "import"
    assert forced["starts_at"] == (await practice.appointments_of("Otto Occupied"))[0]["starts_at"]


async def test_a_conflict_is_overridden_row_by_row(desk: Desk, practice: Practice) -> None:
    day = (practice.a_day(hour=20) + timedelta(days=31)).replace(day=14)
    await practice.book(day, "Olaf Occupied", staff=0)
    await desk.goto("/imports")
    await desk.page.locator("input[type=file]").set_input_files(
        {"name": "one-by-one.csv", "mimeType": "text/csv", "buffer": _sheet(day)}
    )
    await desk.button("Check rows").click()
    row = desk.page.get_by_role("listitem").filter(has_text="Iris Conflict")
    force = row.get_by_role("button", name="Override row")
    await force.click(timeout=30_000)
    await desk.sheet.get_by_role("textbox", name="Reason").fill("They share the chair")
    await desk.button("Override", within=desk.sheet).click()
    await see(row).to_contain_text("Will be booked all the same: \u2068They share the chair\u2069")
    await see(desk.button("Book 1 conflict too")).to_have_count(0)
    await see(desk.button("Book 2 rows")).to_be_enabled()
    # A phone has it all without scrolling sideways.
    await desk.page.set_viewport_size({"width": 360, "height": 740})
    edge = "element => element.getBoundingClientRect().right"
    for button in (row.get_by_role("button").last, desk.button("Book 2 rows")):
        assert await button.evaluate(edge) <= 360

    # It can be taken back.
    await row.get_by_role("button", name="Withdraw override of row").click()
    await see(desk.button("Book 1 row")).to_be_enabled()
    await see(desk.button("Book 1 conflict too")).to_be_visible()
    await force.click()
    await desk.sheet.get_by_role("textbox", name="Reason").fill("They share the chair")
    await desk.button("Override", within=desk.sheet).click()
    await desk.button("Book 2 rows").click()
    await see(desk.page.get_by_text("2 booked")).to_be_visible(timeout=60_000)


async def test_every_column_of_the_sample_file_is_recognised(desk: Desk, practice: Practice) -> None:
    await desk.goto("/imports")
    async with desk.page.expect_download() as downloading:
        await desk.button("Sample file").click()
    sample = await downloading.value
    content = await asyncio.to_thread((await sample.path()).read_bytes)
    await desk.page.locator("input[type=file]").set_input_files(
        {"name": sample.suggested_filename, "mimeType": "text/csv", "buffer": content}
    )
    await see(desk.page.get_by_role("heading", name="Columns")).to_be_visible()
    await see(desk.page.get_by_role("row")).to_have_count(10)
    await see(desk.page.locator("button.select").filter(has_text="Notes")).to_be_visible()
    await see(desk.page.locator("button.select").filter(has_text="Not used")).to_have_count(0)
    await desk.button("Check rows").click()
    tabs = desk.page.get_by_role("navigation", name="Rows")
    await see(tabs.get_by_role("button", name="Invalid 0")).to_be_visible(timeout=30_000)


async def test_a_correction_that_is_refused_stays_in_its_fields(desk: Desk, practice: Practice) -> None:
    day = (practice.a_day(hour=20) + timedelta(days=31)).replace(day=13)
    await desk.goto("/imports")
    await desk.page.locator("input[type=file]").set_input_files(
        {"name": "refused.csv", "mimeType": "text/csv", "buffer": _sheet(day)}
    )
    await desk.button("Check rows").click()
    row = desk.page.get_by_role("listitem").filter(has_text="Ivo Invalid")
    await row.get_by_role("button", name="Edit row").click()
    await row.get_by_label("Date").fill("14.02.2027")
    problem = {"title": "", "status": 503, "detail": "", "code": "service_unavailable", "trace_id": None}
    await desk.page.route("**/rows/*", lambda route: route.fulfill(status=503, json=problem))

    await desk.button("Save", within=row).click()
    await see(desk.page.get_by_role("alert")).to_be_visible()
    await see(row.get_by_label("Date")).to_have_value("14.02.2027")

    await desk.page.unroute("**/rows/*")
    await desk.button("Save", within=row).click()
    await see(row.get_by_label("Date")).to_have_count(0)


def _sheet(day: datetime) -> bytes:
    """One row that is fine, one in the way of another appointment, and one with an impossible date."""
    output = io.StringIO()
    table = csv.writer(output)
    table.writerow(["Client", "Phone", "Service", "Staff", "Date", "Time", "Duration"])
    later = day + timedelta(hours=2)
    table.writerow(["Ian Fine", "030 5550211", "Haircut", "Ada 1", f"{day:%d.%m.%Y}", f"{later:%H:%M}", "30"])
    table.writerow(["Iris Conflict", "030 5550212", "Haircut", "Ada 1", f"{day:%d.%m.%Y}", f"{day:%H:%M}", "30"])
    table.writerow(["Ivo Invalid", "030 5550213", "Haircut", "Ada 1", "31.02.2027", "10:00", "30"])
    return output.getvalue().encode()
