"""What became of the messages about appointments: a projection, for their history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEventRow:
    organization_id: UUID
    message_id: UUID
    version: int
    appointment_id: UUID
    client_id: UUID | None
    channel: str
    kind: str
    outcome: str
    detail: str | None
    due_at: datetime
    occurred_at: datetime


async def apply_message_events(session: AsyncSession, rows: Sequence[MessageEventRow]) -> None:
    """Each event once, in whatever order and however often they come."""
    await session.execute(
        text(
            """
            INSERT INTO message_events (organization_id, message_id, version, appointment_id, client_id, channel,
                                        kind, outcome, detail, due_at, occurred_at, applied_at)
            SELECT DISTINCT ON (organization_id, message_id, version, outcome)
                   organization_id, message_id, version, appointment_id, client_id, channel, kind, outcome, detail,
                   due_at, occurred_at, now()
            FROM unnest(CAST(:organization_id AS uuid[]), CAST(:message_id AS uuid[]), CAST(:version AS bigint[]),
                        CAST(:appointment_id AS uuid[]), CAST(:client_id AS uuid[]), CAST(:channel AS text[]),
                        CAST(:kind AS text[]), CAST(:outcome AS text[]), CAST(:detail AS text[]),
                        CAST(:due_at AS timestamptz[]), CAST(:occurred_at AS timestamptz[]))
                 AS r(organization_id, message_id, version, appointment_id, client_id, channel, kind, outcome,
                      detail, due_at, occurred_at)
            ORDER BY organization_id, message_id, version, outcome
            ON CONFLICT (organization_id, message_id, version, outcome) DO UPDATE SET applied_at = excluded.applied_at
            """
        ),
        {name: [getattr(row, name) for row in rows] for name in MessageEventRow.__slots__},
    )


async def read_message_events(connection: Any, *, organization_id: UUID, appointment_id: UUID) -> list[Any]:
    """What became of every message about an appointment, message by message."""
    rows = await connection.fetch(
        """
        SELECT message_id, channel, kind, outcome, detail, client_id, due_at, occurred_at FROM message_events
        WHERE organization_id = $1 AND appointment_id = $2
        ORDER BY min(occurred_at) OVER (PARTITION BY message_id), message_id, version, occurred_at
        """,
        organization_id,
        appointment_id,
    )
    return list(rows)
