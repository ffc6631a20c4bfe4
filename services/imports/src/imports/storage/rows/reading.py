"""Writing the rows that a file holds, and comparing them with each other and with earlier imports."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from imports.storage.tables import import_rows

_INSERT = text(
    """
    INSERT INTO import_rows (
        organization_id, import_id, number, field_values, state, reasons, wish, starts_at, ends_at, resource_id,
        row_key, appointment_id, revision, to_check
    )
    SELECT CAST(:organization_id AS uuid), CAST(:import_id AS uuid), r.number, r.field_values::jsonb, r.state,
        r.reasons::jsonb, r.wish::jsonb, r.starts_at, r.ends_at, r.resource_id, r.row_key, r.appointment_id, r.revision,
        r.to_check
    FROM unnest(
        CAST(:number AS integer[]), CAST(:field_values AS text[]), CAST(:state AS text[]), CAST(:reasons AS text[]),
        CAST(:wish AS text[]), CAST(:starts_at AS timestamptz[]), CAST(:ends_at AS timestamptz[]),
        CAST(:resource_id AS uuid[]), CAST(:row_key AS text[]), CAST(:appointment_id AS uuid[]),
        CAST(:revision AS integer[]), CAST(:to_check AS boolean[])
    ) AS r(
        number, field_values, state, reasons, wish, starts_at, ends_at, resource_id, row_key, appointment_id, revision,
        to_check
    )
    """
)
_COLUMNS = (
    "number",
    "state",
    "starts_at",
    "ends_at",
    "resource_id",
    "row_key",
    "appointment_id",
    "revision",
    "to_check",
)
_JSON_COLUMNS = ("field_values", "reasons", "wish")
_EARLIER = text(
    """
    SELECT k.row_key, e.undone, e.stands
    FROM unnest(CAST(:keys AS text[])) AS k(row_key)
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE r.outcome = 'undone') AS undone,
            coalesce(bool_or(r.outcome IN ('booked', 'kept')), false) AS stands
        FROM import_rows AS r
        WHERE r.organization_id = :organization_id AND r.row_key = k.row_key AND r.import_id <> :import_id
    ) AS e
    WHERE e.undone > 0 OR e.stands
    """
)
# Both find their rows by the whole primary key: fresh rows have no statistics that could choose a better way.
_REPEATED = text(
    """
    UPDATE import_rows AS r
    SET state = 'invalid', to_check = false,
        reasons = jsonb_build_array(jsonb_build_object(
            'code', 'duplicate_row', 'detail', 'The same as row ' || f.first,
            'conflicts_with', jsonb_build_array(f.first::text)))
    FROM unnest(CAST(:numbers AS integer[]), CAST(:firsts AS integer[])) AS f(number, first)
    WHERE r.organization_id = :organization_id AND r.import_id = :import_id AND r.number = f.number
    """
)
_IN_THE_WAY = text(
    """
    UPDATE import_rows AS r SET state = 'conflict', reasons = r.reasons || c.reason::jsonb
    FROM unnest(CAST(:numbers AS integer[]), CAST(:reasons AS text[])) AS c(number, reason)
    WHERE r.organization_id = :organization_id AND r.import_id = :import_id AND r.number = c.number
    """
)


async def add_rows(
    session: AsyncSession, *, organization_id: UUID, import_id: UUID, rows: Sequence[Mapping[str, Any]]
) -> None:
    columns: dict[str, Any] = {name: [row[name] for row in rows] for name in _COLUMNS}
    columns |= {name: [_json(row[name]) for row in rows] for name in _JSON_COLUMNS}
    await session.execute(_INSERT, {"organization_id": organization_id, "import_id": import_id, **columns})


def _json(value: object) -> str | None:
    return None if value is None else orjson.dumps(value).decode()


async def clear_rows(session: AsyncSession, *, organization_id: UUID, import_id: UUID) -> None:
    await session.execute(
        delete(import_rows).where(
            import_rows.c.organization_id == organization_id, import_rows.c.import_id == import_id
        )
    )


async def newest_revision(session: AsyncSession, *, organization_id: UUID, import_id: UUID) -> int:
    query = select(func.coalesce(func.max(import_rows.c.revision), 0)).where(
        import_rows.c.organization_id == organization_id, import_rows.c.import_id == import_id
    )
    newest: int = (await session.execute(query)).scalar_one()
    return newest


async def earlier_rows(
    session: AsyncSession, *, organization_id: UUID, import_id: UUID, keys: Sequence[str]
) -> Mapping[str, tuple[int, bool]]:
    """By row key: how often other imports of it were undone, and whether what one of them booked stands."""
    parameters = {"organization_id": organization_id, "import_id": import_id, "keys": sorted(set(keys))}
    return {row.row_key: (row.undone, row.stands) for row in await session.execute(_EARLIER, parameters)}


async def bookable_rows(session: AsyncSession, *, organization_id: UUID, import_id: UUID) -> AsyncIterator[Any]:
    """Number, key, times and resource of every row that could be booked, in the file's order, streamed."""
    query = (
        select(
            import_rows.c.number,
            import_rows.c.row_key,
            import_rows.c.starts_at,
            import_rows.c.ends_at,
            import_rows.c.resource_id,
        )
        .where(
            import_rows.c.organization_id == organization_id,
            import_rows.c.import_id == import_id,
            import_rows.c.state.in_(("ok", "warning")),
            ~import_rows.c.dropped,
        )
        .order_by(import_rows.c.number)
    )
    async for row in await session.stream(query):
        yield row


async def refuse_repeated(
    session: AsyncSession, *, organization_id: UUID, import_id: UUID, repeated: Mapping[int, int]
) -> None:
    """Rows by number, each with the number of the first row that says the same."""
    numbers = {"numbers": list(repeated), "firsts": list(repeated.values())}
    await session.execute(_REPEATED, {"organization_id": organization_id, "import_id": import_id, **numbers})


async def mark_conflicts(
    session: AsyncSession, *, organization_id: UUID, import_id: UUID, conflicts: Mapping[int, Mapping[str, Any]]
) -> None:
    """Rows by number, each with the reason that it stands in another's way."""
    reasons = {"numbers": list(conflicts), "reasons": [_json(reason) for reason in conflicts.values()]}
    await session.execute(_IN_THE_WAY, {"organization_id": organization_id, "import_id": import_id, **reasons})
