"""Whose schedule a request is about, who may see and change it, and how it is answered."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import Request, Response, status
from sqlalchemy.ext.asyncio import AsyncSession

from availability import usecases
from availability.api.context import patiently, world_of
from availability.domain import OwnerKind, OwnerSchedule
from availability.usecases import Owner
from slotstream_scheduling import schedule_to_dict
from slotstream_servicekit.http import Principal, Right, etag, requires, requires_any

Reader = Annotated[Principal, requires(Right.READ_SCHEDULES)]
Writer = Annotated[Principal, requires_any(Right.WRITE_SCHEDULES, Right.WRITE_OWN_SCHEDULE)]
Manager = Annotated[Principal, requires(Right.WRITE_SCHEDULES)]
Work = Callable[[AsyncSession], Awaitable[OwnerSchedule]]


def owner_of(principal: Principal, kind: OwnerKind, owner_id: UUID) -> Owner:
    only_user = None if principal.can(Right.WRITE_SCHEDULES) else principal.subject
    return Owner(organization_id=principal.organization_id, kind=kind, id=owner_id, only_user=only_user)


async def read_schedule(request: Request, principal: Principal, kind: OwnerKind, owner_id: UUID) -> OwnerSchedule:
    owner = Owner(organization_id=principal.organization_id, kind=kind, id=owner_id)
    return await _in_transaction(
        request,
        owner,
        lambda session: usecases.get_schedule(session=session, owner=owner, now=world_of(request).now()),
    )


async def change_schedule(request: Request, owner: Owner, change: Work) -> OwnerSchedule:
    """Commits `change`; clients of this process see it at once."""
    changed = await _in_transaction(request, owner, change)
    world_of(request).changed(owner.organization_id)
    return changed


async def _in_transaction(request: Request, owner: Owner, work: Work) -> OwnerSchedule:
    async def once() -> OwnerSchedule:
        async with world_of(request).database.transaction(owner.organization_id) as session:
            return await work(session)

    return await patiently(request, once)


def document_of(owner: OwnerSchedule) -> dict[str, Any]:
    return {
        "owner_kind": owner.owner_kind.value,
        "owner_id": str(owner.owner_id),
        **schedule_to_dict(owner.schedule),
        "version": owner.version,
        "updated_at": owner.updated_at,
    }


def gone(owner: OwnerSchedule) -> Response:
    return Response(status_code=status.HTTP_204_NO_CONTENT, headers={"ETag": etag(owner.version)})


def answer_of(owner: OwnerSchedule, content: object, *, status_code: int = status.HTTP_200_OK) -> Response:
    return Response(
        orjson.dumps(content, option=orjson.OPT_UTC_Z),
        status_code=status_code,
        media_type="application/json",
        headers={"ETag": etag(owner.version)},
    )
