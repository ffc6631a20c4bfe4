"""Turning a file into judged rows, a chunk per transaction, so that neither memory nor a crash grows with the file."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from itertools import dropwhile, islice
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from imports.adapters.csv_files import Dialect, rows_of
from imports.adapters.phones import read_phone
from imports.domain.conflicts import Span, conflicts_inside
from imports.domain.mapping import ColumnMapping, Field
from imports.domain.model import Judgement, NotReadyError, RowState, Wish, appointment_id_of
from imports.domain.validation import RowRules, judge
from imports.storage.catalogue import business_of, catalogue_of
from imports.storage.files import content_of, read_on
from imports.storage.rows import add_rows, bookable_rows, earlier_rows, mark_conflicts, refuse_repeated
from imports.usecases.mappings import mapping_of
from slotstream_servicekit.errors import Reason

Judged = tuple[int, dict[Field, str], Judgement]
ValuesByField = tuple[int, dict[Field, str]]

_WISHED = tuple(each.name for each in fields(Wish))


@dataclass(frozen=True, slots=True)
class _OpenFile:
    import_id: UUID
    revision: int
    rows: Iterator[ValuesByField]


@dataclass(slots=True)
class Reader:
    """Where one worker has got to in the file it read last, so that no chunk is searched from the file's start.

    A short cut only: an import's `read_through` says what is stored, and any worker can go on from there.
    """

    _file: _OpenFile | None = None
    _read_through: int = 0

    async def read(self, session: AsyncSession, found: Row[Any], rules: RowRules, *, limit: int) -> list[Judged]:
        """The next rows that are not stored yet, judged; none at the file's end. Raises UnreadableFileError."""
        file = self._file
        self._file = None
        if file is None or (file.import_id, file.revision, self._read_through) != (
            found.id,
            found.revision,
            found.read_through,
        ):
            file = _OpenFile(found.id, found.revision, await _unread_rows(session, found, rules.mapping))
        chunk = await asyncio.to_thread(_judged, file.rows, rules, limit)
        if chunk:
            self._file, self._read_through = file, chunk[-1][0]
        return chunk


async def _unread_rows(session: AsyncSession, found: Row[Any], mapping: ColumnMapping) -> Iterator[ValuesByField]:
    content = await content_of(session, organization_id=found.organization_id, import_id=found.id)
    rows = rows_of(content, Dialect(encoding=found.encoding, delimiter=found.delimiter))
    stored: int = found.read_through
    return values_by_field(dropwhile(lambda row: row[0] <= stored, rows), found.headers, mapping)


async def read_chunk(session: AsyncSession, found: Row[Any], *, reader: Reader, chunk_rows: int, now: datetime) -> bool:
    """Judges and stores the next rows. At the file's end, finds those that repeat or obstruct each other: True."""
    rules = await rules_of(session, found, now=now)
    chunk = await reader.read(session, found, rules, limit=chunk_rows)
    identity = {"organization_id": found.organization_id, "import_id": found.id}
    if chunk:
        await add_rows(session, **identity, rows=await rows_to_store(session, found, chunk))
        await read_on(session, found, read_through=chunk[-1][0], now=now)
        return False
    await _compare_rows(session, found, staff=rules.catalogue.staff)
    return True


async def rules_of(session: AsyncSession, found: Row[Any], *, now: datetime) -> RowRules:
    business = await business_of(session, organization_id=found.organization_id, business_id=found.business_id)
    if business is None:
        raise NotReadyError("The business is archived")
    catalogue = await catalogue_of(session, organization_id=found.organization_id, business=business)
    return RowRules(catalogue=catalogue, mapping=mapping_of(found.mapping), read_phone=read_phone, now=now)


def values_by_field(
    rows: Iterable[tuple[int, Sequence[str]]], headers: Sequence[str], mapping: ColumnMapping
) -> Iterator[ValuesByField]:
    places = {each: headers.index(column) for each, column in mapping.columns.items()}
    for number, row in rows:
        yield number, {each: row[place] for each, place in places.items() if place < len(row)}


def _judged(rows: Iterator[ValuesByField], rules: RowRules, limit: int) -> list[Judged]:
    return [(number, values, judge(values, rules)) for number, values in islice(rows, limit)]


async def rows_to_store(session: AsyncSession, found: Row[Any], chunk: Sequence[Judged]) -> list[dict[str, Any]]:
    """The judged rows as stored, each with its appointment's id; rows that were imported before say so."""
    keys = [judgement.row_key for _, _, judgement in chunk if judgement.row_key is not None]
    earlier = await earlier_rows(session, organization_id=found.organization_id, import_id=found.id, keys=keys)
    return [_stored(found, each, earlier) for each in chunk]


def _stored(found: Row[Any], judged: Judged, earlier: Mapping[str, tuple[int, bool]]) -> dict[str, Any]:
    number, values, judgement = judged
    key, wish = judgement.row_key, judgement.wish
    undone, stands = earlier.get(key or "", (0, False))
    state, reasons = judgement.state, [asdict(reason) for reason in judgement.reasons]
    if stands and state is not RowState.INVALID:
        state = RowState.WARNING
        reasons.append(asdict(Reason("already_imported", "An earlier import has booked this row: nothing will change")))
    return {
        "number": number,
        "field_values": {str(each): text for each, text in values.items()},
        "state": str(state),
        "reasons": reasons,
        "wish": None if wish is None else _plain(wish),
        "starts_at": None if wish is None else wish.starts_at,
        "ends_at": None if wish is None else wish.ends_at,
        "resource_id": None if wish is None else wish.resource_id,
        "row_key": key,
        "appointment_id": None if key is None else appointment_of(found, row_key=key, undone=undone),
        "revision": found.revision,
        "to_check": state is not RowState.INVALID and not stands,
    }


def appointment_of(found: Row[Any], *, row_key: str, undone: int) -> UUID:
    return appointment_id_of(
        organization_id=found.organization_id,
        business_id=found.business_id,
        row_key=row_key,
        generation=undone,
    )


def _plain(wish: Wish) -> dict[str, Any]:
    """The wish as JSON keeps it."""
    plain = {name: getattr(wish, name) for name in _WISHED}
    plain["starts_at"] = wish.starts_at.isoformat()
    for name in ("service_id", "resource_id"):
        plain[name] = None if plain[name] is None else str(plain[name])
    return plain


async def _compare_rows(session: AsyncSession, found: Row[Any], *, staff: int) -> None:
    """Refuses all but the first of equal rows, and marks what cannot be kept beside the others."""
    identity = {"organization_id": found.organization_id, "import_id": found.id}
    first_of: dict[str, int] = {}
    repeated: dict[int, int] = {}
    spans: list[Span] = []
    async for row in bookable_rows(session, **identity):
        first = first_of.setdefault(row.row_key, row.number)
        if first == row.number:
            spans.append(span_of(row))
        else:
            repeated[row.number] = first
    conflicts = await asyncio.to_thread(lambda: dict(conflicts_inside(spans, staff=staff)))
    await refuse_repeated(session, **identity, repeated=repeated)
    await mark_conflicts(session, **identity, conflicts={each: asdict(reason) for each, reason in conflicts.items()})


def span_of(row: Any) -> Span:
    return Span(row.number, row.starts_at, row.ends_at, row.resource_id)
