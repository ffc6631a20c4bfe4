"""Keys in the list and in the drawer: from row to row, ranges, and what is done with the current appointment."""

from datetime import timedelta

from harness.desk import Desk, see
from harness.practice import Practice
from playwright.async_api import Route


async def test_arrows_go_from_row_to_row_and_with_shift_select(desk: Desk, practice: Practice) -> None:
    day = practice.a_day()
    names = [f"Arrow {number}" for number in (1, 2, 3, 4)]
    for hour, name in enumerate(names):
        await practice.book(day + timedelta(hours=hour), name, staff=0)
    await desk.open_list(q="Arrow", sort="starts_at")
    await see(desk.row("Arrow 4")).to_be_visible()

    await desk.press("ArrowDown", "ArrowDown")
    await see(desk.button("Arrow 2", within=desk.row("Arrow 2"))).to_be_focused()
    await desk.press("ArrowUp")
    await see(desk.button("Arrow 1", within=desk.row("Arrow 1"))).to_be_focused()
    await desk.press("Shift+ArrowDown", "Shift+ArrowDown")
    await see(desk.bulk).to_contain_text("3 selected")
    await desk.press("Shift+ArrowUp")
    await see(desk.bulk).to_contain_text("2 selected")
    for name, selected in zip(names, ("true", "true", "false", "false"), strict=True):
        await see(desk.row(name)).to_have_attribute("aria-selected", selected)
    await desk.press("Enter")
    await see(desk.drawer.get_by_role("heading", name="Arrow 2")).to_be_visible()
    await desk.press("ArrowDown")
    await see(desk.drawer.get_by_role("heading", name="Arrow 3")).to_be_visible()


async def test_message_and_edit_on_the_current_appointment(desk: Desk, practice: Practice) -> None:
    day = practice.a_day()
    await practice.book(day, "Taste Mia", staff=0)
    await practice.book(day + timedelta(hours=1), "Taste Eva", staff=0)
    await desk.open_list(q="Taste", sort="starts_at")
    await see(desk.row("Taste Eva")).to_be_visible()

    await desk.press("j", "e")
    await see(desk.sheet.get_by_role("heading", name="Correct the appointment of Taste Mia")).to_be_visible()
    await desk.press("Escape")
    await see(desk.sheet).to_have_count(0)
    await desk.press("j", "m")
    await see(desk.drawer.get_by_role("heading", name="Taste Eva")).to_be_visible()
    await see(desk.drawer.get_by_role("tab", name="Messages")).to_have_attribute("aria-selected", "true")
    await see(desk.drawer.get_by_label("Message to the client")).to_be_focused()

    # In the drawer: it was written in, and left.
    await desk.drawer.get_by_role("tab", name="Details").click()
    await desk.press("e")
    await see(desk.sheet.get_by_role("heading", name="Taste Eva")).to_be_visible()
    await desk.press("Escape")
    await see(desk.sheet).to_have_count(0)
    await desk.press("m")
    await see(desk.drawer.get_by_label("Message to the client")).to_be_focused()


async def test_g_and_c_lead_to_the_calendar_and_confirm_nothing(desk: Desk, practice: Practice) -> None:
    await practice.book(practice.a_day(), "Greta Going", staff=0)
    await desk.find("Greta Going")
    await desk.press("j", "g", "c")
    await desk.page.wait_for_url("**/calendar/day/**")
    [appointment] = await practice.appointments_of("Greta Going")
    assert appointment["status"] == "scheduled"


async def test_a_held_key_confirms_once(desk: Desk, practice: Practice) -> None:
    await practice.book(practice.a_day(), "Held Key", staff=0)
    await desk.find("Held Key")
    asked: list[str] = []

    async def late(route: Route) -> None:
        asked.append(route.request.url)
        await see(desk.row("Held Key")).to_contain_text("Scheduled")
        await route.continue_()

    await desk.page.route("**/confirm", late)
    await desk.press("ArrowDown")
    for _ in range(4):
        await desk.page.keyboard.down("c")
    await desk.page.keyboard.up("c")
    await see(desk.row("Held Key")).to_contain_text("Confirmed")
    assert len(asked) == 1
