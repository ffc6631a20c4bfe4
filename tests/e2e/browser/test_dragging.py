"""Cards of the calendar, carried by the pointer."""

from datetime import datetime, timedelta
from typing import Final

from harness.desk import Desk, see
from harness.practice import Practice
from playwright.async_api import Locator

_PRESS: Final = """(column, { ends }) => {
    const at = { bubbles: true, button: 0, pointerType: "pen", clientY: column.getBoundingClientRect().top + 400, isPrimary: true };
    column.setPointerCapture = () => undefined;  // no such pointer is on the screen
    column.dispatchEvent(new PointerEvent("pointerdown", { ...at, pointerId: 1 }));
    window.dispatchEvent(new PointerEvent("pointermove", { ...at, clientY: at.clientY + 60, pointerId: 1 }));
    for (const [name, id] of ends.map((end) => end.split(" ")))
        window.dispatchEvent(new PointerEvent(name, { ...at, pointerId: Number(id) }));
}"""
_PLACE: Final = "element => [element.getBoundingClientRect().x, element.getBoundingClientRect().y]"


async def test_a_card_is_carried_to_another_column_and_time(desk: Desk, practice: Practice) -> None:
    day = practice.a_day(hour=4)
    await practice.book(day, "Dora Drag", staff=0)
    await practice.book(day, "Beside Dora", staff=1)
    await desk.open_day(day)
    beside = await _place(desk.card("Beside Dora"))

    await _carry(desk, "Dora Drag", to=beside, minutes=60)

    ghost = desk.page.locator(".ghost")
    await see(ghost).to_contain_text("05:00–05:30")
    await see(ghost).to_have_class("a ghost over free")
    x, y = await _place(ghost)
    assert abs(x - beside[0]) <= 1
    assert abs(y - beside[1] - 60 * await _pixels_a_minute(desk)) <= 1
    await desk.page.mouse.up()
    await desk.agree()
    await desk.told("Dora Drag moved to")
    await see(ghost).to_have_count(0)
    _, moved = await practice.appointments_of("Dora Drag")
    assert datetime.fromisoformat(moved["starts_at"]) == day + timedelta(hours=1)
    assert [resource["name"] for resource in moved["resources"]] == ["Ada 2"]


async def test_what_is_selected_as_text_is_carried_and_drawn_over_all_the_same(desk: Desk, practice: Practice) -> None:
    """A browser carries selected text away itself, and takes the pointer from whoever moves a card then."""
    day = practice.a_day(hour=4)
    await practice.book(day, "Selma Selected", staff=0)
    await desk.open_day(day)
    card = await _place(desk.card("Selma Selected"))
    await desk.press("Control+a")

    await _carry(desk, "Selma Selected", to=card, minutes=60)
    await see(desk.page.locator(".ghost")).to_contain_text("05:00–05:30")
    await desk.press("Escape")
    await desk.page.mouse.up()


async def test_a_card_that_rests_on_another_says_what_is_in_its_way(desk: Desk, practice: Practice) -> None:
    day = practice.a_day(hour=4)
    await practice.book(day, "Otto Over", staff=0)
    await practice.book(day, "In Ottos Way", staff=1)
    await desk.open_day(day)

    await _carry(desk, "Otto Over", to=await _place(desk.card("In Ottos Way")), minutes=0)

    ghost = desk.page.locator(".ghost")
    await see(ghost.locator(".why")).to_contain_text("Overlaps In Ottos Way, 04:00–04:30.")
    await see(ghost).to_have_class("a ghost over")
    spoken = desk.page.locator("[aria-live=assertive]").filter(has_text="Ada 2")
    await see(spoken).to_contain_text("Overlaps In Ottos Way")
    await desk.press("Escape")
    await desk.page.mouse.up()
    await see(ghost).to_have_count(0)
    assert len(await practice.appointments_of("Otto Over")) == 1


async def test_a_drag_on_free_time_that_the_browser_takes_away_books_nothing_at_the_next_release(
    desk: Desk, practice: Practice
) -> None:
    """As when a pen or the system's own gesture begins: another pointer's release is not this one's either."""
    await desk.open_day(practice.a_day(hour=4))
    column = desk.page.locator("[data-column]").first
    await see(column).to_be_visible()

    await column.evaluate(_PRESS, {"ends": ["pointercancel 1", "pointerup 1"]})
    await column.evaluate(_PRESS, {"ends": ["pointerup 2", "pointercancel 1"]})
    assert "/calendar/day/" in desk.page.url

    await column.evaluate(_PRESS, {"ends": ["pointerup 1"]})
    await desk.page.wait_for_url("**/appointments/new?**")


async def test_a_click_on_free_time_books_there(desk: Desk, practice: Practice) -> None:
    await desk.open_day(practice.a_day(hour=4))
    column = desk.page.locator("[data-column]").first
    await see(column).to_be_visible()

    await column.click(position={"x": 40, "y": 400})

    await desk.page.wait_for_url("**/appointments/new?**")


async def test_a_card_out_of_sight_has_its_name_at_once_and_its_words_soon(desk: Desk, practice: Practice) -> None:
    day = practice.a_day(hour=20)
    await practice.book(day, "Bella Below", staff=0)
    await desk.page.set_viewport_size({"width": 1280, "height": 400})
    await desk.open_day(day)

    below = desk.page.get_by_role("button", name="Bella Below")
    await see(below).to_have_count(1)
    await see(below).not_to_be_in_viewport()
    await see(below).to_contain_text("Bella Below")


async def _carry(desk: Desk, name: str, *, to: tuple[float, float], minutes: int) -> None:
    """Lifts a client's card by its upper edge and carries it so far past another's place, not letting go."""
    x, y = await _place(desk.card(name))
    down = minutes * await _pixels_a_minute(desk)
    await desk.page.mouse.move(x + 10, y + 5)
    await desk.page.mouse.down()
    await desk.page.mouse.move(to[0] + 10, to[1] + 5 + down, steps=5)


async def _place(element: Locator) -> tuple[float, float]:
    await see(element).to_be_visible()
    x, y = await element.evaluate(_PLACE)
    return x, y


async def _pixels_a_minute(desk: Desk) -> float:
    height: float = await desk.page.locator(".col").first.evaluate("column => column.offsetHeight")
    return height / (24 * 60)
