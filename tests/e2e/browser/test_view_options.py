"""What the calendar's sliders menu offers: zoom, hours, colours, and what is cancelled. Each browser remembers its own."""

import json
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import pytest_asyncio
from harness.accessibility import BEYOND, axe_findings
from harness.desk import Desk, OpenDesk, see
from harness.practice import Practice
from harness.world import Json, expect
from playwright.async_api import Locator

NINE_TO_FIVE: Final = [{"weekday": day, "intervals": [{"from": "09:00", "to": "17:00"}]} for day in range(7)]
OPTIONS: Final = "View options"
HEIGHT: Final = "element => element.getBoundingClientRect().height"
COLOUR: Final = "element => getComputedStyle(element).backgroundColor"


@pytest_asyncio.fixture(loop_scope="session")
async def colleague(practice: Practice) -> AsyncIterator[Json]:
    """Somebody who works from nine to five on each day."""
    async with practice.a_colleague("Nina Nine") as added:
        path = f"/v1/resources/{added['id']}/schedule"
        expect(await practice.world.availability.put(path, json={"weekly": NINE_TO_FIVE}))
        yield added


async def test_zoom_by_keyboard_is_remembered(desk: Desk, practice: Practice) -> None:
    day = practice.a_day()
    await practice.book(day, "Zara Zoom", staff=0)
    await desk.open_day(day)
    card = desk.card("Zara Zoom")
    await see(card).to_be_visible()
    before = await card.evaluate(HEIGHT)
    await card.evaluate("card => card.scrollIntoView({ block: 'center' })")

    await desk.tab_to(OPTIONS)
    await desk.press("Enter")
    slider = desk.page.get_by_role("slider", name="Zoom")
    await see(slider).to_have_attribute("aria-valuetext", "100%")
    await slider.focus()
    await desk.press("ArrowRight", "ArrowRight")
    await see(slider).to_have_attribute("aria-valuetext", "157%")
    await desk.press("Escape")

    await see(desk.sheet).to_have_count(0)
    await see(card).to_contain_text("Haircut")
    assert await card.evaluate(HEIGHT) > 1.4 * before
    # What was in the middle of the screen still is on it.
    await see(card).to_be_in_viewport()
    await desk.page.reload()
    await see(card).to_contain_text("Haircut")
    assert await card.evaluate(HEIGHT) > 1.4 * before


async def test_zoom_follows_the_size_of_text(open_desk: OpenDesk, practice: Practice) -> None:
    day = practice.a_day()
    await practice.book(day, "Lars Large", staff=0)
    heights = []
    for size in ("100%", "200%"):
        async with open_desk() as desk:
            await desk.page.add_init_script(
                f"addEventListener('DOMContentLoaded', () => document.documentElement.style.fontSize = '{size}')"
            )
            await desk.open_day(day)
            await _choose_zoom(desk, "129%")
            heights.append(await desk.card("Lars Large").evaluate(HEIGHT))
    assert heights[1] / heights[0] == pytest.approx(2 * 16 / 14, rel=0.2)


@pytest.mark.parametrize("view", ["day", "3days", "week"])
async def test_working_hours_alone_are_drawn_and_whatever_is_booked_outside(
    desk: Desk, practice: Practice, colleague: Json, view: str
) -> None:
    day = practice.a_day(hour=9)
    await _open(desk, day, colleague, view=view)
    await see(_hours(desk).first).to_have_text("00:00")

    await _choose(desk, "Working")

    await see(_hours(desk).first).to_have_text("09:00")
    await see(_hours(desk).last).to_have_text("16:00")
    early = day - timedelta(hours=2)
    override = {"reason": "Comes before the door opens"}
    await practice.book(early, "Egon Early", resource_ids=[colleague["id"]], override=override)
    await see(desk.card("Egon Early")).to_be_visible()
    await see(_hours(desk).first).to_have_text("07:00")
    await desk.page.reload()
    await see(_hours(desk).first).to_have_text("07:00")


async def test_chosen_hours_are_drawn(desk: Desk, practice: Practice, colleague: Json) -> None:
    day = practice.a_day(hour=13)
    await practice.book(day, "Cleo Chosen", resource_ids=[colleague["id"]])
    await _open(desk, day, colleague)

    await _choose(desk, "Chosen", close=False)
    await desk.choose("From", "10:00", within=desk.sheet)
    await desk.choose("To", "15:00", within=desk.sheet)
    await desk.press("Escape")

    await see(_hours(desk).first).to_have_text("10:00")
    await see(_hours(desk).last).to_have_text("14:00")
    await see(desk.card("Cleo Chosen")).to_be_in_viewport()
    # A card stands where its time is, and free time is booked where it is pressed.
    axis = await _hours(desk).filter(has_text="13:00").bounding_box()
    card = await desk.card("Cleo Chosen").bounding_box()
    assert axis is not None
    assert card is not None
    assert abs(axis["y"] + axis["height"] / 2 - card["y"]) < 3
    await desk.page.mouse.click(card["x"] + card["width"] / 2, card["y"] + card["height"] + 10)
    await desk.page.wait_for_url("**/appointments/new?**")
    assert _asked_for(desk)[0] == day + timedelta(minutes=30)


async def test_colours_tell_services_and_the_edge_the_status(desk: Desk, practice: Practice) -> None:
    day = practice.a_day()
    services = expect(await practice.world.booking.get("/v1/services"))["items"]
    colour = next(service for service in services if service["name"] == "Colour")
    await practice.book(day, "Hanna Hair", staff=0)
    await practice.book(day, "Carl Colour", staff=1, service_id=colour["id"])
    await desk.open_day(day)
    cards = [desk.card("Hanna Hair"), desk.card("Carl Colour")]
    await see(cards[1]).to_be_visible()
    before = [await card.evaluate(COLOUR) for card in cards]
    assert before[0] == before[1]

    await _choose(desk, "Service", close=False)

    await see(desk.sheet.get_by_role("listitem").filter(has_text="Haircut").first).to_be_visible()
    await see(cards[0]).to_have_class(re.compile(r"\ba scheduled hue-\d+$"))
    after = [await card.evaluate(COLOUR) for card in cards]
    assert len({*after, *before}) == 3
    edges = [await card.evaluate("card => getComputedStyle(card, '::before').backgroundColor") for card in cards]
    assert edges[0] == edges[1]


async def test_cancelled_ones_are_shown_when_asked_for(desk: Desk, practice: Practice) -> None:
    day = practice.a_day()
    booked = await practice.book(day, "Cora Cancelled", staff=0)
    await practice.book(day + timedelta(hours=1), "Stella Stays", staff=0)
    await practice.world.act(booked["id"], "cancel", reason="ill")
    await desk.open_day(day)
    await see(desk.card("Stella Stays")).to_be_visible()
    await see(desk.card("Cora Cancelled")).to_have_count(0)
    head = _head(desk, "Ada 1")
    await see(head).to_contain_text("booked")
    counted = await head.text_content()
    assert counted is not None

    await desk.button(OPTIONS).click()
    await desk.sheet.get_by_text("Show cancelled, moved and dismissed").click()
    await desk.press("Escape")

    await see(desk.page.get_by_role("button", name="Cora Cancelled, Haircut, Cancelled")).to_be_visible()
    # It takes no time, and is not counted.
    await see(head).to_have_text(counted)


async def test_who_goes_before_the_others_do_is_told_by_the_column(
    desk: Desk, practice: Practice, colleague: Json
) -> None:
    day = practice.a_day()
    await practice.book(day, "Ulla Until", resource_ids=[colleague["id"]])
    await desk.open_day(day)

    await see(_head(desk, "Nina Nine")).to_contain_text("Until 17:00 · 1 booked")
    await see(_head(desk, "Ada 1")).not_to_contain_text("Until")


async def test_a_drag_on_free_time_sets_the_duration(desk: Desk, practice: Practice) -> None:
    """Also upwards; Escape books nothing."""
    day = practice.a_day(hour=4)
    await practice.book(day, "Frieda Free", staff=0)
    await desk.open_day(day)
    card = await desk.card("Frieda Free").bounding_box()
    assert card is not None
    x, y, minute = card["x"] + card["width"] / 2, card["y"], card["height"] / 28.5
    slot = desk.page.locator(".slot")

    await desk.page.mouse.move(x, y + 62 * minute)
    await desk.page.mouse.down()
    await desk.page.mouse.move(x, y + 120 * minute, steps=4)
    await see(slot).to_have_text("05:00–06:00 New")
    await desk.press("Escape")
    await see(slot).to_be_hidden()
    await desk.page.mouse.up()
    assert "/calendar/day/" in desk.page.url

    await desk.page.mouse.move(x, y + 125 * minute)
    await desk.page.mouse.down()
    await desk.page.mouse.move(x, y + 75 * minute, steps=4)
    await see(slot).to_have_text("05:15–06:15 New")
    await desk.page.mouse.up()
    await desk.page.wait_for_url("**/appointments/new?**")
    assert _asked_for(desk) == (day + timedelta(hours=1, minutes=15), "60")


@pytest.mark.parametrize("way", ["light", "dark", "phone", "arabic"])
async def test_the_menu_can_be_used_by_everybody(open_desk: OpenDesk, practice: Practice, way: str) -> None:
    options: dict[str, object] = {"bypass_csp": True, "reduced_motion": "reduce"}
    options |= {"viewport": {"width": 320, "height": 640}} if way == "phone" else {}
    async with open_desk(**options) as desk:
        await desk.page.emulate_media(color_scheme="dark" if way == "dark" else "light")
        kept = {"hours": "chosen", "from": 8, "to": 18, "colour": "service"}
        await desk.page.add_init_script(f"localStorage.setItem('slotstream-calendar', {json.dumps(json.dumps(kept))})")
        if way == "arabic":
            await desk.page.add_init_script("localStorage.setItem('slotstream-language', 'ar')")
        day = practice.a_day()
        await practice.book(day, "Axel Axe", staff=0)
        await desk.open_day(day)
        await see(desk.card("Axel Axe")).to_be_visible()
        await desk.page.get_by_role("button", name="خيارات العرض" if way == "arabic" else OPTIONS).click()
        await see(desk.sheet.get_by_role("listitem").first).to_be_visible()

        assert await axe_findings(desk.page) == []
        assert await desk.page.evaluate(BEYOND, ".seg, .tg, .tabs, .people, table") == []


async def _open(desk: Desk, day: datetime, person: Json, *, view: str = "day") -> None:
    staff = quote(json.dumps([person["id"]]))
    await desk.goto(f"/calendar/{view}/{day:%Y-%m-%d}?staff={staff}")
    await see(desk.page.locator("[data-column]").first).to_be_visible()


async def _choose(desk: Desk, option: str, *, close: bool = True) -> None:
    await desk.button(OPTIONS).click()
    radio = desk.sheet.get_by_role("radio", name=option)
    await radio.click()
    await see(radio).to_be_checked()
    if close:
        await desk.press("Escape")
        await see(desk.sheet).to_have_count(0)


async def _choose_zoom(desk: Desk, share: str) -> None:
    await desk.button(OPTIONS).click()
    slider = desk.page.get_by_role("slider", name="Zoom")
    await slider.focus()
    await desk.press("ArrowRight")
    await see(slider).to_have_attribute("aria-valuetext", share)
    await desk.press("Escape")


def _hours(desk: Desk) -> Locator:
    """The hours of the axis."""
    return desk.page.locator(".axis span:not(.nowt)")


def _head(desk: Desk, name: str) -> Locator:
    return desk.page.locator(".tg .head").filter(has_text=name)


def _asked_for(desk: Desk) -> tuple[datetime, str | None]:
    """When New was opened for, and how many minutes."""
    query = parse_qs(urlsplit(desk.page.url).query)
    return datetime.fromisoformat(query["start"][0]), query.get("minutes", [None])[0]
