"""One platform for all end-to-end tests; each test works in organizations of its own."""

import logging
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from harness.mailbox import Mailbox
from harness.platform import Platform, a_platform

from slotstream_servicekit.infrastructure.processes import free_port

logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


@pytest.fixture(scope="session")
def mailbox() -> Iterator[Mailbox]:
    with Mailbox(port=free_port()) as caught:
        yield caught


@pytest.fixture(scope="session")
def running_platform(tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox) -> Iterator[Platform]:
    with a_platform(tmp_path_factory.mktemp("platform"), smtp_port=mailbox.port) as platform:
        yield platform


@pytest_asyncio.fixture
async def platform(running_platform: Platform) -> AsyncIterator[Platform]:
    yield running_platform
    await running_platform.close_clients()
