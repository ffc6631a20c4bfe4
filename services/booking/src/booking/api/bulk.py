"""One verb for many appointments: some hundreds before the answer, thousands while the caller looks on."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from booking.api.context import CurrentContext, actor_of, cause_of, json_response, model_response, shown
from booking.domain.bulk import AT_ONCE
from booking.schemas.bulk import BulkIn, BulkJobOut, BulkOut, BulkProblemOut, BulkResultOut
from booking.storage.bulk import find_ids, insert_job, list_items, read_job
from booking.storage.connections import connection_of
from booking.usecases.bulk import ItemOutcome, do_in_bulk
from slotstream_servicekit.errors import NotFoundError
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.auth import requires, requires_any
from slotstream_servicekit.http.idempotency import IdempotencyKey, idempotent
from slotstream_servicekit.http.pagination import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    Page,
    decode_cursor,
    encode_cursor,
    page_of,
)
from slotstream_servicekit.http.principal import Principal
from slotstream_servicekit.http.rights import Right
from slotstream_servicekit.ids import new_id

router = Router(tags=["bulk"])

Writer = Annotated[Principal, requires_any(Right.WRITE_APPOINTMENTS, Right.SEND_MESSAGES)]
Reader = Annotated[Principal, requires(Right.READ_APPOINTMENTS)]


@router.post("/v1/appointments/bulk", response_model=BulkOut, responses={202: {"model": BulkJobOut}})
async def do_with_many(
    request: Request,
    context: CurrentContext,
    principal: Writer,
    body: BulkIn,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """One verb, or an SMS, for selected appointments or all that a filter finds, up to 10,000.

    Each succeeds or fails by itself. Up to 200 are done at once (200); more are taken on (202) and done by the
    worker: `GET /v1/bulk/{id}` says how far it is.
    """
    principal.require(Right.SEND_MESSAGES if body.verb.is_message else Right.WRITE_APPOINTMENTS)
    order = body.to_order(new_id())
    actor, cause, organization_id = actor_of(principal), cause_of(principal), principal.organization_id

    async def action(session: AsyncSession) -> Response:
        connection = await connection_of(session)
        if body.filter is not None:
            ids = await find_ids(connection, organization_id, body.filter.to_filter())
        else:
            ids = list(dict.fromkeys(body.ids or ()))
        if len(ids) <= AT_ONCE:
            outcomes = await do_in_bulk(
                session=session,
                policies=context.policies,
                organization_id=organization_id,
                order=order,
                appointment_ids=ids,
                actor=actor,
                cause=cause,
                now=context.clock(),
            )
            return json_response(_results(outcomes, principal))
        job = await insert_job(
            connection,
            organization_id=organization_id,
            order=order,
            appointment_ids=ids,
            actor=actor,
            correlation_id=cause.correlation_id,
            traceparent=cause.traceparent,
            now=context.clock(),
        )
        return json_response(
            BulkJobOut.model_validate(job).model_dump_json().encode(), status=202, Location=f"/v1/bulk/{order.id}"
        )

    return await idempotent(request, database=context.database, principal=principal, action=action)


def _results(outcomes: Sequence[ItemOutcome], principal: Principal) -> bytes:
    return orjson.dumps({"results": [_result(one, principal) for one in outcomes]})


def _result(one: ItemOutcome, principal: Principal) -> dict[str, Any]:
    error, recorded = one.error, one.recorded
    return {
        "id": one.appointment_id,
        "ok": error is None,
        "appointment": recorded and orjson.Fragment(shown(recorded.state, principal)),
        "problem": error and {"code": error.code, "detail": error.detail, "reasons": list(error.reasons)},
    }


@router.get("/v1/bulk/{job_id}", response_model=BulkJobOut)
async def get_bulk_progress(context: CurrentContext, principal: Reader, job_id: UUID) -> Response:
    """How far a long order is: how many are done, and how many of them were refused."""
    async with context.database.transaction(principal.organization_id) as session:
        job = await read_job(await connection_of(session), principal.organization_id, job_id)
    if job is None:
        raise NotFoundError(f"There is no bulk order {job_id}.")
    return model_response(BulkJobOut.model_validate(job))


@router.get("/v1/bulk/{job_id}/results")
async def list_bulk_results(
    context: CurrentContext,
    principal: Reader,
    job_id: UUID,
    ok: Annotated[bool | None, Query(description="Only those done, or only those refused")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[BulkResultOut]:
    """What became of each appointment so far."""
    (after,) = decode_cursor(cursor, int, scope="bulk") if cursor else (0,)
    async with context.database.transaction(principal.organization_id) as session:
        connection = await connection_of(session)
        if await read_job(connection, principal.organization_id, job_id) is None:
            raise NotFoundError(f"There is no bulk order {job_id}.")
        rows = await list_items(connection, principal.organization_id, job_id, ok=ok, after=after, limit=limit + 1)
    page, next_cursor = page_of(rows, limit=limit, cursor_of=lambda row: encode_cursor(row["position"], scope="bulk"))
    items = [
        BulkResultOut(
            id=row["appointment_id"],
            ok=row["ok"],
            problem=row["problem"] and BulkProblemOut.model_validate(row["problem"]),
        )
        for row in page
    ]
    return Page(items=items, next_cursor=next_cursor)
