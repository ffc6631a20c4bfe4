"""Taking in a file, showing what is in it, and settling what its columns mean."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from imports.adapters.csv_files import Dialect, detect, headers_of, rows_of
from imports.domain.dates import DateColumn, DateOrder
from imports.domain.mapping import ColumnMapping, Field, check, signature, suggest
from imports.domain.model import (
    MAPPABLE,
    AmbiguousDatesError,
    ImportState,
    MappingError,
    UnreadableFileError,
    Who,
    WrongStateError,
)
from imports.publishers import event_of
from imports.storage.catalogue import business_of
from imports.storage.files import (
    add_import,
    change_import,
    content_of,
    import_of,
    remember_mapping,
    remembered_mapping,
)
from imports.storage.rows import clear_rows, newest_revision
from imports.usecases.mappings import mapping_of, stored_mapping
from slotstream_servicekit.errors import NotFoundError, Reason
from slotstream_servicekit.outbox import enqueue

PREVIEW_ROWS = 20


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What is known of a file before its columns have a meaning."""

    dialect: Dialect
    headers: Sequence[str]
    sha256: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    dialect: Dialect
    headers: Sequence[str]
    rows: Sequence[tuple[int, Sequence[str]]]
    mapping: ColumnMapping
    remembered: bool
    date_orders: Mapping[str, Sequence[DateOrder]]


def inspect_file(content: bytes, *, max_rows: int) -> FileFacts:
    """Blocks for as long as counting the rows takes. Raises UnreadableFileError."""
    dialect = detect(content)
    headers = headers_of(content, dialect)
    rows = sum(1 for _ in islice(rows_of(content, dialect), max_rows + 1))
    if rows == 0:
        raise UnreadableFileError("The file has a header but no rows")
    if rows > max_rows:
        raise UnreadableFileError(f"The file has more than {max_rows} rows: split it")
    return FileFacts(dialect=dialect, headers=headers, sha256=hashlib.sha256(content).hexdigest(), rows=rows)


async def upload_import(
    session: AsyncSession,
    *,
    organization_id: UUID,
    import_id: UUID,
    business_id: UUID,
    file_name: str,
    content: bytes,
    facts: FileFacts,
    who: Who,
    now: datetime,
) -> tuple[Row[Any], bool]:
    """The import, and whether it is new: the same id with the same file answers with the one that is there."""
    if await business_of(session, organization_id=organization_id, business_id=business_id) is None:
        raise NotFoundError("There is no such business")
    values = {
        "organization_id": organization_id,
        "id": import_id,
        "business_id": business_id,
        "state": ImportState.UPLOADED,
        "file_name": file_name,
        "file_sha256": facts.sha256,
        "encoding": facts.dialect.encoding,
        "delimiter": facts.dialect.delimiter,
        "headers": list(facts.headers),
        "file_rows": facts.rows,
        "actor": {name: value for name, value in asdict(who).items() if value is not None},
        "events": 1,
        "created_at": now,
        "updated_at": now,
    }
    is_new = await add_import(session, values, content)
    found = await import_of(session, organization_id=organization_id, import_id=import_id)
    if is_new:
        await enqueue(session, [event_of("uploaded", found, {"rows": facts.rows}, now=now)])
    return found, is_new


async def preview_import(
    session: AsyncSession,
    *,
    organization_id: UUID,
    import_id: UUID,
    encoding: str | None = None,
    delimiter: str | None = None,
) -> Preview:
    """The first rows, read as asked or as detected, with the mapping that was set, remembered or suggested."""
    found = await import_of(session, organization_id=organization_id, import_id=import_id)
    content = await content_of(session, organization_id=organization_id, import_id=import_id)
    dialect = await asyncio.to_thread(
        detect, content, encoding=encoding or found.encoding, delimiter=delimiter or found.delimiter
    )
    headers = headers_of(content, dialect)
    stored = found.mapping or await remembered_mapping(
        session, organization_id=organization_id, signature=signature(headers)
    )
    mapping = mapping_of(stored) if stored else ColumnMapping(columns=suggest(headers))
    orders = await asyncio.to_thread(_date_orders, content, dialect, headers, mapping)
    return Preview(
        dialect=dialect,
        headers=headers,
        rows=list(islice(rows_of(content, dialect), PREVIEW_ROWS)),
        mapping=mapping,
        remembered=bool(stored),
        date_orders=orders,
    )


async def set_mapping(
    session: AsyncSession,
    *,
    organization_id: UUID,
    import_id: UUID,
    mapping: ColumnMapping,
    encoding: str | None,
    delimiter: str | None,
    expected_version: int | None,
    now: datetime,
) -> Row[Any]:
    """Settles the columns and has the rows read (again). Raises MappingError, AmbiguousDatesError."""
    found = await import_of(
        session,
        organization_id=organization_id,
        import_id=import_id,
        locked=True,
        expected_version=expected_version,
    )
    if found.state not in MAPPABLE:
        raise WrongStateError(f"The mapping of an import that is {found.state} cannot be changed")
    content = await content_of(session, organization_id=organization_id, import_id=import_id)
    dialect = detect(content, encoding=encoding or found.encoding, delimiter=delimiter or found.delimiter)
    headers = headers_of(content, dialect)
    check(mapping, headers)
    if mapping.date_order is None:
        orders = await asyncio.to_thread(_date_orders, content, dialect, headers, mapping)
        mapping = replace(mapping, date_order=_only_order(orders))
    # Above those of all edited rows: their commands' ids must not come again.
    edited = await newest_revision(session, organization_id=organization_id, import_id=import_id)
    await clear_rows(session, organization_id=organization_id, import_id=import_id)
    stored = stored_mapping(mapping)
    await remember_mapping(
        session, organization_id=organization_id, signature=signature(headers), mapping=stored, now=now
    )
    return await change_import(
        session,
        found,
        now=now,
        state=ImportState.READING,
        mapping=stored,
        encoding=dialect.encoding,
        delimiter=dialect.delimiter,
        headers=headers,
        revision=max(found.revision, edited) + 1,
        read_through=0,
        failure=None,
    )


def _date_orders(
    content: bytes, dialect: Dialect, headers: Sequence[str], mapping: ColumnMapping
) -> dict[str, tuple[DateOrder, ...]]:
    """By date column: the orders of day, month and year that its cells allow."""
    names = {mapping.columns[each] for each in (Field.DATE, Field.STARTS_AT) if each in mapping.columns}
    places = {name: headers.index(name) for name in names if name in headers}
    columns = {name: DateColumn() for name in places}
    for _, row in rows_of(content, dialect):
        for name, place in places.items():
            columns[name].see(row[place : place + 1])
    return {name: column.survivors() for name, column in columns.items()}


def _only_order(orders: Mapping[str, Sequence[DateOrder]]) -> DateOrder:
    for name, survivors in orders.items():
        if not survivors:
            raise MappingError(f"The column {name!r} holds no dates")
        if len(survivors) > 1:
            raise AmbiguousDatesError(
                f"The dates in {name!r} can be read in several ways: choose one as date_order",
                reasons=tuple(Reason("date_order", str(order)) for order in survivors),
            )
    return next(iter(orders.values()))[0]
