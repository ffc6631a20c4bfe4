"""What booking's tables hold of the run's organizations."""

from collections.abc import Sequence
from uuid import UUID

from harness.platform import Platform

from checker.evidence.database import query
from checker.evidence.model import BookedAppointment, Occupancy, Version
from slotstream_contracts.topics import SERVICES

Organizations = Sequence[UUID]


async def read_appointments(platform: Platform, organizations: Organizations) -> dict[str, BookedAppointment]:
    rows = await query(
        platform,
        "booking",
        """
        SELECT a.id::text, a.organization_id::text AS organization, a.client_id::text AS client,
               a.service_id::text AS service, a.status, a.occupies, a.archived, a.series_id::text AS series,
               a.external_id, a.starts_at, a.version,
               a.starts_at - a.buffer_before_minutes * interval '1 minute' AS blocked_from,
               a.ends_at + a.buffer_after_minutes * interval '1 minute' AS blocked_to,
               array_remove(array_agg(r.resource_id::text ORDER BY r.place), NULL) AS resources
        FROM appointments a LEFT JOIN appointment_resources r
             ON r.organization_id = a.organization_id AND r.appointment_id = a.id
        WHERE a.organization_id = ANY($1) GROUP BY a.organization_id, a.id
        """,
        organizations,
    )
    return {row["id"]: BookedAppointment(**{**row, "resources": tuple(row["resources"])}) for row in rows}


async def read_occupancy(platform: Platform, organizations: Organizations) -> list[Occupancy]:
    rows = await query(
        platform,
        "booking",
        """
        SELECT holder_id::text, resource_id::text, lower(blocked), upper(blocked) FROM occupancy
        WHERE organization_id = ANY($1) AND expires_at IS NULL
        """,
        organizations,
    )
    return [Occupancy(*row) for row in rows]


async def read_overrides(platform: Platform, organizations: Organizations) -> frozenset[tuple[str, str]]:
    rows = await query(
        platform,
        "booking",
        """
        SELECT appointment_id::text AS forced, unnest(conflicts_with) AS other FROM overrides
        WHERE organization_id = ANY($1)
        """,
        organizations,
    )
    pairs = {(row["forced"], row["other"]) for row in rows}
    return frozenset(pairs | {(other, forced) for forced, other in pairs})


async def read_capacity(platform: Platform, organizations: Organizations) -> dict[str, int]:
    rows = await query(
        platform, "booking", "SELECT id::text, capacity FROM services WHERE organization_id = ANY($1)", organizations
    )
    return {row["id"]: row["capacity"] for row in rows}


async def read_history(platform: Platform, organizations: Organizations) -> dict[Version, str]:
    rows = await query(
        platform,
        "booking",
        "SELECT appointment_id::text, version, verb FROM history WHERE organization_id = ANY($1)",
        organizations,
    )
    return {(row["appointment_id"], row["version"]): row["verb"] for row in rows}


async def read_booked_by(platform: Platform, organizations: Organizations) -> dict[str, str]:
    rows = await query(
        platform,
        "booking",
        "SELECT appointment_id::text, actor_id FROM history WHERE organization_id = ANY($1) AND version = 1",
        organizations,
    )
    return {row["appointment_id"]: row["actor_id"] for row in rows}


async def read_clients(platform: Platform, organizations: Organizations) -> tuple[frozenset[str], dict[str, str]]:
    """Who is erased, and who was merged into whom."""
    rows = await query(
        platform,
        "booking",
        "SELECT id::text, erased, merged_into::text FROM clients WHERE organization_id = ANY($1)",
        organizations,
    )
    erased = frozenset(row["id"] for row in rows if row["erased"])
    return erased, {row["id"]: row["merged_into"] for row in rows if row["merged_into"] is not None}


async def read_resource_owners(platform: Platform) -> dict[str, str]:
    rows = await query(platform, "booking", "SELECT id::text, organization_id::text FROM resources")
    return {row[0]: row[1] for row in rows}


async def count_deadlocks(platform: Platform) -> int:
    rows = await query(platform, "booking", "SELECT deadlocks FROM pg_stat_database WHERE datname = 'booking'")
    return int(rows[0][0])


async def read_waiting(platform: Platform, organizations: Organizations) -> list[str]:
    """Records of any service's outbox that have not been handed over."""
    waiting: list[str] = []
    for service in SERVICES:
        rows = await query(
            platform,
            service,
            "SELECT topic, count(*) FROM outbox WHERE organization_id = ANY($1) GROUP BY topic",
            organizations,
        )
        waiting += [f"{service}'s outbox: {row['count']} records for {row['topic']}" for row in rows]
    return waiting
