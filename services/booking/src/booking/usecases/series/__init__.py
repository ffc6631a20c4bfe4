"""Series: creating, extending, changing and cancelling appointments that recur."""

from booking.usecases.series.changing import SeriesChange, cancel_series, change_series
from booking.usecases.series.creating import create_series, extend_next_series, put_off_series
from booking.usecases.series.report import Changed, SeriesReport, read_report

__all__ = [
    "Changed",
    "SeriesChange",
    "SeriesReport",
    "cancel_series",
    "change_series",
    "create_series",
    "extend_next_series",
    "put_off_series",
    "read_report",
]
