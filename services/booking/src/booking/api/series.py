"""Series: appointments that recur, created, read, changed and cancelled as one."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from booking.api.dependencies import (
    AppointmentReader,
    Booker,
    CurrentDependencies,
    Dependencies,
    override_reason,
    sees_internal_notes,
)
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
from booking.storage.series import SeriesStore
from booking.usecases.lifecycle import Details
from booking.usecases.resolving import find_or_add_client
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
from slotstream_servicekit.http.etags import IfMatch
from slotstream_servicekit.http.idempotency import IdempotencyKey, idempotent
from slotstream_servicekit.http.limits import rate_limited
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
from slotstream_servicekit.http.responses import model_response
from slotstream_servicekit.http.rights import Right
from slotstream_servicekit.ids import new_id

router = Router(prefix="/v1/series", tags=["series"])
SERIES_LIMIT = rate_limited("series", per_minute=240, burst=60)
"""One request books many dates."""


def _answer(report: SeriesReport, principal: Principal, *, status: int = 200) -> Response:
    document = report_out(report, staff=sees_internal_notes(principal))
    location = f"/v1/series/{report.series.id}" if status == 201 else None
    return model_response(document, status=status, version=report.series.version, location=location)


@router.post("", status_code=201, response_model=SeriesReportOut, dependencies=[SERIES_LIMIT])
async def add_series(
    request: Request,
    dependencies: CurrentDependencies,
    principal: Booker,
    body: AddSeriesIn,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Book every date of a recurrence, and learn of each what became of it and why."""
    override_reason(principal, body.override)

    async def action(session: AsyncSession) -> Response:
        report = await create_series(
            session=session,
            policies=dependencies.policies,
            series=await _series(session, dependencies, principal, body),
            context=dependencies.context_of(principal),
        )
        return _answer(report, principal, status=201)

    return await idempotent(request, database=dependencies.database, principal=principal, action=action)


async def _series(session: AsyncSession, dependencies: Dependencies, principal: Principal, body: AddSeriesIn) -> Series:
    context, connection = dependencies.context_of(principal), await connection_of(session)
    policy = await dependencies.policies.current(connection, principal.organization_id)
    context.limits.check_business(body.business_id)
    business = policy.business(body.business_id)
    client_id = body.client_id or await find_or_add_client(
        connection, policy, context, body.client_details(), business_id=business.id
    )
    first = local_of(to_epoch(body.starts_at), business.zone)
    return body.to_series(
        id=body.id or new_id(),
        organization_id=principal.organization_id,
        zone=business.zone,
        client_id=client_id,
        first=first,
        rule=_rule(body.recurrence, first=first, zone=business.zone),
        actor=context.actor,
        now=context.now,
    )


def _rule(recurrence: RecurrenceIn, *, first: datetime, zone: str) -> Recurrence:
    return ended_by_count(recurrence.rule(), first, zone=zone, count=recurrence.count)


@router.get("")
async def search_series(
    dependencies: CurrentDependencies,
    principal: AppointmentReader,
    business_id: Annotated[UUID | None, Query()] = None,
    client_id: Annotated[UUID | None, Query()] = None,
    status: Annotated[Literal["active", "cancelled"] | None, Query()] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[SeriesOut]:
    """Series, newest first."""
    after = decode_cursor(cursor, datetime, UUID, scope="series") if cursor else None
    async with dependencies.database.transaction(principal) as session:
        known = await SeriesStore(await connection_of(session), principal.organization_id).page(
            business_id=business_id,
            client_id=client_id,
            status=status,
            after=(after[0], after[1]) if after else None,
            limit=limit + 1,
        )
    page, next_cursor = page_of(
        known, limit=limit, cursor_of=lambda series: encode_cursor(series.created_at, series.id, scope="series")
    )
    staff = sees_internal_notes(principal)
    return Page(items=[SeriesOut(**series_out(series, staff=staff)) for series in page], next_cursor=next_cursor)


@router.get("/{series_id}", response_model=SeriesReportOut)
async def get_series(dependencies: CurrentDependencies, principal: AppointmentReader, series_id: UUID) -> Response:
    """One series with all of its dates, each with its appointment as it is by now."""
    async with dependencies.database.transaction(principal) as session:
        report = await read_report(await connection_of(session), principal.organization_id, series_id)
    return _answer(report, principal)


@router.patch("/{series_id}", response_model=SeriesReportOut)
async def patch_series(
    dependencies: CurrentDependencies,
    principal: Booker,
    series_id: UUID,
    body: ChangeSeriesIn,
    expected_version: IfMatch,
) -> Response:
    """Edit or reschedule this date, this and the following, or all that are still to come."""
    override_reason(principal, body.override)
    if body.edits and principal.actor_type == "integration":
        principal.require(Right.WRITE_APPOINTMENTS)
    if body.edits and not principal.can(Right.WRITE_APPOINTMENTS):
        raise ForbiddenError("You may move and cancel a series; what else it says is for staff to change.")
    async with dependencies.database.transaction(principal) as session:
        rule = None
        if body.recurrence is not None:
            old = await SeriesStore(await connection_of(session), principal.organization_id).get(series_id)
            rule = _rule(body.recurrence, first=old.first, zone=old.zone)
        report = await change_series(
            session=session,
            policies=dependencies.policies,
            series_id=series_id,
            change=body.to_change(rule),
            context=dependencies.context_of(principal),
            expected_version=expected_version,
        )
    return _answer(report, principal)


@router.post("/{series_id}/cancel", response_model=SeriesReportOut)
async def cancel_series_dates(
    request: Request,
    dependencies: CurrentDependencies,
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
            policies=dependencies.policies,
            series_id=series_id,
            scope=body.scope,
            occurs_on=body.occurs_on,
            details=Details(reason=body.reason, notify=body.notify),
            context=dependencies.context_of(principal),
            expected_version=expected_version,
        )
        return _answer(report, principal)

    return await idempotent(request, database=dependencies.database, principal=principal, action=action)
