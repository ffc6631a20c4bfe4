"""The services' databases and roles on a fresh PostgreSQL."""

import asyncio
from collections.abc import Mapping, Sequence

import asyncpg


def create_databases(
    admin_url: str,
    *,
    services: Sequence[str],
    password: str,
    owner_password: str | None = None,
    names: Mapping[str, str] | None = None,
) -> None:
    """A database per service with an owner and an application role; safe to run again.

    The owner's password is the application's where none is given.
    """
    passwords = {"owner": owner_password or password, "app": password}
    asyncio.run(_create(admin_url, services, passwords, names or {}))


async def _create(
    admin_url: str, services: Sequence[str], passwords: Mapping[str, str], names: Mapping[str, str]
) -> None:
    connection = await asyncpg.connect(admin_url, timeout=10)
    try:
        for service in services:
            database = names.get(service, service)
            for kind, password in passwords.items():
                role = f"{service}_{kind}"
                quoted: str = await connection.fetchval("SELECT quote_literal($1)", password)
                await connection.execute(
                    f"DO $$ BEGIN CREATE ROLE {role} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
                )
                await connection.execute(f"ALTER ROLE {role} LOGIN PASSWORD {quoted}")
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", database):
                await connection.execute(f'CREATE DATABASE "{database}" OWNER {service}_owner')
            await connection.execute(f'REVOKE ALL ON DATABASE "{database}" FROM PUBLIC')
            await connection.execute(f'GRANT CONNECT ON DATABASE "{database}" TO {service}_owner, {service}_app')
    finally:
        await connection.close()
