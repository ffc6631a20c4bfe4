"""One verb for many appointments: some hundreds before the answer, thousands while the caller looks on."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from booking.api.dependencies import AppointmentReader, BulkWriter, CurrentDependencies, sees_internal_notes
from booking.api.filters import within_limits
from booking.domain.bulk import AT_ONCE, BulkProgress, BulkVerb
from booking.schemas.appointments import appointment_out
from booking.schemas.bulk import BulkIn, BulkJobOut, BulkOut, BulkProblemOut, BulkResultOut
from booking.storage.bulk import BulkStore
from booking.usecases.bulk import ItemOutcome, cancel_order, do_in_bulk
from booking.usecases.messages import require_channel, require_readable
from slotstream_servicekit.errors import NotFoundError
from slotstream_servicekit.http import Router
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
from slotstream_servicekit.http.responses import json_response, model_response
from slotstream_servicekit.http.rights import Right
from slotstream_servicekit.ids import new_id

router = Router(tags=["bulk"])


@router.post("/v1/appointments/bulk", response_model=BulkOut, responses={202: {"model": BulkJobOut}})
async def do_with_many(
    request: Request,
    dependencies: CurrentDependencies,
    principal: BulkWriter,
    body: BulkIn,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """One verb, a message or a call, for selected appointments or all that a filter finds, up to 10,000.

    Each succeeds or fails by itself. Up to 200 are done at once (200); more are taken on (202) and done by the
    worker: `GET /v1/bulk/{id}` says how far it is. An SMS to a number that its plan gives to
    landlines is refused (`landline`).
    """
    principal.require(_right(body.verb))
    order = body.to_order(new_id())
    require_readable(order)

    async def action(session: AsyncSession) -> Response:
        context, store = dependencies.context_of(principal), BulkStore(session)
        await require_channel(
            session=session, context=context, channel=order.verb.channel, by_default=dependencies.message_channels
        )
        if body.filter is not None:
            wanted = within_limits(body.filter.to_filter(), context.limits)
            ids = await store.find_ids(context.organization_id, wanted)
        else:
            ids = list(dict.fromkeys(body.ids or ()))
        if len(ids) > AT_ONCE:
            progress = await store.add(order, context=context, appointment_ids=ids)
            return model_response(BulkJobOut.model_validate(progress), status=202, location=f"/v1/bulk/{order.id}")
        outcomes = await do_in_bulk(
            session=session, policies=dependencies.policies, context=context, order=order, appointment_ids=ids
        )
        return json_response(_results(outcomes, principal))

    return await idempotent(request, database=dependencies.database, principal=principal, action=action)


def _results(outcomes: Sequence[ItemOutcome], principal: Principal) -> bytes:
    return orjson.dumps({"results": [_result(outcome, principal) for outcome in outcomes]})


def _result(outcome: ItemOutcome, principal: Principal) -> dict[str, Any]:
    error, recorded = outcome.error, outcome.recorded
    return {
        "id": outcome.appointment_id,
        "ok": error is None,
        "appointment": recorded
        and appointment_out(recorded.appointment, staff=sees_internal_notes(principal)).model_dump(mode="json"),
        "problem": error and {"code": error.code, "detail": error.detail, "reasons": list(error.reasons)},
    }


@router.get("/v1/bulk/{job_id}", response_model=BulkJobOut)
async def get_bulk_progress(dependencies: CurrentDependencies, principal: AppointmentReader, job_id: UUID) -> Response:
    """How far a long order is: how many are done, and how many of them were refused."""
    async with dependencies.database.transaction(principal) as session:
        progress = await _progress(BulkStore(session), principal, job_id)
    return model_response(BulkJobOut.model_validate(progress))


@router.post("/v1/bulk/{job_id}/cancel", response_model=BulkJobOut)
async def cancel_bulk(
    request: Request,
    dependencies: CurrentDependencies,
    principal: BulkWriter,
    job_id: UUID,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Do no more of a long order, and of a message send no more of what has not gone yet.

    What is done stays done, and what is being sent is sent. Asked for again, it answers the same. Refused
    (`bulk_finished`) where all appointments were changed already; messages can be stopped after that as well, while
    notifications still sends them.
    """

    async def action(session: AsyncSession) -> Response:
        job = await _progress(BulkStore(session), principal, job_id, lock=True)
        principal.require(_right(job.verb))
        progress = await cancel_order(session=session, context=dependencies.context_of(principal), job=job)
        return model_response(BulkJobOut.model_validate(progress))

    return await idempotent(request, database=dependencies.database, principal=principal, action=action)


@router.get("/v1/bulk/{job_id}/results")
async def list_bulk_results(
    dependencies: CurrentDependencies,
    principal: AppointmentReader,
    job_id: UUID,
    ok: Annotated[bool | None, Query(description="Only those done, or only those refused")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[BulkResultOut]:
    """What became of each appointment so far."""
    (after,) = decode_cursor(cursor, int, scope="bulk") if cursor else (0,)
    async with dependencies.database.transaction(principal) as session:
        store = BulkStore(session)
        await _progress(store, principal, job_id)
        items = await store.list_items(principal.organization_id, job_id, ok=ok, after=after, limit=limit + 1)
    page, next_cursor = page_of(items, limit=limit, cursor_of=lambda item: encode_cursor(item.position, scope="bulk"))
    results = [
        BulkResultOut(
            id=item.appointment_id,
            ok=item.problem is None,
            problem=None if item.problem is None else BulkProblemOut.model_validate(item.problem),
        )
        for item in page
    ]
    return Page(items=results, next_cursor=next_cursor)


def _right(verb: BulkVerb) -> Right:
    return Right.SEND_MESSAGES if verb.is_message else Right.WRITE_APPOINTMENTS


async def _progress(store: BulkStore, principal: Principal, job_id: UUID, *, lock: bool = False) -> BulkProgress:
    """The order. A limited caller is shown none but their own."""
    ordered_by = principal.subject if principal.is_limited else None
    progress = await store.get(principal.organization_id, job_id, ordered_by=ordered_by, lock=lock)
    if progress is None:
        raise NotFoundError(f"There is no bulk order {job_id}.")
    return progress
