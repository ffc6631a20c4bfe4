"""Free/busy and calendar views over HTTP."""

from datetime import date, timedelta
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import Query, Response

from availability import usecases
from availability.api.dependencies import CurrentDependencies, FreeBusyReader, ScheduleReader
from availability.api.moments import DisplayZone, FromMoment, ResourceIds, ToMoment, window_of
from availability.domain import MAX_BUSINESSES, MAX_RESOURCES, AbsentTime, BusinessCalendar, CalendarLane
from availability.schemas import CalendarOut, FreeBusyOut
from slotstream_scheduling import Span, Spans, from_epoch, local_date
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.responses import json_response

router = Router(prefix="/v1", tags=["calendars"])


@router.get("/free-busy", response_model=FreeBusyOut)
async def list_free_busy(
    *,
    dependencies: CurrentDependencies,
    principal: FreeBusyReader,
    starts: FromMoment,
    ends: ToMoment,
    resource_ids: Annotated[list[UUID], Query(alias="resource_id", min_length=1, max_length=MAX_RESOURCES)],
    business_id: UUID | None = None,
    zone: DisplayZone = None,
) -> Response:
    """Intervals only: not what takes the time. Dates are read in `zone`, or in UTC."""
    window = window_of(starts, ends, zone or "UTC")

    async def answer() -> Response:
        calendars = await usecases.get_free_busy(
            reader=dependencies.reader,
            directory=await dependencies.reader.directory(principal),
            tenant=principal,
            resource_ids=list(dict.fromkeys(map(str, resource_ids))),
            business_id=None if business_id is None else str(business_id),
            window=window,
            now=dependencies.now(),
        )
        resources = [
            {
                "resource_id": calendar.resource_id,
                "open": _spans(calendar.open),
                "busy": _spans(calendar.busy),
                "free": _spans(calendar.free),
            }
            for calendar in calendars
        ]
        return _json({**_span(window), "resources": resources})

    return await dependencies.when_known(answer)


@router.get("/calendar", response_model=CalendarOut)
async def get_calendar(
    *,
    dependencies: CurrentDependencies,
    principal: ScheduleReader,
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

    async def answer() -> Response:
        directory = await dependencies.reader.directory(principal)
        read_in = zone or directory.business(str(business_ids[0])).zone
        window = window_of(starts, ends, read_in)
        calendars = await usecases.get_calendar(
            reader=dependencies.reader,
            directory=directory,
            tenant=principal,
            business_ids=list(dict.fromkeys(map(str, business_ids))),
            resource_ids=list(dict.fromkeys(map(str, resource_ids))),
            window=window,
        )
        businesses = [_business_out(calendar) for calendar in calendars]
        return _json({"zone": read_in, **_span(window), "dates": _dates(window, read_in), "businesses": businesses})

    return await dependencies.when_known(answer)


def _business_out(calendar: BusinessCalendar) -> dict[str, Any]:
    return {
        "business_id": calendar.business.id,
        "name": calendar.business.name,
        "zone": calendar.business.zone,
        "closures": [_absent_out(closure) for closure in calendar.closures],
        "resources": [_lane_out(lane) for lane in calendar.lanes],
    }


def _lane_out(lane: CalendarLane) -> dict[str, Any]:
    return {
        "resource_id": lane.resource.id,
        "name": lane.resource.name,
        "kind": lane.resource.kind,
        "working": _spans(lane.working),
        "absences": [_absent_out(absence) for absence in lane.absences],
        "appointments": [
            {
                "id": booked.id,
                "business_id": booked.business_id,
                "service_id": booked.service_id,
                "service_name": booked.service_name,
                "status": booked.status,
                "starts_at": booked.starts_at,
                "ends_at": booked.ends_at,
                "blocked_from": booked.blocked_from,
                "blocked_to": booked.blocked_to,
                "occupies": booked.occupies,
            }
            for booked in lane.appointments
        ],
        "external": [
            {"id": event.id, "starts_at": event.starts_at, "ends_at": event.ends_at} for event in lane.external
        ],
    }


def _absent_out(absent: AbsentTime) -> dict[str, Any]:
    return {"kind": absent.kind, "id": absent.id, **_span(absent.span), "reason": absent.reason}


def _dates(window: Span, zone: str) -> list[date]:
    first, last = local_date(window[0], zone), local_date(window[1] - 1, zone)
    return [first + timedelta(days=shift) for shift in range((last - first).days + 1)]


def _spans(spans: Spans) -> list[dict[str, Any]]:
    return [_span(span) for span in spans]


def _span(span: Span) -> dict[str, Any]:
    return {"starts_at": from_epoch(span[0]), "ends_at": from_epoch(span[1])}


def _json(content: object) -> Response:
    return json_response(orjson.dumps(content, option=orjson.OPT_UTC_Z))
