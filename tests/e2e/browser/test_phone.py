"""On a phone the day is one person's, chosen by their face; a swipe leads on; rows carry their signals."""

import pytest
from harness.accessibility import BEYOND, axe_findings
from harness.desk import Desk, OpenDesk, see
from harness.practice import Practice
from playwright.async_api import Locator

PHONE = {"width": 390, "height": 844}
NARROW = {"width": 320, "height": 640}
CUT = """() => [...document.querySelectorAll("td.t, td.t *")]
    .filter((cell) => cell.scrollWidth > cell.clientWidth + 1 && cell.clientWidth > 0 || cell.scrollHeight > cell.clientHeight + 1 && cell.matches("td"))
    .map((cell) => `${cell.textContent}: ${cell.scrollWidth} in ${cell.clientWidth}`)"""
"""Of the cells that tell when: those that do not show all of their text."""
SMALL = """() => [...document.querySelectorAll(".bulk button, .selecting tbody .c-check .check, .top .select")]
    .map((one) => [one.className, one.getBoundingClientRect()])
    .filter(([, { width, height }]) => width < 47 || height < 47)
    .map(([name, { width, height }]) => `${name}: ${width} by ${height}`)"""
"""Of what is pressed to select several: what a finger misses."""


async def test_the_day_is_one_persons_chosen_by_their_face(open_desk: OpenDesk, practice: Practice) -> None:
    day = practice.a_day()
    await practice.book(day, "Fay First", staff=0)
    await practice.book(day, "Sam Second", staff=1)
    async with open_desk(viewport=PHONE, has_touch=True) as desk:
        await desk.open_day(day)
        await see(desk.card("Fay First")).to_be_visible()
        await see(desk.page.locator(".tg .col")).to_have_count(1)
        await see(_face(desk, "Ada 1")).to_have_attribute("aria-pressed", "true")

        await _face(desk, "Ada 2").tap()

        await see(desk.card("Sam Second")).to_be_visible()
        await see(desk.card("Fay First")).to_have_count(0)
        # They stay chosen on the next day, and when one comes back.
        await desk.button("Later").tap()
        await see(_face(desk, "Ada 2")).to_have_attribute("aria-pressed", "true")
        await desk.page.go_back()
        await see(desk.card("Sam Second")).to_be_visible()


async def test_a_swipe_leads_to_the_next_day_and_back(open_desk: OpenDesk, practice: Practice) -> None:
    day = practice.a_day()
    await practice.book(day, "Sven Swiped", staff=0)
    async with open_desk(viewport=PHONE, has_touch=True, is_mobile=True) as desk:
        await desk.open_day(day)
        await see(desk.card("Sven Swiped")).to_be_visible()

        await _swipe(desk, by=-200)
        await see(desk.card("Sven Swiped")).to_have_count(0)
        await see(desk.page.locator(".nothing")).to_have_text("Nothing booked")
        await _swipe(desk, by=200)
        await see(desk.card("Sven Swiped")).to_be_visible()


async def test_a_row_tells_with_whom_and_its_signals(open_desk: OpenDesk, practice: Practice) -> None:
    await practice.book(practice.a_day(), "Rita Rowsignal", staff=0, notes="Brings the dog")
    async with open_desk(viewport=PHONE, has_touch=True) as desk:
        await desk.find("Rita Rowsignal")
        row = desk.row("Rita Rowsignal")

        await see(row.get_by_role("img", name="Has a note")).to_be_visible()
        await see(row.get_by_text("Haircut")).to_be_visible()
        await see(row.locator(".only-s")).to_have_text("· Ada 1")
        await see(row.get_by_text("Scheduled")).to_be_visible()


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "ar"])
async def test_a_row_cuts_neither_its_time_nor_how_long_it_lasts(
    open_desk: OpenDesk, practice: Practice, language: str
) -> None:
    day, name = practice.a_day(hour=9), f"Lena Long {language}"
    for staff, minutes in enumerate((90, 705)):
        await practice.book(day, name, staff=staff, duration_minutes=minutes, override={"reason": "A long one"})
    async with open_desk(viewport=PHONE, has_touch=True) as desk:
        await desk.page.add_init_script(f"localStorage.setItem('slotstream-language', '{language}')")
        await desk.find(name)
        await see(desk.row(name)).to_have_count(2)
        for width in (360, 390, 414):
            await desk.page.set_viewport_size({"width": width, "height": 844})
            assert await desk.page.evaluate(CUT) == []


async def test_several_are_selected_and_confirmed_at_once(open_desk: OpenDesk, practice: Practice) -> None:
    day = practice.a_day()
    for staff, name in enumerate(("Sela Several", "Silas Several")):
        await practice.book(day, name, staff=staff)
    async with open_desk(viewport=PHONE, has_touch=True, bypass_csp=True, reduced_motion="reduce") as desk:
        await desk.find("Several")
        await desk.button("Select").tap()
        await see(desk.bulk).to_contain_text("0 selected")
        await see(desk.button("Confirm", within=desk.bulk)).to_be_disabled()
        await desk.row("Sela Several").tap()
        await see(desk.bulk).to_contain_text("1 selected")
        assert await axe_findings(desk.page) == []
        assert await desk.page.evaluate(SMALL) == []

        # Back ends it, and selects nothing.
        await desk.page.go_back()
        await see(desk.bulk).to_have_count(0)

        await desk.button("Select").focus()
        await desk.press("Enter")
        await desk.row("Sela Several").locator(".c-check .check").tap()
        await desk.row("Silas Several").tap()
        await see(desk.bulk).to_contain_text("2 selected")
        await desk.button("Confirm", within=desk.bulk).tap()
        await desk.button("Close", within=desk.sheet).last.tap()
        await see(desk.bulk).to_have_count(0)
        for name in ("Sela Several", "Silas Several"):
            await see(desk.row(name)).to_contain_text("Confirmed")


@pytest.mark.parametrize("way", ["light", "dark", "arabic"])
async def test_both_can_be_used_by_everybody_at_320_pixels(open_desk: OpenDesk, practice: Practice, way: str) -> None:
    day = practice.a_day()
    await practice.book(day, "Pia Phoneaxe", staff=0, notes="A note")
    async with open_desk(viewport=NARROW, has_touch=True, bypass_csp=True, reduced_motion="reduce") as desk:
        await desk.page.emulate_media(color_scheme="dark" if way == "dark" else "light")
        if way == "arabic":
            await desk.page.add_init_script("localStorage.setItem('slotstream-language', 'ar')")
        await desk.open_day(day)
        await see(desk.card("Pia Phoneaxe")).to_be_visible()
        assert await axe_findings(desk.page) == []
        assert await desk.page.evaluate(BEYOND, ".seg, .tg, .tabs, .people, .filters, table") == []

        await desk.find("Pia Phoneaxe")
        assert await axe_findings(desk.page) == []
        assert await desk.page.evaluate(BEYOND, ".seg, .tg, .tabs, .people, .filters, table") == []


async def test_what_a_desk_can_do_with_lists_and_clients_a_phone_can_too(
    open_desk: OpenDesk, practice: Practice
) -> None:
    await practice.book(practice.a_day(), "Paul Phoneclient", staff=0)
    [booked] = await practice.appointments_of("Paul Phoneclient")
    async with open_desk(viewport=NARROW, has_touch=True) as desk:
        await desk.find("Paul Phoneclient")
        await see(desk.page.get_by_role("status").filter(has_text="Live")).to_be_attached()
        await desk.button("Export").tap()
        await see(desk.sheet.get_by_role("heading", name="Export")).to_be_visible()
        await desk.press("Escape")
        assert await desk.page.evaluate(BEYOND, ".seg, .tg, .tabs, .people, .filters, table") == []

        await desk.goto(f"/clients/{booked['client']['id']}")
        await desk.button("More for Paul Phoneclient").tap()
        await see(desk.page.get_by_role("menuitem", name="Erase")).to_be_visible()
        await desk.page.get_by_role("menuitem", name="Merge").tap()
        await see(desk.sheet.get_by_role("heading", name="Merge Paul Phoneclient")).to_be_visible()


def _face(desk: Desk, name: str) -> Locator:
    return desk.page.get_by_role("group", name="Whose day").get_by_role("button", name=name)


async def _swipe(desk: Desk, *, by: int) -> None:
    """Quickly, over the middle of the grid."""
    finger = await desk.page.context.new_cdp_session(desk.page)
    x, y = PHONE["width"] // 2 - by // 2, PHONE["height"] // 2
    for kind, points in (
        ("touchStart", [{"x": x, "y": y}]),
        ("touchMove", [{"x": x + by // 2, "y": y}]),
        ("touchMove", [{"x": x + by, "y": y}]),
        ("touchEnd", []),
    ):
        await finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    await finger.detach()
