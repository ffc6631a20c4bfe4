"""`/v1/imports`: uploading, mapping, confirming, undoing, cancelling."""

import asyncio
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import File, Form, Query, Request, Response, UploadFile
from sqlalchemy.ext.asyncio import AsyncSession

from imports.api.dependencies import CurrentDependencies, Reader, Writer
from imports.domain.imports import Import, import_id_of
from imports.domain.rows import RowCounts
from imports.schemas import ConfirmIn, ImportOut, MappingIn, OptionChoice, PreviewOut, UndoIn, chosen_options
from imports.storage.commands import RowCommandStore
from imports.storage.imports import ImportStore
from imports.usecases.files import inspect_file, preview_import, set_mapping, upload_import
from imports.usecases.verbs import cancel_import, confirm_import, retry_import, undo_import
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.auth import Principal, Right
from slotstream_servicekit.http.callers import context_of
from slotstream_servicekit.http.etags import IfMatch
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
from slotstream_servicekit.http.responses import model_response
from slotstream_servicekit.ids import new_id

router = Router(prefix="/v1/imports", tags=["imports"])


@router.post("", status_code=201, response_model=ImportOut)
async def create_import(
    request: Request,
    dependencies: CurrentDependencies,
    principal: Writer,
    file: Annotated[UploadFile, File(description="A file that holds a table: CSV")],
    business_id: Annotated[UUID, Form(description="The business that the appointments belong to")],
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Takes in a file. Nothing is booked before its columns are mapped, its rows checked and it is confirmed."""
    principal.limits.check_no_calendar()
    principal.limits.check_business(business_id)
    import_id = _id_of(principal, key_of(request))
    content = await file.read()
    language = await dependencies.language_of(principal.organization_id, business_id)
    facts = await asyncio.to_thread(
        inspect_file, content, readers=dependencies.readers, language=language, max_rows=dependencies.max_rows
    )
    async with dependencies.database.transaction(principal) as session:
        imported, is_new = await upload_import(
            session=session,
            context=context_of(principal, now=dependencies.clock()),
            import_id=import_id,
            business_id=business_id,
            file_name=_plain_name(file.filename),
            content=content,
            facts=facts,
        )
    if not is_new and (imported.file_sha256 != facts.sha256 or imported.business_id != business_id):
        raise IdempotencyKeyReusedError.because()
    response = _answer(imported, status=201, location=f"/v1/imports/{import_id}")
    if not is_new:
        response.headers[REPLAYED_HEADER] = "true"
    return response


def _id_of(principal: Principal, idempotency_key: str | None) -> UUID:
    """A key names one import, so that an upload that is repeated finds the one that is there."""
    if idempotency_key is None:
        return new_id()
    return import_id_of(
        organization_id=principal.organization_id, caller=principal.subject, idempotency_key=idempotency_key
    )


def _plain_name(name: str | None) -> str:
    """The file's own name, without folders or characters that no name needs."""
    own = (name or "import").replace("\\", "/").rpartition("/")[2]
    return "".join(character for character in own if character.isprintable())[:200] or "import"


def _answer(
    imported: Import, counts: RowCounts | None = None, *, status: int = 200, location: str | None = None
) -> Response:
    shown = ImportOut.of(imported, counts)
    return model_response(shown, status=status, version=imported.version, location=location)


@router.get("")
async def list_imports(
    dependencies: CurrentDependencies, principal: Reader, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[ImportOut]:
    """The newest first."""
    before = None if cursor is None else decode_cursor(cursor, datetime, UUID, scope="imports")
    async with dependencies.database.transaction(principal) as session:
        imports = await ImportStore(session).page(
            principal.organization_id, limit=limit + 1, before=None if before is None else (before[0], before[1])
        )
    items, next_cursor = page_of(
        imports,
        limit=limit,
        cursor_of=lambda imported: encode_cursor(imported.created_at, imported.id, scope="imports"),
    )
    return Page(items=[ImportOut.of(imported) for imported in items], next_cursor=next_cursor)


@router.get("/{import_id}", response_model=ImportOut)
async def get_import(import_id: UUID, dependencies: CurrentDependencies, principal: Reader) -> Response:
    """Where the import stands, with its counts."""
    async with dependencies.database.transaction(principal) as session:
        return await _shown(session, principal.organization_id, import_id)


async def _shown(session: AsyncSession, organization_id: UUID, import_id: UUID) -> Response:
    imported = await ImportStore(session).get(organization_id, import_id)
    return _answer(imported, await RowCommandStore(session, organization_id, import_id).counts())


@router.get("/{import_id}/preview")
async def preview(
    import_id: UUID,
    dependencies: CurrentDependencies,
    principal: Reader,
    reading: Annotated[
        list[OptionChoice] | None,
        Query(description="Read the file so instead: `name:value` for each option, as the answer names them"),
    ] = None,
) -> PreviewOut:
    """The first rows, those with unusual letters before them, and what the columns seem to mean."""
    async with dependencies.database.transaction(principal) as session:
        shown = await preview_import(
            session=session,
            organization_id=principal.organization_id,
            import_id=import_id,
            chosen=chosen_options(reading or ()),
            readers=dependencies.readers,
        )
    return PreviewOut.of(shown)


@router.put("/{import_id}/mapping", response_model=ImportOut)
async def put_mapping(
    import_id: UUID,
    body: MappingIn,
    dependencies: CurrentDependencies,
    principal: Writer,
    expected_version: IfMatch,
) -> Response:
    """Settles what the columns mean; the rows are then read and checked. Remembered for files with these columns."""
    async with dependencies.database.transaction(principal) as session:
        await set_mapping(
            session=session,
            context=context_of(principal, now=dependencies.clock()),
            import_id=import_id,
            mapping=body.to_mapping(),
            chosen=body.reading,
            readers=dependencies.readers,
            expected_version=expected_version,
        )
        return await _shown(session, principal.organization_id, import_id)


@router.post("/{import_id}/confirm", status_code=202, response_model=ImportOut)
async def confirm(
    request: Request,
    import_id: UUID,
    body: ConfirmIn,
    dependencies: CurrentDependencies,
    principal: Writer,
    expected_version: IfMatch,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Has the rows booked. Conflicts are left out unless they are overridden."""
    if body.override is not None:
        principal.require(Right.OVERRIDE)

    async def action(session: AsyncSession) -> Response:
        confirmed = await confirm_import(
            session=session,
            context=context_of(principal, now=dependencies.clock()),
            import_id=import_id,
            notify=body.notify,
            override_all=None if body.override is None else body.override.reason,
            expected_version=expected_version,
        )
        return _answer(confirmed, status=202)

    return await idempotent(request, database=dependencies.database, principal=principal, action=action)


@router.post("/{import_id}/undo", status_code=202, response_model=ImportOut)
async def undo(
    request: Request,
    import_id: UUID,
    body: UndoIn,
    dependencies: CurrentDependencies,
    principal: Writer,
    expected_version: IfMatch,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Takes back what the import has booked, as far as nobody has changed it since. Nobody is told."""

    async def action(session: AsyncSession) -> Response:
        undoing = await undo_import(
            session=session,
            context=context_of(principal, now=dependencies.clock()),
            import_id=import_id,
            reason=body.reason,
            expected_version=expected_version,
        )
        return _answer(undoing, status=202)

    return await idempotent(request, database=dependencies.database, principal=principal, action=action)


@router.post("/{import_id}/retry", status_code=202, response_model=ImportOut)
async def retry(
    request: Request,
    import_id: UUID,
    dependencies: CurrentDependencies,
    principal: Writer,
    expected_version: IfMatch,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Sends again what booking has not answered. What is done already is not done twice."""

    async def action(session: AsyncSession) -> Response:
        resumed = await retry_import(
            session=session,
            context=context_of(principal, now=dependencies.clock()),
            import_id=import_id,
            expected_version=expected_version,
        )
        return _answer(resumed, status=202)

    return await idempotent(request, database=dependencies.database, principal=principal, action=action)


@router.post("/{import_id}/cancel", status_code=200, response_model=ImportOut)
async def cancel(
    request: Request,
    import_id: UUID,
    dependencies: CurrentDependencies,
    principal: Writer,
    expected_version: IfMatch,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Ends the import. What is booked already stays, and can be undone."""

    async def action(session: AsyncSession) -> Response:
        ended = await cancel_import(
            session=session,
            context=context_of(principal, now=dependencies.clock()),
            import_id=import_id,
            expected_version=expected_version,
        )
        return _answer(ended)

    return await idempotent(request, database=dependencies.database, principal=principal, action=action)
