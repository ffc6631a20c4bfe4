"""What the endpoints of schedules share: whose schedule a request is about, and how it is answered."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import orjson
from fastapi import Response, status
from sqlalchemy.ext.asyncio import AsyncSession

from availability import usecases
from availability.api.dependencies import Dependencies
from availability.domain import Owner, OwnerKind, OwnerSchedule
from slotstream_scheduling import schedule_to_dict
from slotstream_servicekit.context import Context
from slotstream_servicekit.http import Principal, Right, etag
from slotstream_servicekit.http.responses import json_response

Change = Callable[[AsyncSession, Context], Awaitable[OwnerSchedule]]


def resource(resource_id: UUID, principal: Principal, *, changes: bool = False) -> Owner:
    """A resource whose schedule is read, or changed: whoever may not change all, changes their own.

    Whose token names a calendar, theirs is that one.
    """
    any_user = not changes or principal.can(Right.WRITE_SCHEDULES) or principal.resource_id == resource_id
    only_user = None if any_user else principal.subject
    return Owner(kind=OwnerKind.RESOURCE, id=resource_id, only_user=only_user, limits=principal.limits)


def business(business_id: UUID, principal: Principal) -> Owner:
    return Owner(kind=OwnerKind.BUSINESS, id=business_id, limits=principal.limits)


async def read_schedule(dependencies: Dependencies, principal: Principal, owner: Owner) -> OwnerSchedule:
    async def read() -> OwnerSchedule:
        async with dependencies.database.transaction(principal) as session:
            return await usecases.get_schedule(
                session=session, organization_id=principal.organization_id, owner=owner, now=dependencies.now()
            )

    return await dependencies.when_known(read)


async def change_schedule(dependencies: Dependencies, principal: Principal, change: Change) -> OwnerSchedule:
    """Commits `change`; clients of this process see it at once."""

    async def commit() -> OwnerSchedule:
        async with dependencies.database.transaction(principal) as session:
            return await change(session, dependencies.context(principal))

    changed = await dependencies.when_known(commit)
    dependencies.reader.note_change(principal.organization_id)
    return changed


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
    body = orjson.dumps(content, option=orjson.OPT_UTC_Z)
    return json_response(body, status=status_code, version=owner.version)
