"""How the rows of a text file are cut, where its header is, and whether it has one."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from imports.domain.clocks import read_instant, read_time
from imports.domain.dates import DateOrder, split_date
from imports.domain.tables import UnreadableFileError
from slotstream_servicekit.spreadsheets import restored

DELIMITERS: Final = (",", ";", "\t", "|")
NO_HEADER: Final = "none"
MAX_CELL: Final = 20_000
HEADER_CHOICES: Final = 10
_SEPARATOR_LINE: Final = re.compile(r"\ufeff?\"?sep=(?P<delimiter>.)\"?\r?\n?", re.IGNORECASE)
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PHONE: Final = re.compile(r"\+?[0-9(][0-9 ()./-]{5,}")


@dataclass(frozen=True, slots=True)
class Dialect:
    """`header_row` is the row, as a spreadsheet counts, that names the columns; 0 where none does."""

    encoding: str
    delimiter: str
    header_row: int

    @classmethod
    def of(cls, reading: Mapping[str, str]) -> "Dialect":
        """From options by name. Raises UnreadableFileError."""
        row = reading["header_row"]
        if row != NO_HEADER and not (row.isascii() and row.isdecimal() and 0 < int(row) < 1_000_000):
            raise UnreadableFileError(f"header_row is the number of a row or {NO_HEADER!r}")
        delimiter = checked_delimiter(reading["delimiter"])
        return cls(reading["encoding"], delimiter, 0 if row == NO_HEADER else int(row))


def checked_delimiter(delimiter: str) -> str:
    if len(delimiter) != 1 or delimiter.isalnum() or delimiter in "\"'\r\n\x00":
        raise UnreadableFileError("A delimiter is one character that is neither letter, digit nor quote")
    return delimiter


def separator_line(text: str) -> str | None:
    """The delimiter that a first line `sep=;` names, as spreadsheets write and read it."""
    match = _SEPARATOR_LINE.match(text)
    return match["delimiter"] if match else None


def skip_separator_line(text: str) -> int:
    """Where the rows begin: a spreadsheet does not count a line `sep=;`."""
    match = _SEPARATOR_LINE.match(text)
    return match.end() if match else 0


def likeliest_delimiter(sample: str) -> str:
    """The one that cuts the greatest part of the rows into the same number of cells, the more the better.

    A part of them, since each delimiter sees other rows: a text of several lines in quotes is one row to the right one.
    """
    lines = [line for line in sample.splitlines()[:50] if line.strip()]

    def score(delimiter: str) -> tuple[float, int]:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
        cut = [width for width in widths if width > 1]
        usual = max(set(cut), key=lambda width: (cut.count(width), width), default=0)
        return cut.count(usual) / max(1, len(widths)), usual

    return max(DELIMITERS, key=score)


def cells_of(row: Sequence[str]) -> list[str]:
    """Cells as they were meant: what an export guarded from being run as a formula loses its guard."""
    return [restored(cell.replace("\x00", "\ufffd")[:MAX_CELL]) for cell in row]


def header_row_of(rows: Iterator[tuple[int, Sequence[str]]]) -> int | None:
    """The row that names the columns, among the first ones; 0 where they begin with what looks like an appointment.

    Titles above a header fill fewer cells than the table below them. None where nothing is filled at all.
    """
    sample = [(number, row) for number, row in rows if _filled(row)]
    if not sample:
        return None
    usual = max(_filled(row) for _, row in sample)
    for number, row in sample:
        if _filled(row) * 2 > usual or len(sample) == 1:
            return 0 if any(_looks_like_a_value(cell) for cell in row) else number
    return sample[0][0]


def _filled(row: Sequence[str]) -> int:
    return sum(bool(cell.strip()) for cell in row)


def _looks_like_a_value(cell: str) -> bool:
    text = cell.strip()
    if not text:
        return False
    return (
        _EMAIL.fullmatch(text) is not None
        or _PHONE.fullmatch(text) is not None
        or read_time(text) is not None
        or read_instant(text) is not None
        or any(split_date(text, order) is not None for order in DateOrder)
    )
