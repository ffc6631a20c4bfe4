"""What the rows of a file show before they are judged: dates, ranges, words for statuses, columns that nobody uses."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from imports.domain.clocks import RangeEvidence
from imports.domain.dates import DateColumn, DateOrder, split_date
from imports.domain.mapping import (
    DATED,
    AmbiguousDatesError,
    AmbiguousTimesError,
    ColumnMapping,
    Field,
    MappingError,
    UnknownStatusesError,
)
from imports.domain.statuses import FinalStatus, read_status
from imports.domain.tables import TableRow
from slotstream_servicekit.errors import Reason

PREVIEW_ROWS = 20
_TELLING_ROWS = 10
"""Of the preview, so many rows may be those whose letters show whether the encoding is right."""
_MOST_WORDS = 50
_LOST = "\ufffd"


@dataclass(slots=True)
class Survey:
    """Sees every row once; the mapping need not be complete."""

    headers: Sequence[str]
    mapping: ColumnMapping
    rows: int = 0
    filled: Counter[int] = field(default_factory=Counter)
    beyond_header: int = 0
    first: list[TableRow] = field(default_factory=list)
    undecoded: list[TableRow] = field(default_factory=list)
    accented: list[TableRow] = field(default_factory=list)
    undecoded_rows: int = 0
    dates: dict[str, DateColumn] = field(default_factory=dict)
    ranges: RangeEvidence = field(default_factory=RangeEvidence)
    status_words: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, rows: Iterable[TableRow], headers: Sequence[str], mapping: ColumnMapping) -> "Survey":
        """Blocks for as long as reading all rows takes."""
        survey = cls(headers, mapping)
        places = mapping.places(headers)
        dated = {places[name]: headers[places[name]] for name in DATED if name in places}
        survey.dates = {column: DateColumn() for column in dated.values()}
        used = set(places.values())
        unused = [place for place in range(len(headers)) if place not in used]
        for row in rows:
            survey._see(row, places, dated, unused)
        return survey

    def _see(self, row: TableRow, places: Mapping[Field, int], dated: Mapping[int, str], unused: Sequence[int]) -> None:
        cells = row.cells
        self.rows += 1
        self._sample(row)
        for place in unused:
            if place < len(cells) and cells[place].strip():
                self.filled[place] += 1
        if len(cells) > len(self.headers) and any(cell.strip() for cell in cells[len(self.headers) :]):
            self.beyond_header += 1
        for place, column in dated.items():
            if place < len(cells):
                self.dates[column].see(cells[place])
        start = places.get(Field.STARTS_AT)
        if start is not None and start < len(cells):
            self._see_clock(cells[start])
        status = places.get(Field.STATUS)
        if status is not None and status < len(cells):
            self._see_status(cells[status].strip())

    def _sample(self, row: TableRow) -> None:
        if len(self.first) < PREVIEW_ROWS:
            self.first.append(row)
        text = "".join(row.cells)
        if text.isascii():
            return
        if _LOST in text:
            self.undecoded_rows += 1
            if len(self.undecoded) < _TELLING_ROWS:
                self.undecoded.append(row)
        elif len(self.accented) < _TELLING_ROWS:
            self.accented.append(row)

    def _see_status(self, word: str) -> None:
        if word and (word in self.status_words or len(self.status_words) < _MOST_WORDS):
            self.status_words[word] += 1

    def _see_clock(self, cell: str) -> None:
        order = self.mapping.date_order or next(
            (order for order in DateOrder if split_date(cell, order) is not None), DateOrder.YEAR_FIRST
        )
        split = split_date(cell, order)
        if split is not None and "T" not in cell.upper():
            self.ranges.see(split[1])

    @property
    def date_orders(self) -> dict[str, tuple[DateOrder, ...]]:
        """By date column: the orders of day, month and year that its cells allow."""
        return {name: column.survivors() for name, column in self.dates.items()}

    @property
    def unmapped(self) -> dict[str, int]:
        """Columns that hold something and mean nothing: how many of their cells do."""
        return {self.headers[place]: count for place, count in sorted(self.filled.items())}

    @property
    def statuses(self) -> dict[str, FinalStatus | None]:
        """The words of the status column, and what each is taken for."""
        return {word: read_status(word, self.mapping.statuses) for word in sorted(self.status_words)}

    def preview(self) -> list[TableRow]:
        """The first rows, before them those whose letters show whether the encoding is right."""
        telling = (self.undecoded + self.accented)[:_TELLING_ROWS]
        numbers = {row.number for row in telling}
        return (telling + [row for row in self.first if row.number not in numbers])[:PREVIEW_ROWS]

    def warnings(self) -> tuple[Reason, ...]:
        """What would be left out or is doubtful, if the file was imported with this mapping."""
        warnings = [
            Reason("unmapped_column", f"{count} rows hold something in the column {name!r}, which is not used", (name,))
            for name, count in self.unmapped.items()
        ]
        if self.beyond_header:
            detail = f"{self.beyond_header} rows hold cells beyond the last column of the header: they are not used"
            warnings.append(Reason("cells_beyond_header", detail))
        if self.undecoded_rows:
            detail = f"{self.undecoded_rows} rows hold letters that could not be read and stand as {_LOST}"
            warnings.append(Reason("undecodable_text", detail))
        chosen = self.mapping.date_order
        for name, column in self.dates.items():
            allowed = column.allowed()
            if chosen is not None and allowed and chosen not in allowed:
                detail = f"Not all dates in {name!r} can be read as {chosen}; {allowed[0]} reads more of them"
                warnings.append(Reason("contradicted_date_order", detail, (name,)))
        return tuple(warnings)

    def supported_date_order(self) -> DateOrder | None:
        """The mapping's order of dates where the file allows it, else the only one that it allows."""
        common = self._common_orders()
        if self.mapping.date_order in common:
            return self.mapping.date_order
        return common[0] if len(common) == 1 else None

    def required_date_order(self) -> DateOrder:
        """The one order of all date columns. Raises MappingError, AmbiguousDatesError."""
        for name, column in self.dates.items():
            if not column.allowed() and name != self.mapping.columns.get(Field.ENDS_AT):
                raise MappingError(f"The column {name!r} holds no dates")
        common = self._common_orders()
        if not common:
            raise MappingError("The date columns are written in different orders: choose one as date_order")
        if len(common) > 1 and any(column.differs for column in self.dates.values()):
            names = " and ".join(repr(name) for name in self.dates)
            raise AmbiguousDatesError(
                f"The dates in {names} can be read in several ways: choose one as date_order",
                reasons=tuple(Reason("date_order", str(order)) for order in common),
            )
        return common[0]

    def _common_orders(self) -> list[DateOrder]:
        """The orders that suit all date columns."""
        allowed = [column.allowed() for column in self.dates.values()]
        return [order for order in DateOrder if all(order in orders for orders in allowed if orders)]

    def require_known_statuses(self) -> None:
        """Raises UnknownStatusesError, and MappingError where the words are too many to mean a status."""
        if len(self.status_words) == _MOST_WORDS:
            raise MappingError("The column of statuses holds too many different words: map another, or none")
        unknown = [word for word, status in self.statuses.items() if status is None]
        if unknown:
            raise UnknownStatusesError(
                "Say as statuses what these words of the file mean: " + ", ".join(repr(word[:60]) for word in unknown),
                reasons=tuple(Reason("unknown_status", word[:200], (word[:200],)) for word in unknown),
            )

    def required_time_ranges(self) -> bool | None:
        """Whether `10:00-11:00` is a range. None where only a column of times is there, in which it always is one."""
        if Field.STARTS_AT not in self.mapping.columns:
            return None
        verdict = self.ranges.verdict
        if verdict is None:
            raise AmbiguousTimesError(
                "Times such as 10:00-11:00 may be ranges or carry their offset from UTC: say which as time_ranges",
                reasons=(Reason("time_ranges", "true"), Reason("time_ranges", "false")),
            )
        return verdict
