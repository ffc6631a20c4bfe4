"""The change counters of an organization, read by one cheap statement."""

from collections.abc import Collection
from typing import Final, NamedTuple
from uuid import UUID

from availability.domain import StateVersion
from slotstream_servicekit.database import Database, tenant_cte


class Versions(NamedTuple):
    """`rules` counts changes of catalogue and schedules, `taken` those of occupancy and external busy time."""

    rules: int
    taken: int


async def read_versions(database: Database, organization_id: UUID) -> Versions:
    """One statement, one round trip, the tenant included."""
    async with database.connection() as connection:
        row = await connection.fetchrow(_VERSIONS, str(organization_id))
    return Versions(row["rules"], row["taken"]) if row else Versions(0, 0)


async def read_applied(database: Database, organization_id: UUID, states: Collection[StateVersion]) -> bool:
    """Whether each of the states, or a newer one of the same aggregate, is in the projections."""
    kinds, ids, versions = zip(*((state.kind, str(state.id), state.version) for state in states), strict=True)
    async with database.connection() as connection:
        applied = await connection.fetchval(_APPLIED, str(organization_id), kinds, ids, versions)
    return bool(applied)


# The sub-select is lateral to the tenant and cannot be flattened, so it is set before any row is read.
_VERSIONS: Final = f"""
    WITH {tenant_cte()}
    SELECT v.rules, v.taken FROM tenant CROSS JOIN LATERAL (
        SELECT rules, taken FROM projection_versions WHERE organization_id = tenant.id::uuid OFFSET 0) AS v
"""
_APPLIED: Final = f"""
    WITH {tenant_cte()}
    SELECT a.applied FROM tenant CROSS JOIN LATERAL (
        SELECT bool_and(
            CASE q.kind
                WHEN 'appointment' THEN EXISTS (
                    SELECT FROM appointments
                    WHERE organization_id = tenant.id::uuid AND id = q.id AND version >= q.version)
                ELSE EXISTS (
                    SELECT FROM holds
                    WHERE organization_id = tenant.id::uuid AND id = q.id AND version >= q.version)
            END) AS applied
        FROM unnest($2::text[], $3::uuid[], $4::bigint[]) AS q(kind, id, version) OFFSET 0) AS a
"""
