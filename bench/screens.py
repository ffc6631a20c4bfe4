"""The web application in Chromium: what is loaded, how fast it draws, how soon it shows what others change."""

import asyncio
import random
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from harness.chromium import a_browser
from playwright.async_api import Browser, Page, expect

from bench.books import fill_book
from bench.front_desk import APPOINTMENTS, FrontDesk
from bench.world import FIRST

ROWS = 10_000
CHANGES = 40
RUNS = 5
DRAGS = 3
DRAG_MILLISECONDS = 3_000
SLOWER = 4
"""Times that the processor is slowed down while a card is dragged."""
_SCRIPT = Path(__file__).with_suffix(".js")
_DAY = f"/calendar/day/{FIRST:%Y-%m-%d}"
_DAY_IS_MADE_OF = ["/api/booking/v1/appointments?", "/api/availability/v1/calendar?"]
_LIST = "/appointments?period=all"
_ROW = "[data-row]"
_IN_THE_MIDDLE = """(byItsEdge) => {
    const near = (box) => Math.hypot(box.x - innerWidth / 2, box.y - innerHeight / 2);
    const cards = [...document.querySelectorAll("[data-card]:not(.short)")];
    const { x, y, bottom } = cards.map((card) => card.getBoundingClientRect()).sort((a, b) => near(a) - near(b))[0];
    return [x + 10, byItsEdge ? bottom - 3 : y + 8];
}"""
"""A point of the card that is nearest to the middle of the window: by its last edge it is resized."""


class NoBrowserError(Exception):
    """There is no Chromium on this machine; the sentence says how to get one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Screens:
    first_kilobytes: float
    later_kilobytes: dict[str, float]
    """What each later page loads that the first screen has not, by its address."""
    day_milliseconds: float
    drag_frames: float
    resize_frames: float
    idle_frames: float
    """Of the same page, as slow, while nothing moves."""
    live_seconds: list[float]
    list_milliseconds: float


def measure_screens(desk: FrontDesk) -> Screens:
    """All of them, one after the other in one browser. Raises NoBrowserError."""
    try:
        return asyncio.run(_measure(desk))
    except (pytest.fail.Exception, pytest.skip.Exception) as error:  # as the harness says it
        raise NoBrowserError(str(error)) from None


async def _measure(desk: FrontDesk) -> Screens:
    async with a_browser() as browser:
        first, later = await _sizes(browser, desk)
        async with _a_page(browser, desk) as page:
            day = await _draw_day(page)
            drag, resize, idle = await _drag(page)
            live = await _live(page, desk)
        return Screens(
            first_kilobytes=first,
            later_kilobytes=later,
            day_milliseconds=day,
            drag_frames=drag,
            resize_frames=resize,
            idle_frames=idle,
            live_seconds=live,
            list_milliseconds=await _draw_list(browser, desk),
        )


@asynccontextmanager
async def _a_page(browser: Browser, desk: FrontDesk) -> AsyncIterator[Page]:
    """A window of the signed-in owner, with nothing in its cache."""
    name, value = desk.cookie
    async with await browser.new_context(base_url=desk.url, viewport={"width": 1360, "height": 900}) as context:
        await context.add_cookies([{"name": name, "value": value, "url": desk.url}])
        await context.add_init_script(path=_SCRIPT)
        yield await context.new_page()


async def _sizes(browser: Browser, desk: FrontDesk) -> tuple[float, dict[str, float]]:
    later = {}
    async with _a_page(browser, desk) as page:
        first = await _files(page, _DAY)
        for path in _later_pages(desk):
            files = await _files(page, path)
            later[path] = sum(size for name, size in files.items() if name not in first) / 1_000
    return sum(first.values()) / 1_000, later


async def _files(page: Page, path: str) -> dict[str, int]:
    await page.goto(path)
    files: dict[str, int] = await page.evaluate("bench.files()")
    return files


def _later_pages(desk: FrontDesk) -> list[str]:
    names = (
        "appointments",
        "appointments/new",
        "clients",
        "messages",
        "reports/no-shows",
        "imports",
        "services",
        "staff",
        "actions",
        "availability",
        "reminders",
        "calendars",
        "settings",
    )
    some = desk.appointments[0]
    # A page of one client or import loads the same files where there is no such one.
    return [*(f"/{name}" for name in names), f"/appointments/{some}", f"/clients/{some}", f"/imports/{some}"]


async def _draw_day(page: Page) -> float:
    """Milliseconds from the last answer that the full day is made of until all of its cards are painted."""

    async def draw() -> float:
        await page.goto(_DAY)
        drawn = await page.evaluate("count => bench.painted('[data-card]', count)", APPOINTMENTS)
        answered = await page.evaluate("([parts, moment]) => bench.answered(parts, moment)", [_DAY_IS_MADE_OF, drawn])
        return float(drawn - answered)

    return await _median(draw)


async def _median(measure: Callable[[], Awaitable[float]], *, runs: int = RUNS) -> float:
    """Of so many runs, after one that is not counted."""
    await measure()
    return statistics.median([await measure() for _ in range(runs)])


async def _drag(page: Page) -> tuple[float, float, float]:
    """Frames a second while a card of the full day is dragged, is resized, and while nothing moves, on a slower
    processor.
    """
    session = await page.context.new_cdp_session(page)
    await session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    idle = await page.evaluate("bench.frames(2000)")
    dragged = await _median(lambda: _drag_once(page, by_its_edge=False), runs=DRAGS)
    resized = await _median(lambda: _drag_once(page, by_its_edge=True), runs=DRAGS)
    await session.send("Emulation.setCPUThrottlingRate", {"rate": 1})
    return dragged, resized, float(idle)


async def _drag_once(page: Page, *, by_its_edge: bool) -> float:
    """To and fro over columns and hours, away from the edges, where it would scroll; Esc puts the card back."""
    x, y = await page.evaluate(_IN_THE_MIDDLE, by_its_edge)
    await page.mouse.move(x, y)
    await page.mouse.down()
    await page.mouse.move(x + 10, y + 10)
    measured = asyncio.ensure_future(page.evaluate("milliseconds => bench.frames(milliseconds)", DRAG_MILLISECONDS))
    began = time.perf_counter()
    while not measured.done():
        passed = time.perf_counter() - began
        await page.mouse.move(x + 250 * _to_and_fro(passed / 1.5), y + 200 * _to_and_fro(passed / 1.1))
        await asyncio.sleep(1 / 90)
    assert await page.locator(".a.ghost").count() == 1
    await page.keyboard.press("Escape")
    await page.mouse.up()
    return float(measured.result())


def _to_and_fro(turns: float) -> float:
    """0, 1, 0, -1 and 0 again, once a turn."""
    return 1 - 2 * abs((turns + 0.25) % 1 * 2 - 1)


async def _live(page: Page, desk: FrontDesk) -> list[float]:
    """Seconds from the request that confirms an appointment of the full day until the page shows it confirmed."""
    await page.goto(_DAY)
    await expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible(timeout=30_000)
    took = []
    for appointment in desk.appointments[:CHANGES]:
        shown = f"[data-card='{appointment}'].confirmed"
        seen = asyncio.ensure_future(
            page.evaluate("async selector => performance.timeOrigin + await bench.painted(selector)", shown)
        )
        await page.evaluate("0")  # what waits for it is there now
        began = time.time()
        await asyncio.to_thread(desk.change, f"/v1/appointments/{appointment}/confirm", {})
        took.append(await seen / 1_000 - began)
        # Not in step with whoever looks for changes at fixed times.
        await asyncio.sleep(random.uniform(0.3, 0.9))  # noqa: S311 - spreads, guards nothing
    return took


async def _draw_list(browser: Browser, desk: FrontDesk) -> float:
    """Milliseconds from coming back to a list of ten thousand rows, all of them read, until it is painted."""
    await asyncio.to_thread(_fill, desk)
    async with _a_page(browser, desk) as page:
        await page.goto(_LIST)
        await page.evaluate("selector => bench.painted(selector)", _ROW)
        await page.evaluate("bench.readAll('main .scroll')")
        rows = await page.evaluate("document.querySelector('main table').ariaRowCount")
        assert int(rows) >= ROWS, f"the list has {rows} rows"

        async def come_back() -> float:
            await page.get_by_role("link", name="Clients").first.click()
            await expect(page.locator(_ROW)).to_have_count(0)
            took: Any = await page.evaluate(
                "async selector => { const began = performance.now(); history.back();"
                " return await bench.painted(selector) - began; }",
                _ROW,
            )
            return float(took)

        return await _median(come_back)


def _fill(desk: FrontDesk) -> None:
    fill_book(desk.platform.database_url("booking"), desk.world, desk.appointments[-1], appointments=ROWS)
