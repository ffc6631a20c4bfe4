"""Turning a file into judged rows, chunk by chunk, so that memory does not grow with the file."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from imports.adapters.csv_files import Dialect, rows_of
from imports.adapters.phones import read_phone
from imports.domain.conflicts import Span, conflicts_inside
from imports.domain.mapping import ColumnMapping, Field
from imports.domain.model import Judgement, NotReadyError, RowState, appointment_id_of
from imports.domain.validation import RowRules, judge
from imports.storage.catalogue import business_of, catalogue_of
from imports.storage.files import content_of
from imports.storage.rows import add_rows, earlier_rows, mark_conflicts, refuse_repeated, wishes
from imports.usecases.mappings import mapping_of

Judged = tuple[int, dict[Field, str], Judgement]


async def read_rows(session: AsyncSession, found: Row[Any], *, chunk_rows: int, now: datetime) -> None:
    """Reads, judges and stores every row, then finds the rows that repeat or obstruct each other."""
    rules = await rules_of(session, found, now=now)
    content = await content_of(session, organization_id=found.organization_id, import_id=found.id)
    dialect = Dialect(encoding=found.encoding, delimiter=found.delimiter)
    rows = values_by_field(rows_of(content, dialect), found.headers, rules.mapping)
    while chunk := await asyncio.to_thread(_judged, rows, rules, chunk_rows):
        stored = await rows_to_store(session, found, chunk)
        await add_rows(session, organization_id=found.organization_id, import_id=found.id, rows=stored)
    await refuse_repeated(session, organization_id=found.organization_id, import_id=found.id)
    await _mark_conflicts_inside(session, found, staff=rules.catalogue.staff)


async def rules_of(session: AsyncSession, found: Row[Any], *, now: datetime) -> RowRules:
    business = await business_of(session, organization_id=found.organization_id, business_id=found.business_id)
    if business is None:
        raise NotReadyError("The business is archived")
    catalogue = await catalogue_of(session, organization_id=found.organization_id, business=business)
    return RowRules(catalogue=catalogue, mapping=mapping_of(found.mapping), read_phone=read_phone, now=now)


def values_by_field(
    rows: Iterable[tuple[int, Sequence[str]]], headers: Sequence[str], mapping: ColumnMapping
) -> Iterator[tuple[int, dict[Field, str]]]:
    places = {each: headers.index(column) for each, column in mapping.columns.items()}
    for number, row in rows:
        yield number, {each: row[place] for each, place in places.items() if place < len(row)}


def _judged(rows: Iterator[tuple[int, dict[Field, str]]], rules: RowRules, limit: int) -> list[Judged]:
    return [(number, values, judge(values, rules)) for number, values in islice(rows, limit)]


async def rows_to_store(session: AsyncSession, found: Row[Any], chunk: Sequence[Judged]) -> list[dict[str, Any]]:
    """The judged rows as stored, each with its appointment's id; rows that were imported before say so."""
    keys = [judgement.row_key for _, _, judgement in chunk if judgement.row_key is not None]
    earlier = await earlier_rows(session, organization_id=found.organization_id, import_id=found.id, keys=keys)
    return [_stored(found, each, earlier) for each in chunk]


def _stored(found: Row[Any], judged: Judged, earlier: Mapping[str, tuple[int, bool]]) -> dict[str, Any]:
    number, values, judgement = judged
    key = judgement.row_key
    undone, stands = earlier.get(key or "", (0, False))
    state, reasons = judgement.state, [asdict(reason) for reason in judgement.reasons]
    if stands and state is not RowState.INVALID:
        state = RowState.WARNING
        reasons.append(_reason("already_imported", "An earlier import has booked this row: nothing will change"))
    return {
        "number": number,
        "field_values": {str(each): text for each, text in values.items()},
        "state": state,
        "reasons": reasons,
        "wish": None if judgement.wish is None else _plain(asdict(judgement.wish)),
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


def _reason(code: str, detail: str, conflicts_with: Sequence[str] = ()) -> dict[str, Any]:
    return {"code": code, "detail": detail, "conflicts_with": list(conflicts_with)}


def _plain(wish: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else str(value) if isinstance(value, UUID) else value
        for name, value in wish.items()
    }


async def _mark_conflicts_inside(session: AsyncSession, found: Row[Any], *, staff: int) -> None:
    spans = [
        span_of(row.number, row.starts_at, int(row.minutes), row.resource_id)
        async for row in wishes(session, organization_id=found.organization_id, import_id=found.id)
    ]
    conflicts = [
        {"number": number, "reasons": [asdict(reason)]} for number, reason in conflicts_inside(spans, staff=staff)
    ]
    await mark_conflicts(session, organization_id=found.organization_id, import_id=found.id, conflicts=conflicts)


def span_of(number: int, starts_at: str, minutes: int, resource_id: str | None) -> Span:
    start = datetime.fromisoformat(starts_at)
    resource = None if resource_id is None else UUID(resource_id)
    return Span(number, start, start + timedelta(minutes=minutes), resource)
