"""Reading CSV files."""

import codecs
import csv
import io
from collections.abc import Iterator, Mapping
from itertools import islice

from imports.adapters.csv.dialects import (
    DELIMITERS,
    HEADER_CHOICES,
    NO_HEADER,
    Dialect,
    cells_of,
    checked_delimiter,
    header_row_of,
    likeliest_delimiter,
    separator_line,
    skip_separator_line,
)
from imports.adapters.csv.encodings import Encoding, checked_encoding, detect_encoding, encoding_choices
from imports.domain.tables import ReadingOption, Table, TableRow, UnreadableFileError
from slotstream_servicekit.errors import Reason

FORMAT = "csv"
MAX_COLUMNS = 200
_SAMPLE_BYTES = 64 * 1024
_SAMPLE_ROWS = 30


class CsvReader:
    """Takes whatever is text. Options: `encoding`, `delimiter`, `header_row` (a row's number, or `none`)."""

    format = FORMAT

    def can_read(self, content: bytes) -> bool:  # noqa: ARG002 - what other readers look at
        """Anything may be text: what is not is refused by `inspect` with the reason."""
        return True

    def inspect(self, content: bytes, *, chosen: Mapping[str, str], language: str) -> Table:
        unknown = sorted(chosen.keys() - {"encoding", "delimiter", "header_row"})
        if unknown:
            raise UnreadableFileError(f"A CSV file is not read by an option {unknown[0]!r}")
        encoding = _encoding(content, chosen.get("encoding"), language)
        sample = _sample(content, encoding.name)
        delimiter = checked_delimiter(chosen.get("delimiter") or separator_line(sample) or likeliest_delimiter(sample))
        header_row = chosen.get("header_row") or _found_header_row(content, encoding.name, delimiter)
        options = (
            ReadingOption(name="encoding", value=encoding.name, choices=encoding_choices(language)),
            ReadingOption(name="delimiter", value=delimiter, choices=DELIMITERS),
            ReadingOption(
                name="header_row",
                value=header_row,
                choices=(NO_HEADER, *(str(number) for number in range(1, HEADER_CHOICES + 1))),
            ),
        )
        dialect = Dialect.of({option.name: option.value for option in options})
        headers = _headers(content, dialect)
        warnings = (*_doubts(encoding, content), *_rows_above(content, dialect), *_missing_header(dialect, chosen))
        return Table(format=FORMAT, options=options, headers=headers, warnings=warnings)

    def rows(self, content: bytes, *, reading: Mapping[str, str]) -> Iterator[TableRow]:
        dialect = Dialect.of(reading)
        for number, row in _records(content, dialect.encoding, dialect.delimiter):
            if number > dialect.header_row and any(cell.strip() for cell in row):
                yield TableRow(number, row)


def _encoding(content: bytes, chosen: str | None, language: str) -> Encoding:
    return Encoding(checked_encoding(chosen)) if chosen else detect_encoding(content, language=language)


def _sample(content: bytes, encoding: str) -> str:
    try:
        sample = codecs.getincrementaldecoder(encoding)("replace").decode(content[:_SAMPLE_BYTES])
    except (UnicodeError, ValueError):
        raise UnreadableFileError(f"The file cannot be read as {encoding}") from None
    if "\x00" in sample:
        raise UnreadableFileError("The file holds NUL characters: it is no CSV file, or its encoding is another")
    return sample


def _found_header_row(content: bytes, encoding: str, delimiter: str) -> str:
    header_row = header_row_of(islice(_records(content, encoding, delimiter), _SAMPLE_ROWS))
    if header_row is None:
        raise UnreadableFileError("The file is empty")
    return str(header_row) if header_row else NO_HEADER


def _headers(content: bytes, dialect: Dialect) -> tuple[str, ...]:
    """A name for each column; empty and repeated ones get a number, so that each names one column."""
    cells = _header_cells(content, dialect)
    if len(cells) > MAX_COLUMNS:
        raise UnreadableFileError(f"The file has more than {MAX_COLUMNS} columns")
    names: list[str] = []
    for position, cell in enumerate(cells, start=1):
        name = cell.strip() or f"column {position}"
        names.append(name if name not in names else f"{name} ({position})")
    return tuple(names)


def _header_cells(content: bytes, dialect: Dialect) -> list[str]:
    records = _records(content, dialect.encoding, dialect.delimiter)
    if not dialect.header_row:
        return [""] * max((len(row) for _, row in islice(records, _SAMPLE_ROWS)), default=0)
    cells = next((row for number, row in records if number == dialect.header_row), None)
    if cells is None or not any(cell.strip() for cell in cells):
        raise UnreadableFileError(f"Row {dialect.header_row}, which should name the columns, is empty")
    return cells


def _doubts(encoding: Encoding, content: bytes) -> Iterator[Reason]:
    if encoding.is_damaged:
        detail = "The file is written in UTF-8 but for some bytes, whose letters are lost"
        yield Reason("damaged_encoding", detail)
    elif encoding.is_guessed and not content.isascii():
        detail = f"The file does not say how its letters are written; {encoding.name} was taken: look at the names"
        yield Reason("guessed_encoding", detail)


def _rows_above(content: bytes, dialect: Dialect) -> Iterator[Reason]:
    above = [
        number
        for number, row in islice(
            _records(content, dialect.encoding, dialect.delimiter), max(dialect.header_row - 1, 0)
        )
        if any(cell.strip() for cell in row)
    ]
    if above:
        listed = ", ".join(map(str, above[:10]))
        yield Reason("rows_above_header", f"Rows above the header are not imported: {listed}", tuple(map(str, above)))


def _missing_header(dialect: Dialect, chosen: Mapping[str, str]) -> Iterator[Reason]:
    if not dialect.header_row and "header_row" not in chosen:
        detail = "The first row looks like an appointment and not like the names of columns: it is imported as well"
        yield Reason("no_header", detail)


def _records(content: bytes, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    text = io.TextIOWrapper(io.BytesIO(content), encoding=encoding, errors="replace", newline="")
    start = skip_separator_line(_first_characters(text))
    text.seek(0)
    text.read(start)
    reader = csv.reader(text, delimiter=delimiter)
    number = 0
    while True:
        number += 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except (csv.Error, UnicodeError) as error:
            raise UnreadableFileError(f"Row {number} cannot be read: {error}") from None
        yield number, cells_of(row)


def _first_characters(text: io.TextIOWrapper) -> str:
    try:
        return text.read(16)
    except UnicodeError:
        return ""
