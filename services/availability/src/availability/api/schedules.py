"""Schedules over HTTP: weekly hours, date overrides, time off, closures, holidays."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Request, Response, status
from sqlalchemy.ext.asyncio import AsyncSession

from availability import usecases
from availability.api.context import patiently, world_of
from availability.domain import HolidayRule, InvalidWindowError, OwnerKind, OwnerSchedule
from availability.schemas import (
    AbsenceIn,
    AbsenceOut,
    AbsencesOut,
    DateOverrideIn,
    DateOverrideOut,
    DateOverridesOut,
    HolidaysIn,
    HolidaysOut,
    ScheduleIn,
    ScheduleOut,
)
from availability.usecases import Owner
from slotstream_scheduling import Absence, schedule_to_dict, to_epoch, to_epoch_up
from slotstream_servicekit.http import (
    IdempotencyKey,
    IfMatch,
    Principal,
    Right,
    etag,
    idempotent,
    requires,
    requires_any,
)
from slotstream_servicekit.ids import new_id

router = APIRouter(prefix="/v1", tags=["schedules"])

Reader = Annotated[Principal, requires(Right.READ_SCHEDULES)]
Writer = Annotated[Principal, requires_any(Right.WRITE_SCHEDULES, Right.WRITE_OWN_SCHEDULE)]
Manager = Annotated[Principal, requires(Right.WRITE_SCHEDULES)]
Change = Callable[[AsyncSession], Awaitable[OwnerSchedule]]


@router.get("/resources/{resource_id}/schedule", response_model=ScheduleOut)
async def get_resource_schedule(request: Request, principal: Reader, resource_id: UUID) -> Response:
    return _schedule_answer(await _read(request, principal, OwnerKind.RESOURCE, resource_id))


@router.get("/businesses/{business_id}/schedule", response_model=ScheduleOut)
async def get_business_schedule(request: Request, principal: Reader, business_id: UUID) -> Response:
    return _schedule_answer(await _read(request, principal, OwnerKind.BUSINESS, business_id))


@router.put("/resources/{resource_id}/schedule", response_model=ScheduleOut)
async def put_resource_schedule(
    request: Request, principal: Writer, resource_id: UUID, body: ScheduleIn, expected_version: IfMatch
) -> Response:
    owner = _owner(principal, OwnerKind.RESOURCE, resource_id)
    return await _put_hours(request, owner, body, expected_version)


@router.put("/businesses/{business_id}/schedule", response_model=ScheduleOut)
async def put_business_schedule(
    request: Request, principal: Manager, business_id: UUID, body: ScheduleIn, expected_version: IfMatch
) -> Response:
    owner = _owner(principal, OwnerKind.BUSINESS, business_id)
    return await _put_hours(request, owner, body, expected_version)


@router.get("/resources/{resource_id}/date-overrides", response_model=DateOverridesOut)
async def list_resource_date_overrides(request: Request, principal: Reader, resource_id: UUID) -> Response:
    found = await _read(request, principal, OwnerKind.RESOURCE, resource_id)
    return _items(found, "date_overrides")


@router.get("/businesses/{business_id}/date-overrides", response_model=DateOverridesOut)
async def list_business_date_overrides(request: Request, principal: Reader, business_id: UUID) -> Response:
    found = await _read(request, principal, OwnerKind.BUSINESS, business_id)
    return _items(found, "date_overrides")


@router.post(
    "/resources/{resource_id}/date-overrides",
    response_model=DateOverrideOut,
    status_code=status.HTTP_201_CREATED,
)
async def create_resource_date_override(
    request: Request,
    *,
    principal: Writer,
    resource_id: UUID,
    body: DateOverrideIn,
    expected_version: IfMatch,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    owner = _owner(principal, OwnerKind.RESOURCE, resource_id)
    return await _add_override(request, principal, owner, body, expected_version)


@router.post(
    "/businesses/{business_id}/date-overrides",
    response_model=DateOverrideOut,
    status_code=status.HTTP_201_CREATED,
)
async def create_business_date_override(
    request: Request,
    *,
    principal: Manager,
    business_id: UUID,
    body: DateOverrideIn,
    expected_version: IfMatch,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    owner = _owner(principal, OwnerKind.BUSINESS, business_id)
    return await _add_override(request, principal, owner, body, expected_version)


@router.delete("/resources/{resource_id}/date-overrides/{override_id}", status_code=status.HTTP_204_NO_CONTENT)
async def delete_resource_date_override(
    request: Request, principal: Writer, resource_id: UUID, override_id: UUID, expected_version: IfMatch
) -> Response:
    owner = _owner(principal, OwnerKind.RESOURCE, resource_id)
    return await _remove_override(request, owner, override_id, expected_version)


@router.delete("/businesses/{business_id}/date-overrides/{override_id}", status_code=status.HTTP_204_NO_CONTENT)
async def delete_business_date_override(
    request: Request, principal: Manager, business_id: UUID, override_id: UUID, expected_version: IfMatch
) -> Response:
    owner = _owner(principal, OwnerKind.BUSINESS, business_id)
    return await _remove_override(request, owner, override_id, expected_version)


@router.get("/resources/{resource_id}/time-off", response_model=AbsencesOut)
async def list_time_off(request: Request, principal: Reader, resource_id: UUID) -> Response:
    return _items(await _read(request, principal, OwnerKind.RESOURCE, resource_id), "absences")


@router.post("/resources/{resource_id}/time-off", response_model=AbsenceOut, status_code=status.HTTP_201_CREATED)
async def create_time_off(
    request: Request,
    *,
    principal: Writer,
    resource_id: UUID,
    body: AbsenceIn,
    expected_version: IfMatch,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    owner = _owner(principal, OwnerKind.RESOURCE, resource_id)
    return await _add_absence(request, principal, owner, body, expected_version)


@router.delete("/resources/{resource_id}/time-off/{absence_id}", status_code=status.HTTP_204_NO_CONTENT)
async def delete_time_off(
    request: Request, principal: Writer, resource_id: UUID, absence_id: UUID, expected_version: IfMatch
) -> Response:
    owner = _owner(principal, OwnerKind.RESOURCE, resource_id)
    return await _remove_absence(request, owner, absence_id, expected_version)


@router.get("/businesses/{business_id}/closures", response_model=AbsencesOut)
async def list_closures(request: Request, principal: Reader, business_id: UUID) -> Response:
    return _items(await _read(request, principal, OwnerKind.BUSINESS, business_id), "absences")


@router.post("/businesses/{business_id}/closures", response_model=AbsenceOut, status_code=status.HTTP_201_CREATED)
async def create_closure(
    request: Request,
    *,
    principal: Manager,
    business_id: UUID,
    body: AbsenceIn,
    expected_version: IfMatch,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    owner = _owner(principal, OwnerKind.BUSINESS, business_id)
    return await _add_absence(request, principal, owner, body, expected_version)


@router.delete("/businesses/{business_id}/closures/{absence_id}", status_code=status.HTTP_204_NO_CONTENT)
async def delete_closure(
    request: Request, principal: Manager, business_id: UUID, absence_id: UUID, expected_version: IfMatch
) -> Response:
    owner = _owner(principal, OwnerKind.BUSINESS, business_id)
    return await _remove_absence(request, owner, absence_id, expected_version)


@router.get("/businesses/{business_id}/holidays", response_model=HolidaysOut)
async def get_holidays(request: Request, principal: Reader, business_id: UUID) -> Response:
    return _holidays_answer(await _read(request, principal, OwnerKind.BUSINESS, business_id))


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
    return _gone(await _follow(request, principal, business_id, None, expected_version))


def _owner(principal: Principal, kind: OwnerKind, owner_id: UUID) -> Owner:
    only_user = None if principal.can(Right.WRITE_SCHEDULES) else principal.subject
    return Owner(organization_id=principal.organization_id, kind=kind, id=owner_id, only_user=only_user)


async def _read(request: Request, principal: Principal, kind: OwnerKind, owner_id: UUID) -> OwnerSchedule:
    owner = Owner(organization_id=principal.organization_id, kind=kind, id=owner_id)
    return await _in_transaction(
        request,
        owner,
        lambda session: usecases.get_schedule(session=session, owner=owner, now=world_of(request).now()),
    )


async def _in_transaction(request: Request, owner: Owner, change: Change) -> OwnerSchedule:
    async def once() -> OwnerSchedule:
        async with world_of(request).database.transaction(owner.organization_id) as session:
            return await change(session)

    changed = await patiently(request, once)
    world_of(request).changed(owner.organization_id)
    return changed


async def _put_hours(request: Request, owner: Owner, body: ScheduleIn, expected_version: int | None) -> Response:
    changed = await _in_transaction(
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
    owner = _owner(principal, OwnerKind.BUSINESS, business_id)
    return await _in_transaction(
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


async def _add_override(
    request: Request,
    principal: Principal,
    owner: Owner,
    body: DateOverrideIn,
    expected_version: int | None,
) -> Response:
    override_id = body.id or new_id()

    async def action(session: AsyncSession) -> Response:
        changed = await usecases.add_date_override(
            session=session,
            owner=owner,
            override_id=override_id,
            on=body.on,
            intervals=tuple(each.interval() for each in body.intervals),
            expected_version=expected_version,
            now=world_of(request).now(),
        )
        return _created(request, changed, "date_overrides", override_id)

    return await _create(request, principal, owner, action)


async def _remove_override(request: Request, owner: Owner, override_id: UUID, expected_version: int | None) -> Response:
    changed = await _in_transaction(
        request,
        owner,
        lambda session: usecases.remove_date_override(
            session=session,
            owner=owner,
            override_id=override_id,
            expected_version=expected_version,
            now=world_of(request).now(),
        ),
    )
    return _gone(changed)


async def _add_absence(
    request: Request, principal: Principal, owner: Owner, body: AbsenceIn, expected_version: int | None
) -> Response:
    if body.ends_at <= body.starts_at:
        raise InvalidWindowError("`ends_at` must come after `starts_at`", extra={"field": "ends_at"})
    absence = Absence(str(body.id or new_id()), to_epoch(body.starts_at), to_epoch_up(body.ends_at), body.reason)

    async def action(session: AsyncSession) -> Response:
        changed = await usecases.add_absence(
            session=session,
            owner=owner,
            absence=absence,
            expected_version=expected_version,
            now=world_of(request).now(),
        )
        return _created(request, changed, "absences", UUID(absence.id))

    return await _create(request, principal, owner, action)


async def _remove_absence(request: Request, owner: Owner, absence_id: UUID, expected_version: int | None) -> Response:
    changed = await _in_transaction(
        request,
        owner,
        lambda session: usecases.remove_absence(
            session=session,
            owner=owner,
            absence_id=absence_id,
            expected_version=expected_version,
            now=world_of(request).now(),
        ),
    )
    return _gone(changed)


async def _create(
    request: Request,
    principal: Principal,
    owner: Owner,
    action: Callable[[AsyncSession], Awaitable[Response]],
) -> Response:
    """Once per Idempotency-Key; the owner is waited for beforehand, since a stored 404 would stay one."""
    await _in_transaction(
        request,
        owner,
        lambda session: usecases.get_schedule(session=session, owner=owner, now=world_of(request).now()),
    )
    answer = await idempotent(request, database=world_of(request).database, principal=principal, action=action)
    world_of(request).changed(owner.organization_id)
    return answer


def _schedule_answer(owner: OwnerSchedule) -> Response:
    return _json(owner, _document(owner))


def _document(owner: OwnerSchedule) -> dict[str, Any]:
    return {
        "owner_kind": owner.owner_kind.value,
        "owner_id": str(owner.owner_id),
        **schedule_to_dict(owner.schedule),
        "version": owner.version,
        "updated_at": owner.updated_at,
    }


def _items(owner: OwnerSchedule, field: str) -> Response:
    return _json(owner, {"items": _document(owner)[field]})


def _holidays_answer(owner: OwnerSchedule) -> Response:
    rule = owner.holiday_rule
    return _json(
        owner,
        {
            "country": rule.country if rule else None,
            "subdivision": rule.subdivision if rule else None,
            "except_on": [on.isoformat() for on in rule.except_on] if rule else [],
            "days": _document(owner)["holidays"],
            "version": owner.version,
        },
    )


def _created(request: Request, owner: OwnerSchedule, field: str, item_id: UUID) -> Response:
    item = next(item for item in _document(owner)[field] if item["id"] == str(item_id))
    answer = _json(owner, item, status_code=status.HTTP_201_CREATED)
    answer.headers["Location"] = f"{request.scope['path']}/{item_id}"
    return answer


def _gone(owner: OwnerSchedule) -> Response:
    return Response(status_code=status.HTTP_204_NO_CONTENT, headers={"ETag": etag(owner.version)})


def _json(owner: OwnerSchedule, content: object, *, status_code: int = status.HTTP_200_OK) -> Response:
    return Response(
        orjson.dumps(content, option=orjson.OPT_UTC_Z),
        status_code=status_code,
        media_type="application/json",
        headers={"ETag": etag(owner.version)},
    )
