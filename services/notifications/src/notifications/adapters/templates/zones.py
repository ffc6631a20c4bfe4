"""What a time zone is called in a message: a name that says the offset that holds."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale
from babel.core import get_global
from babel.dates import get_timezone_location, get_timezone_name

Variant = Literal["standard", "daylight"]


def zone_name(moment: datetime, locale: Locale) -> str:
    """The long name of the zone at `moment`, such as "Central European Summer Time".

    The zone database and the locale data do not always agree: Dublin's winter is "daylight saving" in one and
    standard time in the other, and Vancouver keeps the offset of its summer under the name of its winter. So the
    name is chosen by the offset. Where it would tell another offset, the place and the offset are written:
    Vancouver's time and UTC with its seven hours.
    """
    zone, locale = moment.tzinfo, _naming(locale)
    if not isinstance(zone, ZoneInfo) or zone.key is None:
        return utc_offset(moment)
    lowest, highest = _offsets(zone.key, moment.year)
    variant: Variant = "daylight" if moment.utcoffset() == highest and highest != lowest else "standard"
    named_offset = _offset_of_name(zone.key, variant, moment.year)
    if named_offset is None or named_offset == moment.utcoffset():
        return str(get_timezone_name(zone, "long", locale=locale, zone_variant=variant))
    return f"{_place_time(zone, locale)}, {utc_offset(moment)}"


def _naming(locale: Locale) -> Locale:
    """The locale, or English where CLDR has no names of places for it: 166 locales, such as Afar, have none."""
    return locale if "ZZ" in locale.territories else Locale.parse("en")


def utc_offset(moment: datetime) -> str:
    """The offset as people write it: UTC+2, UTC+5:30, and with a minus sign west of Greenwich."""
    minutes = int((moment.utcoffset() or timedelta()).total_seconds()) // 60
    if minutes == 0:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    sign = "+" if minutes > 0 else "\N{MINUS SIGN}"
    return f"UTC{sign}{hours}:{rest:02}" if rest else f"UTC{sign}{hours}"


def _place_time(zone: ZoneInfo, locale: Locale) -> str:
    city = str(get_timezone_location(zone, locale=locale, return_city=True))
    if locale.language == "en":
        return f"{city} time"
    return str(locale.zone_formats["region"] % city)


@lru_cache(maxsize=4_096)
def _offsets(zone: str, year: int) -> tuple[timedelta, timedelta]:
    """The lowest and the highest offset of a year."""
    local = ZoneInfo(zone)
    days = (datetime(year, 1, 1, 12, tzinfo=UTC) + timedelta(days=day) for day in range(0, 365, 7))
    offsets = [day.astimezone(local).utcoffset() or timedelta() for day in days]
    return min(offsets), max(offsets)


@lru_cache(maxsize=4_096)
def _offset_of_name(zone: str, variant: Variant, year: int) -> timedelta | None:
    """The offset that most zones have which go by the same name; None where no other zone does."""
    metazone = get_global("meta_zones").get(get_global("zone_aliases").get(zone, zone))
    others = [other for other, name in get_global("meta_zones").items() if name == metazone and metazone is not None]
    offsets: Counter[timedelta] = Counter()
    for other in others:
        try:
            lowest, highest = _offsets(other, year)
        except (ZoneInfoNotFoundError, ValueError):
            continue
        if variant == "standard" or highest != lowest:
            offsets[lowest if variant == "standard" else highest] += 1
    return offsets.most_common(1)[0][0] if offsets else None
