"""Every page: no finding of axe in light, dark, on a phone and right to left; nothing beyond the edge where it is narrow."""

from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from harness.desk import Desk, OpenDesk, see
from harness.practice import Practice
from harness.world import expect

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PHONE = {"width": 390, "height": 844}
NARROW = {"width": 320, "height": 640}
PAGES = (
    "/calendar/day/{day}",
    "/calendar/week/{day}",
    "/appointments?period=all",
    "/appointments?period=all&appointment={appointment}",
    "/appointments/new?service={service}&start={start}",
    "/appointments/{appointment}",
    "/clients",
    "/clients/{client}",
    "/messages",
    "/reports/no-shows",
    "/reports/volume",
    "/imports",
    "/services",
    "/staff",
    "/actions",
    "/availability",
    "/reminders",
    "/calendars",
    "/settings/users",
    "/settings/api-clients",
    "/settings/profile",
)
ALLOWED_TO_SCROLL = ".tabs, .seg, table, .tg, .weekstrip, .dt, .filters"
"""Boxes that may be wider than the screen: grids, tables and rows of choices scroll inside themselves."""
BEYOND = """(allowed) => {
    const width = document.documentElement.clientWidth;
    const beyond = document.scrollingElement.scrollWidth > width ? ["the page scrolls sideways"] : [];
    const scrolls = (element) => {
        for (let box = element; box && box !== document.body; box = box.parentElement) {
            if (["auto", "scroll"].includes(getComputedStyle(box).overflowX) && (box.matches(allowed) || box.querySelector(allowed))) return true;
        }
        return false;
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        if (!walker.currentNode.data.trim() || element.closest(".sr, .skip, script, style")) continue;
        const box = element.getBoundingClientRect();
        if (!box.width || !box.height || (box.left >= -1 && box.right <= width + 1) || scrolls(element)) continue;
        beyond.push(`${element.tagName}.${element.className} ${walker.currentNode.data.trim().slice(0, 40)} (${Math.round(box.left)} to ${Math.round(box.right)} of ${width})`);
    }
    return beyond;
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def places(practice: Practice) -> dict[str, str]:
    """What stands in the pages' addresses: a day with something in it, and one of each thing."""
    day = practice.a_day()
    booked = await practice.book(day, "Ada Axe", staff=0, notes="Rings twice", internal_notes="Pays late")
    await practice.book(day, "Ben Buffer", staff=1)
    cancelled = await practice.book(day + timedelta(hours=1), "Cleo Cancelled", staff=1)
    await practice.world.act(cancelled["id"], "cancel", reason="Ill")
    done = await practice.book(day + timedelta(hours=2), "Dan Done", staff=2)
    await practice.world.act(done["id"], "complete")
    confirmed = await practice.book(day + timedelta(hours=3), "Eva Confirmed", staff=2)
    await practice.world.act(confirmed["id"], "confirm")
    [read] = [expect(await practice.world.booking.get(f"/v1/appointments/{booked['id']}"))]
    return {
        "day": f"{day:%Y-%m-%d}",
        "start": read["starts_at"],
        "appointment": booked["id"],
        "client": read["client_id"],
        "service": practice.world.service["id"],
    }


@pytest.mark.parametrize("path", PAGES)
async def test_page_can_be_used_by_everybody(path: str, open_desk: OpenDesk, places: dict[str, str]) -> None:
    async with open_desk(bypass_csp=True, reduced_motion="reduce") as desk:
        await _show(desk, path.format(**places))
        found = {"light": await _axe(desk)}
        await desk.page.emulate_media(color_scheme="dark")
        # The same document: only its colours are others.
        found["dark"] = await _axe(desk, only=["color-contrast"])
        await desk.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        await desk.page.emulate_media(color_scheme="light")
        found["phone"] = await _axe(desk)
        assert found == {"light": [], "dark": [], "phone": []}
        await desk.page.set_viewport_size(NARROW)  # type: ignore[arg-type]
        assert await desk.page.evaluate(BEYOND, ALLOWED_TO_SCROLL) == []


@pytest.mark.parametrize("path", PAGES)
async def test_page_reads_from_right_to_left_and_with_large_text(
    path: str, open_desk: OpenDesk, places: dict[str, str]
) -> None:
    async with open_desk(bypass_csp=True, reduced_motion="reduce", locale="ar") as desk:
        await desk.page.add_init_script("localStorage.setItem('slotstream-language', 'ar')")
        await _show(desk, path.format(**places))
        await see(desk.page.locator("html")).to_have_attribute("dir", "rtl")
        assert await _axe(desk) == []
        await desk.page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert await desk.page.evaluate(BEYOND, ALLOWED_TO_SCROLL) == []


async def _show(desk: Desk, path: str) -> None:
    await desk.goto(path)
    await see(desk.page.locator("main :is(h1, h2)").first).to_be_visible()
    await see(desk.page.locator(".skeleton")).to_have_count(0)


async def _axe(desk: Desk, *, only: list[str] | None = None) -> list[str]:
    """What axe finds against WCAG 2.2 AA, a line for each element."""
    run = {"type": "rule", "values": only} if only else {"type": "tag", "values": TAGS}
    options: dict[str, Any] = {"resultTypes": ["violations"], "runOnly": run}
    result = await Axe().run(desk.page, options=options)
    return [
        f"{rule['id']}: {node['html'][:160]} {node['any'][0]['message'] if node['any'] else ''}"
        for rule in result.response["violations"]
        for node in rule["nodes"]
    ]
