"""The main pages look as their stored pictures do: in light, in dark, on a phone and right to left.

The web application as it is built, with fixed answers and a fixed clock: no service runs. What draws letters otherwise
than the machine that made the pictures is told by a sample first, and then the pictures are left out, which the end of
the run says. `SLOTSTREAM_LOOKS=renew` stores them anew.
"""

import hashlib
import io
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest
from harness import answers
from harness.desk import see, watched
from PIL import Image, ImageChops
from playwright.async_api import Browser, Page, Route

STATIC: Final = Path(__file__).parents[3] / "services" / "dashboard" / "src" / "dashboard" / "static"
LOOKS: Final = Path(__file__).parent / "looks"
SAMPLE: Final = LOOKS / "letters.sha256"
ORIGIN: Final = "http://localhost:9"
"""Nothing listens there: every request is answered here. A browser trusts localhost as it does https."""
RENEW: Final = os.environ.get("SLOTSTREAM_LOOKS") == "renew"
LARGEST: Final = 1_500_000
NOTICEABLE: Final = 40
"""Of 255, in any of the three colours: edges of letters and curves are drawn with less difference than that."""
FEW: Final = 0.0003
"""Of all points: three hundred of a wide picture, less than an icon and a word."""
WIDE: Final = {"width": 1280, "height": 800}
PHONE: Final = {"width": 390, "height": 844}
PAGES: Final = {
    "calendar": (f"/calendar/day/{answers.NOW:%Y-%m-%d}", "[data-card]"),
    "list": ("/appointments?period=today", "[data-row]"),
    "drawer": (f"/appointments?period=today&appointment={answers.FIRST}", "aside dl"),
    "clients": ("/clients", ".people-list li"),
}
WAYS: Final[dict[str, dict[str, Any]]] = {
    "light": {"viewport": WIDE},
    "dark": {"viewport": WIDE},
    "phone": {"viewport": PHONE, "has_touch": True},
    "arabic": {"viewport": WIDE, "locale": "ar"},
}
QUIET: Final = """
window.EventSource = class {
    constructor() { setTimeout(() => this.onopen && this.onopen(), 0); }
    addEventListener() {}
    close() {}
};
"""
"""A stream that opens, and on which nothing happens."""
LETTERS: Final = """<body style="margin:0;background:#fff;font:16px 'Inter Variable',sans-serif">
<p>Hamburgefonstiv 0123456789 Öztürk Aydın</p><p lang="ar" dir="rtl">مواعيد اليوم ٠١٢٣</p></body>"""


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", PAGES)
async def test_a_page_looks_as_it_did(browser: Browser, name: str, way: str, tmp_path: Path) -> None:
    path, there = PAGES[name]
    async with _opened(browser, way) as page:
        await _compare_letters(page)
        await page.emulate_media(color_scheme="dark" if way == "dark" else "light")
        await page.goto(ORIGIN + path)
        await see(page.locator(there).first).to_be_visible()
        await see(page.locator(".skeleton")).to_have_count(0)
        await page.evaluate("document.fonts.ready")
        now = _read(await _picture(page))
    stored = LOOKS / f"{name}-{way}.webp"
    if RENEW:
        now.save(stored, lossless=True, quality=100, method=6)
        return
    assert stored.is_file(), f"There is no picture yet: SLOTSTREAM_LOOKS=renew makes {stored.name}"
    before = Image.open(stored).convert("RGB")
    assert now.size == before.size
    if (share := _difference(before, now)) > FEW:
        _show(before, now).save(tmp_path / f"{stored.stem}.png")
        pytest.fail(
            f"{share:.2%} of {stored.name} is drawn otherwise: before, now and the difference are in {tmp_path}. "
            "Where that is meant, SLOTSTREAM_LOOKS=renew stores it.",
            pytrace=False,
        )


async def test_the_pictures_are_those_of_the_pages_and_small() -> None:
    assert {path.stem for path in LOOKS.glob("*.webp")} == {f"{name}-{way}" for name in PAGES for way in WAYS}
    assert sum(path.stat().st_size for path in LOOKS.iterdir()) < LARGEST


async def test_another_colour_is_noticed_and_a_softer_edge_is_not() -> None:
    before = Image.new("RGB", (100, 100), "white")
    edge, colour = before.copy(), before.copy()
    edge.paste((230, 230, 230), (0, 0, 100, 20))
    colour.paste((11, 92, 102), (0, 0, 5, 5))

    assert _difference(before, edge) == 0
    assert _difference(before, colour) == 25 / 10_000


@asynccontextmanager
async def _opened(browser: Browser, way: str) -> AsyncIterator[Page]:
    """A page whose clock stands still, in the business's zone as everywhere."""
    options: dict[str, Any] = {
        "locale": "en-GB",
        "timezone_id": "Europe/Berlin",
        "reduced_motion": "reduce",
        "device_scale_factor": 1,
        "service_workers": "block",
    }
    async with await browser.new_context(**(options | WAYS[way])) as context:
        page = await context.new_page()
        asked: list[str] = []

        async def respond(route: Route) -> None:
            await _respond(route, asked)

        await page.route("**/*", respond)
        await page.add_init_script(QUIET)
        if way == "arabic":
            await page.add_init_script("localStorage.setItem('slotstream-language', 'ar')")
        await page.clock.set_fixed_time(answers.NOW)
        with watched(page):
            yield page
        assert asked == [], "asked for, and not among the answers"


async def _respond(route: Route, asked: list[str]) -> None:
    address = urlsplit(route.request.url)
    if address.path.startswith("/api/"):
        try:
            body = answers.answer(address.path, parse_qs(address.query))
        except KeyError:
            asked.append(address.path)
            await route.abort()
        else:
            await route.fulfill(json=body)
        return
    if address.path == "/letters":
        sheet = next(STATIC.glob("assets/index-*.css")).name
        await route.fulfill(body=f'<link rel="stylesheet" href="/assets/{sheet}">{LETTERS}', content_type="text/html")
        return
    file = STATIC / address.path.lstrip("/")
    await route.fulfill(path=file if file.is_file() else STATIC / "index.html")


async def _compare_letters(page: Page) -> None:
    """Skips where this machine draws letters otherwise: each picture would differ, and none of it would be ours."""
    viewport = page.viewport_size
    await page.set_viewport_size({"width": 400, "height": 120})
    await page.emulate_media(color_scheme="light")
    await page.goto(f"{ORIGIN}/letters")
    await page.evaluate("document.fonts.ready")
    drawn = hashlib.sha256(_read(await _picture(page)).tobytes()).hexdigest()
    if RENEW:
        SAMPLE.write_text(drawn + "\n")
    elif drawn != SAMPLE.read_text().strip():
        pytest.skip("fonts are drawn otherwise here than in the stored pictures of pages (SLOTSTREAM_LOOKS=renew)")
    assert viewport is not None
    await page.set_viewport_size(viewport)


async def _picture(page: Page) -> bytes:
    return await page.screenshot(animations="disabled", caret="hide", scale="css")


def _read(picture: bytes) -> Image.Image:
    return Image.open(io.BytesIO(picture)).convert("RGB")


def _difference(before: Image.Image, now: Image.Image) -> float:
    """How much of the picture is noticeably another, from 0 to 1."""
    red, green, blue = ImageChops.difference(before, now).split()
    most = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    return sum(most.histogram()[NOTICEABLE:]) / (before.width * before.height)


def _show(before: Image.Image, now: Image.Image) -> Image.Image:
    shown = Image.new("RGB", (before.width * 3, before.height))
    for column, picture in enumerate((before, now, ImageChops.difference(before, now))):
        shown.paste(picture, (column * before.width, 0))
    return shown
