"""Which Chromium the browser tests drive, and how it is started."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Playwright, async_playwright

VARIABLE = "SLOTSTREAM_BROWSER"
"""The path of a Chromium to use, or `none` where browser tests are to be left out."""
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking")
MISSING = (
    "The browser tests need Chromium: `apt-get install chromium`, or `.venv/bin/playwright install chromium`, or "
    f"{VARIABLE}=/path/to/chrome; {VARIABLE}=none leaves them out."
)


def executable(playwright: Playwright) -> str:
    """The browser's path: the one named, the system's, or Playwright's own. Fails the test where there is none."""
    named = os.environ.get(VARIABLE, "")
    if named:
        return named
    found = next(filter(None, map(shutil.which, NAMES)), None)
    own = playwright.chromium.executable_path
    if found is None and not Path(own).is_file():
        pytest.fail(MISSING, pytrace=False)
    return found or own


@asynccontextmanager
async def a_browser() -> AsyncIterator[Browser]:
    if os.environ.get(VARIABLE) == "none":
        pytest.skip(f"{VARIABLE}=none")
    async with async_playwright() as playwright:
        path = executable(playwright)
        browser = await playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            await browser.close()
