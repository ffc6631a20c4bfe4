"""What other services know: schedules and external busy time, applied by version."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRow:
    organization_id: UUID
    owner_id: UUID
    owner_kind: str
    schedule: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BusyRow:
    key: str
    organization_id: UUID
    id: UUID
    resource_id: UUID
    starts_at: datetime
    ends_at: datetime
    version: int


async def apply_schedules(session: AsyncSession, rows: Sequence[ScheduleRow]) -> set[UUID]:
    """Upserts states that are not older than what is known; the organizations whose policy changed."""
    applied = await session.execute(
        text(
            """
            INSERT INTO schedules AS s (organization_id, owner_id, owner_kind, schedule, version, applied_at)
            SELECT organization_id, owner_id, owner_kind, schedule::jsonb, version, now()
            FROM unnest(CAST(:organizations AS uuid[]), CAST(:owners AS uuid[]), CAST(:kinds AS text[]),
                        CAST(:schedules AS text[]), CAST(:versions AS bigint[]))
                 AS r(organization_id, owner_id, owner_kind, schedule, version)
            ORDER BY organization_id, owner_id
            ON CONFLICT (organization_id, owner_id) DO UPDATE
            SET owner_kind = excluded.owner_kind, schedule = excluded.schedule, version = excluded.version,
                applied_at = excluded.applied_at
            WHERE excluded.version >= s.version
            RETURNING organization_id
            """
        ),
        {
            "organizations": [row.organization_id for row in rows],
            "owners": [row.owner_id for row in rows],
            "kinds": [row.owner_kind for row in rows],
            "schedules": [row.schedule for row in rows],
            "versions": [row.version for row in rows],
        },
    )
    return set(applied.scalars())


async def apply_busy(session: AsyncSession, rows: Sequence[BusyRow]) -> None:
    await session.execute(
        text(
            """
            INSERT INTO external_busy AS b (key, organization_id, id, resource_id, starts_at, ends_at, version,
                                            applied_at)
            SELECT key, organization_id, id, resource_id, starts_at, ends_at, version, now()
            FROM unnest(CAST(:keys AS text[]), CAST(:organizations AS uuid[]), CAST(:ids AS uuid[]),
                        CAST(:resources AS uuid[]), CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[]),
                        CAST(:versions AS bigint[]))
                 AS r(key, organization_id, id, resource_id, starts_at, ends_at, version)
            ORDER BY key
            ON CONFLICT (key) DO UPDATE
            SET organization_id = excluded.organization_id, id = excluded.id, resource_id = excluded.resource_id,
                starts_at = excluded.starts_at, ends_at = excluded.ends_at, version = excluded.version,
                applied_at = excluded.applied_at
            WHERE excluded.version >= b.version
            """
        ),
        {
            "keys": [row.key for row in rows],
            "organizations": [row.organization_id for row in rows],
            "ids": [row.id for row in rows],
            "resources": [row.resource_id for row in rows],
            "starts": [row.starts_at for row in rows],
            "ends": [row.ends_at for row in rows],
            "versions": [row.version for row in rows],
        },
    )


async def forget_busy(session: AsyncSession, keys: Sequence[str]) -> None:
    await session.execute(
        text("DELETE FROM external_busy WHERE key = ANY(CAST(:keys AS text[]))"), {"keys": list(keys)}
    )


async def forget_schedules(session: AsyncSession, owner_ids: Sequence[UUID]) -> set[UUID]:
    gone = await session.execute(
        text("DELETE FROM schedules WHERE owner_id = ANY(CAST(:ids AS uuid[])) RETURNING organization_id"),
        {"ids": list(owner_ids)},
    )
    return set(gone.scalars())
