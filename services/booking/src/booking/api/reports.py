"""Reports: figures over appointments that start in a range, in the zones of their businesses."""

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Query

from booking.api.context import CurrentContext
from booking.domain.errors import InvalidRangeError
from booking.schemas.reports import (
    FollowUpLine,
    FollowUpReport,
    NoShowLine,
    NoShowReport,
    RevenueLine,
    RevenueReport,
    UtilisationLine,
    UtilisationReport,
    VolumeLine,
    VolumeReport,
)
from booking.storage.connections import connection_of
from booking.storage.reports import Range, count_no_shows, count_volume, find_follow_ups, sum_revenue
from booking.usecases.reporting import Utilisation, measure_utilisation
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.auth import requires
from slotstream_servicekit.http.models import InstantIn
from slotstream_servicekit.http.principal import Principal
from slotstream_servicekit.http.rights import Right

router = Router(prefix="/v1/reports", tags=["reports"])
Reader = Annotated[Principal, requires(Right.READ_REPORTS)]
By = Literal["client", "service", "staff", "business", "source", "weekday", "hour", "day", "month"]
Lines = Annotated[int, Query(ge=1, le=1_000, description="At most so many lines, the largest")]
LONGEST = timedelta(days=3 * 366)


async def _range(
    principal: Reader,
    begins: Annotated[InstantIn, Query(alias="from", description="Starts at or after")],
    ends: Annotated[InstantIn, Query(alias="to", description="Starts before")],
    business_id: Annotated[list[UUID] | None, Query()] = None,
) -> Range:
    if not begins < ends <= begins + LONGEST:
        raise InvalidRangeError("`to` must be after `from`, and at most three years after it.")
    return Range(organization_id=principal.organization_id, begins=begins, ends=ends, business_ids=business_id)


CurrentRange = Annotated[Range, Depends(_range)]


@router.get("/no-shows")
async def report_no_shows(
    context: CurrentContext, _principal: Reader, span: CurrentRange, by: By = "client", limit: Lines = 100
) -> NoShowReport:
    """Who, what and when is missed how often."""
    rows = await _read(context, span, count_no_shows, by=by, limit=limit)
    items = [NoShowLine(**row, rate=_rate(row["no_shows"], row["no_shows"] + row["completed"]) or 0.0) for row in rows]
    return NoShowReport(by=by, items=items)


@router.get("/volume")
async def report_volume(
    context: CurrentContext, _principal: Reader, span: CurrentRange, by: By = "service", limit: Lines = 100
) -> VolumeReport:
    """How many appointments, and how they ended. One that was moved counts once."""
    rows = await _read(context, span, count_volume, by=by, limit=limit)
    return VolumeReport(by=by, items=[VolumeLine(**row) for row in rows])


@router.get("/revenue")
async def report_revenue(
    context: CurrentContext, _principal: Reader, span: CurrentRange, by: By = "service", limit: Lines = 100
) -> RevenueReport:
    """Earned, expected and lost, by currency."""
    rows = await _read(context, span, sum_revenue, by=by, limit=limit)
    return RevenueReport(by=by, items=[RevenueLine(**_with_zeros(row)) for row in rows])


@router.get("/utilisation")
async def report_utilisation(context: CurrentContext, _principal: Reader, span: CurrentRange) -> UtilisationReport:
    """How much of its working time each resource was booked."""
    async with context.database.transaction(span.organization_id) as session:
        found = await measure_utilisation(connection=await connection_of(session), policies=context.policies, span=span)
    return UtilisationReport(items=[_utilisation(one) for one in found])


@router.get("/follow-ups")
async def report_follow_ups(
    context: CurrentContext, _principal: Reader, span: CurrentRange, limit: Lines = 100
) -> FollowUpReport:
    """Clients whose last appointment came to nothing and who have none since: the list to call."""
    async with context.database.transaction(span.organization_id) as session:
        rows = await find_follow_ups(await connection_of(session), span, limit=limit)
    return FollowUpReport(items=[FollowUpLine(**row) for row in rows])


async def _read(context: CurrentContext, span: Range, query: Any, *, by: str, limit: int) -> list[dict[str, Any]]:
    async with context.database.transaction(span.organization_id) as session:
        rows = await query(await connection_of(session), span, by=by, limit=limit)
    return [dict(row) for row in rows]


def _rate(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _with_zeros(row: dict[str, Any]) -> dict[str, Any]:
    return row | {name: row[name] or Decimal(0) for name in ("earned", "expected", "lost")}


def _utilisation(one: Utilisation) -> UtilisationLine:
    return UtilisationLine(
        resource_id=one.resource_id,
        name=one.name,
        kind=one.kind,
        open_minutes=one.open_minutes,
        booked_minutes=one.booked_minutes,
        rate=_rate(one.booked_minutes, one.open_minutes),
    )
