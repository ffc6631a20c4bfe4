"""Reading dates as people write them. The order of a date's parts is a column's property."""

import re
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from imports.domain.clocks import read_instant, read_time


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


def split_date(text: str, order: DateOrder) -> tuple[date, str] | None:
    """The date at the start of `text`, read in `order`, and what follows it. None where there is none."""
    text = text.strip()
    if match := _NUMERIC.match(text):
        parts = match[1], match[3], match[4]
        day = _dated(_ordered(parts, order))
    elif match := _DAY_NAMED.match(text):
        day = _named(match[3], match[2], match[1])
    elif match := _NAMED_DAY.match(text):
        day = _named(match[3], match[1], match[2])
    else:
        return None
    return None if day is None else (day, text[match.end() :].lstrip(" T,t"))


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


@dataclass(slots=True)
class DateColumn:
    """Counts, cell by cell, which orders could be meant; a few flawed cells do not decide."""

    filled: int = 0
    hits: dict[DateOrder, int] = field(default_factory=lambda: dict.fromkeys(DateOrder, 0))
    differs: bool = False

    def see(self, cell: str) -> None:
        """Empty cells and times of day without a date say nothing."""
        if not cell.strip() or read_time(cell) is not None:
            return
        self.filled += 1
        if read_instant(cell) is not None:
            dates: dict[DateOrder, date] = dict.fromkeys(DateOrder, date.min)
        else:
            dates = {order: split[0] for order in DateOrder if (split := split_date(cell, order)) is not None}
        for order in dates:
            self.hits[order] += 1
        self.differs = self.differs or len(set(dates.values())) > 1

    def allowed(self) -> tuple[DateOrder, ...]:
        """The orders that read most cells. None: this is no date column."""
        best = max(self.hits.values())
        if best == 0 or best * 2 < self.filled:
            return ()
        return tuple(order for order in DateOrder if self.hits[order] == best)

    def survivors(self) -> tuple[DateOrder, ...]:
        """The orders among which the user has to choose; one where all that are allowed read the same dates."""
        return self.allowed() if self.differs else self.allowed()[:1]
