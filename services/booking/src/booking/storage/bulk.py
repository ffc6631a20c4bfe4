"""Long bulk orders: what was ordered, for which appointments, and how far it is."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from booking.domain.bulk import MOST, BulkOrder, BulkVerb, TooManyAppointmentsError
from booking.domain.model import Actor
from booking.storage.listing import AppointmentFilter, conditions_of
from slotstream_servicekit.errors import SlotstreamError

BulkProgress = dict[str, Any]
"""A row of bulk_jobs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkJob:
    """An order under way, `done` appointments in."""

    organization_id: UUID
    order: BulkOrder
    actor: Actor
    correlation_id: str
    traceparent: str | None
    done: int


async def find_ids(connection: Any, organization_id: UUID, wanted: AppointmentFilter) -> list[UUID]:
    """All appointments that the filter finds. Raises TooManyAppointmentsError."""
    conditions, values = await conditions_of(connection, organization_id, wanted)
    rows = await connection.fetch(
        f"SELECT a.id FROM appointments a WHERE {' AND '.join(conditions)} ORDER BY a.starts_at, a.id LIMIT {MOST + 1}",
        *values,
    )
    if len(rows) > MOST:
        raise TooManyAppointmentsError
    return [row["id"] for row in rows]


async def insert_job(
    connection: Any,
    *,
    organization_id: UUID,
    order: BulkOrder,
    appointment_ids: Sequence[UUID],
    actor: Actor,
    correlation_id: str,
    traceparent: str | None,
    now: datetime,
) -> BulkProgress:
    row = await connection.fetchrow(
        """
        INSERT INTO bulk_jobs (organization_id, id, verb, arguments, actor_type, actor_id, call_id, correlation_id,
                               traceparent, status, total, succeeded, refused, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'running', $10, 0, 0, $11, $11) RETURNING *
        """,
        organization_id,
        order.id,
        order.verb,
        orjson.dumps({"reason": order.reason, "notify": order.notify, "text": order.text}).decode(),
        actor.type,
        actor.id,
        actor.call_id,
        correlation_id,
        traceparent,
        len(appointment_ids),
        now,
    )
    await connection.execute(
        """
        INSERT INTO bulk_items (organization_id, job_id, position, appointment_id)
        SELECT $1, $2, t.position, t.id FROM unnest($3::uuid[]) WITH ORDINALITY AS t(id, position)
        """,
        organization_id,
        order.id,
        list(appointment_ids),
    )
    return dict(row)


async def next_job(connection: Any) -> BulkJob | None:
    """The running order that was looked at longest ago, locked; orders of all organizations take turns."""
    row = await connection.fetchrow(
        "SELECT * FROM bulk_jobs WHERE status = 'running' ORDER BY updated_at, id LIMIT 1 FOR UPDATE SKIP LOCKED"
    )
    if row is None:
        return None
    said = row["arguments"]
    return BulkJob(
        organization_id=row["organization_id"],
        order=BulkOrder(id=row["id"], verb=BulkVerb(row["verb"]), **said),
        actor=Actor(type=row["actor_type"], id=row["actor_id"], call_id=row["call_id"]),
        correlation_id=row["correlation_id"],
        traceparent=row["traceparent"],
        done=row["succeeded"] + row["refused"],
    )


async def next_items(connection: Any, job: BulkJob, *, limit: int) -> list[UUID]:
    rows = await connection.fetch(
        """
        SELECT appointment_id FROM bulk_items WHERE organization_id = $1 AND job_id = $2 AND position > $3
        ORDER BY position LIMIT $4
        """,
        job.organization_id,
        job.order.id,
        job.done,
        limit,
    )
    return [row["appointment_id"] for row in rows]


async def finish_items(
    connection: Any, job: BulkJob, outcomes: Sequence[SlotstreamError | None], *, now: datetime
) -> BulkProgress:
    """Notes what became of the next items, in their order, and that the order is finished with its last."""
    problems = [error and orjson.dumps(_problem(error)).decode() for error in outcomes]
    await connection.execute(
        """
        UPDATE bulk_items i SET ok = t.problem IS NULL, problem = t.problem::jsonb
        FROM unnest($4::text[]) WITH ORDINALITY AS t(problem, place)
        WHERE i.organization_id = $1 AND i.job_id = $2 AND i.position = $3 + t.place
        """,
        job.organization_id,
        job.order.id,
        job.done,
        problems,
    )
    refused = len(outcomes) - problems.count(None)
    row = await connection.fetchrow(
        """
        UPDATE bulk_jobs SET succeeded = succeeded + $3, refused = refused + $4, updated_at = greatest(updated_at, $5),
               status = CASE WHEN succeeded + refused + $3 + $4 >= total THEN 'finished' ELSE status END
        WHERE organization_id = $1 AND id = $2 RETURNING *
        """,
        job.organization_id,
        job.order.id,
        len(outcomes) - refused,
        refused,
        now,
    )
    return dict(row)


def _problem(error: SlotstreamError) -> dict[str, Any]:
    return {"code": error.code, "detail": error.detail, "reasons": [asdict(one) for one in error.reasons]}


async def read_job(connection: Any, organization_id: UUID, job_id: UUID) -> BulkProgress | None:
    row = await connection.fetchrow(
        "SELECT * FROM bulk_jobs WHERE organization_id = $1 AND id = $2", organization_id, job_id
    )
    return None if row is None else dict(row)


async def list_items(
    connection: Any, organization_id: UUID, job_id: UUID, *, ok: bool | None, after: int, limit: int
) -> list[Any]:
    """Those done so far, in the order they were named or found."""
    rows = await connection.fetch(
        """
        SELECT position, appointment_id, ok, problem FROM bulk_items
        WHERE organization_id = $1 AND job_id = $2 AND position > $3 AND ok IS NOT NULL
          AND ($4::boolean IS NULL OR ok = $4)
        ORDER BY position LIMIT $5
        """,
        organization_id,
        job_id,
        after,
        ok,
        limit,
    )
    return list(rows)
