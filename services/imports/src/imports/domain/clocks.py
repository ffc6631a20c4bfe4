"""Reading times of day, ranges, offsets from UTC and durations as people write them."""

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta

_TIME = re.compile(
    r"(?P<hour>\d{1,2})(?:[:.hH](?P<minute>\d{2}))?(?::(?P<second>\d{2})(?:\.\d+)?)?"
    r"\s*(?:(?P<half>[AaPp])\.?(?:[Mm]\.?)?)?(?P<unit>\s*(?:Uhr|h|o'clock))?"
)
_RANGE = re.compile(
    r"(?:from|von|de|ab)?\s*(?P<start>.+?)\s*(?:[-\u2013\u2014]|\bto\b|\bbis\b|\buntil\b|\btill\b)\s*(?P<end>.+)"
)
_HALF = re.compile(r"\s*[AaPp]\.?[Mm]?\.?$")
_UNIT = re.compile(r"\s*(?:Uhr|h|o'clock)$")
_OFFSET = re.compile(r"(?:[Zz]|[+-]\d{2}:?\d{2})$")
_CLOCK_OFFSET = re.compile(
    r"(?P<clock>.+?)\s*\(?(?:(?P<utc>[Zz]|UTC|GMT)|(?:UTC|GMT)?\s*(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>\d{2}))?)\)?"
)
_RANGE_OR_OFFSET = re.compile(r"(?P<start>\d{1,2}[:.]\d{2})-(?P<hours>\d{2}):?(?P<minutes>\d{2})")
_WEST = timedelta(hours=12)
"""The farthest that a zone lies behind UTC."""
_DURATION = re.compile(
    r"(?:(?P<days>\d{1,2})\s*(?:d|days?|tage?))?\s*(?:(?P<hours>\d{1,3})\s*(?:h|hours?|hrs?|std\.?|stunden?|:))?\s*"
    r"(?:(?P<minutes>\d{1,5})\s*(?:m|min|minutes?|mins|minuten)?)?\.?",
    re.IGNORECASE,
)
_ISO_DURATION = re.compile(
    r"P(?:(?P<weeks>\d)W|(?:(?P<days>\d{1,2})D)?(?:T(?=\d)(?:(?P<hours>\d{1,3})H)?(?:(?P<minutes>\d{1,5})M)?)?)",
    re.IGNORECASE,
)
_MINUTES_IN = {"weeks": 7 * 24 * 60, "days": 24 * 60, "hours": 60, "minutes": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """A time of day; with the end where a range was written, and its offset from UTC where one was."""

    start: time
    end: time | None = None
    offset: timedelta | None = None


def read_time(text: str) -> time | None:
    """`9:30`, `09.30`, `9 am`, `14h30`, `14:30 Uhr`, `9 Uhr`; None where it is no time of day."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        return None
    hour, minute, second = (int(match[part] or 0) for part in ("hour", "minute", "second"))
    if match["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match["half"].lower() == "p" else 0)
    elif match["minute"] is None and match["unit"] is None:
        return None
    try:
        return time(hour, minute, second)
    except ValueError:
        return None


def read_range(text: str) -> tuple[time, time] | None:
    """`10:00-11:00`, `10 - 11 am`, `von 10 bis 11 Uhr`: both ends; None where it is no range."""
    match = _RANGE.fullmatch(text.strip())
    if match is None:
        return None
    end = read_time(match["end"])
    if end is None:
        return None
    start = read_time(match["start"])
    for suffix in (_HALF, _UNIT):
        # What is written once, behind the end, holds for the start as well.
        if start is None and (written := suffix.search(match["end"])) is not None:
            start = read_time(match["start"] + written[0])
    return None if start is None else (start, end)


def read_clock(text: str, *, ranges: bool) -> Clock | None:
    """A time of day, a range, or a time with its offset. `ranges`: `10:00-11:00` is a range, not an offset."""
    text = text.strip()
    if (start := read_time(text)) is not None:
        return Clock(start=start)
    is_offset = not ranges and _RANGE_OR_OFFSET.fullmatch(text) is not None
    if not is_offset and (both := read_range(text)) is not None:
        return Clock(start=both[0], end=both[1])
    match = _CLOCK_OFFSET.fullmatch(text)
    start = read_time(match["clock"]) if match else None
    if match is None or start is None:
        return None
    if match["utc"]:
        return Clock(start=start, offset=timedelta())
    offset = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"] or 0))
    if offset >= timedelta(hours=24):
        return None
    return Clock(start=start, offset=-offset if match["sign"] == "-" else offset)


def read_instant(text: str) -> datetime | None:
    """An ISO 8601 time that carries its own offset; None for everything else."""
    text = text.strip()
    if len(text) < 16 or not _OFFSET.search(text):
        return None
    try:
        instant = datetime.fromisoformat(text.upper().replace(" ", "T", 1))
    except ValueError:
        return None
    return instant if instant.tzinfo is not None else None


def read_minutes(text: str) -> int | None:
    """`45`, `45 min`, `1:30`, `1h 30m`, `7 days`, `PT1H30M`, `P1W`, as whole minutes."""
    match = _ISO_DURATION.fullmatch(text.strip()) or _DURATION.fullmatch(text.strip())
    if match is None:
        return None
    parts = {name: value for name, value in match.groupdict().items() if value is not None}
    if not parts:
        return None
    return sum(int(value) * _MINUTES_IN[name] for name, value in parts.items())


@dataclass(slots=True)
class RangeEvidence:
    """What a column says about `10:00-11:00`: whether such cells are ranges or times with an offset from UTC."""

    ranges: int = 0
    offsets: int = 0
    either: int = 0

    def see(self, clock: str) -> None:
        match = _RANGE_OR_OFFSET.fullmatch(clock.strip())
        if match is None:
            return
        start, end = read_time(match["start"]), read_time(f"{match['hours']}:{match['minutes']}")
        offset = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"]))
        is_range = start is not None and end is not None and start < end
        is_offset = offset <= _WEST and int(match["minutes"]) in (0, 30)
        self.either += is_range and is_offset
        self.ranges += is_range and not is_offset
        self.offsets += is_offset and not is_range

    @property
    def verdict(self) -> bool | None:
        """Whether they are ranges, by the cells that can mean one thing only; None where none decides."""
        if self.ranges and not self.offsets:
            return True
        if self.offsets and not self.ranges:
            return False
        return None if self.either or self.ranges else False
