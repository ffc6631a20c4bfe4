"""Reading CSV files: the encoding by mark, by strict UTF-8, then by statistics; the dialect by its delimiter."""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from charset_normalizer import from_bytes

from imports.domain.model import UnreadableFileError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DELIMITERS = (",", ";", "\t", "|")
# Python's other codecs are for escapes and domain names; some give text that no database can hold.
_OF_FILES = re.compile(
    r"ascii|utf-(8(-sig)?|(16|32)(-[bl]e)?)|iso(8859-\d+|2022_.+)|cp\d+|mac-.+|koi8-.|gb.+|hz|big5.*|shift_jis.*|"
    r"euc_.+|johab|tis-620|ptcp154|kz1048|hp-roman8"
)
_SAMPLE = 64 * 1024
MAX_COLUMNS = 200
MAX_CELL = 10_000


@dataclass(frozen=True, slots=True)
class Dialect:
    encoding: str
    delimiter: str


def detect_encoding(content: bytes) -> str:
    for mark, name in _MARKS:
        if content.startswith(mark):
            return name
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        best = from_bytes(content[:_SAMPLE]).best()
        return best.encoding if best is not None and _is_of_files(best.encoding) else "cp1252"
    return "utf-8"


def _is_of_files(encoding: str) -> bool:
    """Raises LookupError where Python knows no such codec."""
    return _OF_FILES.fullmatch(codecs.lookup(encoding).name) is not None


def detect(content: bytes, *, encoding: str | None = None, delimiter: str | None = None) -> Dialect:
    """How the file is written. Raises UnreadableFileError for what is no text."""
    chosen = encoding or detect_encoding(content)
    sample = _decoded(content[:_SAMPLE], chosen)
    if "\x00" in sample:
        raise UnreadableFileError("The file holds NUL characters: it is no CSV file, or its encoding is another")
    return Dialect(encoding=chosen, delimiter=delimiter or _delimiter(sample))


def _unknown(encoding: str) -> UnreadableFileError:
    return UnreadableFileError(f"There is no encoding {encoding!r} for files")


def _decoded(sample: bytes, encoding: str) -> str:
    try:
        if not _is_of_files(encoding):
            raise _unknown(encoding)
        return codecs.getincrementaldecoder(encoding)("replace").decode(sample)
    except LookupError:
        raise _unknown(encoding) from None
    except (UnicodeError, ValueError):
        raise UnreadableFileError(f"The file cannot be read as {encoding}") from None


def _delimiter(sample: str) -> str:
    """The one that cuts the header and the rows into the same number of cells, the more the better."""
    lines = [line for line in sample.splitlines()[:50] if line.strip()]

    def score(delimiter: str) -> tuple[int, int]:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
        first = widths[0] if widths else 0
        return (sum(width == first for width in widths) if first > 1 else 0, first)

    return max(_DELIMITERS, key=score)


def headers_of(content: bytes, dialect: Dialect) -> list[str]:
    """The first row's names; empty and repeated ones get a number, so that each names one column."""
    first = next(_records(content, dialect), None)
    if first is None or not any(cell.strip() for cell in first[1]):
        raise UnreadableFileError("The file is empty")
    names: list[str] = []
    for position, cell in enumerate(first[1], start=1):
        name = cell.strip() or f"column {position}"
        names.append(name if name not in names else f"{name} ({position})")
    if len(names) > MAX_COLUMNS:
        raise UnreadableFileError(f"The file has more than {MAX_COLUMNS} columns")
    return names


def rows_of(content: bytes, dialect: Dialect) -> Iterator[tuple[int, Sequence[str]]]:
    """The rows after the header, numbered as a spreadsheet shows them (the header is 1); empty ones are left out."""
    records = _records(content, dialect)
    next(records, None)
    return ((number, row) for number, row in records if any(cell.strip() for cell in row))


def _records(content: bytes, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    text = io.TextIOWrapper(io.BytesIO(content), encoding=dialect.encoding, errors="replace", newline="")
    reader = csv.reader(text, delimiter=dialect.delimiter)
    number = 0
    while True:
        number += 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except (csv.Error, UnicodeError) as error:
            raise UnreadableFileError(f"Row {number} cannot be read: {error}") from None
        yield number, [cell.replace("\x00", "\ufffd")[:MAX_CELL] for cell in row]
