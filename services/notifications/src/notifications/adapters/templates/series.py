"""The dates of a series as the recipient writes them: the first ones by name, the others counted."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time

from notifications.adapters.templates.zones import utc_offset, zone_name
from notifications.domain.series import SeriesAppointment, ToldDate, ToldSeries
from slotstream_contracts.template_variables import VARIABLES
from slotstream_servicekit.calendars import is_repeated

MOST_LISTED: Final = 12
"""More than a quarter of a year of weekly dates; the calendar file has them all."""
_WEEK: Final = timedelta(days=7)


def series_values(series: ToldSeries | None, *, locale: Locale, zone: str) -> Mapping[str, str]:
    """The values of the variables `series`; empty where the message is about one appointment."""
    if series is None:
        return dict.fromkeys(VARIABLES["series"], "")
    local = ZoneInfo(zone)
    times = [(date.starts_at.astimezone(local), date.ends_at.astimezone(local)) for date in series.listed]
    listed = times[:MOST_LISTED]
    left_out = [start.astimezone(local) for start in series.without][:MOST_LISTED]
    return {
        "count": str(len(times)),
        "dates": "\n".join(_line(starts_at, ends_at, locale) for starts_at, ends_at in listed),
        "more": str(len(times) - len(listed)) if len(times) > len(listed) else "",
        "without": "\n".join(_day(moment, locale) for moment in left_out),
        "without_more": str(len(series.without) - len(left_out)) if len(series.without) > len(left_out) else "",
        "goes_on": "yes" if series.goes_on else "",
        "zone": _zones(listed, locale),
        "business_time": _business_time(series, zone, locale),
    }


def time_of_day(value: datetime, locale: Locale, *, with_offset: bool) -> str:
    # CLDR sets a narrow no-break space before AM and PM, which few mail programs draw well.
    time = format_time(value, "short", locale=locale).replace("\u202f", " ")
    return f"{time} {utc_offset(value)}" if with_offset else time


def _line(starts_at: datetime, ends_at: datetime, locale: Locale) -> str:
    """With the offset where the time of day alone does not tell the instant, as in a message about one date."""
    with_offset = starts_at.utcoffset() != ends_at.utcoffset() or is_repeated(starts_at) or is_repeated(ends_at)
    first, last = (time_of_day(moment, locale, with_offset=with_offset) for moment in (starts_at, ends_at))
    return f"{_day(starts_at, locale)}, {first} \N{EN DASH} {last}"


def _day(moment: datetime, locale: Locale) -> str:
    return str(format_date(moment.date(), "full", locale=locale))


def _zones(times: Sequence[tuple[datetime, datetime]], locale: Locale) -> str:
    """The names of the zone in the order in which they come: winter's, and summer's."""
    return " / ".join(dict.fromkeys(zone_name(starts_at, locale) for starts_at, _ in times))


def _business_time(series: ToldSeries, zone: str, locale: Locale) -> str:
    """The first start by the business's clock, where that is another one than the recipient's."""
    starts_at = series.listed[0].starts_at
    there, here = starts_at.astimezone(ZoneInfo(series.zone)), starts_at.astimezone(ZoneInfo(zone))
    if there.utcoffset() == here.utcoffset() and series.zone == zone:
        return ""
    return f"{time_of_day(there, locale, with_offset=is_repeated(there))}, {zone_name(there, locale)}"


def _sample_date(week: int) -> ToldDate:
    starts_at = datetime(2026, 11, 26, 9, 30, tzinfo=UTC) + week * _WEEK
    return ToldDate(
        recurs_at=starts_at, starts_at=starts_at, ends_at=starts_at + timedelta(minutes=30), status="scheduled"
    )


_DATES: Final = [_sample_date(week) for week in range(3)]
SAMPLE_SERIES: Final = ToldSeries(
    calendar_uid="sample@slotstream",
    zone="Europe/Berlin",
    rrule="FREQ=WEEKLY",
    goes_on=False,
    dates=_DATES,
    listed=_DATES,
    without=[_DATES[-1].starts_at + _WEEK],
    first=SeriesAppointment(
        id=UUID(int=0),
        calendar_uid="sample@slotstream",
        starts_at=_DATES[0].starts_at,
        ends_at=_DATES[0].ends_at,
        status="scheduled",
        staff_ids=(),
        version=1,
    ),
)
