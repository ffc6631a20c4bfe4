"""Weekly hours drawn: by pointer, by keys and by a finger, in the same state as what is typed."""

from collections.abc import AsyncIterator
from itertools import count
from typing import Final

import pytest_asyncio
from harness.desk import Desk, OpenDesk, see
from harness.practice import Practice
from harness.world import Json, expect
from playwright.async_api import Locator

MORNING: Final = {"weekday": 0, "intervals": [{"from": "09:00", "to": "12:00"}]}
DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LONG_PRESS_MS: Final = 500
NEXT_FRAME: Final = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
AT_REST: Final = """() => new Promise((done) => {
    const grid = document.querySelector(".hours-grid");
    let last = NaN;
    const look = () => (grid.scrollTop === last ? done() : ((last = grid.scrollTop), setTimeout(look, 100)));
    look();
})"""
"""What is dragged follows the pointer frame by frame."""
COLLEAGUES: Final = count(1)


@pytest_asyncio.fixture(loop_scope="session")
async def person(practice: Practice) -> AsyncIterator[Json]:
    """A colleague whom nobody books, with hours on Monday morning."""
    async with practice.a_colleague(f"Hedda Hours {next(COLLEAGUES)}") as colleague:
        path = f"/v1/resources/{colleague['id']}/schedule"
        expect(await practice.world.availability.put(path, json={"weekly": [MORNING]}))
        yield colleague


async def test_hours_are_drawn_moved_resized_and_saved(desk: Desk, practice: Practice, person: Json) -> None:
    await _open(desk, person)

    await _drag(desk, "Tuesday", "10:02", "12:58")
    await see(_typed(desk, "Tuesday")).to_have_value("10:00–13:00")
    await see(_card(desk, "Tuesday, 10:00–13:00")).to_be_focused()
    await _drag(desk, "Tuesday", "11:30", "12:30", to_day="Thursday")
    await see(_typed(desk, "Tuesday")).to_have_value("")
    await see(_typed(desk, "Thursday")).to_have_value("11:00–14:00")
    await _drag(desk, "Thursday", "13:54", "15:30")
    await _drag(desk, "Thursday", "11:03", "10:18")
    await see(_typed(desk, "Thursday")).to_have_value("10:15–15:30")
    # From below upwards, and what is typed is drawn.
    await _drag(desk, "Friday", "11:55", "9:00")
    await _typed(desk, "Saturday").fill("10-11")
    await see(_card(desk, "Saturday, 10:00–11:00")).to_be_visible()
    await desk.button("Save").click()
    await desk.told("Saved")

    assert await _saved(practice, person) == {
        0: ["09:00-12:00"],
        3: ["10:15-15:30"],
        4: ["09:00-12:00"],
        5: ["10:00-11:00"],
    }


async def test_drawn_hours_that_overlap_are_refused_in_the_words_of_typed_ones(desk: Desk, person: Json) -> None:
    await _open(desk, person)
    await _typed(desk, "Tuesday").fill("9-12, 11-13")
    words = "These hours overlap."
    await see(desk.page.get_by_text(words)).to_be_visible()

    # Where the typed hours are not understood nothing is drawn over them.
    await _drag(desk, "Tuesday", "14:00", "15:00")
    await see(_typed(desk, "Tuesday")).to_have_value("9-12, 11-13")
    await _typed(desk, "Tuesday").fill("13-15")
    await see(desk.page.get_by_text(words)).to_have_count(0)
    await _drag(desk, "Tuesday", "14:00", "11:00", to_day="Monday")

    await see(desk.page.locator("[aria-live=assertive]").filter(has_text=words)).to_have_count(1)
    await see(_typed(desk, "Monday")).to_have_value("09:00–12:00")
    await see(_typed(desk, "Tuesday")).to_have_value("13-15")


async def test_drawn_hours_by_keyboard_alone(desk: Desk, person: Json) -> None:
    """Lifted, moved to the next day, made longer, put back, and removed by the key and by the button."""
    await _open(desk, person)
    await _typed(desk, "Saturday").fill("10-11")
    await _card(desk, "Monday, 09:00–12:00").focus()

    await desk.press("Space", "ArrowDown", "ArrowRight", "Shift+ArrowDown")
    await see(desk.page.locator("[aria-live=assertive]").filter(has_text="Tuesday, 09:15–12:30.")).to_have_count(1)
    await desk.press("Enter")
    await see(_card(desk, "Tuesday, 09:15–12:30")).to_be_focused()
    await see(_typed(desk, "Monday")).to_have_value("")
    await desk.press("Space", "ArrowDown", "Escape")
    await see(_typed(desk, "Tuesday")).to_have_value("09:15–12:30")
    await desk.press("ArrowRight", "ArrowRight")
    await see(_card(desk, "Saturday, 10:00–11:00")).to_be_focused()
    await desk.press("Delete")
    await see(_typed(desk, "Saturday")).to_have_value("")
    await see(_card(desk, "Tuesday, 09:15–12:30")).to_be_focused()
    await desk.tab_to("Remove Tuesday, 09:15–12:30")
    await desk.press("Enter")

    await see(_typed(desk, "Tuesday")).to_have_value("")
    await see(_grid(desk)).to_be_focused()


async def test_hours_over_midnight_are_shown_on_both_days_and_saved_as_they_were(
    desk: Desk, practice: Practice, person: Json
) -> None:
    night = {"weekday": 6, "intervals": [{"from": "22:00", "to": "02:00"}]}
    path = f"/v1/resources/{person['id']}/schedule"
    expect(await practice.world.availability.put(path, json={"weekly": [MORNING, night]}, headers={"If-Match": '"1"'}))
    await _open(desk, person)
    await see(_typed(desk, "Sunday")).to_have_value("22:00–02:00+1")
    await see(desk.page.locator("[data-column='0'] .a.hours")).to_have_count(2)

    await _typed(desk, "Monday").fill("1-5")
    await see(desk.page.get_by_text("These hours overlap.")).to_be_visible()
    await _typed(desk, "Monday").fill("10-12")
    await _typed(desk, "Friday").fill("20-1+1")
    await desk.button("Save").click()
    await desk.told("Saved")

    assert await _saved(practice, person) == {0: ["10:00-12:00"], 4: ["20:00-01:00"], 6: ["22:00-02:00"]}


async def test_who_saves_other_hours_meanwhile_takes_nothing_from_whoever_is_typing(
    desk: Desk, practice: Practice, person: Json
) -> None:
    await _open(desk, person)
    await _typed(desk, "Tuesday").fill("10-11")
    path = f"/v1/resources/{person['id']}/schedule"
    theirs = [{"weekday": 3, "intervals": [{"from": "08:00", "to": "09:00"}]}]
    expect(await practice.world.availability.put(path, json={"weekly": theirs}, headers={"If-Match": '"1"'}))
    meanwhile = desk.page.get_by_text("Somebody else has saved other hours meanwhile.")
    await see(meanwhile).to_be_visible()
    await see(_typed(desk, "Tuesday")).to_have_value("10-11")

    await desk.button("Show theirs").click()
    await see(_typed(desk, "Thursday")).to_have_value("08:00–09:00")
    await see(_typed(desk, "Tuesday")).to_have_value("")
    await see(meanwhile).to_have_count(0)


async def test_hours_are_drawn_from_right_to_left(open_desk: OpenDesk, person: Json) -> None:
    """The week runs the other way, and so does what moves by arrows; the hours are read from left to right."""
    async with open_desk(locale="ar") as desk:
        await desk.page.add_init_script("localStorage.setItem('slotstream-language', 'ar')")
        await _open(desk, person)
        columns = [await _edge(desk, day) for day in range(7)]
        assert columns == sorted(columns, reverse=True)
        await desk.page.locator("[data-card='0.540']").focus()
        await desk.press("Space", "ArrowLeft", "Enter")
        await see(desk.page.locator("[data-card='1.540']")).to_be_focused()


async def test_a_finger_scrolls_the_week_and_draws_after_a_long_press(open_desk: OpenDesk, person: Json) -> None:
    phone = {"width": 390, "height": 844}
    async with open_desk(viewport=phone, has_touch=True, is_mobile=True) as desk:
        await _open(desk, person)
        await _grid(desk).scroll_into_view_if_needed()
        finger = await desk.page.context.new_cdp_session(desk.page)

        async def touch(kind: str, *point: float) -> None:
            points = [{"x": point[0], "y": point[1]}] if point else []
            await finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        async def swipe(*, hold_ms: int) -> None:
            x, y = await _point(desk, 1, "10:00")
            await touch("touchStart", x, y)
            # By the page's own clock: its timer of a long press comes first, however busy it is.
            await desk.page.evaluate("wait => new Promise((done) => setTimeout(done, wait))", hold_ms)
            for step in range(1, 7):
                await touch("touchMove", x, y + step * 8)
            await desk.page.evaluate(NEXT_FRAME)
            await touch("touchEnd")

        before = await _scrolled(desk)
        await swipe(hold_ms=0)
        await desk.page.wait_for_function(
            "before => document.querySelector('.hours-grid').scrollTop !== before", arg=before
        )
        await see(_typed(desk, "Tuesday")).to_have_value("")
        # A finger on what still moves does nothing but stop it.
        await desk.page.evaluate(AT_REST)

        await swipe(hold_ms=LONG_PRESS_MS)
        await see(_typed(desk, "Tuesday")).to_have_value("10:00–11:00")


async def _open(desk: Desk, person: Json) -> None:
    await desk.goto(f"/availability/{person['id']}")
    await see(desk.page.locator("[data-card='0.540']")).to_be_visible()


def _grid(desk: Desk) -> Locator:
    return desk.page.locator(".hours-grid")


def _card(desk: Desk, name: str) -> Locator:
    return desk.button(name, within=_grid(desk))


def _typed(desk: Desk, day: str) -> Locator:
    return desk.page.get_by_role("textbox", name=day)


async def _scrolled(desk: Desk) -> float:
    return float(await _grid(desk).evaluate("grid => grid.scrollTop"))


async def _edge(desk: Desk, day: int) -> float:
    box = await desk.page.locator(f"[data-column='{day}']").bounding_box()
    assert box
    return box["x"]


async def _point(desk: Desk, day: int, clock: str) -> tuple[float, float]:
    """The middle of a day's column at a time, in the window."""
    box = await desk.page.locator(f"[data-column='{day}']").bounding_box()
    assert box
    hour, minute = map(int, clock.split(":"))
    return box["x"] + box["width"] / 2, box["y"] + box["height"] * (hour * 60 + minute) / 1440


async def _drag(desk: Desk, day: str, start: str, end: str, *, to_day: str | None = None) -> None:
    await desk.page.mouse.move(*await _point(desk, DAYS.index(day), start))
    await desk.page.mouse.down()
    await desk.page.mouse.move(*await _point(desk, DAYS.index(to_day or day), end), steps=5)
    await desk.page.evaluate(NEXT_FRAME)
    await desk.page.mouse.up()


async def _saved(practice: Practice, person: Json) -> dict[int, list[str]]:
    schedule = expect(await practice.world.availability.get(f"/v1/resources/{person['id']}/schedule"))
    return {
        day["weekday"]: [f"{interval['from'][:5]}-{interval['to'][:5]}" for interval in day["intervals"]]
        for day in schedule["weekly"]
    }
