"""`/v1/imports/{id}/rows` and `/errors.csv`: what will be, or was not, booked, and why."""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Annotated
from uuid import UUID

from fastapi import Path, Query, Response
from fastapi.responses import StreamingResponse

from imports.api.dependencies import CurrentDependencies, Dependencies, Reader, Writer
from imports.domain.mapping import Field
from imports.domain.rows import ImportRow, Outcome, RowState
from imports.schemas import ChangeRowIn, RowOut
from imports.storage.imports import ImportStore
from imports.storage.rows import RowStore
from imports.usecases.review import change_row
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.auth import Right
from slotstream_servicekit.http.callers import context_of
from slotstream_servicekit.http.etags import IfMatch
from slotstream_servicekit.http.limits import rate_limited
from slotstream_servicekit.http.pagination import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    Page,
    decode_cursor,
    encode_cursor,
    page_of,
)
from slotstream_servicekit.http.principal import Principal
from slotstream_servicekit.http.responses import model_response
from slotstream_servicekit.spreadsheets import defused

router = Router(prefix="/v1/imports", tags=["review"])

_PAGE = 1_000
_NOT_BOOKED = frozenset({Outcome.REFUSED, Outcome.UNKNOWN})
RowNumber = Annotated[int, Path(ge=1, le=2**31 - 1, description="The row as a spreadsheet counts it")]


@router.get("/{import_id}/rows")
async def list_rows(
    import_id: UUID,
    dependencies: CurrentDependencies,
    principal: Reader,
    state: Annotated[list[RowState] | None, Query()] = None,
    outcome: Annotated[list[Outcome] | None, Query()] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[RowOut]:
    """The rows in the file's order."""
    after = 0 if cursor is None else decode_cursor(cursor, int, scope="import-rows")[0]
    async with dependencies.database.transaction(principal) as session:
        await ImportStore(session).get(principal.organization_id, import_id)
        rows = await RowStore(session, principal.organization_id, import_id).page(
            states=state or (), outcomes=outcome or (), after=after, limit=limit + 1
        )
    items, next_cursor = page_of(
        rows, limit=limit, cursor_of=lambda row: encode_cursor(row.number, scope="import-rows")
    )
    return Page(items=[RowOut.of(row) for row in items], next_cursor=next_cursor)


@router.patch("/{import_id}/rows/{number}", response_model=RowOut)
async def patch_row(
    import_id: UUID,
    number: RowNumber,
    body: ChangeRowIn,
    dependencies: CurrentDependencies,
    principal: Writer,
    expected_version: IfMatch,
) -> Response:
    """Corrects, drops or forces one row. A corrected row is judged and checked anew; an override of it ends."""
    if body.override_reason is not None:
        principal.require(Right.OVERRIDE)
    async with dependencies.database.transaction(principal) as session:
        row = await change_row(
            session=session,
            context=context_of(principal, now=dependencies.clock()),
            import_id=import_id,
            number=number,
            change=body.to_change(),
            judging=dependencies.judging,
            expected_version=expected_version,
        )
    return model_response(RowOut.of(row), version=row.revision)


@router.get(
    "/{import_id}/errors.csv",
    dependencies=[rate_limited("exports", per_minute=30, burst=10, open_at_once=4)],
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def download_errors(import_id: UUID, dependencies: CurrentDependencies, principal: Reader) -> StreamingResponse:
    """The rows that were not, or would not be, booked, with why, as CSV; streamed."""
    async with dependencies.database.transaction(principal) as session:
        imported = await ImportStore(session).get(principal.organization_id, import_id)
    columns = imported.mapping.columns if imported.mapping is not None else {}
    ordered = {name: columns[name] for name in Field if name in columns}
    lines = _error_lines(dependencies, principal, import_id, ordered)
    headers = {"Content-Disposition": f'attachment; filename="import-{import_id}-errors.csv"'}
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)


async def _error_lines(
    dependencies: Dependencies, principal: Principal, import_id: UUID, columns: Mapping[Field, str]
) -> AsyncIterator[str]:
    yield _csv([["row", "state", "codes", "details", *columns.values()]])
    after = 0
    while True:
        async with dependencies.database.transaction(principal) as session:
            rows = await RowStore(session, principal.organization_id, import_id).erroneous(after=after, limit=_PAGE)
        if not rows:
            return
        after = rows[-1].number
        yield _csv([_error_line(row, columns) for row in rows])


def _error_line(row: ImportRow, names: Iterable[Field]) -> list[str]:
    reasons = row.outcome_reasons if row.outcome in _NOT_BOOKED else row.reasons
    return [
        str(row.number),
        row.outcome or row.state,
        " ".join(reason.code for reason in reasons),
        "; ".join(reason.detail for reason in reasons),
        *(row.values.get(name, "") for name in names),
    ]


def _csv(lines: Sequence[Sequence[str]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerows([defused(cell) for cell in line] for line in lines)
    return buffer.getvalue()
