"""The change counters of an organization, read by one cheap statement."""

from typing import Final, NamedTuple
from uuid import UUID

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


# The sub-select is lateral to the tenant and cannot be flattened, so it is set before any row is read.
_VERSIONS: Final = f"""
    WITH {tenant_cte()}
    SELECT v.rules, v.taken FROM tenant CROSS JOIN LATERAL (
        SELECT rules, taken FROM projection_versions WHERE organization_id = tenant.id::uuid OFFSET 0) AS v
"""
