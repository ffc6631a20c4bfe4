"""Rows of imports: written in sets, read page by page, changed one by one."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, Select, delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from imports.domain.mapping import Field
from imports.domain.rows import BOOKABLE, LONGEST, ImportRow, Outcome, RowState, Span
from imports.storage.documents import (
    override_document,
    override_from,
    reason_documents,
    reasons_from,
    requested_document,
    requested_from,
)
from imports.storage.tables import import_rows

MOST_NEIGHBOURS = 1_000
"""Of so many rows at one time the first ones tell enough."""
_LONGEST_BLOCKED = LONGEST + timedelta(days=2)
"""No row takes longer, buffers included."""
_INSERT = text(
    """
    INSERT INTO import_rows (
        organization_id, import_id, number, field_values, state, reasons, requested, service_id, resource_id, starts_at,
        blocked_from, blocked_to, contacts, row_key, appointment_id, revision, to_check
    )
    SELECT CAST(:organization_id AS uuid), CAST(:import_id AS uuid), r.number, r.field_values::jsonb, r.state,
        r.reasons::jsonb, r.requested::jsonb, r.service_id, r.resource_id, r.starts_at, r.blocked_from, r.blocked_to,
        string_to_array(r.contacts, ' '), r.row_key, r.appointment_id, r.revision, r.to_check
    FROM unnest(
        CAST(:number AS integer[]), CAST(:field_values AS text[]), CAST(:state AS text[]), CAST(:reasons AS text[]),
        CAST(:requested AS text[]), CAST(:service_id AS uuid[]), CAST(:resource_id AS uuid[]),
        CAST(:starts_at AS timestamptz[]), CAST(:blocked_from AS timestamptz[]), CAST(:blocked_to AS timestamptz[]),
        CAST(:contacts AS text[]), CAST(:row_key AS text[]), CAST(:appointment_id AS uuid[]),
        CAST(:revision AS integer[]), CAST(:to_check AS boolean[])
    ) AS r(
        number, field_values, state, reasons, requested, service_id, resource_id, starts_at, blocked_from, blocked_to,
        contacts, row_key, appointment_id, revision, to_check
    )
    """
)


class RowStore:
    """The rows of one import."""

    def __init__(self, session: AsyncSession, organization_id: UUID, import_id: UUID) -> None:
        self._session = session
        self._identity = {"organization_id": organization_id, "import_id": import_id}
        self._mine = (import_rows.c.organization_id == organization_id) & (import_rows.c.import_id == import_id)

    async def add(self, rows: Sequence[ImportRow]) -> None:
        """New rows, as they were judged."""
        values = [_values_of(row) for row in rows]
        columns: dict[str, list[Any]] = {name: [row[name] for row in values] for name in _PLAIN}
        columns |= {name: [_json(row[name]) for row in values] for name in _DOCUMENTS}
        columns["contacts"] = [" ".join(row.contacts) for row in rows]
        await self._session.execute(_INSERT, {**self._identity, **columns})

    async def clear(self) -> None:
        await self._session.execute(delete(import_rows).where(self._mine))

    async def newest_revision(self) -> int:
        query = select(func.coalesce(func.max(import_rows.c.revision), 0)).where(self._mine)
        newest: int = (await self._session.execute(query)).scalar_one()
        return newest

    async def find(self, number: int) -> ImportRow | None:
        row = (await self._session.execute(self._rows().where(import_rows.c.number == number))).one_or_none()
        return None if row is None else _row_of(row)

    async def save(self, row: ImportRow) -> None:
        """Writes every field."""
        await self._session.execute(
            update(import_rows).where(self._mine, import_rows.c.number == row.number).values(_values_of(row))
        )

    async def page(
        self, *, states: Sequence[RowState] = (), outcomes: Sequence[Outcome] = (), after: int = 0, limit: int
    ) -> Sequence[ImportRow]:
        """In the file's order."""
        query = self._rows().where(import_rows.c.number > after)
        if states:
            query = query.where(import_rows.c.state.in_(states))
        if outcomes:
            query = query.where(import_rows.c.outcome.in_(outcomes))
        return await self._all(query.order_by(import_rows.c.number).limit(limit))

    async def erroneous(self, *, after: int, limit: int) -> Sequence[ImportRow]:
        """Rows that were not, or will not be, booked."""
        unbooked = func.coalesce(import_rows.c.outcome, "").in_(("", Outcome.REFUSED, Outcome.UNKNOWN))
        query = self._rows().where(
            import_rows.c.number > after,
            (import_rows.c.state == RowState.INVALID)
            | (import_rows.c.outcome.in_((Outcome.REFUSED, Outcome.UNKNOWN)))
            | ((import_rows.c.state == RowState.CONFLICT) & unbooked),
        )
        return await self._all(query.order_by(import_rows.c.number).limit(limit))

    async def overlapping(
        self, span: Span, *, states: Sequence[RowState] = tuple(sorted(BOOKABLE))
    ) -> Sequence[ImportRow]:
        """Other rows in one of `states` that take a part of the span's time, in the file's order."""
        query = self._rows().where(
            import_rows.c.number != span.row,
            import_rows.c.state.in_(states),
            ~import_rows.c.dropped,
            import_rows.c.blocked_from < span.blocked_to,
            import_rows.c.blocked_to > span.blocked_from,
            # So the index on the start alone finds them.
            import_rows.c.blocked_from > span.blocked_from - _LONGEST_BLOCKED,
        )
        return await self._all(query.order_by(import_rows.c.number).limit(MOST_NEIGHBOURS))

    async def of_key(self, row_key: str, *, other_than: int) -> Sequence[ImportRow]:
        """Other rows with this identity that were not dropped, in the file's order."""
        query = self._rows().where(
            import_rows.c.row_key == row_key, import_rows.c.number != other_than, ~import_rows.c.dropped
        )
        return await self._all(query.order_by(import_rows.c.number).limit(MOST_NEIGHBOURS))

    def _rows(self) -> Select[Any]:
        return select(import_rows).where(self._mine)

    async def _all(self, query: Select[Any]) -> list[ImportRow]:
        return [_row_of(row) for row in await self._session.execute(query)]


_PLAIN = (
    "number",
    "state",
    "service_id",
    "resource_id",
    "starts_at",
    "blocked_from",
    "blocked_to",
    "row_key",
    "appointment_id",
    "revision",
    "to_check",
)
_DOCUMENTS = ("field_values", "reasons", "requested")


def _json(value: object) -> str | None:
    return None if value is None else orjson.dumps(value).decode()


def _values_of(row: ImportRow) -> dict[str, Any]:
    span, requested = row.span, row.requested
    return {
        "organization_id": row.organization_id,
        "import_id": row.import_id,
        "number": row.number,
        "field_values": {str(name): value for name, value in row.values.items()},
        "state": str(row.state),
        "reasons": reason_documents(row.reasons),
        "requested": requested_document(requested),
        "service_id": None if requested is None else requested.service_id,
        "resource_id": None if requested is None else requested.resource_id,
        "starts_at": None if requested is None else requested.starts_at,
        "blocked_from": None if span is None else span.blocked_from,
        "blocked_to": None if span is None else span.blocked_to,
        "free_ids": list(span.free_ids) if span and span.free_ids else None,
        "contacts": list(row.contacts),
        "row_key": row.row_key,
        "appointment_id": row.appointment_id,
        "dropped": row.dropped,
        "override": override_document(row.override),
        "revision": row.revision,
        "to_check": row.to_check,
        "check_id": row.check_id,
        "to_book": row.to_book,
        "book_id": row.book_id,
        "to_undo": row.to_undo,
        "undo_id": row.undo_id,
        "outcome": None if row.outcome is None else str(row.outcome),
        "outcome_reasons": reason_documents(row.outcome_reasons),
    }


def span_of(row: Row[Any]) -> Span | None:
    """From the columns of a row; None where it takes nobody's time."""
    if row.blocked_from is None:
        return None
    return Span(
        row=row.number,
        starts_at=row.starts_at,
        blocked_from=row.blocked_from,
        blocked_to=row.blocked_to,
        service_id=row.service_id,
        resource_id=row.resource_id,
        free_ids=tuple(row.free_ids or ()),
    )


def _row_of(row: Row[Any]) -> ImportRow:
    return ImportRow(
        organization_id=row.organization_id,
        import_id=row.import_id,
        number=row.number,
        values={Field(name): value for name, value in row.field_values.items()},
        state=RowState(row.state),
        reasons=reasons_from(row.reasons),
        requested=requested_from(row.requested),
        span=span_of(row),
        contacts=tuple(row.contacts),
        row_key=row.row_key,
        appointment_id=row.appointment_id,
        dropped=row.dropped,
        override=override_from(row.override),
        revision=row.revision,
        to_check=row.to_check,
        check_id=row.check_id,
        to_book=row.to_book,
        book_id=row.book_id,
        to_undo=row.to_undo,
        undo_id=row.undo_id,
        outcome=None if row.outcome is None else Outcome(row.outcome),
        outcome_reasons=reasons_from(row.outcome_reasons),
    )
