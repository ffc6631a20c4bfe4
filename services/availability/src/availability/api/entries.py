"""Date overrides, time off and closures over HTTP: the entries of a schedule, each with an id of its own."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from fastapi import Request, Response, status
from sqlalchemy.ext.asyncio import AsyncSession

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
from availability.domain import InvalidWindowError, OwnerKind, OwnerSchedule
from availability.schemas import AbsenceIn, AbsenceOut, AbsencesOut, DateOverrideIn, DateOverrideOut, DateOverridesOut
from availability.usecases import Owner
from slotstream_scheduling import Absence, to_epoch, to_epoch_up
from slotstream_servicekit.errors import NotFoundError
from slotstream_servicekit.http import IdempotencyKey, IfMatch, Principal, Router, idempotent
from slotstream_servicekit.ids import new_id

router = Router(prefix="/v1", tags=["schedules"])


@router.get("/resources/{resource_id}/date-overrides", response_model=DateOverridesOut)
async def list_resource_date_overrides(request: Request, principal: Reader, resource_id: UUID) -> Response:
    found = await read_schedule(request, principal, OwnerKind.RESOURCE, resource_id)
    return _items(found, "date_overrides")


@router.get("/businesses/{business_id}/date-overrides", response_model=DateOverridesOut)
async def list_business_date_overrides(request: Request, principal: Reader, business_id: UUID) -> Response:
    found = await read_schedule(request, principal, OwnerKind.BUSINESS, business_id)
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
    owner = owner_of(principal, OwnerKind.RESOURCE, resource_id)
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
    owner = owner_of(principal, OwnerKind.BUSINESS, business_id)
    return await _add_override(request, principal, owner, body, expected_version)


@router.get("/resources/{resource_id}/date-overrides/{override_id}", response_model=DateOverrideOut)
async def get_resource_date_override(
    request: Request, principal: Reader, resource_id: UUID, override_id: UUID
) -> Response:
    found = await read_schedule(request, principal, OwnerKind.RESOURCE, resource_id)
    return _item(found, "date_overrides", override_id)


@router.delete("/resources/{resource_id}/date-overrides/{override_id}", status_code=status.HTTP_204_NO_CONTENT)
async def delete_resource_date_override(
    request: Request, principal: Writer, resource_id: UUID, override_id: UUID, expected_version: IfMatch
) -> Response:
    owner = owner_of(principal, OwnerKind.RESOURCE, resource_id)
    return await _remove_override(request, owner, override_id, expected_version)


@router.get("/businesses/{business_id}/date-overrides/{override_id}", response_model=DateOverrideOut)
async def get_business_date_override(
    request: Request, principal: Reader, business_id: UUID, override_id: UUID
) -> Response:
    found = await read_schedule(request, principal, OwnerKind.BUSINESS, business_id)
    return _item(found, "date_overrides", override_id)


@router.delete("/businesses/{business_id}/date-overrides/{override_id}", status_code=status.HTTP_204_NO_CONTENT)
async def delete_business_date_override(
    request: Request, principal: Manager, business_id: UUID, override_id: UUID, expected_version: IfMatch
) -> Response:
    owner = owner_of(principal, OwnerKind.BUSINESS, business_id)
    return await _remove_override(request, owner, override_id, expected_version)


@router.get("/resources/{resource_id}/time-off", response_model=AbsencesOut)
async def list_time_off(request: Request, principal: Reader, resource_id: UUID) -> Response:
    return _items(await read_schedule(request, principal, OwnerKind.RESOURCE, resource_id), "absences")


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
    owner = owner_of(principal, OwnerKind.RESOURCE, resource_id)
    return await _add_absence(request, principal, owner, body, expected_version)


@router.get("/resources/{resource_id}/time-off/{absence_id}", response_model=AbsenceOut)
async def get_time_off(request: Request, principal: Reader, resource_id: UUID, absence_id: UUID) -> Response:
    found = await read_schedule(request, principal, OwnerKind.RESOURCE, resource_id)
    return _item(found, "absences", absence_id)


@router.delete("/resources/{resource_id}/time-off/{absence_id}", status_code=status.HTTP_204_NO_CONTENT)
async def delete_time_off(
    request: Request, principal: Writer, resource_id: UUID, absence_id: UUID, expected_version: IfMatch
) -> Response:
    owner = owner_of(principal, OwnerKind.RESOURCE, resource_id)
    return await _remove_absence(request, owner, absence_id, expected_version)


@router.get("/businesses/{business_id}/closures", response_model=AbsencesOut)
async def list_closures(request: Request, principal: Reader, business_id: UUID) -> Response:
    return _items(await read_schedule(request, principal, OwnerKind.BUSINESS, business_id), "absences")


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
    owner = owner_of(principal, OwnerKind.BUSINESS, business_id)
    return await _add_absence(request, principal, owner, body, expected_version)


@router.get("/businesses/{business_id}/closures/{absence_id}", response_model=AbsenceOut)
async def get_closure(request: Request, principal: Reader, business_id: UUID, absence_id: UUID) -> Response:
    found = await read_schedule(request, principal, OwnerKind.BUSINESS, business_id)
    return _item(found, "absences", absence_id)


@router.delete("/businesses/{business_id}/closures/{absence_id}", status_code=status.HTTP_204_NO_CONTENT)
async def delete_closure(
    request: Request, principal: Manager, business_id: UUID, absence_id: UUID, expected_version: IfMatch
) -> Response:
    owner = owner_of(principal, OwnerKind.BUSINESS, business_id)
    return await _remove_absence(request, owner, absence_id, expected_version)


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
    changed = await change_schedule(
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
    return gone(changed)


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
    changed = await change_schedule(
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
    return gone(changed)


async def _create(
    request: Request,
    principal: Principal,
    owner: Owner,
    action: Callable[[AsyncSession], Awaitable[Response]],
) -> Response:
    """Once per Idempotency-Key; the owner is waited for beforehand, since a stored 404 would stay one."""
    await read_schedule(request, principal, owner.kind, owner.id)
    answer = await idempotent(request, database=world_of(request).database, principal=principal, action=action)
    world_of(request).changed(owner.organization_id)
    return answer


def _items(owner: OwnerSchedule, field: str) -> Response:
    return answer_of(owner, {"items": document_of(owner)[field]})


def _item(owner: OwnerSchedule, field: str, item_id: UUID) -> Response:
    found = [item for item in document_of(owner)[field] if item["id"] == str(item_id)]
    if not found:
        raise NotFoundError("There is no such entry in this schedule")
    return answer_of(owner, found[0])


def _created(request: Request, owner: OwnerSchedule, field: str, item_id: UUID) -> Response:
    item = next(item for item in document_of(owner)[field] if item["id"] == str(item_id))
    answer = answer_of(owner, item, status_code=status.HTTP_201_CREATED)
    answer.headers["Location"] = f"{request.scope['path']}/{item_id}"
    return answer
