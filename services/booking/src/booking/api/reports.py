"""Reports: figures over appointments that start in a range, in the zones of their businesses."""

from datetime import timedelta
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, Query

from booking.api.dependencies import CurrentDependencies, ReportReader
from booking.domain.errors import InvalidRangeError
from booking.domain.reports import Range
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
from booking.storage.reports import ReportStore
from booking.usecases.reports import measure_utilisation
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.limits import rate_limited
from slotstream_servicekit.http.models import InstantIn

router = Router(prefix="/v1/reports", tags=["reports"])
REPORTS_LIMIT = rate_limited("reports", per_minute=120, burst=60)
By = Literal["client", "service", "staff", "business", "source", "weekday", "hour", "weekday_hour", "day", "month"]
Lines = Annotated[int, Query(ge=1, le=1_000, description="At most so many lines, the largest; of `weekday_hour` all")]
LONGEST = timedelta(days=3 * 366)


async def _range(
    principal: ReportReader,
    begins: Annotated[InstantIn, Query(alias="from", description="Starts at or after")],
    ends: Annotated[InstantIn, Query(alias="to", description="Starts before")],
    business_id: Annotated[list[UUID] | None, Query()] = None,
) -> Range:
    if not begins < ends <= begins + LONGEST:
        raise InvalidRangeError("`to` must be after `from`, and at most three years after it.")
    return Range(
        organization_id=principal.organization_id,
        begins=begins,
        ends=ends,
        business_ids=business_id,
        limits=principal.limits,
    )


CurrentRange = Annotated[Range, Depends(_range)]


@router.get("/no-shows", dependencies=[REPORTS_LIMIT])
async def report_no_shows(
    dependencies: CurrentDependencies,
    _principal: ReportReader,
    span: CurrentRange,
    by: By = "client",
    limit: Lines = 100,
) -> NoShowReport:
    """Who, what and when is missed how often."""
    async with dependencies.database.transaction(span) as session:
        lines = await ReportStore(session).no_shows(span, by=by, limit=limit)
    return NoShowReport(by=by, items=[NoShowLine.model_validate(line) for line in lines])


@router.get("/volume", dependencies=[REPORTS_LIMIT])
async def report_volume(
    dependencies: CurrentDependencies,
    _principal: ReportReader,
    span: CurrentRange,
    by: By = "service",
    limit: Lines = 100,
) -> VolumeReport:
    """How many appointments, and how they ended. One that was moved counts once."""
    async with dependencies.database.transaction(span) as session:
        lines = await ReportStore(session).volume(span, by=by, limit=limit)
    return VolumeReport(by=by, items=[VolumeLine.model_validate(line) for line in lines])


@router.get("/revenue", dependencies=[REPORTS_LIMIT])
async def report_revenue(
    dependencies: CurrentDependencies,
    _principal: ReportReader,
    span: CurrentRange,
    by: By = "service",
    limit: Lines = 100,
) -> RevenueReport:
    """Earned, expected and lost, by currency."""
    async with dependencies.database.transaction(span) as session:
        lines = await ReportStore(session).revenue(span, by=by, limit=limit)
    return RevenueReport(by=by, items=[RevenueLine.model_validate(line) for line in lines])


@router.get("/utilisation", dependencies=[REPORTS_LIMIT])
async def report_utilisation(
    dependencies: CurrentDependencies, _principal: ReportReader, span: CurrentRange
) -> UtilisationReport:
    """How much of its working time each resource was booked."""
    async with dependencies.database.transaction(span) as session:
        lines = await measure_utilisation(session=session, policies=dependencies.policies, span=span)
    return UtilisationReport(items=[UtilisationLine.model_validate(line) for line in lines])


@router.get("/follow-ups", dependencies=[REPORTS_LIMIT])
async def report_follow_ups(
    dependencies: CurrentDependencies, _principal: ReportReader, span: CurrentRange, limit: Lines = 100
) -> FollowUpReport:
    """Clients whose last appointment came to nothing and who have none since: the list to call."""
    async with dependencies.database.transaction(span) as session:
        lines = await ReportStore(session).follow_ups(span, limit=limit)
    return FollowUpReport(items=[FollowUpLine.model_validate(line) for line in lines])
