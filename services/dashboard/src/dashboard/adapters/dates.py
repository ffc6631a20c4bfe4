"""Days and times as a reader writes them, in their zone."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton, format_time, get_timezone_location


class Calendar:
    """Writes instants for one reader. A zone that is not known is taken for UTC."""

    def __init__(self, locale: str, zone: str) -> None:
        self.locale = _locale(locale)
        self.zone = _zone(zone)

    def day_of(self, instant: datetime) -> date:
        return instant.astimezone(self.zone).date()

    def long_date(self, day: date) -> str:
        return format_date(day, "full", locale=self.locale)

    def short_date(self, day: date) -> str:
        return str(format_skeleton("MMMEd", datetime(day.year, day.month, day.day, tzinfo=UTC), locale=self.locale))

    def time(self, instant: datetime) -> str:
        """With its offset where the clock shows the time twice."""
        local = instant.astimezone(self.zone)
        text = format_time(local, "short", locale=self.locale).replace("\u202f", " ")
        is_repeated = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
        return f"{text} (UTC{local.strftime('%z')})" if is_repeated else text

    def place(self) -> str:
        """The zone by its city; in English where CLDR has no names of places for the locale, as for 166 of them."""
        locale = self.locale if "ZZ" in self.locale.territories else Locale.parse("en")
        return str(get_timezone_location(self.zone, locale=locale, return_city=True))

    def differs_from(self, other: "Calendar", instant: datetime) -> bool:
        return instant.astimezone(self.zone).utcoffset() != instant.astimezone(other.zone).utcoffset()


def _locale(tag: str) -> Locale:
    for candidate in (tag.replace("-", "_"), tag.replace("_", "-").partition("-")[0]):
        try:
            return Locale.parse(candidate)
        except (UnknownLocaleError, ValueError, TypeError):
            continue
    return Locale.parse("en")


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")
