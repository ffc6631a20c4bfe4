"""`/v1/imports/{id}/rows` and `/errors.csv`: what will be, or was not, booked, and why."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import Path, Query, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import Row

from imports.api.context import ApiContext, Context, Reader, Writer
from imports.domain.mapping import Field
from imports.domain.model import Outcome, RowState
from imports.schemas import ChangeRowIn, RowOut
from imports.storage import rows as stored_rows
from imports.storage.files import import_of
from imports.usecases import change_row
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.auth import Right
from slotstream_servicekit.http.etags import IfMatch, etag
from slotstream_servicekit.http.pagination import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    Page,
    decode_cursor,
    encode_cursor,
    page_of,
)
from slotstream_servicekit.spreadsheets import defused

router = Router(prefix="/v1/imports", tags=["review"])

_PAGE = 1_000
RowNumber = Annotated[int, Path(ge=1, le=2**31 - 1, description="The row as a spreadsheet counts it")]


@router.get("/{import_id}/rows")
async def list_rows(
    import_id: UUID,
    context: Context,
    principal: Reader,
    state: Annotated[list[RowState] | None, Query()] = None,
    outcome: Annotated[list[Outcome] | None, Query()] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[RowOut]:
    """The rows in the file's order."""
    after = 0 if cursor is None else decode_cursor(cursor, int, scope="import-rows")[0]
    organization_id = principal.organization_id
    async with context.database.transaction(organization_id) as session:
        await import_of(session, organization_id=organization_id, import_id=import_id)
        rows = await stored_rows.list_rows(
            session,
            organization_id=organization_id,
            import_id=import_id,
            states=state or (),
            outcomes=outcome or (),
            after=after,
            limit=limit + 1,
        )
    items, next_cursor = page_of(
        rows, limit=limit, cursor_of=lambda row: encode_cursor(row.number, scope="import-rows")
    )
    return Page(items=[RowOut.of(row) for row in items], next_cursor=next_cursor)


@router.patch("/{import_id}/rows/{number}")
async def patch_row(
    import_id: UUID,
    number: RowNumber,
    body: ChangeRowIn,
    context: Context,
    principal: Writer,
    expected_version: IfMatch,
    response: Response,
) -> RowOut:
    """Corrects, drops or forces one row. A corrected row is judged and checked anew."""
    if body.override_reason is not None:
        principal.require(Right.OVERRIDE)
    async with context.database.transaction(principal.organization_id) as session:
        row = await change_row(
            session,
            organization_id=principal.organization_id,
            import_id=import_id,
            number=number,
            values=body.values,
            dropped=body.dropped,
            override_reason=body.override_reason,
            withdraw_override=body.withdraws_override,
            expected_version=expected_version,
            now=context.clock(),
        )
    response.headers["ETag"] = etag(row.revision)
    return RowOut.of(row)


@router.get(
    "/{import_id}/errors.csv",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def download_errors(import_id: UUID, context: Context, principal: Reader) -> StreamingResponse:
    """The rows that were not, or would not be, booked, with why, as CSV; streamed."""
    organization_id = principal.organization_id
    async with context.database.transaction(organization_id) as session:
        found = await import_of(session, organization_id=organization_id, import_id=import_id)
    columns: dict[str, str] = (found.mapping or {}).get("columns", {})
    names = [str(each) for each in Field if each in columns]
    lines = _error_lines(context, organization_id, import_id, names, [columns[name] for name in names])
    headers = {"Content-Disposition": f'attachment; filename="import-{import_id}-errors.csv"'}
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)


async def _error_lines(
    context: ApiContext, organization_id: UUID, import_id: UUID, names: Sequence[str], columns: Sequence[str]
) -> AsyncIterator[str]:
    yield _csv([["row", "state", "codes", "details", *columns]])
    after = 0
    while True:
        async with context.database.transaction(organization_id) as session:
            rows = await stored_rows.erroneous_rows(
                session, organization_id=organization_id, import_id=import_id, after=after, limit=_PAGE
            )
        if not rows:
            return
        after = rows[-1].number
        yield _csv([_error_line(row, names) for row in rows])


def _error_line(row: Row[Any], names: Sequence[str]) -> list[str]:
    reasons = row.outcome_reasons if row.outcome == Outcome.REFUSED else row.reasons
    return [
        str(row.number),
        row.outcome or row.state,
        " ".join(each["code"] for each in reasons),
        "; ".join(each["detail"] for each in reasons),
        *(row.field_values.get(name, "") for name in names),
    ]


def _csv(lines: Sequence[Sequence[str]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerows([defused(cell) for cell in line] for line in lines)
    return buffer.getvalue()
