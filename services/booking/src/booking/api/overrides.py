"""Overrides: which constraints were set aside, by whom and why."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query

from booking.api.dependencies import AppointmentReader, CurrentDependencies
from booking.schemas.history import OverrideEntryOut
from booking.storage.overrides import OverrideFilter, OverrideStore
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.models import InstantIn
from slotstream_servicekit.http.pagination import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    Page,
    decode_cursor,
    encode_cursor,
    page_of,
)
from slotstream_servicekit.ranges import check_range

router = Router(tags=["overrides"])

Word = Annotated[str, Query(min_length=1, max_length=200)]


@router.get("/v1/overrides")
async def list_overrides(
    dependencies: CurrentDependencies,
    principal: AppointmentReader,
    begins: Annotated[InstantIn | None, Query(alias="from", description="Recorded at or after")] = None,
    ends: Annotated[InstantIn | None, Query(alias="to", description="Recorded before")] = None,
    actor_id: Annotated[list[Word] | None, Query()] = None,
    rule: Annotated[list[Word] | None, Query(description="A reason code, such as slot_taken")] = None,
    appointment_id: Annotated[list[UUID] | None, Query(description="The one forced, or one in its way")] = None,
    business_id: Annotated[list[UUID] | None, Query()] = None,
    resource_id: Annotated[list[UUID] | None, Query()] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[OverrideEntryOut]:
    """Every constraint that was set aside: who, why, which rules, and what was in the way. Newest first."""
    check_range(begins, ends)
    after = decode_cursor(cursor, datetime, UUID, int, scope="overrides") if cursor else None
    wanted = OverrideFilter(
        begins=begins,
        ends=ends,
        actor_ids=actor_id,
        rules=rule,
        appointment_ids=appointment_id,
        business_ids=business_id,
        resource_ids=resource_id,
    )
    async with dependencies.database.transaction(principal) as session:
        overrides = await OverrideStore(session).page(
            principal.organization_id,
            wanted,
            after=(after[0], after[1], after[2]) if after else None,
            limit=limit + 1,
        )
    page, next_cursor = page_of(
        overrides,
        limit=limit,
        cursor_of=lambda override: encode_cursor(
            override.at, override.appointment_id, override.version, scope="overrides"
        ),
    )
    return Page(items=[OverrideEntryOut.model_validate(override) for override in page], next_cursor=next_cursor)
