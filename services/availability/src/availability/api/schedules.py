"""Weekly hours and public holidays over HTTP."""

from uuid import UUID

from fastapi import Response, status
from sqlalchemy.ext.asyncio import AsyncSession

from availability import usecases
from availability.api.dependencies import (
    CurrentDependencies,
    Dependencies,
    ScheduleManager,
    ScheduleReader,
    ScheduleWriter,
)
from availability.api.owners import (
    answer_of,
    business,
    change_schedule,
    document_of,
    gone,
    read_schedule,
    resource,
)
from availability.domain import HolidayRule, Owner, OwnerSchedule
from availability.schemas import HolidaysIn, HolidaysOut, ScheduleIn, ScheduleOut
from slotstream_servicekit.context import Context
from slotstream_servicekit.http import IfMatch, Principal, Router

router = Router(prefix="/v1", tags=["schedules"])


@router.get("/resources/{resource_id}/schedule", response_model=ScheduleOut)
async def get_resource_schedule(
    dependencies: CurrentDependencies, principal: ScheduleReader, resource_id: UUID
) -> Response:
    return _schedule_answer(await read_schedule(dependencies, principal, resource(resource_id, principal)))


@router.get("/businesses/{business_id}/schedule", response_model=ScheduleOut)
async def get_business_schedule(
    dependencies: CurrentDependencies, principal: ScheduleReader, business_id: UUID
) -> Response:
    return _schedule_answer(await read_schedule(dependencies, principal, business(business_id, principal)))


@router.put("/resources/{resource_id}/schedule", response_model=ScheduleOut)
async def put_resource_schedule(
    dependencies: CurrentDependencies,
    principal: ScheduleWriter,
    resource_id: UUID,
    body: ScheduleIn,
    expected_version: IfMatch,
) -> Response:
    return await _put_hours(
        dependencies, principal, resource(resource_id, principal, changes=True), body, expected_version
    )


@router.put("/businesses/{business_id}/schedule", response_model=ScheduleOut)
async def put_business_schedule(
    dependencies: CurrentDependencies,
    principal: ScheduleManager,
    business_id: UUID,
    body: ScheduleIn,
    expected_version: IfMatch,
) -> Response:
    return await _put_hours(dependencies, principal, business(business_id, principal), body, expected_version)


@router.get("/businesses/{business_id}/holidays", response_model=HolidaysOut)
async def get_holidays(dependencies: CurrentDependencies, principal: ScheduleReader, business_id: UUID) -> Response:
    return _holidays_answer(await read_schedule(dependencies, principal, business(business_id, principal)))


@router.put("/businesses/{business_id}/holidays", response_model=HolidaysOut)
async def put_holidays(
    dependencies: CurrentDependencies,
    principal: ScheduleManager,
    business_id: UUID,
    body: HolidaysIn,
    expected_version: IfMatch,
) -> Response:
    rule = HolidayRule(body.country, body.subdivision, tuple(sorted(body.except_on)))
    return _holidays_answer(
        await _follow(dependencies, principal, business(business_id, principal), rule, expected_version)
    )


@router.delete("/businesses/{business_id}/holidays", status_code=status.HTTP_204_NO_CONTENT)
async def delete_holidays(
    dependencies: CurrentDependencies, principal: ScheduleManager, business_id: UUID, expected_version: IfMatch
) -> Response:
    return gone(await _follow(dependencies, principal, business(business_id, principal), None, expected_version))


async def _put_hours(
    dependencies: Dependencies, principal: Principal, owner: Owner, body: ScheduleIn, expected_version: int | None
) -> Response:
    async def put(session: AsyncSession, context: Context) -> OwnerSchedule:
        return await usecases.put_weekly_hours(
            session=session,
            context=context,
            owner=owner,
            weekly=body.hours(),
            zone=body.zone,
            expected_version=expected_version,
        )

    return _schedule_answer(await change_schedule(dependencies, principal, put))


async def _follow(
    dependencies: Dependencies,
    principal: Principal,
    owner: Owner,
    rule: HolidayRule | None,
    expected_version: int | None,
) -> OwnerSchedule:
    async def follow(session: AsyncSession, context: Context) -> OwnerSchedule:
        return await usecases.follow_holidays(
            session=session, context=context, owner=owner, rule=rule, expected_version=expected_version
        )

    return await change_schedule(dependencies, principal, follow)


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
