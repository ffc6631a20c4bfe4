"""Binds transactions and single statements to one organization."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import UUID

from slotstream_servicekit.database.connections import Connection
from slotstream_servicekit.limits import Tenancy, limit_settings

TENANT_SETTING: Final = "slotstream.organization"
EVERY_TENANT: Final = "*"
"""What workers set: projections, the relay and timers act for all organizations."""


def tenant_prelude(tenant: Tenancy | UUID) -> str:
    """The statements that bind a transaction to its tenant, and to the limits of the caller, if any."""
    organization_id = tenant if isinstance(tenant, UUID) else tenant.organization_id
    bound = f"SET LOCAL {TENANT_SETTING} = '{UUID(int=organization_id.int)}'"
    return bound if isinstance(tenant, UUID) else bound + limit_settings(tenant.limits)


@asynccontextmanager
async def tenant_transaction(
    connection: Connection, tenant: Tenancy | UUID, *, locks: Iterable[tuple[int, int]] = ()
) -> AsyncIterator[None]:
    """A transaction on a driver's connection, bound to one tenant. Inside of another transaction it opens none.

    The tenant is set and the advisory `locks` (class, key) are taken, in their order, together with BEGIN: the first
    statement sees all that was committed before the locks were taken.
    """
    taken = "; ".join("SELECT pg_advisory_xact_lock({:d}, {:d})".format(*lock) for lock in locks)
    if connection.is_in_transaction():
        if taken:
            await connection.execute(taken)
        yield
        return
    prelude = tenant_prelude(tenant)
    driver: Any = connection
    driver.prelude = f"{prelude}; {taken}" if taken else prelude
    try:
        async with connection.transaction():
            driver.prelude = None
            yield
    finally:
        driver.prelude = None


def tenant_cte(parameter: int = 1) -> str:
    """The CTE with which a single statement sets its tenant, from `$parameter` (the organization's id as text).

    A row-security policy reads the setting when it checks a row, so the statement must read `tenant` before it
    writes: `WITH {tenant_cte()}, row AS (INSERT … SELECT … FROM tenant RETURNING …) SELECT … FROM row`.
    """
    return f"tenant AS MATERIALIZED (SELECT set_config('{TENANT_SETTING}', ${parameter}::text, true) AS id)"
