"""Date overrides, time off and closures over HTTP: the entries of a schedule, each with an id of its own."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from fastapi import Request, Response, status
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
from availability.domain import InvalidWindowError, Owner, OwnerSchedule
from availability.schemas import AbsenceIn, AbsenceOut, AbsencesOut, DateOverrideIn, DateOverrideOut, DateOverridesOut
from slotstream_scheduling import Absence, to_epoch, to_epoch_up
from slotstream_servicekit.context import Context
from slotstream_servicekit.errors import NotFoundError
from slotstream_servicekit.http import IdempotencyKey, IfMatch, Principal, Router, idempotent
from slotstream_servicekit.ids import new_id

router = Router(prefix="/v1", tags=["schedules"])


@router.get("/resources/{resource_id}/date-overrides", response_model=DateOverridesOut)
async def list_resource_date_overrides(
    dependencies: CurrentDependencies, principal: ScheduleReader, resource_id: UUID
) -> Response:
    schedule = await read_schedule(dependencies, principal, resource(resource_id, principal))
    return _items(schedule, "date_overrides")


@router.get("/businesses/{business_id}/date-overrides", response_model=DateOverridesOut)
async def list_business_date_overrides(
    dependencies: CurrentDependencies, principal: ScheduleReader, business_id: UUID
) -> Response:
    schedule = await read_schedule(dependencies, principal, business(business_id, principal))
    return _items(schedule, "date_overrides")


@router.post(
    "/resources/{resource_id}/date-overrides",
    response_model=DateOverrideOut,
    status_code=status.HTTP_201_CREATED,
)
async def create_resource_date_override(
    request: Request,
    dependencies: CurrentDependencies,
    *,
    principal: ScheduleWriter,
    resource_id: UUID,
    body: DateOverrideIn,
    expected_version: IfMatch,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    owner = resource(resource_id, principal, changes=True)
    return await _add_override(request, dependencies, principal, owner, body, expected_version)


@router.post(
    "/businesses/{business_id}/date-overrides",
    response_model=DateOverrideOut,
    status_code=status.HTTP_201_CREATED,
)
async def create_business_date_override(
    request: Request,
    dependencies: CurrentDependencies,
    *,
    principal: ScheduleManager,
    business_id: UUID,
    body: DateOverrideIn,
    expected_version: IfMatch,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    owner = business(business_id, principal)
    return await _add_override(request, dependencies, principal, owner, body, expected_version)


@router.get("/resources/{resource_id}/date-overrides/{override_id}", response_model=DateOverrideOut)
async def get_resource_date_override(
    dependencies: CurrentDependencies, principal: ScheduleReader, resource_id: UUID, override_id: UUID
) -> Response:
    schedule = await read_schedule(dependencies, principal, resource(resource_id, principal))
    return _item(schedule, "date_overrides", override_id)


@router.delete("/resources/{resource_id}/date-overrides/{override_id}", status_code=status.HTTP_204_NO_CONTENT)
async def delete_resource_date_override(
    dependencies: CurrentDependencies,
    principal: ScheduleWriter,
    resource_id: UUID,
    override_id: UUID,
    expected_version: IfMatch,
) -> Response:
    return await _remove_override(
        dependencies, principal, resource(resource_id, principal, changes=True), override_id, expected_version
    )


@router.get("/businesses/{business_id}/date-overrides/{override_id}", response_model=DateOverrideOut)
async def get_business_date_override(
    dependencies: CurrentDependencies, principal: ScheduleReader, business_id: UUID, override_id: UUID
) -> Response:
    schedule = await read_schedule(dependencies, principal, business(business_id, principal))
    return _item(schedule, "date_overrides", override_id)


@router.delete("/businesses/{business_id}/date-overrides/{override_id}", status_code=status.HTTP_204_NO_CONTENT)
async def delete_business_date_override(
    dependencies: CurrentDependencies,
    principal: ScheduleManager,
    business_id: UUID,
    override_id: UUID,
    expected_version: IfMatch,
) -> Response:
    return await _remove_override(
        dependencies, principal, business(business_id, principal), override_id, expected_version
    )


@router.get("/resources/{resource_id}/time-off", response_model=AbsencesOut)
async def list_time_off(dependencies: CurrentDependencies, principal: ScheduleReader, resource_id: UUID) -> Response:
    return _items(await read_schedule(dependencies, principal, resource(resource_id, principal)), "absences")


@router.post("/resources/{resource_id}/time-off", response_model=AbsenceOut, status_code=status.HTTP_201_CREATED)
async def create_time_off(
    request: Request,
    dependencies: CurrentDependencies,
    *,
    principal: ScheduleWriter,
    resource_id: UUID,
    body: AbsenceIn,
    expected_version: IfMatch,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    owner = resource(resource_id, principal, changes=True)
    return await _add_absence(request, dependencies, principal, owner, body, expected_version)


@router.get("/resources/{resource_id}/time-off/{absence_id}", response_model=AbsenceOut)
async def get_time_off(
    dependencies: CurrentDependencies, principal: ScheduleReader, resource_id: UUID, absence_id: UUID
) -> Response:
    schedule = await read_schedule(dependencies, principal, resource(resource_id, principal))
    return _item(schedule, "absences", absence_id)


@router.delete("/resources/{resource_id}/time-off/{absence_id}", status_code=status.HTTP_204_NO_CONTENT)
async def delete_time_off(
    dependencies: CurrentDependencies,
    principal: ScheduleWriter,
    resource_id: UUID,
    absence_id: UUID,
    expected_version: IfMatch,
) -> Response:
    return await _remove_absence(
        dependencies, principal, resource(resource_id, principal, changes=True), absence_id, expected_version
    )


@router.get("/businesses/{business_id}/closures", response_model=AbsencesOut)
async def list_closures(dependencies: CurrentDependencies, principal: ScheduleReader, business_id: UUID) -> Response:
    return _items(await read_schedule(dependencies, principal, business(business_id, principal)), "absences")


@router.post("/businesses/{business_id}/closures", response_model=AbsenceOut, status_code=status.HTTP_201_CREATED)
async def create_closure(
    request: Request,
    dependencies: CurrentDependencies,
    *,
    principal: ScheduleManager,
    business_id: UUID,
    body: AbsenceIn,
    expected_version: IfMatch,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    owner = business(business_id, principal)
    return await _add_absence(request, dependencies, principal, owner, body, expected_version)


@router.get("/businesses/{business_id}/closures/{absence_id}", response_model=AbsenceOut)
async def get_closure(
    dependencies: CurrentDependencies, principal: ScheduleReader, business_id: UUID, absence_id: UUID
) -> Response:
    schedule = await read_schedule(dependencies, principal, business(business_id, principal))
    return _item(schedule, "absences", absence_id)


@router.delete("/businesses/{business_id}/closures/{absence_id}", status_code=status.HTTP_204_NO_CONTENT)
async def delete_closure(
    dependencies: CurrentDependencies,
    principal: ScheduleManager,
    business_id: UUID,
    absence_id: UUID,
    expected_version: IfMatch,
) -> Response:
    return await _remove_absence(
        dependencies, principal, business(business_id, principal), absence_id, expected_version
    )


async def _add_override(
    request: Request,
    dependencies: Dependencies,
    principal: Principal,
    owner: Owner,
    body: DateOverrideIn,
    expected_version: int | None,
) -> Response:
    override_id = body.id or new_id()

    async def add(session: AsyncSession) -> Response:
        changed = await usecases.add_date_override(
            session=session,
            context=dependencies.context(principal),
            owner=owner,
            override_id=override_id,
            on=body.on,
            intervals=tuple(interval.interval() for interval in body.intervals),
            expected_version=expected_version,
        )
        return _created(request, changed, "date_overrides", override_id)

    return await _create(request, dependencies, principal, owner, add)


async def _remove_override(
    dependencies: Dependencies, principal: Principal, owner: Owner, override_id: UUID, expected_version: int | None
) -> Response:
    async def remove(session: AsyncSession, context: Context) -> OwnerSchedule:
        return await usecases.remove_date_override(
            session=session,
            context=context,
            owner=owner,
            override_id=override_id,
            expected_version=expected_version,
        )

    return gone(await change_schedule(dependencies, principal, remove))


async def _add_absence(
    request: Request,
    dependencies: Dependencies,
    principal: Principal,
    owner: Owner,
    body: AbsenceIn,
    expected_version: int | None,
) -> Response:
    if body.ends_at <= body.starts_at:
        raise InvalidWindowError("`ends_at` must come after `starts_at`", extra={"field": "ends_at"})
    absence = Absence(str(body.id or new_id()), to_epoch(body.starts_at), to_epoch_up(body.ends_at), body.reason)

    async def add(session: AsyncSession) -> Response:
        changed = await usecases.add_absence(
            session=session,
            context=dependencies.context(principal),
            owner=owner,
            absence=absence,
            expected_version=expected_version,
        )
        return _created(request, changed, "absences", UUID(absence.id))

    return await _create(request, dependencies, principal, owner, add)


async def _remove_absence(
    dependencies: Dependencies, principal: Principal, owner: Owner, absence_id: UUID, expected_version: int | None
) -> Response:
    async def remove(session: AsyncSession, context: Context) -> OwnerSchedule:
        return await usecases.remove_absence(
            session=session, context=context, owner=owner, absence_id=absence_id, expected_version=expected_version
        )

    return gone(await change_schedule(dependencies, principal, remove))


async def _create(
    request: Request,
    dependencies: Dependencies,
    principal: Principal,
    owner: Owner,
    action: Callable[[AsyncSession], Awaitable[Response]],
) -> Response:
    """Once per Idempotency-Key; the owner is waited for beforehand, since a stored 404 would stay one."""
    await read_schedule(dependencies, principal, owner)
    answer = await idempotent(request, database=dependencies.database, principal=principal, action=action)
    dependencies.reader.note_change(principal.organization_id)
    return answer


def _items(schedule: OwnerSchedule, field: str) -> Response:
    return answer_of(schedule, {"items": document_of(schedule)[field]})


def _item(schedule: OwnerSchedule, field: str, item_id: UUID) -> Response:
    items = [item for item in document_of(schedule)[field] if item["id"] == str(item_id)]
    if not items:
        raise NotFoundError("There is no such entry in this schedule")
    return answer_of(schedule, items[0])


def _created(request: Request, schedule: OwnerSchedule, field: str, item_id: UUID) -> Response:
    item = next(item for item in document_of(schedule)[field] if item["id"] == str(item_id))
    answer = answer_of(schedule, item, status_code=status.HTTP_201_CREATED)
    answer.headers["Location"] = f"{request.scope['path']}/{item_id}"
    return answer
