"""The list's filters as query parameters, the same for lists, counts and bulk."""

from dataclasses import replace
from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Query

from booking.schemas.appointments import OriginKind, Source, Status
from booking.storage.listing import AppointmentFilter
from slotstream_servicekit.http.models import InstantIn
from slotstream_servicekit.limits import Limits
from slotstream_servicekit.ranges import check_range

_MOST_IDS: Final = 100
"""Of appointments named in one request: more would make its address longer than proxies let through."""


async def _filter(
    ids: Annotated[
        list[UUID] | None,
        Query(
            alias="id",
            max_length=_MOST_IDS,
            description="Of these appointments those that the other filters let through",
        ),
    ] = None,
    status: Annotated[list[Status] | None, Query()] = None,
    begins: Annotated[InstantIn | None, Query(alias="from", description="Starts at or after")] = None,
    ends: Annotated[InstantIn | None, Query(alias="to", description="Starts before")] = None,
    business_id: Annotated[list[UUID] | None, Query()] = None,
    resource_id: Annotated[list[UUID] | None, Query()] = None,
    service_id: Annotated[list[UUID] | None, Query()] = None,
    source: Annotated[list[Source] | None, Query()] = None,
    origin: Annotated[list[OriginKind] | None, Query()] = None,
    client_id: Annotated[list[UUID] | None, Query()] = None,
    action_id: Annotated[list[UUID] | None, Query()] = None,
    batch_id: Annotated[list[UUID] | None, Query()] = None,
    series_id: Annotated[list[UUID] | None, Query()] = None,
    q: Annotated[str | None, Query(max_length=200, description="Client name, phone, e-mail or service")] = None,
    archived: bool = False,
) -> AppointmentFilter:
    check_range(begins, ends)
    return AppointmentFilter(
        ids=ids,
        status=status,
        begins=begins,
        ends=ends,
        business_ids=business_id,
        resource_ids=resource_id,
        service_ids=service_id,
        sources=source,
        origins=origin,
        client_ids=client_id,
        action_ids=action_id,
        batch_ids=batch_id,
        series_ids=series_id,
        text=q,
        archived=archived,
    )


def within_limits(wanted: AppointmentFilter, limits: Limits) -> AppointmentFilter:
    """The same rows, found by the index of the caller's own calendar where they have but one."""
    return replace(wanted, own_resource_id=limits.resource_id)


CurrentFilter = Annotated[AppointmentFilter, Depends(_filter)]
