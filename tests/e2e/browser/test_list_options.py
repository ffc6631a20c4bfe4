"""How close the list's rows stand and which columns it has is each user's; for Tab the list is one stop."""

from datetime import timedelta

from harness.accessibility import BEYOND, axe_findings
from harness.desk import Desk, OpenDesk, see
from harness.practice import Practice
from playwright.async_api import Locator

OPTIONS = "Columns and rows"
SAVED = "**/api/session/preferences"


async def test_rows_and_columns_are_as_they_were_chosen_in_every_browser(
    desk: Desk, open_desk: OpenDesk, practice: Practice
) -> None:
    await practice.book(practice.a_day(), "Dora Density", staff=0)
    await desk.find("Dora Density")
    height = await _height(desk, "Dora Density")

    await desk.button(OPTIONS).click()
    await _choose(desk, desk.sheet.get_by_role("radio", name="Compact"))
    await _choose(desk, desk.sheet.get_by_role("checkbox", name="Source"))
    await desk.press("Escape")

    try:
        await see(desk.page.get_by_role("columnheader", name="Source")).to_have_count(0)
        await see(desk.row("Dora Density")).not_to_contain_text("Manual")
        assert await _height(desk, "Dora Density") < 0.8 * height
        async with open_desk() as other:
            await other.find("Dora Density")
            await see(other.page.get_by_role("columnheader", name="Source")).to_have_count(0)
            assert await _height(other, "Dora Density") < 0.8 * height
    finally:
        await desk.button(OPTIONS).click()
        await _choose(desk, desk.sheet.get_by_role("radio", name="Comfortable"))
        await _choose(desk, desk.sheet.get_by_role("checkbox", name="Source"))
    await see(desk.row("Dora Density")).to_contain_text("Manual")


async def test_for_tab_the_list_is_one_stop_and_arrows_lead_to_what_stands_in_a_row(
    desk: Desk, practice: Practice
) -> None:
    day = practice.a_day()
    for hour, name in enumerate(("Roving 1", "Roving 2")):
        await practice.book(day + timedelta(hours=hour), name, staff=0)
    await desk.open_list(q="Roving", sort="starts_at")
    await see(desk.row("Roving 2")).to_be_visible()

    await desk.button(OPTIONS).focus()
    stops = await _stops(desk)
    assert [name for name in stops if "Roving" in name or name in {"Time", "Client"}] == ["Roving 1"]

    await desk.button("Roving 1", within=desk.row("Roving 1")).focus()
    await desk.press("ArrowDown")
    await see(desk.button("Roving 2", within=desk.row("Roving 2"))).to_be_focused()
    await desk.press("ArrowLeft")
    await see(desk.row("Roving 2").get_by_role("checkbox")).to_be_focused()
    await desk.press("Space")
    await see(desk.bulk).to_contain_text("1 selected")
    await desk.press("End")
    await see(desk.row("Roving 2").get_by_role("button", name="More for Roving 2")).to_be_focused()
    # Whoever comes back by Tab comes to the row that they left.
    await desk.press("Tab")
    await desk.press("Shift+Tab")
    await see(desk.button("Roving 2", within=desk.row("Roving 2"))).to_be_focused()

    await desk.press("ArrowUp", "ArrowUp")
    await see(desk.page.get_by_role("columnheader", name="Time").get_by_role("button")).to_be_focused()
    await desk.press("ArrowDown")
    await see(desk.button("Roving 1", within=desk.row("Roving 1"))).to_be_focused()


async def test_what_is_chosen_for_the_list_can_be_chosen_by_everybody(open_desk: OpenDesk, practice: Practice) -> None:
    await practice.book(practice.a_day(), "Axel Options", staff=0)
    async with open_desk(viewport={"width": 320, "height": 640}, bypass_csp=True, reduced_motion="reduce") as desk:
        await desk.find("Axel Options")
        await desk.button(OPTIONS).click()
        await see(desk.sheet.get_by_role("radio", name="Compact")).to_be_visible()

        assert await axe_findings(desk.page) == []
        assert await desk.page.evaluate(BEYOND, ".seg, .tg, .tabs, .people, .filters, table") == []


async def _choose(desk: Desk, control: Locator) -> None:
    """Waits until the choice is kept: another browser is to have it."""
    async with desk.page.expect_response(SAVED) as answer:
        await control.click(force=True)
    assert (await answer.value).status == 200


async def _height(desk: Desk, name: str) -> float:
    return float(await desk.row(name).evaluate("row => row.getBoundingClientRect().height"))


async def _stops(desk: Desk) -> list[str]:
    """What Tab comes to from here, until it leaves the page."""
    stops = []
    for _ in range(12):
        await desk.press("Tab")
        stops.append(str(await desk.page.evaluate("document.activeElement.textContent.trim().split(/[↑↓]/)[0].trim()")))
    return stops
