"""What became of a series: every date with its appointment as it is by now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from booking.domain.series import Occurrence, Series
from booking.storage.series import SeriesStore
from slotstream_servicekit.database import Connection
from slotstream_servicekit.errors import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What a change of the series did to one date. Skipped: it stays as it was, for all these reasons."""

    occurs_on: date
    result: str
    appointment_id: UUID | None = None
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesReport:
    series: Series
    occurrences: Sequence[Occurrence]
    changes: Sequence[Changed] = ()


async def read_report(
    connection: Connection, organization_id: UUID, series_id: UUID, *, changes: Sequence[Changed] = ()
) -> SeriesReport:
    store = SeriesStore(connection, organization_id)
    series = await store.get(series_id)
    occurrences = await store.occurrences(series_id)
    return SeriesReport(series=series, occurrences=occurrences, changes=changes)
