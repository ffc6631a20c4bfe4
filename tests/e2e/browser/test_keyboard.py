"""Journeys by keyboard alone."""

import asyncio
import re
from datetime import datetime, timedelta

from harness.desk import Desk, see
from harness.practice import Practice
from harness.world import expect
from playwright.async_api import FileChooser


async def test_new_appointment_by_keyboard_alone(desk: Desk, practice: Practice) -> None:
    await desk.open_day(practice.a_day())
    await see(desk.page.locator("[data-column]").first).to_be_visible()

    await desk.page.keyboard.press("n")
    await see(desk.page.get_by_label("Client", exact=True)).to_be_focused()
    await desk.page.keyboard.type("Kira Keyboard")
    await desk.tab_to("Phone")
    await desk.page.keyboard.type("030 5550144")
    await desk.tab_to("Service")
    await desk.page.keyboard.press("Enter")
    await see(desk.page.get_by_role("listbox")).to_be_visible()
    await desk.page.keyboard.type("Hair")
    await desk.page.keyboard.press("Enter")
    await see(desk.page.get_by_role("button", name="First free")).to_be_visible()
    await desk.tab_to("First free")
    await desk.page.keyboard.press("Enter")
    await see(desk.page.get_by_text("held for")).to_be_visible()
    await desk.page.keyboard.press("Control+Enter")

    await desk.told("Booked")
    assert len(await practice.appointments_of("Kira Keyboard")) == 1


async def test_move_in_the_calendar_by_keyboard_alone(desk: Desk, practice: Practice) -> None:
    """Space lifts, arrows move by a quarter of an hour and to the next column, Enter drops; each step is said."""
    day = practice.a_day()
    await practice.book(day, "Moritz Move", staff=0)
    await desk.open_day(day)
    card = desk.card("Moritz Move")
    await card.focus()
    spoken = desk.page.locator("[aria-live=assertive]").filter(has_text="Ada")

    await desk.page.keyboard.press("Space")
    await desk.page.keyboard.press("ArrowDown")
    await see(spoken).to_contain_text("10:15–10:45, Ada 1")
    await desk.page.keyboard.press("ArrowDown")
    await desk.page.keyboard.press("ArrowRight")
    await see(spoken).to_contain_text("10:30–11:00, Ada 2")
    await desk.page.keyboard.press("Enter")
    await see(desk.sheet.get_by_role("heading", name="Move to 10:30, Ada 2")).to_be_visible()
    await see(desk.button("Move", within=desk.sheet)).to_be_focused()
    await desk.page.keyboard.press("Enter")

    await desk.told("Moritz Move moved to")
    await see(desk.card("Moritz Move")).to_be_focused()
    _, moved = await practice.appointments_of("Moritz Move")
    assert datetime.fromisoformat(moved["starts_at"]) == day + timedelta(minutes=30)
    assert [resource["name"] for resource in moved["resources"]] == ["Ada 2"]


async def test_escape_puts_a_lifted_card_back(desk: Desk, practice: Practice) -> None:
    day = practice.a_day()
    await practice.book(day, "Elsa Escape", staff=0)
    await desk.open_day(day)
    await desk.card("Elsa Escape").focus()

    for key in ("Space", "ArrowDown", "Escape"):
        await desk.page.keyboard.press(key)

    await see(desk.page.locator("[aria-live=assertive]").filter(has_text="Put back.")).to_have_count(1)
    await see(desk.card("Elsa Escape")).to_be_focused()
    assert len(await practice.appointments_of("Elsa Escape")) == 1


async def test_bulk_cancel_by_keyboard_alone(desk: Desk, practice: Practice) -> None:
    day = practice.a_day()
    for hour, name in enumerate(("Bulk Key 1", "Bulk Key 2")):
        await practice.book(day + timedelta(hours=hour), name, staff=0)
    await desk.find("Bulk Key")

    for key in ("j", "x", "j", "x"):
        await desk.page.keyboard.press(key)
    await see(desk.bulk).to_contain_text("2 selected")
    await desk.tab_to("Cancel…")
    await desk.page.keyboard.press("Enter")
    await see(desk.sheet.get_by_role("textbox", name="Reason")).to_be_focused()
    await desk.page.keyboard.type("Water damage")
    await desk.tab_to("Cancel 2 appointments")
    await desk.page.keyboard.press("Enter")

    await see(desk.sheet).to_contain_text("2 of 2")
    assert (await practice.appointments_of("Bulk Key 1"))[0]["status"] == "cancelled"


async def test_closing_a_sheet_gives_the_focus_back(desk: Desk, practice: Practice) -> None:
    await practice.book(practice.a_day(), "Fiona Focus", staff=0)
    await desk.find("Fiona Focus")
    dots = desk.row("Fiona Focus").get_by_role("button", name="More for Fiona Focus")
    # The dots appear with the pointer or with the focus on the row.
    await desk.button("Fiona Focus").focus()
    await desk.press("End")
    await see(dots).to_be_focused()
    await desk.page.keyboard.press("Enter")
    await desk.page.get_by_role("menuitem", name="Cancel appointment").press("Enter")
    await see(desk.sheet.get_by_role("textbox", name="Reason")).to_be_focused()

    await desk.page.keyboard.press("Escape")

    await see(dots).to_be_focused()


async def test_import_by_keyboard_alone(desk: Desk, practice: Practice) -> None:
    # An early day of another month than its number: the file leaves open which of the two is the month.
    day = (practice.a_day(hour=18) + timedelta(days=62)).replace(day=11)
    day = day.replace(day=12) if day.month == 11 else day
    row = f"Ivy Import,ivy.import@example.com,Haircut,Ada 1,{day:%d.%m.%Y},{day:%H:%M},30"
    # Columns of its own: those of a file like another test's would be remembered, and the order with them.
    file = f"Client,E-mail,Service,Staff,Date,Time,Duration\n{row}\n".encode()
    # From now on: the browser hands choosers over a moment after it is asked to, and the key may be quicker.
    chosen: asyncio.Queue[FileChooser] = asyncio.Queue()

    def choose(chooser: FileChooser) -> None:
        chosen.put_nowait(chooser)

    desk.page.once("filechooser", choose)
    await desk.goto("/imports")
    await see(desk.page.get_by_role("heading", name="Imports", exact=True)).to_be_visible()

    await desk.tab_to("Drop a file here")
    await desk.press("Space")
    chooser = await asyncio.wait_for(chosen.get(), timeout=30)
    await chooser.set_files({"name": "keyboard.csv", "mimeType": "text/csv", "buffer": file})
    await see(desk.page.get_by_role("heading", name="Columns")).to_be_visible()
    await desk.tab_to("Order of dates")
    await desk.press("Enter")
    await see(desk.page.get_by_role("listbox")).to_be_visible()
    await desk.page.keyboard.type("day")
    await desk.press("Enter")
    await see(desk.page.get_by_text("they are read as day-month-year")).to_be_visible()
    await desk.tab_to("Check rows")
    await desk.press("Enter")
    await see(desk.button("Book 1 row")).to_be_enabled(timeout=30_000)
    await desk.tab_to("Book 1 row")
    await desk.press("Enter")

    await see(desk.page.get_by_text("1 booked")).to_be_visible(timeout=60_000)
    [booked] = await practice.appointments_of("Ivy Import")
    assert datetime.fromisoformat(booked["starts_at"]) == day


async def test_availability_by_keyboard_alone(desk: Desk, practice: Practice) -> None:
    """Weekly hours typed and copied, another day's hours, and time off, of a person whom no other test books."""
    async with practice.a_colleague("Avery Hours") as avery:
        await _set_hours(desk, avery["id"])
        schedule = expect(await practice.world.availability.get(f"/v1/resources/{avery['id']}/schedule"))

    assert [day["weekday"] for day in schedule["weekly"]] == [0, 1, 2, 3, 6]
    assert {len(day["intervals"]) for day in schedule["weekly"]} == {2}
    [override] = schedule["date_overrides"]
    assert (override["on"], override["intervals"][0]["from"][:5]) == ("2032-05-05", "10:00")
    assert [absence["reason"] for absence in schedule["absences"]] == ["Fair"]


async def _set_hours(desk: Desk, resource_id: str) -> None:
    await desk.goto("/availability")
    await see(desk.page.get_by_role("heading", name="Weekly hours")).to_be_visible()

    await desk.tab_to("Whose hours")
    await desk.press("Enter")
    await desk.page.keyboard.type("Avery")
    await desk.press("Enter")
    await desk.page.wait_for_url(f"**/availability/{resource_id}")
    # The address comes first: until the name does, the hours there are somebody else's.
    await see(desk.page.locator("button", has_text="Avery Hours")).to_be_visible()
    await desk.tab_to("Follows the business's hours")
    await desk.press("Space")
    await see(desk.page.get_by_role("textbox", name="Monday")).to_be_visible()
    await desk.tab_to("Monday")
    await desk.page.keyboard.type("9-12, 13-17.30")
    await desk.tab_to("Copy Monday to…")
    await desk.press("Enter")
    await desk.tab_to("Friday")
    await desk.press("Space")
    await desk.tab_to("Sunday")
    await desk.press("Space")
    await desk.tab_to("Copy")
    await desk.press("Enter")
    await desk.tab_to("Save")
    await desk.press("Enter")
    await desk.told("Saved")
    await see(desk.button("Save")).to_be_focused()

    # Day and month are the same number: which comes first in the field is the browser's own language.
    await desk.tab_to("Date")
    await desk.page.keyboard.type("05052032")
    await desk.tab_to("Hours")
    await desk.page.keyboard.type("10-12")
    await desk.tab_to("Add")
    await desk.press("Enter")
    await see(desk.page.get_by_text(re.compile("Wednesday,? 5 May 2032"))).to_be_visible()
    await see(desk.page.get_by_label("Date", exact=True)).to_be_focused()
    for field in ("From", "Until"):
        await desk.tab_to(field)
        await desk.page.keyboard.type("06062032")
    await desk.tab_to("Reason")
    await desk.page.keyboard.type("Fair")
    await desk.tab_to("Add")
    await desk.press("Enter")
    await see(desk.page.get_by_text("Fair", exact=True)).to_be_visible()
