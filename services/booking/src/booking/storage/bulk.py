"""Long bulk orders: what was ordered, for which appointments, and how far it is."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.bulk import (
    MOST,
    BulkItem,
    BulkJob,
    BulkOrder,
    BulkProblem,
    BulkProgress,
    BulkVerb,
    TooManyAppointmentsError,
)
from booking.domain.errors import WorkFailure
from booking.storage.connections import connection_of
from booking.storage.failures import PutOff, failure_of
from booking.storage.listing import AppointmentFilter, conditions_of
from booking.storage.tables import bulk_jobs
from slotstream_servicekit.context import Actor, Cause, Context
from slotstream_servicekit.errors import Reason, SlotstreamError
from slotstream_servicekit.limits import Limits, limit_settings
from slotstream_servicekit.notify import notify
from slotstream_servicekit.rows import named_columns

ORDERED_CHANNEL: Final = "bulk_ordered"
"""Notified when an order is taken on."""
_COLUMNS: Final = named_columns(bulk_jobs)
_PROGRESS: Final = tuple(field.name for field in fields(BulkProgress) if field.name != "last_failure")
_put_off: Final = PutOff("bulk_jobs", due="updated_at", only="status = 'running'")
_RUNNING_ABOUT: Final = """
SELECT j.id FROM bulk_jobs j
WHERE j.organization_id = $1 AND j.status = 'running' AND EXISTS (
    SELECT FROM bulk_items i JOIN appointments a ON a.organization_id = $1 AND a.id = i.appointment_id
    WHERE i.organization_id = $1 AND i.job_id = j.id AND a.client_id = ANY($2))
"""
_SAID_WITH: Final = """
SELECT j.arguments, NOT EXISTS (
    SELECT FROM bulk_items i JOIN appointments a ON a.organization_id = $1 AND a.id = i.appointment_id
    WHERE i.organization_id = $1 AND i.job_id = j.id AND a.client_id <> ALL($3)) AS theirs_alone
FROM bulk_jobs j WHERE j.organization_id = $1 AND j.id = $2
"""

Rewrite = Callable[[str, bool], str]


class BulkStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find_ids(self, organization_id: UUID, wanted: AppointmentFilter) -> list[UUID]:
        """All appointments that the filter finds. Raises TooManyAppointmentsError."""
        connection = await connection_of(self._session)
        conditions, values = await conditions_of(connection, organization_id, wanted)
        rows = await connection.fetch(
            f"""
            SELECT a.id FROM appointments a WHERE {" AND ".join(conditions)}
            ORDER BY a.starts_at, a.id LIMIT {MOST + 1}
            """,
            *values,
        )
        if len(rows) > MOST:
            raise TooManyAppointmentsError
        return [row["id"] for row in rows]

    async def add(self, order: BulkOrder, *, context: Context, appointment_ids: Sequence[UUID]) -> BulkProgress:
        """Takes the order on, for the worker to do."""
        connection = await connection_of(self._session)
        actor, cause = context.actor, context.cause
        row = await connection.fetchrow(
            f"""
            INSERT INTO bulk_jobs (organization_id, id, verb, arguments, actor_type, actor_id, call_id,
                                   correlation_id, traceparent, status, total, succeeded, refused, created_at,
                                   updated_at, business_ids, resource_id)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'running', $10, 0, 0, $11, $11, $12, $13)
            RETURNING {_COLUMNS}
            """,
            context.organization_id,
            order.id,
            order.verb,
            orjson.dumps(_arguments(order)).decode(),
            actor.type,
            actor.id,
            actor.call_id,
            cause.correlation_id,
            cause.traceparent,
            len(appointment_ids),
            context.now,
            None if context.limits.business_ids is None else sorted(context.limits.business_ids),
            context.limits.resource_id,
        )
        await connection.execute(
            """
            INSERT INTO bulk_items (organization_id, job_id, position, appointment_id)
            SELECT $1, $2, t.position, t.id FROM unnest($3::uuid[]) WITH ORDINALITY AS t(id, position)
            """,
            context.organization_id,
            order.id,
            list(appointment_ids),
        )
        await notify(self._session, ORDERED_CHANNEL)
        return _progress(row)

    async def next_job(self, *, now: datetime) -> tuple[UUID, UUID] | None:
        """Organization and id of the running order that was looked at longest ago, locked: all are served in turn."""
        connection = await connection_of(self._session)
        row = await connection.fetchrow(
            """
            SELECT organization_id, id FROM bulk_jobs WHERE status = 'running' AND updated_at <= $1
            ORDER BY updated_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
            """,
            now,
        )
        return None if row is None else (row["organization_id"], row["id"])

    async def put_off(self, organization_id: UUID, job_id: UUID, *, until: datetime, failure: WorkFailure) -> None:
        await _put_off(await connection_of(self._session), organization_id, job_id, until=until, failure=failure)

    async def job(self, organization_id: UUID, job_id: UUID, *, now: datetime) -> BulkJob:
        connection = await connection_of(self._session)
        row = await connection.fetchrow(
            f"SELECT {_COLUMNS} FROM bulk_jobs WHERE organization_id = $1 AND id = $2", organization_id, job_id
        )
        if row is None:
            raise RuntimeError("a bulk order is gone while it is locked")
        return BulkJob(
            order=BulkOrder(id=row["id"], verb=BulkVerb(row["verb"]), is_long=True, **row["arguments"]),
            context=Context(
                organization_id=row["organization_id"],
                actor=Actor(type=row["actor_type"], id=row["actor_id"], call_id=row["call_id"]),
                cause=Cause(correlation_id=row["correlation_id"], traceparent=row["traceparent"]),
                now=now,
                limits=_limits(row),
            ),
            progress=_progress(row),
        )

    async def lock_running(self, organization_id: UUID, client_ids: Sequence[UUID]) -> frozenset[UUID]:
        """The running orders that name appointments of these clients, locked in the order of their ids."""
        connection = await connection_of(self._session)
        rows = await connection.fetch(f"{_RUNNING_ABOUT} ORDER BY j.id FOR UPDATE OF j", organization_id, client_ids)
        return frozenset(row["id"] for row in rows)

    async def running_about(self, organization_id: UUID, client_ids: Sequence[UUID]) -> frozenset[UUID]:
        connection = await connection_of(self._session)
        rows = await connection.fetch(_RUNNING_ABOUT, organization_id, client_ids)
        return frozenset(row["id"] for row in rows)

    async def rewrite(
        self, organization_id: UUID, job_ids: Iterable[UUID], client_ids: Sequence[UUID], rewrite: Rewrite
    ) -> None:
        """Writes anew what was said with orders; `rewrite` is told whether an order is about these clients only."""
        connection = await connection_of(self._session)
        for job_id in sorted(job_ids):
            row = await connection.fetchrow(_SAID_WITH, organization_id, job_id, client_ids)
            if row is None:
                continue
            said = {
                name: rewrite(value, row["theirs_alone"]) if isinstance(value, str) else value
                for name, value in row["arguments"].items()
            }
            await connection.execute(
                "UPDATE bulk_jobs SET arguments = $3 WHERE organization_id = $1 AND id = $2",
                organization_id,
                job_id,
                orjson.dumps(said).decode(),
            )

    async def next_appointments(self, job: BulkProgress, *, limit: int) -> list[UUID]:
        """Those that come after what is done already."""
        connection = await connection_of(self._session)
        rows = await connection.fetch(
            """
            SELECT appointment_id FROM bulk_items WHERE organization_id = $1 AND job_id = $2 AND position > $3
            ORDER BY position LIMIT $4
            """,
            job.organization_id,
            job.id,
            job.done,
            limit,
        )
        return [row["appointment_id"] for row in rows]

    async def finish(
        self, job: BulkProgress, outcomes: Sequence[SlotstreamError | None], *, now: datetime
    ) -> BulkProgress:
        """Notes what became of the next appointments, in their order, and that the order is finished with its last.

        What was said of a finished order is forgotten: its text may be about people.
        """
        connection = await connection_of(self._session)
        problems = [error and orjson.dumps(_problem_json(error)).decode() for error in outcomes]
        await connection.execute(
            """
            UPDATE bulk_items i SET ok = t.problem IS NULL, problem = t.problem::jsonb
            FROM unnest($4::text[]) WITH ORDINALITY AS t(problem, place)
            WHERE i.organization_id = $1 AND i.job_id = $2 AND i.position = $3 + t.place
            """,
            job.organization_id,
            job.id,
            job.done,
            problems,
        )
        refused = len(outcomes) - problems.count(None)
        finished = job.done + len(outcomes) >= job.total
        row = await connection.fetchrow(
            f"""
            UPDATE bulk_jobs
            SET succeeded = succeeded + $3, refused = refused + $4, updated_at = greatest(updated_at, $5),
                failure_code = NULL, failed_at = NULL,
                status = CASE WHEN $6 THEN 'finished' ELSE status END,
                arguments = CASE WHEN $6 THEN '{{}}' ELSE arguments END
            WHERE organization_id = $1 AND id = $2 RETURNING {_COLUMNS}
            """,
            job.organization_id,
            job.id,
            len(outcomes) - refused,
            refused,
            now,
            finished,
        )
        return _progress(row)

    async def bind(self, limits: Limits) -> None:
        """Lets the transaction see no more than whoever gave the order could."""
        if limits.is_limited:
            await (await connection_of(self._session)).execute(limit_settings(limits).removeprefix("; "))

    async def cancel(self, job: BulkProgress, *, by: str, now: datetime) -> BulkProgress:
        """Has no more of it done. What was said with it is forgotten, as when it is finished."""
        connection = await connection_of(self._session)
        row = await connection.fetchrow(
            f"""
            UPDATE bulk_jobs
            SET status = 'cancelled', cancelled_at = $3, cancelled_by = $4, updated_at = greatest(updated_at, $3),
                failure_code = NULL, failed_at = NULL, arguments = '{{}}'
            WHERE organization_id = $1 AND id = $2 RETURNING {_COLUMNS}
            """,
            job.organization_id,
            job.id,
            now,
            by,
        )
        return _progress(row)

    async def get(
        self, organization_id: UUID, job_id: UUID, *, ordered_by: str | None = None, lock: bool = False
    ) -> BulkProgress | None:
        """`ordered_by`: only if it is this caller's order. With `lock`, a portion that is being done is waited for."""
        connection = await connection_of(self._session)
        row = await connection.fetchrow(
            f"""
            SELECT {_COLUMNS} FROM bulk_jobs
            WHERE organization_id = $1 AND id = $2 AND ($3::text IS NULL OR actor_id = $3)
            {"FOR UPDATE" if lock else ""}
            """,
            organization_id,
            job_id,
            ordered_by,
        )
        return None if row is None else _progress(row)

    async def list_items(
        self, organization_id: UUID, job_id: UUID, *, ok: bool | None, after: int, limit: int
    ) -> list[BulkItem]:
        """Those done so far, in the order they were named or found."""
        connection = await connection_of(self._session)
        rows = await connection.fetch(
            """
            SELECT position, appointment_id, problem FROM bulk_items
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
        return [
            BulkItem(position=row["position"], appointment_id=row["appointment_id"], problem=_problem(row["problem"]))
            for row in rows
        ]


def _arguments(order: BulkOrder) -> dict[str, str | bool | None]:
    """What was said with it. A worker of before the newer of it does the orders that do not say that."""
    said: dict[str, str | bool | None] = {"reason": order.reason, "notify": order.notify, "text": order.text}
    if order.tell_client is not None:
        said |= {"tell_client": order.tell_client}
    if order.cancels_open:
        said |= {"cancels_open": True}
    return said | {"with_variables": True} if order.with_variables else said


def _progress(row: asyncpg.Record | None) -> BulkProgress:
    if row is None:
        raise RuntimeError("a bulk order is gone while it is worked on")
    values = {name: row[name] for name in _PROGRESS} | {"verb": BulkVerb(row["verb"])}
    return BulkProgress(**values, last_failure=failure_of(row))


def _limits(row: asyncpg.Record) -> Limits:
    business_ids = row["business_ids"]
    return Limits(
        business_ids=None if business_ids is None else frozenset(business_ids), resource_id=row["resource_id"]
    )


def _problem_json(error: SlotstreamError) -> dict[str, object]:
    return {"code": error.code, "detail": error.detail, "reasons": list(error.reasons)}


def _problem(kept: dict[str, Any] | None) -> BulkProblem | None:
    if kept is None:
        return None
    reasons = tuple(
        Reason(reason["code"], reason["detail"], tuple(reason["conflicts_with"])) for reason in kept["reasons"]
    )
    return BulkProblem(code=kept["code"], detail=kept["detail"], reasons=reasons)
