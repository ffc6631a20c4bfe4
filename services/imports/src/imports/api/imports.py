"""`/v1/imports`: uploading, mapping, confirming, undoing, watching."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import File, Form, Query, Request, Response, UploadFile
from fastapi.responses import StreamingResponse
from sqlalchemy.ext.asyncio import AsyncSession

from imports.api.context import ApiContext, Context, Reader, Writer, who_of
from imports.domain.model import ImportState, import_id_of
from imports.schemas import (
    ConfirmIn,
    Delimiter,
    Encoding,
    ImportOut,
    MappingIn,
    PreviewOut,
    ProgressOut,
    UndoIn,
)
from imports.storage import files as stored_files
from imports.storage.rows import counts_of
from imports.usecases import (
    confirm_import,
    inspect_file,
    preview_import,
    set_mapping,
    undo_import,
    upload_import,
)
from slotstream_servicekit.errors import TransientError
from slotstream_servicekit.health import Health
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.auth import Principal, Right
from slotstream_servicekit.http.etags import IfMatch, etag
from slotstream_servicekit.http.idempotency import (
    REPLAYED_HEADER,
    IdempotencyKey,
    IdempotencyKeyReusedError,
    idempotent,
    key_of,
)
from slotstream_servicekit.http.pagination import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    Page,
    decode_cursor,
    encode_cursor,
    page_of,
)
from slotstream_servicekit.ids import new_id

router = Router(prefix="/v1/imports", tags=["imports"])

_SETTLED = frozenset({ImportState.FINISHED, ImportState.UNDONE, ImportState.FAILED})
_HEARTBEAT_TURNS = 30
_RECONNECT_MILLISECONDS = 1_000
_PROGRESS_EVENT: dict[str, Any] = {
    "type": "object",
    "description": "One event; `data` holds the import's state, its counts and why it failed.",
    "properties": {
        "event": {"type": "string", "const": "progress"},
        "data": {"type": "string", "contentMediaType": "application/json"},
        "retry": {"type": "integer"},
    },
    "required": ["event", "data"],
}


@router.post("", status_code=201)
async def create_import(
    request: Request,
    context: Context,
    principal: Writer,
    file: Annotated[UploadFile, File(description="A CSV file with a header row")],
    business_id: Annotated[UUID, Form(description="The business that the appointments belong to")],
    idempotency_key: IdempotencyKey = None,
) -> ImportOut:
    """Takes in a file. Nothing is booked before its columns are mapped, its rows checked and it is confirmed."""
    key = key_of(request)
    organization_id = principal.organization_id
    import_id = (
        new_id()
        if key is None
        else import_id_of(organization_id=organization_id, caller=principal.subject, idempotency_key=key)
    )
    content = await file.read()
    facts = await asyncio.to_thread(inspect_file, content, max_rows=context.max_rows)
    await context.wait_for_business(organization_id, business_id)
    async with context.database.transaction(organization_id) as session:
        found, is_new = await upload_import(
            session,
            organization_id=organization_id,
            import_id=import_id,
            business_id=business_id,
            file_name=_plain_name(file.filename),
            content=content,
            facts=facts,
            who=who_of(principal),
            now=context.clock(),
        )
    if not is_new and (found.file_sha256 != facts.sha256 or found.business_id != business_id):
        raise IdempotencyKeyReusedError.because()
    answer = ImportOut.of(found)
    headers = {"Location": f"/v1/imports/{import_id}", "ETag": etag(found.version)}
    if not is_new:
        headers[REPLAYED_HEADER] = "true"
    return _answer(answer, status=201, **headers)  # type: ignore[return-value]


def _plain_name(name: str | None) -> str:
    """The file's own name, without folders or characters that no name needs."""
    own = (name or "import.csv").replace("\\", "/").rpartition("/")[2]
    return "".join(each for each in own if each.isprintable())[:200] or "import.csv"


def _answer(answer: ImportOut, *, status: int = 200, **headers: str) -> Response:
    return Response(answer.model_dump_json(), status_code=status, media_type="application/json", headers=headers)


@router.get("")
async def list_imports(
    context: Context, principal: Reader, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[ImportOut]:
    """The newest first."""
    before = None if cursor is None else decode_cursor(cursor, datetime, UUID, scope="imports")
    async with context.database.transaction(principal.organization_id) as session:
        rows = await stored_files.list_imports(
            session,
            organization_id=principal.organization_id,
            limit=limit + 1,
            before=None if before is None else (before[0], before[1]),
        )
    items, next_cursor = page_of(
        rows, limit=limit, cursor_of=lambda row: encode_cursor(row.created_at, row.id, scope="imports")
    )
    return Page(items=[ImportOut.of(row) for row in items], next_cursor=next_cursor)


@router.get("/{import_id}")
async def get_import(import_id: UUID, context: Context, principal: Reader, response: Response) -> ImportOut:
    """Where the import stands, with its counts."""
    async with context.database.transaction(principal.organization_id) as session:
        return await _shown(session, principal.organization_id, import_id, response)


async def _shown(session: AsyncSession, organization_id: UUID, import_id: UUID, response: Response) -> ImportOut:
    found = await stored_files.import_of(session, organization_id=organization_id, import_id=import_id)
    counts = await counts_of(session, organization_id=organization_id, import_id=import_id)
    response.headers["ETag"] = etag(found.version)
    return ImportOut.of(found, counts)


@router.get("/{import_id}/preview")
async def preview(
    import_id: UUID,
    context: Context,
    principal: Reader,
    encoding: Annotated[Encoding | None, Query(description="Read the file in this encoding instead")] = None,
    delimiter: Annotated[Delimiter | None, Query(description="Cut the rows at this character instead")] = None,
) -> PreviewOut:
    """The first rows, and what the columns seem to mean."""
    async with context.database.transaction(principal.organization_id) as session:
        found = await preview_import(
            session,
            organization_id=principal.organization_id,
            import_id=import_id,
            encoding=encoding,
            delimiter=delimiter,
        )
    return PreviewOut.of(found)


@router.put("/{import_id}/mapping")
async def put_mapping(
    import_id: UUID,
    body: MappingIn,
    context: Context,
    principal: Writer,
    expected_version: IfMatch,
    response: Response,
) -> ImportOut:
    """Settles what the columns mean; the rows are then read and checked. Remembered for files with these columns."""
    organization_id = principal.organization_id
    async with context.database.transaction(organization_id) as session:
        await set_mapping(
            session,
            organization_id=organization_id,
            import_id=import_id,
            mapping=body.to_mapping(),
            encoding=body.encoding,
            delimiter=body.delimiter,
            expected_version=expected_version,
            now=context.clock(),
        )
        return await _shown(session, organization_id, import_id, response)


@router.post("/{import_id}/confirm", status_code=202, response_model=ImportOut)
async def confirm(
    request: Request,
    import_id: UUID,
    body: ConfirmIn,
    context: Context,
    principal: Writer,
    expected_version: IfMatch,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Has the rows booked. Conflicts are left out unless they are overridden."""
    if body.override is not None:
        principal.require(Right.OVERRIDE)

    async def action(session: AsyncSession) -> Response:
        found = await confirm_import(
            session,
            organization_id=principal.organization_id,
            import_id=import_id,
            notify=body.notify,
            override_all=None if body.override is None else body.override.reason,
            expected_version=expected_version,
            now=context.clock(),
        )
        return _answer(ImportOut.of(found), status=202, ETag=etag(found.version))

    return await idempotent(request, database=context.database, principal=principal, action=action)


@router.post("/{import_id}/undo", status_code=202, response_model=ImportOut)
async def undo(
    request: Request,
    import_id: UUID,
    body: UndoIn,
    context: Context,
    principal: Writer,
    expected_version: IfMatch,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Takes back what the import has booked, as far as nobody has changed it since. Nobody is told."""

    async def action(session: AsyncSession) -> Response:
        found = await undo_import(
            session,
            organization_id=principal.organization_id,
            import_id=import_id,
            reason=body.reason,
            expected_version=expected_version,
            now=context.clock(),
        )
        return _answer(ImportOut.of(found), status=202, ETag=etag(found.version))

    return await idempotent(request, database=context.database, principal=principal, action=action)


@router.get(
    "/{import_id}/progress",
    response_class=StreamingResponse,
    responses={200: {"description": "The events", "content": {"text/event-stream": {"schema": _PROGRESS_EVENT}}}},
)
async def progress(request: Request, import_id: UUID, context: Context, principal: Reader) -> StreamingResponse:
    """Server-sent events: `progress` at once and whenever the state or a count changes, until the import is settled.

    The stream also ends when the service stops; whoever connects again is told the present state first.
    """
    health: Health = request.app.state.health
    first = await _progress(context, principal, import_id)
    events = _progress_events(context, health, principal, import_id, first)
    return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def _progress_events(
    context: ApiContext, health: Health, principal: Principal, import_id: UUID, first: ProgressOut
) -> AsyncIterator[str]:
    shown = first
    yield f"retry: {_RECONNECT_MILLISECONDS}\n{_event(shown)}"
    silent_turns = 0
    while shown.state not in _SETTLED:
        await asyncio.sleep(context.progress_every.total_seconds())
        if health.is_stopping:
            return
        try:
            current = await _progress(context, principal, import_id)
        except TransientError:
            # Its status is long sent: whoever watches connects again and is told then.
            return
        silent_turns += 1
        if current != shown:
            shown, silent_turns = current, 0
            yield _event(shown)
        elif silent_turns % _HEARTBEAT_TURNS == 0:
            # Proxies close a stream on which nothing moves.
            yield ": still here\n\n"


def _event(current: ProgressOut) -> str:
    return f"event: progress\ndata: {current.model_dump_json()}\n\n"


async def _progress(context: ApiContext, principal: Principal, import_id: UUID) -> ProgressOut:
    organization_id = principal.organization_id
    async with context.database.transaction(organization_id) as session:
        found = await stored_files.import_of(session, organization_id=organization_id, import_id=import_id)
        counts = await counts_of(session, organization_id=organization_id, import_id=import_id)
    return ProgressOut.model_validate(
        {"state": found.state, "file_rows": found.file_rows, "counts": counts, "failure": found.failure}
    )
