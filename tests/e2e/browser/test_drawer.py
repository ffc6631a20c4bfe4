"""The drawer beside the list: from one appointment to the next, in full, and out."""

from datetime import timedelta

from harness.desk import Desk, see
from harness.practice import Practice


async def _three(practice: Practice, what: str) -> list[str]:
    day = practice.a_day()
    names = [f"{what} {number}" for number in (1, 2, 3)]
    for hour, name in enumerate(names):
        await practice.book(day + timedelta(hours=hour), name, staff=0)
    return names


async def test_previous_and_next_go_through_the_list_as_it_is_shown(desk: Desk, practice: Practice) -> None:
    await _three(practice, "Turn")
    await desk.open_list(q="Turn", sort="-starts_at")
    await see(desk.row("Turn 1")).to_be_visible()
    await desk.button("Turn 2", within=desk.row("Turn 2")).click()
    await see(desk.drawer.get_by_role("heading", name="Turn 2")).to_be_visible()

    following = desk.button("Next appointment", within=desk.drawer)
    await following.click()
    await see(desk.drawer.get_by_role("heading", name="Turn 1")).to_be_visible()
    # The end: the button stays where it is, and so does the focus.
    await see(following).to_have_attribute("aria-disabled", "true")
    await see(following).to_be_focused()
    before = desk.button("Previous appointment", within=desk.drawer)
    await before.click()
    await before.click()
    await see(desk.drawer.get_by_role("heading", name="Turn 3")).to_be_visible()
    await see(before).to_have_attribute("aria-disabled", "true")
    assert "appointment=" in desk.page.url


async def test_the_drawer_keeps_its_tab_from_row_to_row_and_not_when_another_is_opened(
    desk: Desk, practice: Practice
) -> None:
    await _three(practice, "Tabbed")
    await desk.open_list(q="Tabbed", sort="starts_at")
    await desk.button("Tabbed 1", within=desk.row("Tabbed 1")).click()
    history = desk.drawer.get_by_role("tab", name="History")
    await history.click()
    await desk.button("Next appointment", within=desk.drawer).click()
    await see(desk.drawer.get_by_role("heading", name="Tabbed 2")).to_be_visible()
    await see(history).to_have_attribute("aria-selected", "true")
    await desk.page.reload()
    await see(history).to_have_attribute("aria-selected", "true")
    await desk.button("Tabbed 3", within=desk.row("Tabbed 3")).click()
    await see(desk.drawer.get_by_role("heading", name="Tabbed 3")).to_be_visible()
    await see(desk.drawer.get_by_role("tab", name="Details")).to_have_attribute("aria-selected", "true")


async def test_what_is_not_in_the_list_has_no_neighbours(desk: Desk, practice: Practice) -> None:
    day = practice.a_day()
    booked = await practice.book(day, "Nadia Nowhere", staff=0)
    await desk.open_list(q="Somebody%20else", appointment=booked["id"])
    await see(desk.drawer.get_by_role("heading", name="Nadia Nowhere")).to_be_visible()
    await see(desk.button("Close", within=desk.drawer)).to_be_visible()
    await see(desk.button("Next appointment", within=desk.drawer)).to_have_count(0)

    await desk.open_day(day)
    await desk.card("Nadia Nowhere").click()
    await see(desk.drawer.get_by_role("heading", name="Nadia Nowhere")).to_be_visible()
    await see(desk.button("Next appointment", within=desk.drawer)).to_have_count(0)


async def test_open_in_full_and_close(desk: Desk, practice: Practice) -> None:
    await practice.book(practice.a_day(), "Fay Full", staff=0)
    drawer = await desk.open("Fay Full")
    await desk.press("Escape")
    await see(drawer).to_have_count(0)
    await see(desk.button("Fay Full", within=desk.row("Fay Full"))).to_be_focused()
    await desk.press("Enter")
    await drawer.get_by_role("link", name="Open in full").click()
    await desk.page.wait_for_url("**/appointments/0*")
    await see(desk.drawer.get_by_role("heading", name="Fay Full")).to_be_visible()
    await see(drawer.get_by_role("link", name="Open in full")).to_have_count(0)
    await see(desk.button("Next appointment", within=drawer)).to_have_count(0)
    await desk.button("Close", within=drawer).click()
    await desk.page.wait_for_url(lambda url: url.split("?")[0].endswith("/appointments"))
