"""The appointments list: what it shows, what narrows it, and what is done with one or many of its rows."""

import csv
import io
import re
from datetime import timedelta

from harness.desk import Desk, see
from harness.mailbox import Mailbox, body_text
from harness.practice import Practice
from harness.world import Json, expect

THE_LIFT = "The lift is out of order, use the stairs"


async def test_view_all_appointments_across_businesses(desk: Desk, practice: Practice) -> None:
    """With client, phone, service, date and time, duration, status, source, staff."""
    day = practice.a_day()
    await practice.book(day, "Vera View", staff=0)
    dental = {"business_id": practice.dental["id"], "service_id": practice.checkup["id"]}
    await practice.book(day + timedelta(hours=5), "Victor View", **dental)
    phone = (await practice.client_named("Vera View"))["phone"]

    await desk.find("View")

    for text in (phone, "Haircut", "10:00", "30 min", "Scheduled", "Manual", "Ada 1"):
        await see(desk.row("Vera View")).to_contain_text(text)
    # By the clock of the other business, which is named.
    for text in ("Check-up", "Hudson Dental", "Dr Lee", "09:00"):
        await see(desk.row("Victor View")).to_contain_text(text)
    heading = desk.page.get_by_role("row").filter(has_text="times in").first
    await see(heading).to_contain_text(f"{day.day} {day:%B}")


async def test_status_filters(desk: Desk, practice: Practice) -> None:
    """A tab for each status, with its number; the address keeps what was chosen."""
    day = practice.a_day()
    await practice.book(day, "Stella Status", staff=0)
    cancelled = await practice.book(day, "Stefan Status", staff=1)
    await practice.world.act(cancelled["id"], "cancel", reason="Ill")
    await desk.find("Status")
    tabs = desk.page.get_by_role("navigation", name="By status")

    await tabs.get_by_role("button", name="Cancelled 1").click()

    await see(desk.row("Stefan Status")).to_be_visible()
    await see(desk.row("Stella Status")).to_have_count(0)
    await desk.page.reload()
    await see(desk.row("Stefan Status")).to_be_visible()
    await see(tabs.get_by_role("button", name="Cancelled")).to_have_attribute("aria-current", "page")


async def test_origin_marked_in_the_list(desk: Desk, practice: Practice) -> None:
    origin = {"kind": "work_order", "reference_id": "WO-17", "url": "https://orders.example.com/17"}
    await practice.book(practice.a_day(), "Olga Origin", staff=0, origin=origin)
    await practice.book(practice.a_day(), "Ina Independent", staff=0)

    await desk.find("Olga Origin")

    await see(desk.row("Olga Origin")).to_contain_text("Work order")
    drawer = await desk.open("Olga Origin")
    await see(drawer).to_contain_text("WO-17")
    await desk.find("Ina Independent")
    await see(desk.row("Ina Independent")).not_to_contain_text("Work order")


async def test_three_dots_menu(desk: Desk, practice: Practice) -> None:
    """All that can be done with the row; what cannot be done yet says why."""
    await practice.book(practice.a_day(), "Mona Menu", staff=0)
    await desk.find("Mona Menu")
    await desk.row("Mona Menu").hover()

    await desk.row("Mona Menu").get_by_role("button", name="More for Mona Menu").click()

    items = desk.page.get_by_role("menuitem")
    for verb in ("Confirm", "Complete", "Reschedule", "Dismiss", "Cancel appointment"):
        await see(items.filter(has_text=verb)).to_be_visible()
    no_show = items.filter(has_text="No-show")
    await see(no_show).to_be_disabled()
    await see(no_show).to_contain_text("only after")
    await items.filter(has_text="Dismiss").click()
    await see(desk.row("Mona Menu")).to_contain_text("Dismissed")
    await see(desk.row("Mona Menu").locator(".pill")).to_have_css("background-color", "rgb(239, 236, 232)")


async def test_bulk_done(desk: Desk, practice: Practice) -> None:
    names = await _three(practice, "Dunya")
    await desk.find("Dunya")
    await _select(desk, names)

    await desk.button("Complete", within=desk.bulk).click()

    await see(desk.sheet).to_contain_text("3 of 3")
    await desk.button("Close", within=desk.sheet).last.click()
    for name in names:
        await see(desk.row(name)).to_contain_text("Completed")


async def test_bulk_dismiss_names_what_could_not_be_done(desk: Desk, practice: Practice) -> None:
    names = await _three(practice, "Dismiss")
    await desk.find("Dismiss")
    await _select(desk, names)
    [first] = await practice.appointments_of(names[0])
    await practice.world.act(first["id"], "cancel", reason="Somebody else was faster")

    await desk.button("Dismiss", within=desk.bulk).click()

    await see(desk.sheet).to_contain_text("2 of 3")
    await see(desk.sheet.get_by_role("listitem")).to_have_text([names[0]])
    async with desk.page.expect_download() as download:
        await desk.button("Download", within=desk.sheet).click()
    _, line = csv.reader(io.StringIO((await (await download.value).path()).read_text("utf-8-sig")))
    assert (line[0], line[-1]) == (names[0], first["id"])
    await desk.sheet.get_by_role("link", name=names[0]).click()
    await see(desk.page.get_by_role("heading", name=names[0])).to_be_visible()


async def test_bulk_delete(desk: Desk, practice: Practice) -> None:
    """Deleting archives: out of the lists, and never gone."""
    names = await _three(practice, "Delete")
    for name in names:
        [appointment] = await practice.appointments_of(name)
        await practice.world.act(appointment["id"], "cancel", reason="made by mistake")
    await desk.find("Delete")
    await _select(desk, names)

    await desk.button("Archive", within=desk.bulk).click()

    await see(desk.sheet).to_contain_text("3 of 3")
    await desk.button("Close", within=desk.sheet).last.click()
    await see(desk.page.get_by_role("heading", name="Nothing matches")).to_be_visible()
    await desk.button("Archived").click()
    await see(desk.row(names[0])).to_be_visible()


async def test_bulk_message_client(desk: Desk, practice: Practice, mails: Mailbox) -> None:
    """The console takes the texts here, which lays them beside the mails."""
    names = await _three(practice, "Client")
    await _message(desk, names, "Message client", "Message to the clients of 3")

    await see(desk.sheet).to_contain_text("3 of 3")
    for name in names:
        [mail] = await mails.expect(_console_of(await practice.client_named(name)))
        assert THE_LIFT in body_text(mail)


async def test_bulk_message_staff(desk: Desk, practice: Practice, mails: Mailbox) -> None:
    """Who has no phone is told of, and gets the message once they have one: one, for all three appointments."""
    names = await _three(practice, "Staff")
    await _message(desk, names, "Message staff", "Message to the staff of 3")
    await see(desk.sheet).to_contain_text("0 of 3")
    await see(desk.sheet).to_contain_text("There is no phone number")
    await desk.button("Close", within=desk.sheet).first.click()

    member = practice.world.staff[0]
    path = f"/v1/resources/{member['id']}"
    member = expect(await practice.world.booking.patch(path, json={"phone": "+4915155500999"}))
    await _message(desk, names, "Message staff", "Message to the staff of 3")
    await see(desk.sheet).to_contain_text("3 of 3")
    [mail] = await mails.expect(_console_of(member))
    assert THE_LIFT in body_text(mail)


async def _message(desk: Desk, names: list[str], button: str, title: str) -> None:
    await desk.find(names[0].split()[0])
    await _select(desk, names)
    await desk.button(button, within=desk.bulk).click()
    await see(desk.sheet.get_by_role("heading")).to_contain_text(title)
    await see(desk.button("Send 3", within=desk.sheet)).to_be_disabled()
    await desk.sheet.get_by_label("Text").fill(THE_LIFT)
    await desk.button("Send 3", within=desk.sheet).click()


def _console_of(person: Json) -> str:
    return f"{person['phone']}@sms.invalid"


async def test_select_all(desk: Desk, practice: Practice) -> None:
    """All that match are those that matched when the number was shown: latecomers stay out."""
    names = await _three(practice, "Everyone")
    await desk.find("Everyone")
    await desk.page.get_by_role("checkbox", name="Select this page").check(force=True)
    await see(desk.bulk).to_contain_text("3 selected")
    await practice.book(practice.a_day(), "Late Everyone", staff=0)

    await desk.button("Confirm", within=desk.bulk).click()

    await see(desk.sheet).to_contain_text("3 of 3")
    [late] = await practice.appointments_of("Late Everyone")
    assert late["status"] == "scheduled"
    assert {(await practice.appointments_of(name))[0]["status"] for name in names} == {"confirmed"}


async def test_changing_the_filter_lets_the_selection_go(desk: Desk, practice: Practice) -> None:
    names = await _three(practice, "Letgo")
    await desk.find("Letgo")
    await _select(desk, names)

    await desk.page.get_by_role("searchbox").fill("Letgo 1")

    await see(desk.bulk).to_have_count(0)
    await desk.told("3 are no longer selected")


async def test_coming_back_shows_the_list_where_it_was_left(desk: Desk, practice: Practice) -> None:
    day = practice.a_day(hour=6)
    for number in range(12):
        await practice.book(day + timedelta(hours=number), f"Leftoff {number:02}", staff=0)
    await desk.page.set_viewport_size({"width": 1280, "height": 420})
    await desk.find("Leftoff")
    first, last = desk.row("Leftoff 11"), desk.row("Leftoff 00")
    await see(first).to_be_in_viewport()
    await desk.page.locator("main .scroll").evaluate("box => { box.scrollTop = box.scrollHeight; }")
    await see(last).to_be_in_viewport()

    await desk.page.get_by_role("link", name="Clients").first.click()
    await see(desk.page).to_have_title(re.compile("Clients"))
    await desk.page.go_back()

    await see(last).to_be_in_viewport()
    await see(first).not_to_be_in_viewport()


async def test_export_with_fields_order_and_file_type(desk: Desk, practice: Practice) -> None:
    await _three(practice, "Export")
    await desk.find("Export")
    await desk.button("Export").click()
    await desk.choose("Order", "Newest first", within=desk.sheet)
    await desk.sheet.get_by_role("checkbox", name="Phone").uncheck(force=True)
    await desk.sheet.get_by_role("checkbox", name="Internal notes").check(force=True)

    async with desk.page.expect_download() as download:
        await desk.sheet.get_by_role("link", name="Export 3 appointments").click()

    content = (await (await download.value).path()).read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(content)))
    assert [row["client_name"] for row in rows] == ["Export 3", "Export 2", "Export 1"]
    assert "client_phone" not in rows[0]
    assert "internal_notes" in rows[0]
    await desk.button("Export").click()
    await desk.choose("File", "XLSX", within=desk.sheet)
    async with desk.page.expect_download() as second:
        await desk.sheet.get_by_role("link", name="Export 3 appointments").click()
    assert (await second.value).suggested_filename.endswith(".xlsx")
    assert (await (await second.value).path()).read_bytes().startswith(b"PK")


async def _three(practice: Practice, what: str) -> list[str]:
    """Three clients with an appointment each, an hour apart."""
    day = practice.a_day()
    names = [f"{what} {number}" for number in (1, 2, 3)]
    for hour, name in enumerate(names):
        await practice.book(day + timedelta(hours=hour), name, staff=0)
    assert len(expect(await practice.world.booking.get("/v1/appointments", params={"q": what}))["items"]) == len(names)
    return names


async def _select(desk: Desk, names: list[str]) -> None:
    for name in names:
        await desk.row(name).get_by_role("checkbox").check(force=True)
    await see(desk.bulk).to_contain_text(f"{len(names)} selected")
