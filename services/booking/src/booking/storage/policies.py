"""The policy of each organization, kept in memory and judged stale by its version in the booking statement."""

from typing import Protocol
from uuid import UUID

import asyncpg
from sqlalchemy import Table, text
from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.policy import Policy
from booking.storage.catalogue import action_of, business_of, resource_of, service_of
from booking.storage.tables import actions, businesses, resources, schedules, services
from slotstream_scheduling.hours import Schedule, schedule_from_dict
from slotstream_servicekit.database import Connection, tenant_transaction
from slotstream_servicekit.rows import named_columns

_KEPT = 1_000


class StalePolicyError(Exception):
    """The catalogue or a schedule changed since something was judged; nothing was written."""


class Policies(Protocol):
    """Where an organization's policy comes from."""

    async def of(self, connection: Connection, organization_id: UUID) -> Policy: ...

    async def reload(self, connection: Connection, organization_id: UUID) -> Policy: ...

    async def current(self, connection: Connection, organization_id: UUID) -> Policy: ...


class UncommittedPolicies:
    """Policies as the transaction sees them that has just changed one: nobody else is shown them."""

    async def of(self, connection: Connection, organization_id: UUID) -> Policy:
        return await load_policy(connection, organization_id)

    reload = current = of


class PolicyCache:
    """Policies by organization. A change elsewhere is noticed by the statement that was judged by an old one."""

    def __init__(self) -> None:
        self._policies: dict[UUID, Policy] = {}

    async def of(self, connection: Connection, organization_id: UUID) -> Policy:
        known = self._policies.get(organization_id)
        return known or await self.reload(connection, organization_id)

    async def reload(self, connection: Connection, organization_id: UUID) -> Policy:
        async with tenant_transaction(connection, organization_id):
            policy = await load_policy(connection, organization_id)
        if len(self._policies) >= _KEPT:
            self._policies.pop(next(iter(self._policies)))
        self._policies[organization_id] = policy
        return policy

    async def current(self, connection: Connection, organization_id: UUID) -> Policy:
        """The policy, compared with the database's version first: for what no booking statement will check."""
        known = self._policies.get(organization_id)
        async with tenant_transaction(connection, organization_id):
            if known is not None and known.version == await _version(connection, organization_id):
                return known
            return await self.reload(connection, organization_id)


async def load_policy(connection: Connection, organization_id: UUID) -> Policy:
    """Reads the version first: what is newer than its version is found stale and read again, never kept."""
    version = await _version(connection, organization_id)
    return Policy(
        organization_id=organization_id,
        version=version,
        businesses={row["id"]: business_of(row) for row in await _all(connection, businesses, organization_id)},
        resources={row["id"]: resource_of(row) for row in await _resources(connection, organization_id)},
        services={row["id"]: service_of(row) for row in await _all(connection, services, organization_id)},
        actions={row["id"]: action_of(row) for row in await _all(connection, actions, organization_id)},
        schedules=await _schedules(connection, organization_id),
    )


async def bump_policy(session: AsyncSession, organization_ids: set[UUID]) -> None:
    """Says that the policy of these organizations has changed, in the transaction that changes it."""
    await session.execute(
        text(
            """
            INSERT INTO organizations (organization_id)
            SELECT id FROM unnest(CAST(:ids AS uuid[])) AS id ORDER BY id
            ON CONFLICT (organization_id) DO UPDATE SET policy_version = organizations.policy_version + 1
            """
        ),
        {"ids": sorted(organization_ids)},
    )


async def _version(connection: Connection, organization_id: UUID) -> int:
    version = await connection.fetchval(
        "SELECT policy_version FROM organizations WHERE organization_id = $1", organization_id
    )
    return int(version or 0)


async def _all(connection: Connection, table: Table, organization_id: UUID) -> list[asyncpg.Record]:
    return await connection.fetch(
        f"SELECT {named_columns(table)} FROM {table.name} WHERE organization_id = $1", organization_id
    )


async def _resources(connection: Connection, organization_id: UUID) -> list[asyncpg.Record]:
    return await connection.fetch(
        f"""
        SELECT {named_columns(resources, "r")}, ARRAY(SELECT b.business_id FROM resource_businesses b
                          WHERE b.organization_id = $1 AND b.resource_id = r.id) AS business_ids
        FROM resources r WHERE r.organization_id = $1
        """,
        organization_id,
    )


async def _schedules(connection: Connection, organization_id: UUID) -> dict[UUID, Schedule]:
    rows = await _all(connection, schedules, organization_id)
    return {row["owner_id"]: schedule_from_dict(row["schedule"]) for row in rows}
