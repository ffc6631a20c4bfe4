"""One platform for all end-to-end tests; each test works in organizations of its own."""

import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from harness.mailbox import Mailbox
from harness.platform import Platform, a_platform

from slotstream_servicekit.infrastructure.processes import free_port

logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
BUILD_WEB = Path(__file__).parents[2] / "services" / "dashboard" / "web" / "build.py"


@pytest.fixture(scope="session")
def mailbox() -> Iterator[Mailbox]:
    with Mailbox(port=free_port()) as caught:
        yield caught


@pytest.fixture(scope="session")
def running_platform(tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox) -> Iterator[Platform]:
    # The dashboard reads the web application when it starts. Where it cannot be built only the browser tests fail.
    subprocess.run([sys.executable, str(BUILD_WEB)], check=False, timeout=600)
    with a_platform(tmp_path_factory.mktemp("platform"), smtp_port=mailbox.port) as platform:
        yield platform


@pytest_asyncio.fixture
async def platform(running_platform: Platform) -> AsyncIterator[Platform]:
    yield running_platform
    await running_platform.close_clients()
