"""Turning a file into judged rows, a chunk per transaction, so that neither memory nor a crash grows with the file."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import dropwhile, islice
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from imports.domain.conflicts import conflicts_inside
from imports.domain.imports import Import, NotReadyError, appointment_id_of
from imports.domain.mapping import ColumnMapping, Field
from imports.domain.rows import ImportRow, Judgement, RowState, Span
from imports.domain.tables import TableReaders, TableRow
from imports.domain.validation import Judging, RowRules, judge
from imports.storage.comparisons import EarlierImports, RowComparisonStore
from imports.storage.imports import FileStore
from imports.storage.projections import CatalogueStore
from imports.storage.rows import RowStore
from slotstream_servicekit.errors import Reason


@dataclass(frozen=True, slots=True)
class JudgedRow:
    number: int
    values: Mapping[Field, str]
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class _OpenFile:
    import_id: UUID
    revision: int
    rows: Iterator[tuple[int, Mapping[Field, str]]]


@dataclass(slots=True)
class FileCursor:
    """Where one worker has got to in the file it read last, so that no chunk is searched from the file's start.

    A short cut only: an import's `read_through` says what is stored, and any worker can go on from there.
    """

    readers: TableReaders
    _file: _OpenFile | None = field(default=None, init=False)
    _read_through: int = field(default=0, init=False)

    async def next(self, session: AsyncSession, imported: Import, rules: RowRules, *, limit: int) -> list[JudgedRow]:
        """The next rows that are not stored yet, judged; none at the file's end. Raises UnreadableFileError."""
        file = self._file
        self._file = None
        wanted = (imported.id, imported.revision, imported.read_through)
        if file is None or (file.import_id, file.revision, self._read_through) != wanted:
            file = _OpenFile(imported.id, imported.revision, await self._unread_rows(session, imported))
        chunk = await asyncio.to_thread(_judged, file.rows, rules, limit)
        if chunk:
            self._file, self._read_through = file, chunk[-1].number
        return chunk

    async def _unread_rows(self, session: AsyncSession, imported: Import) -> Iterator[tuple[int, Mapping[Field, str]]]:
        content = await FileStore(session).content(imported.organization_id, imported.id)
        rows = self.readers.of(imported.format).rows(content, reading=imported.reading)
        unread = dropwhile(lambda row: row.number <= imported.read_through, rows)
        return values_by_field(unread, imported.headers, imported.columns)


async def read_chunk(
    *,
    session: AsyncSession,
    imported: Import,
    cursor: FileCursor,
    judging: Judging,
    chunk_rows: int,
    now: datetime,
) -> int | None:
    """Judges and stores the next rows; the last one's number.

    None at the file's end, when all rows are compared with each other.
    """
    rules = await rules_of(session=session, imported=imported, judging=judging, now=now)
    chunk = await cursor.next(session, imported, rules, limit=chunk_rows)
    if chunk:
        rows = await rows_to_store(session=session, imported=imported, chunk=chunk)
        await RowStore(session, imported.organization_id, imported.id).add(rows)
        return chunk[-1].number
    await compare_rows(session=session, imported=imported, rules=rules)
    return None


async def rules_of(*, session: AsyncSession, imported: Import, judging: Judging, now: datetime) -> RowRules:
    store = CatalogueStore(session)
    business = await store.business(imported.organization_id, imported.business_id)
    if business is None:
        raise NotReadyError("The business is archived")
    catalogue = await store.catalogue(imported.organization_id, business)
    return RowRules(catalogue=catalogue, mapping=imported.columns, judging=judging, now=now)


def values_by_field(
    rows: Iterable[TableRow], headers: Sequence[str], mapping: ColumnMapping
) -> Iterator[tuple[int, Mapping[Field, str]]]:
    places = mapping.places(headers)
    for row in rows:
        yield row.number, {name: row.cells[place] for name, place in places.items() if place < len(row.cells)}


def _judged(rows: Iterator[tuple[int, Mapping[Field, str]]], rules: RowRules, limit: int) -> list[JudgedRow]:
    return [JudgedRow(number, values, judge(values, rules)) for number, values in islice(rows, limit)]


async def rows_to_store(*, session: AsyncSession, imported: Import, chunk: Sequence[JudgedRow]) -> list[ImportRow]:
    """The judged rows, each with its appointment's id; rows that were imported before say so."""
    keys = [row.judgement.row_key for row in chunk if row.judgement.row_key is not None]
    earlier = await RowComparisonStore(session, imported.organization_id, imported.id).earlier(keys)
    return [_row_of(imported, row, earlier.get(row.judgement.row_key or "", EarlierImports())) for row in chunk]


def _row_of(imported: Import, judged: JudgedRow, earlier: EarlierImports) -> ImportRow:
    judgement = judged.judgement
    state, reasons, key = judgement.state, judgement.reasons, judgement.row_key
    if earlier.stands and state is not RowState.INVALID:
        state = RowState.WARNING
        detail = "An earlier import has booked this row: nothing will change"
        reasons = (*reasons, Reason("already_imported", detail))
    return ImportRow(
        organization_id=imported.organization_id,
        import_id=imported.id,
        number=judged.number,
        values=judged.values,
        state=state,
        reasons=reasons,
        requested=judgement.requested,
        span=None if judgement.span is None else replace(judgement.span, row=judged.number),
        contacts=judgement.contacts,
        row_key=key,
        appointment_id=None if key is None else _appointment_id(imported, key, undone=earlier.undone),
        revision=imported.revision,
        to_check=state is not RowState.INVALID and not earlier.stands,
    )


def _appointment_id(imported: Import, row_key: str, *, undone: int) -> UUID:
    return appointment_id_of(
        organization_id=imported.organization_id,
        business_id=imported.business_id,
        row_key=row_key,
        generation=undone,
    )


async def compare_rows(*, session: AsyncSession, imported: Import, rules: RowRules) -> None:
    """Refuses all but the first of equal rows, and marks what cannot be kept beside the others."""
    store = RowComparisonStore(session, imported.organization_id, imported.id)
    first_of: dict[str, int] = {}
    repeated: dict[int, int] = {}
    spans: list[Span] = []
    async for row in store.bookable():
        first = first_of.setdefault(row.row_key, row.number)
        if first != row.number:
            repeated[row.number] = first
        elif row.span is not None:
            spans.append(row.span)
    conflicts = await asyncio.to_thread(lambda: dict(conflicts_inside(spans, catalogue=rules.catalogue)))
    await store.refuse_repeated(repeated)
    await store.mark_conflicts(conflicts)


async def compare_with_book(*, session: AsyncSession, imported: Import, judging: Judging, now: datetime) -> None:
    """Compares the rows once more where booking has said who is free for rows that take anybody.

    What neither the file nor the book alone keeps out may not fit into both.
    """
    if await RowComparisonStore(session, imported.organization_id, imported.id).has_choices():
        rules = await rules_of(session=session, imported=imported, judging=judging, now=now)
        await compare_rows(session=session, imported=imported, rules=rules)
