"""What is under the pointer, in the hand or in focus does not move when somebody else changes something."""

import re
from datetime import datetime, timedelta
from typing import Final

from harness.desk import Desk, see
from harness.practice import Practice
from harness.world import stamp
from playwright.async_api import Locator

SOON: Final = 5_000


async def test_the_row_under_the_pointer_stays_where_it_is_until_the_pointer_leaves(
    desk: Desk, practice: Practice
) -> None:
    day = practice.a_day()
    await _open_day_in_list(desk, practice, day, "Rita Row", "Rolf Row")
    row = desk.row("Rolf Row")
    await row.hover()
    place = await row.bounding_box()

    await practice.book(day + timedelta(minutes=30), "Ruth Row", staff=1)

    await see(_waits(desk)).to_contain_text("1 change waits", timeout=SOON)
    await see(_rows(desk, "Row")).to_have_text(["Rita Row", "Rolf Row"])
    assert await row.bounding_box() == place
    await desk.page.get_by_role("heading", name="Appointments").hover()
    await see(_rows(desk, "Row")).to_have_text(["Rita Row", "Ruth Row", "Rolf Row"])
    await see(_waits(desk)).to_be_empty()


async def test_the_row_with_the_keyboards_focus_stays_too_and_what_is_gone_is_dimmed(
    desk: Desk, practice: Practice
) -> None:
    day = practice.a_day()
    first, _ = await _open_day_in_list(desk, practice, day, "Fina Focus", "Fred Focus", status="scheduled")
    for name in ("Fina Focus", "Fred Focus"):
        await desk.press("j")
        await see(desk.button(name)).to_be_focused()

    await practice.world.act(first, "confirm")

    await see(_waits(desk)).to_contain_text("1 change waits", timeout=SOON)
    await see(desk.row("Fina Focus")).to_have_class(re.compile(r"\boff\b"))
    await desk.press("/")
    await see(_rows(desk, "Focus")).to_have_text(["Fred Focus"])


async def test_a_row_that_would_not_move_takes_changes_at_once(desk: Desk, practice: Practice) -> None:
    day = practice.a_day()
    first, _ = await _open_day_in_list(desk, practice, day, "Anja AtOnce", "Arno AtOnce")
    await desk.row("Anja AtOnce").hover()

    await practice.book(day + timedelta(minutes=30), "Aldo AtOnce", staff=1)
    await practice.world.act(first, "confirm")

    await see(_rows(desk, "AtOnce")).to_have_text(["Anja AtOnce", "Aldo AtOnce", "Arno AtOnce"], timeout=SOON)
    await see(desk.row("Anja AtOnce")).to_contain_text("Confirmed", timeout=SOON)


async def test_a_card_that_goes_under_the_pointer_goes_when_the_pointer_does(desk: Desk, practice: Practice) -> None:
    day = practice.a_day()
    booked = await practice.book(day, "Cara Card", staff=0)
    await desk.open_day(day)
    await see(desk.page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    await desk.card("Cara Card").hover()

    await practice.world.act(booked["id"], "cancel", reason="ill")

    await see(_waits(desk)).to_contain_text("1 change waits", timeout=SOON)
    await see(desk.card("Cara Card")).to_be_visible()
    await desk.page.locator("header.top h1").hover()
    await see(desk.card("Cara Card")).to_have_count(0)


async def test_a_card_that_somebody_else_moves_while_it_is_dragged_ends_where_they_put_it(
    desk: Desk, practice: Practice
) -> None:
    day = practice.a_day()
    booked = await practice.book(day, "Dora Dragged", staff=0)
    await desk.open_day(day)
    await see(desk.page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    card = desk.card("Dora Dragged")
    # Away from the edges, where a drag scrolls.
    await card.evaluate("card => card.scrollIntoView({ block: 'center' })")
    box = await card.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + 8
    await desk.page.mouse.move(x, y)
    await desk.page.mouse.down()
    await desk.page.mouse.move(x, y + 40, steps=4)
    await see(card).to_have_class(re.compile(r"\blifted\b"))

    moved = await practice.world.act(booked["id"], "reschedule", starts_at=stamp(day + timedelta(hours=2)))
    await see(_waits(desk)).to_contain_text("1 change waits", timeout=SOON)
    assert await card.bounding_box() == box
    await desk.page.mouse.up()
    await desk.agree()

    await desk.told("Dora Dragged was not moved.")
    await desk.page.locator("header.top h1").hover()
    await see(card).to_have_count(1)
    await see(card).to_have_attribute("data-card", moved["id"])


def _waits(desk: Desk) -> Locator:
    return desk.page.locator(".waits")


def _rows(desk: Desk, name: str) -> Locator:
    return desk.page.locator("[data-row]").filter(has_text=name)


async def _open_day_in_list(
    desk: Desk, practice: Practice, day: datetime, first: str, second: str, **filters: str
) -> tuple[str, str]:
    """Both are shown, an hour apart, and the page hears of changes; their ids. A series of another test is not."""
    ids = [
        (await practice.book(day + timedelta(hours=hour), name, staff=0))["id"]
        for hour, name in enumerate((first, second))
    ]
    query = "".join(f"&{name}=%5B%22{value}%22%5D" for name, value in filters.items())
    shared = first.split()[1]
    await desk.goto(f"/appointments?period=dates&from={day:%Y-%m-%d}&to={day:%Y-%m-%d}&q={shared}{query}")
    await see(_rows(desk, shared)).to_have_text([first, second])
    await see(desk.page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    return ids[0], ids[1]
