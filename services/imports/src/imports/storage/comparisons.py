"""Comparing the rows of one import with each other and with those of earlier ones."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import orjson
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from imports.domain.rows import BOOKABLE, Span
from imports.storage.documents import reason_documents
from imports.storage.rows import span_of
from imports.storage.tables import import_rows
from slotstream_servicekit.errors import Reason

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
_CONFLICTING = text(
    """
    UPDATE import_rows AS r SET state = 'conflict', reasons = r.reasons || c.reasons::jsonb
    FROM unnest(CAST(:numbers AS integer[]), CAST(:reasons AS text[])) AS c(number, reasons)
    WHERE r.organization_id = :organization_id AND r.import_id = :import_id AND r.number = c.number
    """
)


@dataclass(frozen=True, slots=True)
class EarlierImports:
    """How often what the same row booked was undone, and whether what it booked stands."""

    undone: int = 0
    stands: bool = False


@dataclass(frozen=True, slots=True)
class BookableRow:
    """`span` is None where the row takes nobody's time."""

    number: int
    row_key: str
    span: Span | None


class RowComparisonStore:
    """The rows of one import as they are compared: few columns, streamed."""

    def __init__(self, session: AsyncSession, organization_id: UUID, import_id: UUID) -> None:
        self._session = session
        self._identity = {"organization_id": organization_id, "import_id": import_id}

    async def earlier(self, keys: Sequence[str]) -> Mapping[str, EarlierImports]:
        """What other imports made of rows with these identities, where they made anything of them."""
        parameters = {**self._identity, "keys": sorted(set(keys))}
        rows = await self._session.execute(_EARLIER, parameters)
        return {row.row_key: EarlierImports(row.undone, row.stands) for row in rows}

    async def bookable(self) -> AsyncIterator[BookableRow]:
        """Every row that could be booked, in the file's order."""
        columns = (
            "number",
            "row_key",
            "service_id",
            "resource_id",
            "starts_at",
            "blocked_from",
            "blocked_to",
            "free_ids",
        )
        query = (
            select(*(import_rows.c[name] for name in columns))
            .where(
                import_rows.c.organization_id == self._identity["organization_id"],
                import_rows.c.import_id == self._identity["import_id"],
                import_rows.c.state.in_(sorted(BOOKABLE)),
                ~import_rows.c.dropped,
            )
            .order_by(import_rows.c.number)
        )
        async for row in await self._session.stream(query):
            yield BookableRow(row.number, row.row_key, span_of(row))

    async def has_choices(self) -> bool:
        """Whether booking has said of any row that could be booked who is free to be chosen for it."""
        query = (
            select(import_rows.c.number)
            .where(
                import_rows.c.organization_id == self._identity["organization_id"],
                import_rows.c.import_id == self._identity["import_id"],
                import_rows.c.state.in_(sorted(BOOKABLE)),
                import_rows.c.free_ids.is_not(None),
                ~import_rows.c.dropped,
            )
            .limit(1)
        )
        return (await self._session.execute(query)).first() is not None

    async def refuse_repeated(self, repeated: Mapping[int, int]) -> None:
        """Rows by number, each with the number of the first row that says the same."""
        numbers = {"numbers": list(repeated), "firsts": list(repeated.values())}
        await self._session.execute(_REPEATED, {**self._identity, **numbers})

    async def mark_conflicts(self, conflicts: Mapping[int, Reason]) -> None:
        """Rows by number, each with the reason that it stands in another's way."""
        reasons = [orjson.dumps(reason_documents([reason])).decode() for reason in conflicts.values()]
        await self._session.execute(_CONFLICTING, {**self._identity, "numbers": list(conflicts), "reasons": reasons})
