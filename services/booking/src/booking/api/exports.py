"""`GET /v1/appointments/export`: appointments as a file, streamed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

from fastapi import Query
from fastapi.responses import StreamingResponse

from booking.adapters.exports import writer_of
from booking.api.dependencies import AppointmentReader, CurrentDependencies, Dependencies, sees_internal_notes
from booking.api.filters import CurrentFilter, within_limits
from booking.domain.catalogue import Business
from booking.domain.exports import COLUMNS, ExportedAppointment, Format, Writer
from booking.storage.catalogue import CatalogueStore
from booking.storage.connections import connection_of
from booking.storage.listing import AppointmentFilter, ListedAppointment, Order, list_appointments
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.limits import rate_limited
from slotstream_servicekit.http.principal import Principal

router = Router(tags=["appointments"])
if TYPE_CHECKING:
    FieldName = str
else:
    FieldName = Literal[tuple(COLUMNS)]
PAGE = 1_000
"""Rows a query: each page is a short transaction of its own, however slowly the file is fetched."""


_CONTENT_TYPES = ("text/csv", "text/calendar", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")


@router.get(
    "/v1/appointments/export",
    dependencies=[rate_limited("exports", per_minute=30, burst=10, open_at_once=4)],
    response_class=StreamingResponse,
    responses={200: {"content": {kind: {"schema": {"type": "string"}} for kind in _CONTENT_TYPES}}},
)
async def export_appointments(
    dependencies: CurrentDependencies,
    principal: AppointmentReader,
    wanted: CurrentFilter,
    kind: Annotated[Format, Query(alias="format")] = Format.CSV,
    fields: Annotated[list[FieldName] | None, Query(description="Columns in this order; all where absent")] = None,
    order: Annotated[Literal["asc", "desc"], Query(description="By start")] = "asc",
    ids: Annotated[list[UUID] | None, Query(max_length=1_000, description="Only these, archived or not")] = None,
) -> StreamingResponse:
    """Selected appointments, or all that the filters match, as CSV, XLSX or ICS.

    Times are the business's wall clock, with its zone; ICS has UTC. Cells that a spreadsheet would run are quoted.
    """
    if ids is not None:
        wanted = replace(wanted, ids=ids, archived=None)
    columns = list(fields or COLUMNS)
    writer = await asyncio.to_thread(writer_of, kind, columns)
    return StreamingResponse(
        _written(writer, _pages(dependencies, principal, wanted, descending=order == "desc")),
        media_type=writer.media_type,
        headers={"Content-Disposition": f'attachment; filename="appointments.{kind}"'},
    )


async def _written(writer: Writer, pages: AsyncIterator[Sequence[ExportedAppointment]]) -> AsyncIterator[bytes]:
    """The file's pieces; formatting and temporary files are left to a thread."""
    try:
        for piece in await asyncio.to_thread(list, writer.begin()):
            yield piece
        async for page in pages:
            for piece in await asyncio.to_thread(list, writer.add(page)):
                yield piece
        ending = writer.finish()
        while piece := await asyncio.to_thread(next, ending, b""):
            yield piece
    finally:
        await asyncio.to_thread(writer.discard)


async def _pages(
    dependencies: Dependencies, principal: Principal, wanted: AppointmentFilter, *, descending: bool
) -> AsyncIterator[list[ExportedAppointment]]:
    organization_id = principal.organization_id
    order = Order(descending=descending)
    after: tuple[Any, ...] | None = None
    while True:
        async with dependencies.database.transaction(principal) as session:
            connection = await connection_of(session)
            rows = await list_appointments(
                connection,
                organization_id=organization_id,
                wanted=within_limits(wanted, principal.limits),
                order=order,
                after=after,
                limit=PAGE,
            )
            businesses = await CatalogueStore(session).businesses(organization_id)
        if rows:
            yield [_exported(row, businesses, principal) for row in rows]
            after = rows[-1].key
        if len(rows) < PAGE:
            return


def _exported(row: ListedAppointment, businesses: dict[UUID, Business], principal: Principal) -> ExportedAppointment:
    business = businesses[row.appointment.business_id]
    return ExportedAppointment(
        appointment=row.appointment,
        business_name=business.name,
        business_address=business.address,
        client_name=row.client_name,
        client_phone=row.client_phone,
        client_email=row.client_email,
        shows_internal_notes=sees_internal_notes(principal),
    )
