"""Sending rows as commands, taking booking's answers, and counting where the rows stand."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from imports.storage.tables import import_rows

# All rows of a command carry its id. An answer is about one of them, or about all where it names no appointment.
_CHECKED = text(
    """
    UPDATE import_rows AS r
    SET to_check = false, check_id = NULL, reasons = r.reasons || a.reasons,
        state = CASE WHEN jsonb_array_length(a.reasons) > 0 THEN 'conflict' ELSE r.state END
    FROM jsonb_to_recordset(CAST(:answers AS jsonb))
        AS a(id uuid, organization uuid, batch uuid, appointment uuid, reasons jsonb)
    WHERE r.organization_id = a.organization AND r.import_id = a.batch AND r.check_id = a.id
      AND (a.appointment IS NULL OR r.appointment_id = a.appointment)
    """
)
_BOOKED = text(
    """
    UPDATE import_rows AS r SET outcome = a.outcome, outcome_reasons = a.reasons
    FROM jsonb_to_recordset(CAST(:answers AS jsonb))
        AS a(id uuid, organization uuid, batch uuid, appointment uuid, outcome text, reasons jsonb)
    WHERE r.organization_id = a.organization AND r.import_id = a.batch AND r.book_id = a.id AND r.outcome IS NULL
      AND (a.appointment IS NULL OR r.appointment_id = a.appointment)
    """
)
_COUNTS = text(
    """
    SELECT count(*) AS rows,
        count(*) FILTER (WHERE dropped) AS dropped,
        count(*) FILTER (WHERE state = 'ok' AND NOT dropped) AS ok,
        count(*) FILTER (WHERE state = 'warning' AND NOT dropped) AS warnings,
        count(*) FILTER (WHERE state = 'conflict' AND NOT dropped) AS conflicts,
        count(*) FILTER (WHERE state = 'invalid' AND NOT dropped) AS invalid,
        count(*) FILTER (WHERE check_id IS NOT NULL OR to_check) AS unchecked,
        count(*) FILTER (WHERE to_book OR book_id IS NOT NULL) AS chosen,
        count(*) FILTER (WHERE outcome IN ('booked', 'already_done', 'kept')) AS booked,
        count(*) FILTER (WHERE outcome = 'booked') AS new,
        count(*) FILTER (WHERE outcome = 'already_done') AS already_done,
        count(*) FILTER (WHERE outcome = 'refused') AS failed,
        count(*) FILTER (WHERE outcome = 'undone') AS undone
    FROM import_rows WHERE organization_id = :organization_id AND import_id = :import_id
    """
)
_CHOOSE = text(
    """
    UPDATE import_rows SET to_book = true
    WHERE organization_id = :organization_id AND import_id = :import_id AND NOT dropped AND appointment_id IS NOT NULL
      AND (state IN ('ok', 'warning')
        OR (state = 'conflict' AND (override_reason IS NOT NULL OR CAST(:override_all AS text) IS NOT NULL)))
    """
)
_UNDONE = text(
    """
    UPDATE import_rows SET outcome = CASE WHEN appointment_id = ANY(:kept) THEN 'kept' ELSE 'undone' END
    WHERE organization_id = :organization_id AND import_id = :import_id AND outcome = 'booked'
    """
)


def _of(organization_id: UUID, import_id: UUID) -> dict[str, Any]:
    return {"organization_id": organization_id, "import_id": import_id}


def _json(value: object) -> str:
    return orjson.dumps(value, default=str).decode()


async def next_rows(
    session: AsyncSession, *, organization_id: UUID, import_id: UUID, column: str, limit: int
) -> list[Row[Any]]:
    """Rows whose command is still to be sent; `column` is `to_check` or `to_book`."""
    query = (
        select(import_rows)
        .where(
            import_rows.c.organization_id == organization_id,
            import_rows.c.import_id == import_id,
            import_rows.c[column],
        )
        .order_by(import_rows.c.number)
        .limit(limit)
    )
    return list((await session.execute(query)).all())


async def mark_sent(
    session: AsyncSession, *, organization_id: UUID, import_id: UUID, verb: str, commands: Mapping[int, UUID]
) -> None:
    """`verb` is `check` or `book`; each row, by number, awaits the answer to the command that it is in."""
    await session.execute(
        text(
            f"UPDATE import_rows AS r SET to_{verb} = false, {verb}_id = c.id "
            "FROM unnest(CAST(:numbers AS integer[]), CAST(:ids AS uuid[])) AS c(number, id) "
            "WHERE r.organization_id = :organization_id AND r.import_id = :import_id AND r.number = c.number"
        ),
        {**_of(organization_id, import_id), "numbers": list(commands), "ids": list(commands.values())},
    )


async def apply_checks(session: AsyncSession, answers: Sequence[Mapping[str, Any]]) -> None:
    await session.execute(_CHECKED, {"answers": _json(answers)})


async def apply_bookings(session: AsyncSession, answers: Sequence[Mapping[str, Any]]) -> None:
    await session.execute(_BOOKED, {"answers": _json(answers)})


async def awaiting(session: AsyncSession, *, organization_id: UUID, import_id: UUID, verb: str) -> bool:
    """Whether commands of `verb` are still to be sent or answered."""
    unanswered = "check_id IS NOT NULL" if verb == "check" else "book_id IS NOT NULL AND outcome IS NULL"
    mine = "FROM import_rows WHERE organization_id = :organization_id AND import_id = :import_id"
    # Asked one by one, each has a partial index; together they would read every row.
    found = await session.execute(
        text(f"SELECT EXISTS (SELECT {mine} AND to_{verb}) OR EXISTS (SELECT {mine} AND {unanswered})"),
        _of(organization_id, import_id),
    )
    return bool(found.scalar_one())


async def counts_of(session: AsyncSession, *, organization_id: UUID, import_id: UUID) -> Mapping[str, int]:
    row = (await session.execute(_COUNTS, _of(organization_id, import_id))).one()
    return dict(row._mapping)  # noqa: SLF001 - the public name of a row's columns


async def choose_rows(
    session: AsyncSession, *, organization_id: UUID, import_id: UUID, override_all: str | None
) -> None:
    """Marks for booking what can be booked; conflicts only with an override of their own or of all."""
    parameters = {**_of(organization_id, import_id), "override_all": override_all}
    if override_all is not None:
        await session.execute(
            update(import_rows)
            .where(
                import_rows.c.organization_id == organization_id,
                import_rows.c.import_id == import_id,
                import_rows.c.state == "conflict",
                import_rows.c.override_reason.is_(None),
            )
            .values(override_reason=override_all)
        )
    await session.execute(_CHOOSE, parameters)


async def mark_undone(session: AsyncSession, *, organization_id: UUID, import_id: UUID, kept: Sequence[UUID]) -> None:
    await session.execute(_UNDONE, {**_of(organization_id, import_id), "kept": list(kept)})
