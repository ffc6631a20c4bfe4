"""A real PgBouncer in transaction mode, with fewer servers than clients: they meet each other's leavings."""

import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from slotstream_servicekit.database import Database
from slotstream_servicekit.infrastructure.processes import (
    free_port,
    listens,
    start,
    stop,
    unprivileged_user,
    wait_until,
)
from slotstream_servicekit.testing.databases import PASSWORD, FreshDatabase, installed_names

VARIABLE: Final = "SLOTSTREAM_PGBOUNCER"
FIRST_VERSION: Final = (1, 21)
"""The first that keeps prepared statements in transaction mode."""
SERVERS: Final = 2
_CONFIGURATION: Final = """\
[databases]
* = host={host} port={port} connect_query='SET jit = off'

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen_port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = transaction
default_pool_size = {servers}
max_client_conn = 200
max_prepared_statements = 100
ignore_startup_parameters = jit, statement_timeout, lock_timeout, idle_in_transaction_session_timeout
"""
FreshDatabaseFactory = Callable[[str], FreshDatabase]


class MissingError(Exception):
    """There is no PgBouncer here that could be tried; the sentence says why."""


@dataclass(frozen=True, slots=True)
class PgBouncer:
    port: int

    def pooled(self, fresh: FreshDatabase) -> FreshDatabase:
        """The same database as the application reaches it in transaction mode; sessions of their own go past it."""
        parts = urlsplit(fresh.app_url)
        address = f"{parts.username}:{parts.password}@127.0.0.1:{self.port}"
        url = urlunsplit(parts._replace(netloc=address))
        database = Database.connect(url, direct_url=fresh.app_url, pool_size=40, application_name="test")
        return replace(fresh, app_url=url, database=database)

    @asynccontextmanager
    async def pooled_ones(self, make: FreshDatabaseFactory) -> AsyncIterator[FreshDatabaseFactory]:
        """Databases that `make` makes, as `pooled` has them."""
        made: list[FreshDatabase] = []

        def pooled(service: str) -> FreshDatabase:
            made.append(self.pooled(make(service)))
            return made[-1]

        yield pooled
        for fresh in made:
            await fresh.database.dispose()


def installed() -> str:
    """The PgBouncer to try. Raises MissingError."""
    command = os.environ.get(VARIABLE) or shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if command is None:
        raise MissingError(f"PgBouncer is not installed, and {VARIABLE} names none")
    told = subprocess.run([command, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    version = re.search(r"PgBouncer (\d+)\.(\d+)", told)
    if version is None or (int(version[1]), int(version[2])) < FIRST_VERSION:
        wanted = ".".join(map(str, FIRST_VERSION))
        raise MissingError(f"{command} is {told.partition(chr(10))[0] or 'no PgBouncer'}; {wanted} is needed")
    return command


@contextmanager
def a_pgbouncer(postgres: str, folder: Path) -> Iterator[PgBouncer]:
    """In front of the server at `postgres`, for the test databases' roles. Raises MissingError."""
    command = installed()
    server, port = urlsplit(postgres), free_port()
    users, configuration = folder / "users.txt", folder / "pgbouncer.ini"
    roles = [f"{service}_app" for service in ("kit", *installed_names())]
    users.write_text("".join(f'"{role}" "{PASSWORD}"\n' for role in roles))
    configuration.write_text(
        _CONFIGURATION.format(
            host=server.hostname, port=server.port or 5432, listen_port=port, users=users, servers=SERVERS
        )
    )
    for path in (folder, *folder.parents):
        # It refuses to run as root, and whom it runs as has to reach its files.
        if path.stat().st_uid == os.geteuid() and path != Path("/"):
            path.chmod(path.stat().st_mode | 0o011)
    for path in (users, configuration):
        path.chmod(0o644)
    process = start(
        [command, str(configuration)], log=folder / "pgbouncer.log", user=unprivileged_user(), folder=folder
    )
    try:
        wait_until(lambda: listens(port), what="PgBouncer", within=60, process=process, log=folder / "pgbouncer.log")
        yield PgBouncer(port)
    finally:
        stop(process)
