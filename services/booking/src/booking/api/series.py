"""Series: appointments that recur, created, read, changed and cancelled as one."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from booking.api.context import (
    Context,
    CurrentContext,
    actor_of,
    cause_of,
    model_response,
    sees_internal_notes,
)
from booking.domain.errors import OverrideForbiddenError
from booking.domain.series import Series, ended_by_count
from booking.schemas.series import (
    AddSeriesIn,
    CancelSeriesIn,
    ChangeSeriesIn,
    RecurrenceIn,
    SeriesOut,
    SeriesReportOut,
    report_out,
    series_out,
)
from booking.storage.connections import connection_of
from booking.storage.series import list_series, read_series
from booking.usecases.clients import find_or_create_clients
from booking.usecases.lifecycle import Details
from booking.usecases.series import (
    SeriesReport,
    cancel_series,
    change_series,
    create_series,
    read_report,
)
from slotstream_scheduling.recurrence import Recurrence
from slotstream_scheduling.spans import to_epoch
from slotstream_scheduling.wallclock import local_of
from slotstream_servicekit.errors import ForbiddenError
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.auth import requires
from slotstream_servicekit.http.etags import IfMatch
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

router = Router(prefix="/v1/series", tags=["series"])

Reader = Annotated[Principal, requires(Right.READ_APPOINTMENTS)]
Booker = Annotated[Principal, requires(Right.BOOK)]


def _answer(report: SeriesReport, principal: Principal, *, status: int = 200) -> Response:
    document = report_out(report, staff=sees_internal_notes(principal))
    answer = model_response(document, status=status, version=report.series.version)
    if status == 201:
        answer.headers["Location"] = f"/v1/series/{report.series.id}"
    return answer


def _refuse_override(principal: Principal, body: AddSeriesIn | ChangeSeriesIn) -> None:
    if body.override is not None and not principal.can(Right.OVERRIDE):
        raise OverrideForbiddenError("Only a member of staff can override; an agent or a client never can.")


@router.post("", status_code=201, response_model=SeriesReportOut)
async def add_series(
    request: Request,
    context: CurrentContext,
    principal: Booker,
    body: AddSeriesIn,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Book every date of a recurrence, and learn of each what became of it and why."""
    _refuse_override(principal, body)

    async def action(session: AsyncSession) -> Response:
        report = await create_series(
            session=session,
            policies=context.policies,
            series=await _series(session, context, principal, body),
            actor=actor_of(principal),
            cause=cause_of(principal),
            now=context.clock(),
        )
        return _answer(report, principal, status=201)

    return await idempotent(request, database=context.database, principal=principal, action=action)


async def _series(session: AsyncSession, context: Context, principal: Principal, body: AddSeriesIn) -> Series:
    policy = await context.policies.current(await connection_of(session), principal.organization_id)
    business = policy.business(body.business_id)
    now, client_id = context.clock(), body.client_id
    if client_id is None:
        [client_id] = await find_or_create_clients(
            session=session,
            organization_id=principal.organization_id,
            wanted=[(body.client_details(), business.phone_region)],
            cause=cause_of(principal),
            now=now,
        )
    first = local_of(to_epoch(body.starts_at), business.zone).replace(fold=0)
    return body.to_series(
        id=body.id or new_id(),
        organization_id=principal.organization_id,
        zone=business.zone,
        client_id=client_id,
        first=first,
        rule=_rule(body.recurrence, first=first, zone=business.zone),
        actor=actor_of(principal),
        now=now,
    )


def _rule(said: RecurrenceIn, *, first: datetime, zone: str) -> Recurrence:
    return ended_by_count(said.rule(), first, zone=zone, count=said.count)


@router.get("")
async def search_series(
    context: CurrentContext,
    principal: Reader,
    business_id: Annotated[UUID | None, Query()] = None,
    client_id: Annotated[UUID | None, Query()] = None,
    status: Annotated[Literal["active", "cancelled"] | None, Query()] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[SeriesOut]:
    """Series, newest first."""
    after = decode_cursor(cursor, datetime, UUID, scope="series") if cursor else None
    async with context.database.transaction(principal.organization_id) as session:
        found = await list_series(
            await connection_of(session),
            principal.organization_id,
            business_id=business_id,
            client_id=client_id,
            status=status,
            after=(after[0], after[1]) if after else None,
            limit=limit + 1,
        )
    page, next_cursor = page_of(
        found, limit=limit, cursor_of=lambda one: encode_cursor(one.created_at, one.id, scope="series")
    )
    staff = sees_internal_notes(principal)
    return Page(items=[SeriesOut(**series_out(one, staff=staff)) for one in page], next_cursor=next_cursor)


@router.get("/{series_id}", response_model=SeriesReportOut)
async def get_series(context: CurrentContext, principal: Reader, series_id: UUID) -> Response:
    """One series with all of its dates, each with its appointment as it is by now."""
    async with context.database.transaction(principal.organization_id) as session:
        report = await read_report(await connection_of(session), principal.organization_id, series_id)
    return _answer(report, principal)


@router.patch("/{series_id}", response_model=SeriesReportOut)
async def patch_series(
    context: CurrentContext,
    principal: Booker,
    series_id: UUID,
    body: ChangeSeriesIn,
    expected_version: IfMatch,
) -> Response:
    """Edit or reschedule this date, this and the following, or all that are still to come."""
    _refuse_override(principal, body)
    if body.edits and not principal.can(Right.WRITE_APPOINTMENTS):
        raise ForbiddenError("You may move and cancel a series; what else it says is for staff to change.")
    async with context.database.transaction(principal.organization_id) as session:
        rule = None
        if body.recurrence is not None:
            old = await read_series(await connection_of(session), principal.organization_id, series_id)
            rule = _rule(body.recurrence, first=old.first, zone=old.zone)
        report = await change_series(
            session=session,
            policies=context.policies,
            organization_id=principal.organization_id,
            series_id=series_id,
            change=body.to_change(rule),
            actor=actor_of(principal),
            cause=cause_of(principal),
            now=context.clock(),
            expected_version=expected_version,
        )
    return _answer(report, principal)


@router.post("/{series_id}/cancel", response_model=SeriesReportOut)
async def cancel_series_dates(
    request: Request,
    context: CurrentContext,
    principal: Booker,
    series_id: UUID,
    body: CancelSeriesIn,
    expected_version: IfMatch,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Cancel this date, this and the following, or all that are still to come."""

    async def action(session: AsyncSession) -> Response:
        report = await cancel_series(
            session=session,
            policies=context.policies,
            organization_id=principal.organization_id,
            series_id=series_id,
            scope=body.scope,
            occurs_on=body.occurs_on,
            details=Details(reason=body.reason, notify=body.notify),
            actor=actor_of(principal),
            cause=cause_of(principal),
            now=context.clock(),
            expected_version=expected_version,
        )
        return _answer(report, principal)

    return await idempotent(request, database=context.database, principal=principal, action=action)
