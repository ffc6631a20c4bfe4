"""The services' databases and roles on a fresh PostgreSQL."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

import asyncpg

from slotstream_servicekit.locks import LockClass

_LIMITS: Final[Mapping[str, Mapping[str, str]]] = {
    "owner": {"statement_timeout": "1h", "lock_timeout": "30s", "idle_in_transaction_session_timeout": "5min"},
    "app": {"statement_timeout": "2min", "lock_timeout": "30s", "idle_in_transaction_session_timeout": "2min"},
}
"""For whoever connects as one of these roles and sets nothing else: a person with psql, a forgotten script."""


def create_databases(
    admin_url: str,
    *,
    services: Sequence[str],
    password: str,
    owner_password: str | None = None,
    names: Mapping[str, str] | None = None,
) -> None:
    """A database per service with an owner and an application role; safe to run again, and by two at once.

    The owner's password is the application's where none is given.
    """
    passwords = {"owner": owner_password or password, "app": password}
    asyncio.run(_create(admin_url, services, passwords, names or {}))


async def _create(
    admin_url: str, services: Sequence[str], passwords: Mapping[str, str], names: Mapping[str, str]
) -> None:
    connection = await asyncpg.connect(
        admin_url,
        timeout=10,
        command_timeout=60,
        server_settings={"statement_timeout": "55s", "lock_timeout": "30s"},
    )
    try:
        # Two who do this take turns; the connection's end frees the lock.
        await connection.execute(f"SELECT pg_advisory_lock({LockClass.MIGRATION:d})")
        for service in services:
            database = names.get(service, service)
            for kind, password in passwords.items():
                role = f"{service}_{kind}"
                quoted: str = await connection.fetchval("SELECT quote_literal($1)", password)
                await connection.execute(
                    f"DO $$ BEGIN CREATE ROLE {role} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
                )
                await connection.execute(f"ALTER ROLE {role} LOGIN PASSWORD {quoted}")
                for setting, value in _LIMITS[kind].items():
                    await connection.execute(f"ALTER ROLE {role} SET {setting} = '{value}'")
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", database):
                await connection.execute(f'CREATE DATABASE "{database}" OWNER {service}_owner')
            await connection.execute(f'REVOKE ALL ON DATABASE "{database}" FROM PUBLIC')
            await connection.execute(f'GRANT CONNECT ON DATABASE "{database}" TO {service}_owner, {service}_app')
    finally:
        await connection.close()


def wait_for_server(admin_url: str, *, seconds: float) -> None:
    """Returns once the server answers, be it with a refusal. Raises OSError where it does not within that time."""
    deadline = time.monotonic() + seconds
    while not asyncio.run(_answers(admin_url)):
        if time.monotonic() >= deadline:
            place = urlsplit(admin_url)
            raise OSError(f"PostgreSQL does not answer at {place.hostname}:{place.port} for {seconds:.0f} s")
        time.sleep(0.5)


async def _answers(admin_url: str) -> bool:
    try:
        connection = await asyncpg.connect(admin_url, timeout=5)
    except asyncpg.InvalidAuthorizationSpecificationError:
        return True
    except (OSError, asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError):
        return False
    await connection.close()
    return True


def change_admin_password(admin_url: str, *, former_urls: Sequence[str]) -> None:
    """Gives the administrator the password of `admin_url`, with one of `former_urls` where it is not so already."""
    asyncio.run(_change_admin_password(admin_url, former_urls))


async def _change_admin_password(admin_url: str, former_urls: Sequence[str]) -> None:
    wanted = urlsplit(admin_url)
    for url in (admin_url, *former_urls):
        try:
            connection = await asyncpg.connect(url, timeout=10)
        except asyncpg.InvalidPasswordError:
            continue
        try:
            if url != admin_url:
                quoted: str = await connection.fetchval("SELECT quote_literal($1)", wanted.password)
                await connection.execute(f"ALTER ROLE {wanted.username} PASSWORD {quoted}")
        finally:
            await connection.close()
        return
    raise asyncpg.InvalidPasswordError("the administrator has none of the passwords that are known")
