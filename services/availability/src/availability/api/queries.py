"""Free/busy and calendar views over HTTP."""

from datetime import date, timedelta
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import Query, Request, Response

from availability import usecases
from availability.api.context import (
    DisplayZone,
    FromMoment,
    ResourceIds,
    ToMoment,
    patiently,
    window_of,
    world_of,
)
from availability.domain import MAX_BUSINESSES, MAX_RESOURCES
from availability.schemas import CalendarOut, FreeBusyOut
from availability.usecases import Absent, BusinessCalendar, CalendarLane
from slotstream_scheduling import Span, Spans, from_epoch, local_date
from slotstream_servicekit.http import Principal, Right, Router, requires, requires_any

router = Router(prefix="/v1", tags=["calendars"])

Asker = Annotated[Principal, requires_any(Right.READ_SLOTS, Right.READ_SCHEDULES)]
Reader = Annotated[Principal, requires(Right.READ_SCHEDULES)]


@router.get("/free-busy", response_model=FreeBusyOut)
async def list_free_busy(
    request: Request,
    *,
    principal: Asker,
    starts: FromMoment,
    ends: ToMoment,
    resource_ids: Annotated[list[UUID], Query(alias="resource_id", min_length=1, max_length=MAX_RESOURCES)],
    business_id: UUID | None = None,
    zone: DisplayZone = None,
) -> Response:
    """Intervals only: not what takes the time. Dates are read in `zone`, or in UTC."""
    window = window_of(starts, ends, zone or "UTC")
    world = world_of(request)

    async def answer() -> Response:
        found = await usecases.get_free_busy(
            world=world,
            directory=await world.directory(principal.organization_id),
            organization_id=principal.organization_id,
            resource_ids=list(dict.fromkeys(str(one) for one in resource_ids)),
            business_id=None if business_id is None else str(business_id),
            window=window,
        )
        resources = [
            {
                "resource_id": one.resource_id,
                "open": _spans(one.open),
                "busy": _spans(one.busy),
                "free": _spans(one.free),
            }
            for one in found
        ]
        return _json({**_span(window), "resources": resources})

    return await patiently(request, answer)


@router.get("/calendar", response_model=CalendarOut)
async def get_calendar(
    request: Request,
    *,
    principal: Reader,
    business_ids: Annotated[
        list[UUID], Query(alias="business_id", min_length=1, max_length=MAX_BUSINESSES, description="Repeatable")
    ],
    starts: FromMoment,
    ends: ToMoment,
    resource_ids: ResourceIds = [],  # noqa: B006 - FastAPI copies a default
    zone: DisplayZone = None,
) -> Response:
    """What a day or week view draws, across businesses: hours, absences, appointments and external busy time.

    Dates are read in `zone`, or in the zone of the business named first.
    """
    world = world_of(request)

    async def answer() -> Response:
        directory = await world.directory(principal.organization_id)
        read_in = zone or directory.business(str(business_ids[0])).zone
        window = window_of(starts, ends, read_in)
        calendars = await usecases.get_calendar(
            world=world,
            directory=directory,
            organization_id=principal.organization_id,
            business_ids=list(dict.fromkeys(str(one) for one in business_ids)),
            resource_ids=list(dict.fromkeys(str(one) for one in resource_ids)),
            window=window,
        )
        businesses = [_business_out(one) for one in calendars]
        return _json({"zone": read_in, **_span(window), "dates": _dates(window, read_in), "businesses": businesses})

    return await patiently(request, answer)


def _business_out(calendar: BusinessCalendar) -> dict[str, Any]:
    return {
        "business_id": calendar.business.id,
        "name": calendar.business.name,
        "zone": calendar.business.zone,
        "closures": [_absent_out(one) for one in calendar.closures],
        "resources": [_lane_out(lane) for lane in calendar.lanes],
    }


def _lane_out(lane: CalendarLane) -> dict[str, Any]:
    return {
        "resource_id": lane.resource.id,
        "name": lane.resource.name,
        "kind": lane.resource.kind,
        "working": _spans(lane.working),
        "absences": [_absent_out(one) for one in lane.absences],
        "appointments": [
            {
                "id": each.id,
                "business_id": each.business_id,
                "service_id": each.service_id,
                "service_name": each.service_name,
                "status": each.status,
                "starts_at": each.starts_at,
                "ends_at": each.ends_at,
                "blocked_from": each.blocked_from,
                "blocked_to": each.blocked_to,
                "occupies": each.occupies,
            }
            for each in lane.appointments
        ],
        "external": [{"id": each.id, "starts_at": each.starts_at, "ends_at": each.ends_at} for each in lane.external],
    }


def _absent_out(absent: Absent) -> dict[str, Any]:
    return {"kind": absent.kind, "id": absent.id, **_span(absent.span), "reason": absent.reason}


def _dates(window: Span, zone: str) -> list[date]:
    first, last = local_date(window[0], zone), local_date(window[1] - 1, zone)
    return [first + timedelta(days=shift) for shift in range((last - first).days + 1)]


def _spans(spans: Spans) -> list[dict[str, Any]]:
    return [_span(span) for span in spans]


def _span(span: Span) -> dict[str, Any]:
    return {"starts_at": from_epoch(span[0]), "ends_at": from_epoch(span[1])}


def _json(content: object) -> Response:
    return Response(orjson.dumps(content, option=orjson.OPT_UTC_Z), media_type="application/json")
