"""Reading dates, times and durations as people write them. The order of a date's parts is a column's property."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum


class DateOrder(StrEnum):
    YEAR_FIRST = "year-month-day"
    DAY_FIRST = "day-month-year"
    MONTH_FIRST = "month-day-year"


_NUMERIC = re.compile(r"(\d{1,4})([./-])(\d{1,2})\2(\d{4}|\d{2})(?!\d)")
_DAY_NAMED = re.compile(r"(\d{1,2})\.?[ -]([A-Za-z]{3,9})\.?,?[ -](\d{4})")
_NAMED_DAY = re.compile(r"([A-Za-z]{3,9})\.? (\d{1,2}),? (\d{4})")
_MONTHS = {
    name: number
    for number, names in enumerate(
        ("jan january", "feb february", "mar march", "apr april", "may", "jun june", "jul july",
         "aug august", "sep sept september", "oct october", "nov november", "dec december"),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_TIME = re.compile(r"(\d{1,2})(?:[:.hH](\d{2}))?(?::(\d{2})(?:\.\d+)?)?\s*([AaPp])?\.?(?:[Mm]\.?)?(?:\s*(?:Uhr|h))?")
_OFFSET = re.compile(r"(?:[Zz]|[+-]\d{2}:?\d{2})$")
_DURATION = re.compile(
    r"(?:(\d{1,3})\s*(?:h|hours?|std\.?|:))?\s*(?:(\d{1,4})\s*(?:m|min|minutes?|mins)?)?\.?", re.IGNORECASE
)
_ISO_DURATION = re.compile(r"PT(?:(\d{1,3})H)?(?:(\d{1,4})M)?", re.IGNORECASE)


def split_date(text: str, order: DateOrder) -> tuple[date, str] | None:
    """The date at the start of `text`, read in `order`, and what follows it. None where there is none."""
    text = text.strip()
    if match := _NUMERIC.match(text):
        parts = match[1], match[3], match[4]
        found = _dated(_ordered(parts, order))
    elif match := _DAY_NAMED.match(text):
        found = _named(match[3], match[2], match[1])
    elif match := _NAMED_DAY.match(text):
        found = _named(match[3], match[1], match[2])
    else:
        return None
    return None if found is None else (found, text[match.end() :].lstrip(" T,t"))


def _ordered(parts: tuple[str, str, str], order: DateOrder) -> tuple[str, str, str] | None:
    first, second, third = parts
    if (len(first) == 4) != (order is DateOrder.YEAR_FIRST) or len(first) == 3:
        return None
    match order:
        case DateOrder.YEAR_FIRST:
            return (first, second, third) if len(third) == 2 else None
        case DateOrder.DAY_FIRST:
            return third, second, first
        case _:
            return third, first, second


def _dated(parts: tuple[str, str, str] | None) -> date | None:
    if parts is None:
        return None
    year, month, day = (int(part) for part in parts)
    try:
        return date(year + 2000 if year < 100 else year, month, day)
    except ValueError:
        return None


def _named(year: str, month: str, day: str) -> date | None:
    number = _MONTHS.get(month.lower())
    return None if number is None else _dated((year, str(number), day))


def read_time(text: str) -> time | None:
    """`9:30`, `09.30`, `9 am`, `14h30`, `14:30 Uhr`; None where it is no time of day."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        return None
    hour, minute, second = (int(match[group] or 0) for group in (1, 2, 3))
    if match[4]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match[4].lower() == "p" else 0)
    elif match[2] is None:
        return None
    try:
        return time(hour, minute, second)
    except ValueError:
        return None


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
    """`45`, `45 min`, `1:30`, `1h 30m`, `PT1H30M`, as whole minutes."""
    match = _ISO_DURATION.fullmatch(text.strip()) or _DURATION.fullmatch(text.strip())
    if match is None or (match[1] is None and match[2] is None):
        return None
    return int(match[1] or 0) * 60 + int(match[2] or 0)


@dataclass(slots=True)
class DateColumn:
    """Counts, cell by cell, which orders could be meant; a few flawed cells do not decide."""

    filled: int = 0
    hits: dict[DateOrder, int] = field(default_factory=lambda: dict.fromkeys(DateOrder, 0))
    differs: bool = False

    def see(self, cells: Iterable[str]) -> None:
        for cell in cells:
            if not cell.strip():
                continue
            self.filled += 1
            if read_instant(cell) is not None:
                read: dict[DateOrder, date] = dict.fromkeys(DateOrder, date.min)
            else:
                read = {order: found[0] for order in DateOrder if (found := split_date(cell, order)) is not None}
            for order in read:
                self.hits[order] += 1
            self.differs = self.differs or len(set(read.values())) > 1

    def survivors(self) -> tuple[DateOrder, ...]:
        """The orders that read most cells. Several: the user chooses. None: this is no date column."""
        best = max(self.hits.values())
        if best == 0 or best * 2 < self.filled:
            return ()
        left = tuple(order for order in DateOrder if self.hits[order] == best)
        return left if self.differs else left[:1]
