"""One stack, one organization, one browser process and one sign-in for all browser tests; a page of its own for each."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from harness.chromium import a_browser
from harness.desk import Desk, OpenDesk, accept_invitation, watched
from harness.mailbox import Mailbox
from harness.platform import Platform
from harness.practice import Practice
from playwright.async_api import Browser, StorageState

STATIC = Path(__file__).parents[3] / "services" / "dashboard" / "src" / "dashboard" / "static" / "index.html"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser lives in one event loop, and so do the tests that use it."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
            item.add_marker(pytest.mark.e2e)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """No browser test is left out silently: the end of the run says how many were, and why."""
    reports: list[pytest.TestReport] = terminalreporter.getreports("skipped")
    left_out = [report.longrepr for report in reports if "e2e/browser/" in report.nodeid]
    if left_out:
        reasons = sorted(
            {reason[2].removeprefix("Skipped: ") if isinstance(reason, tuple) else str(reason) for reason in left_out}
        )
        terminalreporter.section("NOT TESTED", red=True, bold=True)
        terminalreporter.write_line(f"{len(left_out)} browser tests were left out: {'; '.join(reasons)}")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with a_browser() as started:
        yield started


@pytest.fixture(scope="session")
def built() -> None:
    if not STATIC.is_file():
        pytest.fail("The web application is not built: `make web` does it, and says what is in the way.", pytrace=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def practice(browser: Browser, built: None, running_platform: Platform) -> AsyncIterator[Practice]:
    before = len(running_platform.clients)
    practice = Practice(running_platform, running_platform.an_empty_world())
    # Kept apart from the clients that end with each test.
    clients = running_platform.clients[before:]
    del running_platform.clients[before:]
    try:
        await practice.set_up()
        yield practice
    finally:
        for client in clients:
            await client.aclose()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def signed_in(browser: Browser, practice: Practice) -> StorageState:
    """What a browser holds once the first owner has chosen a password and signed in."""
    async with await browser.new_context(locale="en-GB") as context:
        page = await context.new_page()
        await accept_invitation(page, practice)
        return await context.storage_state()


@pytest_asyncio.fixture(loop_scope="session")
async def open_desk(browser: Browser, practice: Practice, signed_in: StorageState) -> OpenDesk:
    """Opens another browser window, signed in unless told otherwise; what its console said is judged at the end."""

    @asynccontextmanager
    async def opened(**options: Any) -> AsyncIterator[Desk]:
        chosen: dict[str, Any] = {
            "locale": "en-GB",
            "timezone_id": "Asia/Tokyo",
            "viewport": {"width": 1360, "height": 900},
        }
        async with await browser.new_context(**{"storage_state": signed_in, **chosen, **options}) as context:
            context.set_default_timeout(15_000)
            page = await context.new_page()
            with watched(page):
                yield Desk(page, practice)

    return opened


@pytest_asyncio.fixture(loop_scope="session")
async def desk(open_desk: OpenDesk) -> AsyncIterator[Desk]:
    async with open_desk() as opened:
        yield opened


@pytest.fixture
def mails(mailbox: Mailbox) -> Mailbox:
    return mailbox
