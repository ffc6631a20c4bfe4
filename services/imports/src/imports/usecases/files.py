"""Taking in a file, showing what is in it, and settling what its columns mean."""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from imports.domain.imports import (
    MAPPABLE,
    MOST_OPEN,
    Import,
    ImportId,
    ImportState,
    TooManyImportsError,
    WrongStateError,
)
from imports.domain.mapping import ColumnMapping, check, suggest
from imports.domain.rows import RowCounts
from imports.domain.survey import Survey
from imports.domain.tables import Table, TableReaders, UnreadableFileError
from imports.publishers import Happened, import_event
from imports.storage.imports import FileStore, ImportStore, MappingStore
from imports.storage.projections import CatalogueStore
from imports.storage.rows import RowStore
from imports.usecases.events import save_import
from slotstream_servicekit.context import Context
from slotstream_servicekit.errors import NotFoundError
from slotstream_servicekit.outbox import enqueue

_USUAL_LANGUAGE = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """What is known of a file before its columns have a meaning."""

    table: Table
    sha256: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    table: Table
    mapping: ColumnMapping
    remembered: bool
    survey: Survey


def inspect_file(content: bytes, *, readers: TableReaders, language: str, max_rows: int) -> FileFacts:
    """Blocks for as long as counting the rows takes. Raises UnreadableFileError."""
    reader = readers.for_content(content)
    table = reader.inspect(content, chosen={}, language=language)
    rows = sum(1 for _ in islice(reader.rows(content, reading=table.reading), max_rows + 1))
    if rows == 0:
        raise UnreadableFileError("The file has a header but no rows")
    if rows > max_rows:
        raise UnreadableFileError(f"The file has more than {max_rows} rows: split it")
    return FileFacts(table=table, sha256=hashlib.sha256(content).hexdigest(), rows=rows)


async def language_of(*, session: AsyncSession, organization_id: UUID, business_id: UUID) -> str:
    """The business's language. Raises NotFoundError."""
    business = await CatalogueStore(session).business(organization_id, business_id)
    if business is None:
        raise NotFoundError("There is no such business")
    return business.locale


async def upload_import(
    *,
    session: AsyncSession,
    context: Context,
    import_id: UUID,
    business_id: UUID,
    file_name: str,
    content: bytes,
    facts: FileFacts,
) -> tuple[Import, bool]:
    """The import, and whether it is new: the same id with the same file answers with the one that is there.

    Raises TooManyImportsError.
    """
    organization_id, now = context.organization_id, context.now
    context.limits.check_no_calendar()
    context.limits.check_business(business_id)
    await language_of(session=session, organization_id=organization_id, business_id=business_id)
    imported = Import(
        organization_id=organization_id,
        id=ImportId(import_id),
        business_id=business_id,
        state=ImportState.UPLOADED,
        file_name=file_name,
        file_sha256=facts.sha256,
        format=facts.table.format,
        reading=facts.table.reading,
        headers=facts.table.headers,
        file_rows=facts.rows,
        warnings=facts.table.warnings,
        uploaded_by=context.actor,
        events=1,
        due_at=now,
        waiting_since=now,
        created_at=now,
        updated_at=now,
    )
    store = ImportStore(session)
    if not await store.add(imported):
        return await store.get(organization_id, import_id), False
    if await store.count_open_alone(organization_id) > MOST_OPEN:
        raise TooManyImportsError(f"There are {MOST_OPEN} open imports already: finish or cancel one first")
    await FileStore(session).add(organization_id, import_id, content)
    counts = RowCounts(rows=facts.rows)
    await enqueue(session, [import_event(Happened.UPLOADED, imported, counts, actor=context.actor, context=context)])
    await store.wake_workers()
    return imported, True


async def preview_import(
    *,
    session: AsyncSession,
    organization_id: UUID,
    import_id: UUID,
    chosen: Mapping[str, str],
    readers: TableReaders,
) -> Preview:
    """The first rows, read as chosen or as found, with the mapping that was set, remembered or suggested."""
    imported = await ImportStore(session).get(organization_id, import_id)
    content = await FileStore(session).content(organization_id, import_id)
    language = await _language(session, imported)
    table = await asyncio.to_thread(_inspect, content, imported, chosen, readers, language)
    known = imported.mapping or await MappingStore(session).find(organization_id, table.headers)
    mapping = known or ColumnMapping(columns=suggest(table.headers))
    survey = await asyncio.to_thread(_survey, content, table, mapping, readers)
    # What was right for the last file does not overrule what this one shows.
    mapping = replace(mapping, date_order=survey.supported_date_order()) if known else mapping
    return Preview(table=table, mapping=mapping, remembered=known is not None, survey=survey)


async def set_mapping(
    *,
    session: AsyncSession,
    context: Context,
    import_id: UUID,
    mapping: ColumnMapping,
    chosen: Mapping[str, str],
    readers: TableReaders,
    expected_version: int | None,
) -> Import:
    """Settles the columns and has the rows read (again).

    Raises MappingError, AmbiguousDatesError, AmbiguousTimesError, UnknownStatusesError.
    """
    organization_id = context.organization_id
    imported = await ImportStore(session).lock(organization_id, import_id, expected_version=expected_version)
    if imported.state not in MAPPABLE:
        raise WrongStateError(f"The mapping of an import that is {imported.state} cannot be changed")
    content = await FileStore(session).content(organization_id, import_id)
    language = await _language(session, imported)
    table = await asyncio.to_thread(_inspect, content, imported, chosen, readers, language)
    check(mapping, table.headers)
    survey = await asyncio.to_thread(_survey, content, table, mapping, readers)
    if mapping.date_order is None:
        mapping = replace(mapping, date_order=survey.required_date_order())
    if mapping.time_ranges is None:
        mapping = replace(mapping, time_ranges=survey.required_time_ranges())
    survey.require_known_statuses()
    rows = RowStore(session, organization_id, import_id)
    # Above those of all edited rows: their commands' ids must not come again.
    edited = await rows.newest_revision()
    await rows.clear()
    await MappingStore(session).remember(organization_id, table.headers, mapping, now=context.now)
    changed = replace(
        imported,
        state=ImportState.READING,
        mapping=mapping,
        mapped_by=context.actor,
        chosen={**imported.chosen, **chosen},
        reading=table.reading,
        headers=table.headers,
        file_rows=survey.rows,
        warnings=(*table.warnings, *survey.warnings()),
        revision=max(imported.revision, edited) + 1,
        read_through=0,
        failure=None,
        failures=0,
    )
    return await save_import(session=session, imported=changed, context=context)


async def _language(session: AsyncSession, imported: Import) -> str:
    business = await CatalogueStore(session).business(imported.organization_id, imported.business_id)
    return business.locale if business is not None else _USUAL_LANGUAGE


def _inspect(
    content: bytes, imported: Import, chosen: Mapping[str, str], readers: TableReaders, language: str
) -> Table:
    """Read as chosen now or before; what nobody chose is found out anew."""
    return readers.of(imported.format).inspect(content, chosen={**imported.chosen, **chosen}, language=language)


def _survey(content: bytes, table: Table, mapping: ColumnMapping, readers: TableReaders) -> Survey:
    rows = readers.of(table.format).rows(content, reading=table.reading)
    return Survey.of(rows, table.headers, mapping)
