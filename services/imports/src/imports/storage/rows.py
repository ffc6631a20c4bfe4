"""The rows of imports, written and answered in sets."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, delete, func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from imports.storage.tables import import_rows

_INSERT = text(
    """
    INSERT INTO import_rows (
        organization_id, import_id, number, field_values, state, reasons, wish, row_key, appointment_id, revision,
        to_check
    )
    SELECT :organization_id, :import_id, r.number, r.field_values, r.state, r.reasons, r.wish, r.row_key,
        r.appointment_id, r.revision, r.to_check
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        number integer, field_values jsonb, state text, reasons jsonb, wish jsonb, row_key text, appointment_id uuid,
        revision integer, to_check boolean
    )
    """
)
_EARLIER = text(
    """
    SELECT row_key,
        count(*) FILTER (WHERE outcome = 'undone') AS undone,
        bool_or(outcome IN ('booked', 'already_done', 'kept')) AS booked
    FROM import_rows
    WHERE organization_id = :organization_id AND row_key = ANY(:keys) AND import_id <> :import_id
    GROUP BY row_key
    """
)
_REPEATED = text(
    """
    UPDATE import_rows AS r
    SET state = 'invalid', to_check = false,
        reasons = jsonb_build_array(jsonb_build_object(
            'code', 'duplicate_row', 'detail', 'The same as row ' || f.number,
            'conflicts_with', jsonb_build_array(f.number::text)))
    FROM (
        SELECT row_key, min(number) AS number FROM import_rows
        WHERE organization_id = :organization_id AND import_id = :import_id
          AND row_key IS NOT NULL AND NOT dropped AND state <> 'invalid'
        GROUP BY row_key HAVING count(*) > 1
    ) AS f
    WHERE r.organization_id = :organization_id AND r.import_id = :import_id AND r.row_key = f.row_key
      AND r.number > f.number AND NOT r.dropped AND r.state <> 'invalid'
    """
)
_IN_THE_WAY = text(
    """
    UPDATE import_rows AS r SET state = 'conflict', reasons = r.reasons || c.reasons
    FROM jsonb_to_recordset(CAST(:conflicts AS jsonb)) AS c(number integer, reasons jsonb)
    WHERE r.organization_id = :organization_id AND r.import_id = :import_id AND r.number = c.number
    """
)
_CHECKED = text(
    """
    UPDATE import_rows AS r
    SET to_check = false, check_id = NULL, reasons = r.reasons || a.reasons,
        state = CASE WHEN jsonb_array_length(a.reasons) > 0 THEN 'conflict' ELSE r.state END
    FROM jsonb_to_recordset(CAST(:answers AS jsonb)) AS a(id uuid, organization uuid, reasons jsonb)
    WHERE r.check_id = a.id AND r.organization_id = a.organization
    """
)
_BOOKED = text(
    """
    UPDATE import_rows AS r SET outcome = a.outcome, outcome_reasons = a.reasons
    FROM jsonb_to_recordset(CAST(:answers AS jsonb)) AS a(id uuid, organization uuid, outcome text, reasons jsonb)
    WHERE r.book_id = a.id AND r.organization_id = a.organization AND r.outcome IS NULL
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


async def add_rows(
    session: AsyncSession, *, organization_id: UUID, import_id: UUID, rows: Sequence[Mapping[str, Any]]
) -> None:
    await session.execute(_INSERT, {**_of(organization_id, import_id), "rows": _json(rows)})


async def clear_rows(session: AsyncSession, *, organization_id: UUID, import_id: UUID) -> None:
    await session.execute(
        delete(import_rows).where(
            import_rows.c.organization_id == organization_id, import_rows.c.import_id == import_id
        )
    )


async def earlier_rows(
    session: AsyncSession, *, organization_id: UUID, import_id: UUID, keys: Sequence[str]
) -> Mapping[str, tuple[int, bool]]:
    """By row key: how often other imports of it were undone, and whether one stands."""
    found = await session.execute(_EARLIER, {**_of(organization_id, import_id), "keys": list(keys)})
    return {row.row_key: (row.undone, bool(row.booked)) for row in found}


async def refuse_repeated(session: AsyncSession, *, organization_id: UUID, import_id: UUID) -> None:
    await session.execute(_REPEATED, _of(organization_id, import_id))


async def wishes(session: AsyncSession, *, organization_id: UUID, import_id: UUID) -> AsyncIterator[Row[Any]]:
    """Number, start, duration and resource of every row that could be booked, streamed."""
    query = select(
        import_rows.c.number,
        import_rows.c.wish["starts_at"].astext.label("starts_at"),
        import_rows.c.wish["duration_minutes"].astext.label("minutes"),
        import_rows.c.wish["resource_id"].astext.label("resource_id"),
    ).where(
        import_rows.c.organization_id == organization_id,
        import_rows.c.import_id == import_id,
        import_rows.c.state.in_(("ok", "warning")),
        ~import_rows.c.dropped,
    )
    async for row in await session.stream(query):
        yield row


async def mark_conflicts(
    session: AsyncSession, *, organization_id: UUID, import_id: UUID, conflicts: Sequence[Mapping[str, Any]]
) -> None:
    if conflicts:
        await session.execute(_IN_THE_WAY, {**_of(organization_id, import_id), "conflicts": _json(conflicts)})


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
    """`verb` is `check` or `book`; the rows await the answers to their commands."""
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
    open_ = (
        "to_check OR check_id IS NOT NULL"
        if verb == "check"
        else "to_book OR (book_id IS NOT NULL AND outcome IS NULL)"
    )
    found = await session.execute(
        text(
            "SELECT 1 FROM import_rows WHERE organization_id = :organization_id AND import_id = :import_id "
            f"AND ({open_}) LIMIT 1"
        ),
        _of(organization_id, import_id),
    )
    return found.first() is not None


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


async def list_rows(
    session: AsyncSession,
    *,
    organization_id: UUID,
    import_id: UUID,
    states: Sequence[str] = (),
    outcomes: Sequence[str] = (),
    after: int = 0,
    limit: int,
) -> list[Row[Any]]:
    query = select(import_rows).where(
        import_rows.c.organization_id == organization_id,
        import_rows.c.import_id == import_id,
        import_rows.c.number > after,
    )
    if states:
        query = query.where(import_rows.c.state.in_(states))
    if outcomes:
        query = query.where(import_rows.c.outcome.in_(outcomes))
    return list((await session.execute(query.order_by(import_rows.c.number).limit(limit))).all())


async def erroneous_rows(
    session: AsyncSession, *, organization_id: UUID, import_id: UUID, after: int, limit: int
) -> list[Row[Any]]:
    """Rows that were not or will not be booked, with why."""
    query = select(import_rows).where(
        import_rows.c.organization_id == organization_id,
        import_rows.c.import_id == import_id,
        import_rows.c.number > after,
        (import_rows.c.state == "invalid")
        | (import_rows.c.outcome == "refused")
        | ((import_rows.c.state == "conflict") & func.coalesce(import_rows.c.outcome, "").in_(("", "refused"))),
    )
    return list((await session.execute(query.order_by(import_rows.c.number).limit(limit))).all())


async def row_of(session: AsyncSession, *, organization_id: UUID, import_id: UUID, number: int) -> Row[Any] | None:
    query = select(import_rows).where(
        import_rows.c.organization_id == organization_id,
        import_rows.c.import_id == import_id,
        import_rows.c.number == number,
    )
    return (await session.execute(query)).one_or_none()


async def change_row(session: AsyncSession, found: Row[Any], **values: Any) -> Row[Any]:
    statement = (
        update(import_rows)
        .where(
            import_rows.c.organization_id == found.organization_id,
            import_rows.c.import_id == found.import_id,
            import_rows.c.number == found.number,
        )
        .values(**values)
        .returning(import_rows)
    )
    changed: Row[Any] = (await session.execute(statement)).one()
    return changed


async def same_key_before(
    session: AsyncSession, *, organization_id: UUID, import_id: UUID, number: int, row_key: str
) -> int | None:
    """Another kept row with the same identity."""
    query = select(func.min(import_rows.c.number)).where(
        import_rows.c.organization_id == organization_id,
        import_rows.c.import_id == import_id,
        import_rows.c.row_key == row_key,
        import_rows.c.number != number,
        import_rows.c.state != "invalid",
        ~import_rows.c.dropped,
    )
    number_of_other: int | None = (await session.execute(query)).scalar_one_or_none()
    return number_of_other


async def overlapping(
    session: AsyncSession,
    *,
    organization_id: UUID,
    import_id: UUID,
    number: int,
    starts_at: datetime,
    ends_at: datetime,
) -> list[Row[Any]]:
    """Kept rows that ask for a part of the given time."""
    found = await session.execute(
        text(
            """
            SELECT number, wish->>'starts_at' AS starts_at, wish->>'duration_minutes' AS minutes,
                wish->>'resource_id' AS resource_id
            FROM import_rows
            WHERE organization_id = :organization_id AND import_id = :import_id AND number <> :number
              AND NOT dropped AND state IN ('ok', 'warning')
              AND (wish->>'starts_at')::timestamptz < :ends_at
              AND (wish->>'starts_at')::timestamptz
                  + make_interval(mins => (wish->>'duration_minutes')::integer) > :starts_at
            """
        ),
        {**_of(organization_id, import_id), "number": number, "starts_at": starts_at, "ends_at": ends_at},
    )
    return list(found.all())


async def obstructed_by(
    session: AsyncSession, *, organization_id: UUID, import_id: UUID, number: int
) -> list[Row[Any]]:
    """Rows that name this one as what is in their way within the file."""
    query = select(import_rows).where(
        import_rows.c.organization_id == organization_id,
        import_rows.c.import_id == import_id,
        import_rows.c.number != number,
        ~import_rows.c.dropped,
        import_rows.c.state.in_(("conflict", "invalid")),
        or_(
            *(
                import_rows.c.reasons.contains([{"code": code, "conflicts_with": [str(number)]}])
                for code in ("conflict_in_file", "duplicate_row")
            )
        ),
    )
    return list((await session.execute(query.order_by(import_rows.c.number).limit(200))).all())
