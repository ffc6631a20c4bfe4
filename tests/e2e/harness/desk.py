"""A front desk at its browser: what it sees and clicks, by the names that are read out."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from datetime import datetime
from typing import Final
from urllib.parse import quote

from playwright.async_api import ConsoleMessage, Locator, Page
from playwright.async_api import expect as see

from harness.practice import BERLIN, PASSWORD, Practice

see.set_options(timeout=15_000)

__all__ = ["Desk", "OpenDesk", "accept_invitation", "see", "watched"]


async def accept_invitation(page: Page, practice: Practice) -> None:
    """The first owner chooses a password, and is signed in by that."""
    await page.goto(practice.invitation())
    for field in await page.locator("input[type=password]").all():
        await field.fill(PASSWORD)
    await page.locator("form button").click()
    await page.wait_for_url(lambda url: "/invitation/" not in url)


class Desk:
    """`page` is the whole window; times are by the business's clock, whatever zone the browser is in."""

    def __init__(self, page: Page, practice: Practice) -> None:
        self.page = page
        self.practice = practice

    async def goto(self, path: str) -> None:
        await self.page.goto(self.practice.url + path)

    async def open_list(self, **filters: str) -> None:
        query = "&".join(f"{name}={value}" for name, value in {"period": "all", **filters}.items())
        await self.goto(f"/appointments?{query}")

    async def open_day(self, day: datetime) -> None:
        await self.goto(f"/calendar/day/{day.astimezone(BERLIN):%Y-%m-%d}")

    async def find(self, name: str) -> None:
        """The list, narrowed by a search that stands in its address."""
        await self.open_list(q=quote(name))
        await see(self.page.get_by_role("row").filter(has_text=name).first).to_be_visible()

    async def open(self, name: str) -> Locator:
        """A client's only appointment in the drawer, from the list."""
        await self.find(name)
        await self.row(name).get_by_role("button", name=name, exact=True).click()
        await see(self.drawer.get_by_role("heading", name=name)).to_be_visible()
        return self.drawer

    def row(self, name: str) -> Locator:
        return self.page.get_by_role("row").filter(has_text=name)

    def card(self, name: str) -> Locator:
        return self.page.locator("[data-card]").filter(has_text=name)

    def button(self, name: str, *, within: Locator | None = None) -> Locator:
        return (within or self.page).get_by_role("button", name=name, exact=True)

    @property
    def drawer(self) -> Locator:
        return self.page.get_by_role("complementary", name="Appointment")

    @property
    def sheet(self) -> Locator:
        return self.page.get_by_role("dialog")

    @property
    def bulk(self) -> Locator:
        return self.page.get_by_role("toolbar", name="With what is selected")

    async def told(self, text: str) -> None:
        """A toast with these words, in the live region."""
        await see(self.page.locator(".toasts")).to_contain_text(text)

    async def agree(self) -> None:
        """Answers the question that a dropped card asks: it is moved."""
        await self.button("Move", within=self.sheet).click()

    async def choose(self, label: str, option: str, *, within: Locator | None = None) -> None:
        """Takes an option of a list that opens on a press."""
        await (within or self.page).get_by_role("button", name=label).first.click()
        await self.page.get_by_role("option", name=option).first.click()

    async def menu(self, row: str, item: str) -> None:
        """The three dots of a row, and one of their verbs."""
        await self.row(row).hover()
        await self.row(row).get_by_role("button", name=f"More for {row}").click()
        await self.page.get_by_role("menuitem", name=item).click()

    async def tab_to(self, name: str) -> None:
        """Presses Tab until the focused element is called `name`; a page where it cannot be reached fails.

        It goes round more than once: what is still being loaded is not there on the first.
        """
        clock = asyncio.get_running_loop()
        deadline = clock.time() + _PATIENCE_SECONDS
        while clock.time() < deadline:
            for _ in range(_MOST_TABS):
                await self.page.keyboard.press("Tab")
                if name in await self.page.evaluate(_NAME_OF_FOCUSED):
                    return
        raise AssertionError(f"{name} cannot be reached by Tab")

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.page.keyboard.press(key)


_MOST_TABS: Final = 80
_PATIENCE_SECONDS: Final = 15
_NAME_OF_FOCUSED: Final = """() => {
    const element = document.activeElement;
    if (element === document.body) return "";
    const ids = (element.getAttribute("aria-labelledby") || "").split(" ").filter(Boolean);
    const labels = [...ids.map((id) => document.getElementById(id)), ...(element.labels || [])].filter(Boolean);
    return [element.getAttribute("aria-label") || "", element.textContent, ...labels.map((label) => label.textContent)].join(" ");
}"""
"""What the focused element is called: its label, its text, or the labels that belong to it."""

OpenDesk = Callable[..., AbstractAsyncContextManager[Desk]]
"""Opens another window; keyword arguments are those of Playwright's `new_context`."""


@contextmanager
def watched(page: Page) -> Iterator[None]:
    """Fails at the end with what the console said: errors, and whatever the page's own policy refused."""
    said: list[str] = []

    def note(message: ConsoleMessage) -> None:
        # A refusal by a service is an answer that the page shows; the browser calls it an error as well.
        if message.type == "error" and "Failed to load resource" not in message.text:
            said.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield
    assert said == []
