"""docs/upgrades.md, done as it says: a release comes and goes again under load, and nobody notices."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from checker.run import any_seed, check
from checker.tenants import set_up_tenants
from harness.mailbox import Mailbox
from harness.platform import Platform, a_platform
from harness.records import content_of, read_topic
from harness.rolling import replace
from harness.world import World, expect, next_weekday, until_true
from next_release import FIELD, MARK, write_next_release, written_by

from slotstream_contracts.topics import ALL_TOPICS, SERVICES

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(3_600)]

THIS_RELEASE = ""


@pytest.fixture(scope="module")
def platform_of_its_own(tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox) -> Iterator[Platform]:
    """Its schema becomes the next release's, which other tests need not know."""
    with a_platform(tmp_path_factory.mktemp("rolling"), smtp_port=mailbox.port, traced=False) as platform:
        yield platform


async def test_a_release_comes_and_goes_under_load_and_nobody_notices(
    platform_of_its_own: Platform, mailbox: Mailbox, tmp_path: Path
) -> None:
    platform = platform_of_its_own
    try:
        tenants = await set_up_tenants(platform, count=2)
        next_release = await write_next_release(platform, tmp_path)
        platform.copies.failed.clear()
        report = await check(
            platform,
            mailbox,
            tenants,
            seed=any_seed(),
            seconds=5,
            desks=4,
            hostile=False,
            meanwhile=there_and_back(platform, tenants[0].world, next_release),
            replay=False,
        )
    finally:
        await platform.close_clients()

    assert not platform.copies.failed, platform.copies.failed
    assert not report.broken, str(report)
    for service in SERVICES:
        writers = await written_by(platform, service)
        assert {str(writer).endswith(MARK) for writer in writers if writer} == {False, True}, (service, writers)
    assert await releases_heard_of(platform) == {None, MARK}


async def there_and_back(platform: Platform, world: World, next_release: str) -> None:
    looking = asyncio.create_task(look_on(world))
    try:
        await slotstream(platform, next_release, "topics", "apply")
        await slotstream(platform, next_release, "migrate")
        for release in (next_release, THIS_RELEASE):
            for name in list(platform.processes):
                await replace(platform, name, code=release)
                assert not looking.done(), looking.exception()
    finally:
        looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await looking


async def look_on(world: World) -> None:
    """The services that desks do not ask are asked all the time as well."""
    while True:
        await world.slots(next_weekday())
        for client, path in (
            (world.notifications, "/v1/messages"),
            (world.imports, "/v1/imports"),
            (world.calendar_sync, "/v1/connections"),
            (world.dashboard, "/livez"),
        ):
            expect(await client.get(path))


async def slotstream(platform: Platform, release: str, *arguments: str) -> None:
    """The release's own command line, again where it gives up: a table may be in use for longer than it waits."""
    code = f"{release}\nfrom slotstream_cli.main import main\nmain()\n"
    environment = dict(os.environ)
    for process in platform.processes.values():
        environment |= process.environment

    async def done() -> bool:
        command = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-c", code, *arguments), env=environment, stdout=-1, stderr=-2
        )
        output, _ = await command.communicate()
        assert command.returncode == 0, output.decode()
        return True

    await until_true(done, within=300, what=f"slotstream {' '.join(arguments)}")


async def releases_heard_of(platform: Platform) -> set[str | None]:
    """Whose messages are on the topics."""
    contents = [
        content_of(record) for topic in ALL_TOPICS for record in await read_topic(platform.bootstrap, topic.name)
    ]
    return {content.get(FIELD) for content in contents if content}
