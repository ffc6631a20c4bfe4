"""The public page in a browser: proof of work under the page's own policy, frames, and pages that everybody can use."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from harness.accessibility import BEYOND, axe_findings
from harness.desk import Desk, OpenDesk, see
from harness.practice import Practice
from harness.world import expect
from playwright.async_api import Page

from slotstream_servicekit.infrastructure.processes import free_port

NARROW = {"width": 320, "height": 640}
ALLOWED_TO_SCROLL = "none"


@asynccontextmanager
async def a_site(body: str) -> AsyncIterator[str]:
    """Another site on this machine, and its origin: browsers keep pages of the internet away from this machine."""
    answer = (
        f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    )

    async def show(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer.encode())
        await writer.drain()
        writer.close()

    port = free_port()
    server = await asyncio.start_server(show, "127.0.0.1", port)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.close()


async def open_page(practice: Practice, *, framed_by: str = "https://www.example.com") -> str:
    """The page of Salon Nord, which one site may frame."""
    world = practice.world
    settings = {"public_booking": True, "embed_origins": [framed_by]}
    expect(await world.booking.patch(f"/v1/businesses/{world.business['id']}", json=settings))
    expect(await world.booking.patch(f"/v1/services/{world.service['id']}", json={"public_booking": True}))
    both = world.organization_id.bytes + UUID(world.business["id"]).bytes
    return "/book/" + base64.urlsafe_b64encode(both).rstrip(b"=").decode()


async def choose_a_time(page: Page) -> None:
    await page.locator(".cards a").first.click()
    await page.get_by_role("link", name="Anyone").click()
    await page.locator(".choices a").last.click()
    await page.locator(".choices button").first.click()
    await see(page.get_by_role("heading", name="Your details")).to_be_visible()


async def test_a_browser_proves_its_work_and_books_at_once(open_desk: OpenDesk, practice: Practice) -> None:
    """Without proof it would wait for approval. The console says whatever the page's policy refuses."""
    path = await open_page(practice)
    async with open_desk(storage_state=None) as desk:
        await desk.goto(path)
        await choose_a_time(desk.page)
        await desk.page.get_by_label("Name").fill("Vera Visitor")
        await desk.page.get_by_label("Phone").fill("+49 30 901820")
        await desk.page.get_by_role("button", name="Book").click()

        await see(desk.page.get_by_role("heading", name="Booked")).to_be_visible(timeout=60_000)

        assert await desk.page.context.cookies() == []
        assert await desk.page.evaluate("localStorage.length + sessionStorage.length") == 0


async def test_only_a_listed_site_shows_the_page_in_a_frame(open_desk: OpenDesk, practice: Practice) -> None:
    path = await open_page(practice)
    frames = "".join(f'<iframe src="{practice.url}{path}{below}"></iframe>' for below in ("/embed", ""))
    async with a_site(frames) as site, a_site(frames) as other, open_desk(storage_state=None) as desk:
        await open_page(practice, framed_by=site)
        # Windows of their own: what the browser says about the refusals is not the page's.
        listed, unlisted = [await desk.page.context.new_page() for _ in range(2)]
        await listed.goto(site)
        await unlisted.goto(other)

        await see(listed.frame_locator("iframe >> nth=0").get_by_role("heading")).to_have_text("Book an appointment")
        for page, number in ((listed, 1), (unlisted, 0), (unlisted, 1)):
            assert await page.frame_locator(f"iframe >> nth={number}").get_by_role("heading", name="Book").count() == 0
            assert page.frames[number + 1].url.startswith("chrome-error:")


@pytest.mark.parametrize("language", ["en", "ar"])
async def test_every_step_can_be_used_by_everybody(open_desk: OpenDesk, practice: Practice, language: str) -> None:
    path = await open_page(practice)
    async with open_desk(storage_state=None, bypass_csp=True) as desk:
        found: dict[str, list[str]] = {}

        async def look(step: str) -> None:
            await desk.page.set_viewport_size({"width": 390, "height": 844})
            found[step] = await axe_findings(desk.page)
            await desk.page.emulate_media(color_scheme="dark")
            found[step] += await axe_findings(desk.page, only=["color-contrast"])
            await desk.page.emulate_media(color_scheme="light")
            await desk.page.set_viewport_size(NARROW)  # type: ignore[arg-type]
            found[step] += await desk.page.evaluate(BEYOND, ALLOWED_TO_SCROLL)

        await desk.goto(f"{path}?lang={language}")
        await look("services")
        await desk.page.locator(".cards a").first.click()
        await look("staff")
        await desk.page.locator("main a.button").first.click()
        await look("days")
        await desk.page.locator(".choices a").last.click()
        await look("times")
        await desk.page.locator(".choices button").first.click()
        await look("details")
        await desk.page.locator("[name=name]").fill("Vera Visitor")
        await desk.page.locator("[name=phone]").fill("+49 30 901821")
        await desk.page.locator("form button").click()
        await see(desk.page.locator("details")).to_be_visible(timeout=60_000)
        await look("booked")

        assert {step: findings for step, findings in found.items() if findings} == {}


async def test_the_owner_switches_the_page_on_and_copies_its_address(desk: Desk, practice: Practice) -> None:
    path = await open_page(practice)
    await desk.goto("/settings/businesses")
    await desk.page.locator(".people-list button").filter(has_text="Salon Nord").click()

    await see(desk.page.get_by_role("textbox", name="Address of the page")).to_have_value(f"{practice.url}{path}")
    await see(desk.page.get_by_role("textbox", name="Line for your website")).to_have_value(
        f'<iframe src="{practice.url}{path}/embed" title="Public booking page" loading="lazy"'
        ' style="border:0;width:100%;height:44rem"></iframe>'
    )
