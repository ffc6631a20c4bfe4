"""Tables in files: what a reader of one format does, and what it says of a file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from slotstream_servicekit.errors import ErrorKind, Reason, SlotstreamError


class UnreadableFileError(SlotstreamError):
    code = "unreadable_file"
    kind = ErrorKind.invalid


@dataclass(frozen=True, slots=True)
class TableRow:
    """`number` is the row as a spreadsheet counts it."""

    number: int
    cells: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingOption:
    """Something about reading a file that a user may choose; `choices` are suggestions, the likeliest first."""

    name: str
    value: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What a reader found in a file. Each header names one column; `warnings` say what was doubtful or left out."""

    format: str
    options: tuple[ReadingOption, ...]
    headers: tuple[str, ...]
    warnings: tuple[Reason, ...] = ()

    @property
    def reading(self) -> Mapping[str, str]:
        """The options that were chosen or found, as `TableReader.rows` takes them."""
        return {option.name: option.value for option in self.options}


class TableReader(Protocol):
    """Reads files of one format. All methods block; they raise UnreadableFileError."""

    @property
    def format(self) -> str: ...

    def can_read(self, content: bytes) -> bool:
        """Whether the content looks like this format."""

    def inspect(self, content: bytes, *, chosen: Mapping[str, str], language: str) -> Table:
        """Finds the header and how the file is written; `chosen` options go before what is found.

        `language` is that of the business (BCP 47), for what the bytes alone do not say.
        """

    def rows(self, content: bytes, *, reading: Mapping[str, str]) -> Iterator[TableRow]:
        """The rows after the header, as `reading` says, without those that hold nothing."""


class TableReaders:
    """The formats that are understood; the first reader that recognises a file reads it."""

    def __init__(self, *readers: TableReader) -> None:
        self._readers = readers

    def for_content(self, content: bytes) -> TableReader:
        for reader in self._readers:
            if reader.can_read(content):
                return reader
        raise UnreadableFileError("The file is of no kind that can be imported")

    def of(self, format_name: str) -> TableReader:
        for reader in self._readers:
            if reader.format == format_name:
                return reader
        raise UnreadableFileError(f"Files of the format {format_name!r} can no longer be read")
