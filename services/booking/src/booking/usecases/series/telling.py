"""Telling others of a series as a whole: one event of each change, in its transaction."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from booking.domain.series import Occurrence
from booking.publishers import SeriesNews, series_record
from booking.storage.outbox import enqueue_records
from booking.usecases.series.report import SeriesReport
from slotstream_servicekit.context import Context
from slotstream_servicekit.database import Connection


async def tell_series(connection: Connection, report: SeriesReport, news: SeriesNews, *, context: Context) -> None:
    """Nothing for a series of former times, each of whose dates is told by itself."""
    uid = report.series.calendar_uid
    if uid is not None:
        await enqueue_records(connection, [series_record(report.series, uid, report.occurrences, news, context)])


def staff_to_come(occurrences: Sequence[Occurrence], *, now: datetime) -> list[UUID]:
    """Who has dates that are still to come."""
    return sorted(
        {
            resource.id
            for occurrence in occurrences
            if occurrence.is_to_come(now) and occurrence.appointment is not None
            for resource in occurrence.appointment.resources
            if resource.kind == "staff"
        }
    )
