"""From the clock on the wall to instants, in IANA zones.

Zone rules come from the pinned `tzdata` package, never from the machine, so that two services on two
machines cannot disagree. Instants are whole epoch seconds; wall times are naive datetimes.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

DAY_MINUTES = 24 * 60
DAY_SECONDS = 86_400


class UnknownZoneError(ValueError):
    """The name is not an IANA time zone."""

    code = "unknown_zone"


class LocalKind(StrEnum):
    """How often a wall time occurs: once, never (clocks went forward), twice (clocks went back)."""

    EXACT = "exact"
    GAP = "gap"
    FOLD = "fold"


@dataclass(frozen=True, slots=True)
class Resolution:
    """The instants that a wall time can mean.

    `first` and `second` are the two readings of a fold and equal otherwise. A time in a gap is read with the
    offset before it, that is shifted forward by the gap's length (RFC 5545 §3.3.5).
    """

    kind: LocalKind
    first: int
    second: int


@cache
def zone_names() -> frozenset[str]:
    """Every IANA name that is accepted."""
    return frozenset((files("tzdata") / "zones").read_text(encoding="ascii").split())


def is_zone(name: str) -> bool:
    return name in zone_names()


@cache
def zone_of(name: str) -> ZoneInfo:
    """The rules of the zone `name`; `UnknownZoneError` where IANA knows none."""
    if not is_zone(name):
        raise UnknownZoneError(f"{name!r} is not an IANA time zone")
    path = files("tzdata.zoneinfo").joinpath(*name.split("/"))
    with path.open("rb") as rules:
        return ZoneInfo.from_file(rules, key=name)


def resolve(local: datetime, zone: str) -> Resolution:
    """What the naive wall time `local` means in `zone`."""
    rules = zone_of(zone)
    before = int(local.replace(tzinfo=rules, fold=0).timestamp())
    after = int(local.replace(tzinfo=rules, fold=1).timestamp())
    if before == after:
        return Resolution(LocalKind.EXACT, before, before)
    if before < after:
        return Resolution(LocalKind.FOLD, before, after)
    return Resolution(LocalKind.GAP, before, before)


def local_of(second: int, zone: str) -> datetime:
    """What the clock on the wall reads at the instant; naive, `fold` set on a repeated hour's second pass."""
    return datetime.fromtimestamp(second, zone_of(zone)).replace(tzinfo=None)


def local_date(second: int, zone: str) -> date:
    return datetime.fromtimestamp(second, zone_of(zone)).date()


def instant_on(zone: str, day: date | int, minute: int) -> int:
    """The first instant at which the wall clock of `day` (a date or its ordinal) reads `minute` or later.

    A boundary in a gap falls on the moment the clocks jump, one in a fold on its first pass. The map is
    monotone, so intervals that touch on the wall still touch in time, and none overlap.
    """
    ordinal = day if isinstance(day, int) else day.toordinal()
    midnight, regular = _day(zone, ordinal)
    if regular:
        return midnight + minute * 60
    return _first_instant_at(datetime.fromordinal(ordinal) + timedelta(minutes=minute), zone)


def day_span(zone: str, day: date | int) -> tuple[int, int]:
    """The local day as a half-open span: 23, 24 or 25 hours; empty where the zone skipped the date."""
    return instant_on(zone, day, 0), instant_on(zone, day, DAY_MINUTES)


@lru_cache(maxsize=65_536)
def is_regular(zone: str, ordinal: int) -> bool:
    """Whether no clock change falls on the day or the one after, which an interval over midnight reaches."""
    return _day(zone, ordinal)[1]


@lru_cache(maxsize=65_536)
def _day(zone: str, ordinal: int) -> tuple[int, bool]:
    rules = zone_of(zone)
    midnight = datetime.fromordinal(ordinal)
    # A zone's change and its reversal are months apart, so equal offsets at the ends mean none between.
    offsets = {
        (midnight + timedelta(hours=hours)).replace(tzinfo=rules, fold=fold).utcoffset()
        for hours in (0, 24, 48)
        for fold in (0, 1)
    }
    return int(midnight.replace(tzinfo=rules).timestamp()), len(offsets) == 1


def _first_instant_at(local: datetime, zone: str) -> int:
    reading = resolve(local, zone)
    if reading.kind is not LocalKind.GAP:
        return reading.first
    rules = zone_of(zone)
    before = int(local.replace(tzinfo=rules, fold=1).timestamp())
    return _transition(before, reading.first, rules)


def _transition(low: int, high: int, rules: ZoneInfo) -> int:
    """The first second in (low, high] with the offset that holds at `high`."""
    target = datetime.fromtimestamp(high, UTC).astimezone(rules).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, UTC).astimezone(rules).utcoffset() == target:
            high = middle
        else:
            low = middle
    return high
