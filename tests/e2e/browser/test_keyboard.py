"""Journeys by keyboard alone."""

from datetime import datetime, timedelta

from harness.desk import Desk, see
from harness.practice import Practice


async def test_new_appointment_by_keyboard_alone(desk: Desk, practice: Practice) -> None:
    await desk.open_day(practice.a_day())
    await see(desk.page.locator("[data-column]").first).to_be_visible()

    await desk.page.keyboard.press("n")
    await see(desk.page.get_by_label("Client", exact=True)).to_be_focused()
    await desk.page.keyboard.type("Kira Keyboard")
    await _tab_to(desk, "Phone")
    await desk.page.keyboard.type("030 5550144")
    await _tab_to(desk, "Service")
    await desk.page.keyboard.press("Enter")
    await see(desk.page.get_by_role("listbox")).to_be_visible()
    await desk.page.keyboard.type("Hair")
    await desk.page.keyboard.press("Enter")
    await see(desk.page.get_by_role("button", name="First free")).to_be_visible()
    await _tab_to(desk, "First free")
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

    await desk.told("Moritz Move moved to")
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
    await _tab_to(desk, "Cancel…")
    await desk.page.keyboard.press("Enter")
    await see(desk.sheet.get_by_role("textbox", name="Reason")).to_be_focused()
    await desk.page.keyboard.type("Water damage")
    await _tab_to(desk, "Cancel 2 appointments")
    await desk.page.keyboard.press("Enter")

    await see(desk.sheet).to_contain_text("2 of 2")
    assert (await practice.appointments_of("Bulk Key 1"))[0]["status"] == "cancelled"


async def test_closing_a_sheet_gives_the_focus_back(desk: Desk, practice: Practice) -> None:
    await practice.book(practice.a_day(), "Fiona Focus", staff=0)
    await desk.find("Fiona Focus")
    dots = desk.row("Fiona Focus").get_by_role("button", name="More for Fiona Focus")
    # The dots appear with the pointer or with the focus on the row.
    await desk.button("Fiona Focus").focus()
    await _tab_to(desk, "More for Fiona Focus")
    await desk.page.keyboard.press("Enter")
    await desk.page.get_by_role("menuitem", name="Cancel appointment").press("Enter")
    await see(desk.sheet.get_by_role("textbox", name="Reason")).to_be_focused()

    await desk.page.keyboard.press("Escape")

    await see(dots).to_be_focused()


async def _tab_to(desk: Desk, name: str) -> None:
    """Presses Tab until the focused element is called `name`; a page where it cannot be reached fails."""
    for _ in range(60):
        await desk.page.keyboard.press("Tab")
        focused = desk.page.locator("*:focus")
        if name in await focused.evaluate(_NAME):
            return
    raise AssertionError(f"{name} cannot be reached by Tab")


_NAME = """(element) => {
    const ids = (element.getAttribute("aria-labelledby") || "").split(" ").filter(Boolean);
    const labels = [...ids.map((id) => document.getElementById(id)), ...(element.labels || [])].filter(Boolean);
    return [element.getAttribute("aria-label") || "", element.textContent, ...labels.map((label) => label.textContent)].join(" ");
}"""
