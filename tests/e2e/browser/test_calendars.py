"""The calendars page: calendars of others read in, and feeds given out."""

from datetime import timedelta

import httpx2
from harness.calendars import a_calendar
from harness.desk import Desk, see
from harness.practice import Practice
from harness.web import FileServer
from harness.world import STARTED, until_true
from playwright.async_api import Locator


async def test_a_calendar_is_connected_read_and_removed(desk: Desk, practice: Practice) -> None:
    async with practice.a_colleague("Cara Calendar"):
        with FileServer() as web:
            web.files["/cara.ics"] = a_calendar(starts_at=STARTED.replace(microsecond=0) + timedelta(days=3))
            await _connect(desk, "Dentist of Cara", f"{web.url}/cara.ics")

            line = _line(desk, "Dentist of Cara")
            await see(line).to_contain_text("Cara Calendar")
            await see(line).to_contain_text("OK · 4 busy times", timeout=60_000)
            await see(line).to_contain_text("read ")

            del web.files["/cara.ics"]
            await desk.button("Read now", within=line).click()
            await desk.told("Reading")
            await _shown_after_reloading(desk, line, "Failing")

            await desk.button("Remove", within=line).click()
            await see(line).to_have_count(0)


async def test_an_address_that_is_none_is_refused_and_kept(desk: Desk, practice: Practice) -> None:
    async with practice.a_colleague("Cara Calendar"):
        await _connect(desk, "Wrong", "ftp://calendar.example.com/a.ics")

        await see(desk.page.get_by_role("alert")).to_be_visible()
        await see(desk.page.get_by_label("Address of the .ics")).to_have_value("ftp://calendar.example.com/a.ics")
        await see(_line(desk, "Wrong")).to_have_count(0)


async def test_a_feed_is_shown_once_renewed_and_taken_back(desk: Desk, practice: Practice) -> None:
    async with practice.a_colleague("Fritz Feed") as fritz, httpx2.AsyncClient(timeout=60) as program:
        await practice.book(practice.a_day(), "Flora Feed", resource_ids=[fritz["id"]])
        await desk.goto("/calendars")
        await desk.choose("Staff", "Fritz Feed")
        await desk.button("New feed for Fritz Feed").click()
        address = desk.page.get_by_text("Shown only now:").locator("code")
        first = await address.inner_text()

        async def has_the_appointment() -> bool:
            answer = await program.get(first)
            return answer.status_code == 200 and b"BEGIN:VEVENT" in answer.content

        await until_true(has_the_appointment, what="the appointment is in the feed")
        await desk.button("New address", within=_line(desk, "Fritz Feed")).click()
        await see(address).not_to_have_text(first)
        assert (await program.get(first)).status_code == 404
        second = await address.inner_text()
        assert (await program.get(second)).status_code == 200
        await desk.page.reload()
        await see(_line(desk, "Fritz Feed")).to_be_visible()
        await see(address).to_have_count(0)

        await desk.button("Remove", within=_line(desk, "Fritz Feed")).click()

        await see(_line(desk, "Fritz Feed")).to_have_count(0)
        assert (await program.get(second)).status_code == 404


def _line(desk: Desk, name: str) -> Locator:
    return desk.page.locator(".ln").filter(has_text=name)


async def _connect(desk: Desk, name: str, address: str) -> None:
    await desk.goto("/calendars")
    await desk.choose("Staff", "Cara Calendar")
    await desk.page.get_by_label("Name").fill(name)
    await desk.page.get_by_label("Address of the .ics").fill(address)
    await desk.button("Connect").click()


async def _shown_after_reloading(desk: Desk, line: Locator, text: str) -> None:
    async def shown() -> bool:
        await desk.page.reload()
        await see(line).to_be_visible()
        return text in await line.inner_text()

    await until_true(shown, what=f"the page says {text}")
