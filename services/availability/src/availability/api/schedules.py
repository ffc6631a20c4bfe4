"""Weekly hours and public holidays over HTTP."""

from uuid import UUID

from fastapi import Request, Response, status

from availability import usecases
from availability.api.context import world_of
from availability.api.owners import (
    Manager,
    Reader,
    Writer,
    answer_of,
    change_schedule,
    document_of,
    gone,
    owner_of,
    read_schedule,
)
from availability.domain import HolidayRule, OwnerKind, OwnerSchedule
from availability.schemas import HolidaysIn, HolidaysOut, ScheduleIn, ScheduleOut
from availability.usecases import Owner
from slotstream_servicekit.http import IfMatch, Principal, Router

router = Router(prefix="/v1", tags=["schedules"])


@router.get("/resources/{resource_id}/schedule", response_model=ScheduleOut)
async def get_resource_schedule(request: Request, principal: Reader, resource_id: UUID) -> Response:
    return _schedule_answer(await read_schedule(request, principal, OwnerKind.RESOURCE, resource_id))


@router.get("/businesses/{business_id}/schedule", response_model=ScheduleOut)
async def get_business_schedule(request: Request, principal: Reader, business_id: UUID) -> Response:
    return _schedule_answer(await read_schedule(request, principal, OwnerKind.BUSINESS, business_id))


@router.put("/resources/{resource_id}/schedule", response_model=ScheduleOut)
async def put_resource_schedule(
    request: Request, principal: Writer, resource_id: UUID, body: ScheduleIn, expected_version: IfMatch
) -> Response:
    owner = owner_of(principal, OwnerKind.RESOURCE, resource_id)
    return await _put_hours(request, owner, body, expected_version)


@router.put("/businesses/{business_id}/schedule", response_model=ScheduleOut)
async def put_business_schedule(
    request: Request, principal: Manager, business_id: UUID, body: ScheduleIn, expected_version: IfMatch
) -> Response:
    owner = owner_of(principal, OwnerKind.BUSINESS, business_id)
    return await _put_hours(request, owner, body, expected_version)


@router.get("/businesses/{business_id}/holidays", response_model=HolidaysOut)
async def get_holidays(request: Request, principal: Reader, business_id: UUID) -> Response:
    return _holidays_answer(await read_schedule(request, principal, OwnerKind.BUSINESS, business_id))


@router.put("/businesses/{business_id}/holidays", response_model=HolidaysOut)
async def put_holidays(
    request: Request, principal: Manager, business_id: UUID, body: HolidaysIn, expected_version: IfMatch
) -> Response:
    rule = HolidayRule(body.country, body.subdivision, tuple(sorted(body.except_on)))
    return _holidays_answer(await _follow(request, principal, business_id, rule, expected_version))


@router.delete("/businesses/{business_id}/holidays", status_code=status.HTTP_204_NO_CONTENT)
async def delete_holidays(
    request: Request, principal: Manager, business_id: UUID, expected_version: IfMatch
) -> Response:
    return gone(await _follow(request, principal, business_id, None, expected_version))


async def _put_hours(request: Request, owner: Owner, body: ScheduleIn, expected_version: int | None) -> Response:
    changed = await change_schedule(
        request,
        owner,
        lambda session: usecases.put_weekly_hours(
            session=session,
            owner=owner,
            weekly=body.hours(),
            zone=body.zone,
            expected_version=expected_version,
            now=world_of(request).now(),
        ),
    )
    return _schedule_answer(changed)


async def _follow(
    request: Request,
    principal: Principal,
    business_id: UUID,
    rule: HolidayRule | None,
    expected_version: int | None,
) -> OwnerSchedule:
    owner = owner_of(principal, OwnerKind.BUSINESS, business_id)
    return await change_schedule(
        request,
        owner,
        lambda session: usecases.follow_holidays(
            session=session,
            owner=owner,
            rule=rule,
            expected_version=expected_version,
            now=world_of(request).now(),
        ),
    )


def _schedule_answer(owner: OwnerSchedule) -> Response:
    return answer_of(owner, document_of(owner))


def _holidays_answer(owner: OwnerSchedule) -> Response:
    rule = owner.holiday_rule
    return answer_of(
        owner,
        {
            "country": rule.country if rule else None,
            "subdivision": rule.subdivision if rule else None,
            "except_on": [on.isoformat() for on in rule.except_on] if rule else [],
            "days": document_of(owner)["holidays"],
            "version": owner.version,
        },
    )
