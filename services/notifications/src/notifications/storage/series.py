"""Series as booking told them last, and the numbers of what calendars are told of them."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, fields, replace
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import Row, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.messages import Draft
from notifications.domain.series import Series, SeriesDate
from notifications.storage.tables import series
from slotstream_servicekit.projections import VersionedTable

_FIELDS = tuple(field.name for field in fields(Series))
_TABLE = VersionedTable(series)
_DATES: Final = TypeAdapter(tuple[SeriesDate, ...])

_TAKE_NUMBERS = text(
    """
    INSERT INTO series_sequences AS s (organization_id, series_id, next, updated_at)
    SELECT o, i, n, now() FROM unnest(CAST(:organizations AS uuid[]), CAST(:ids AS uuid[]), CAST(:counts AS int[]))
        AS r(o, i, n) ORDER BY o, i
    ON CONFLICT (organization_id, series_id) DO UPDATE SET next = s.next + excluded.next, updated_at = now()
    RETURNING s.organization_id, s.series_id, s.next
    """
)


class SeriesStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get_all(self, keys: Collection[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], Series]:
        """Those of `keys` (organization, id) that are known."""
        if not keys:
            return {}
        columns = [series.c[name] for name in _FIELDS]
        matches = tuple_(series.c.organization_id, series.c.id).in_(sorted(set(keys)))
        rows = await self._session.execute(select(*columns).where(matches))
        return {(row.organization_id, row.id): _series_of(row) for row in rows}

    async def put(self, states: Collection[Series]) -> None:
        """Stores states; an older version never replaces a newer one."""
        await _TABLE.put(self._session, [asdict(state) for state in states])

    async def numbered(self, drafts: Sequence[Draft]) -> list[Draft]:
        """The drafts; each that is about a series with the next SEQUENCE of that series, in their order."""
        about: dict[tuple[UUID, UUID], int] = {}
        for draft in drafts:
            if draft.series_id is not None:
                key = (draft.organization_id, draft.series_id)
                about[key] = about.get(key, 0) + 1
        if not about:
            return list(drafts)
        rows = await self._session.execute(
            _TAKE_NUMBERS,
            {
                "organizations": [organization_id for organization_id, _ in about],
                "ids": [series_id for _, series_id in about],
                "counts": list(about.values()),
            },
        )
        following = {key: next_number - about[key] for *key_parts, next_number in rows if (key := tuple(key_parts))}
        numbered = []
        for draft in drafts:
            if draft.series_id is None:
                numbered.append(draft)
                continue
            key = (draft.organization_id, draft.series_id)
            numbered.append(replace(draft, calendar_sequence=following[key]))
            following[key] += 1
        return numbered


def _series_of(row: Row[Any]) -> Series:
    values = {name: getattr(row, name) for name in _FIELDS}
    return Series(**{**values, "dates": _DATES.validate_python(values["dates"])})
