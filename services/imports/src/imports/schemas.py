"""The shapes of imports over HTTP."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field as Member
from pydantic import model_validator
from sqlalchemy import Row

from imports.domain.dates import DateOrder
from imports.domain.mapping import ColumnMapping, Field
from imports.domain.model import ImportState, Outcome, RowState
from imports.usecases.uploads import Preview
from slotstream_servicekit.http.models import (
    DurationMinutes,
    InstantOut,
    RequestModel,
    ResponseModel,
    ShortText,
    ZoneName,
)

ColumnName = Annotated[str, Member(min_length=1, max_length=10_000)]
Encoding = Annotated[str, Member(pattern=r"^[A-Za-z0-9_-]{2,30}$")]
Delimiter = Annotated[str, Member(pattern=r"^[,;\t|:]$")]
Cell = Annotated[str, Member(max_length=10_000)]


class MappingIn(RequestModel):
    """Columns by field; what is set beside them holds for rows that do not say otherwise."""

    columns: dict[Field, ColumnName] = Member(min_length=1, max_length=20)
    date_order: DateOrder | None = None
    zone: ZoneName | None = None
    service_id: UUID | None = None
    duration_minutes: DurationMinutes | None = None
    encoding: Encoding | None = None
    delimiter: Delimiter | None = None

    def to_mapping(self) -> ColumnMapping:
        return ColumnMapping(
            columns=self.columns,
            date_order=self.date_order,
            zone=self.zone,
            service_id=self.service_id,
            duration_minutes=self.duration_minutes,
        )


class ChangeRowIn(RequestModel):
    """What to change of a row: `values` by field, `dropped`, or an `override_reason` (null withdraws it)."""

    values: dict[Field, Cell] | None = Member(default=None, max_length=20)
    dropped: bool | None = None
    override_reason: ShortText | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> "ChangeRowIn":
        if not self.model_fields_set:
            raise ValueError("Say what to change: values, dropped or override_reason")
        return self

    @property
    def withdraws_override(self) -> bool:
        return "override_reason" in self.model_fields_set and self.override_reason is None


class OverrideIn(RequestModel):
    reason: ShortText


class ConfirmIn(RequestModel):
    """Nobody is told unless `notify` says so; `override` forces every conflict that is left."""

    notify: bool = False
    override: OverrideIn | None = None


class UndoIn(RequestModel):
    reason: ShortText = "The import was undone"


class ReasonOut(ResponseModel):
    code: str
    detail: str
    conflicts_with: list[str] = Member(default_factory=list)


class CountsOut(ResponseModel):
    """`rows` are read so far, of the import's `file_rows`; `unchecked` await an answer about conflicts, `chosen` are
    booked or to be.
    """

    rows: int
    dropped: int
    ok: int
    warnings: int
    conflicts: int
    invalid: int
    unchecked: int
    chosen: int
    booked: int
    new: int
    already_done: int
    failed: int
    undone: int


class ImportOut(ResponseModel):
    id: UUID
    business_id: UUID
    state: ImportState
    file_name: str
    encoding: str
    delimiter: str
    headers: list[str]
    file_rows: int
    mapping: dict[str, Any] | None
    notify: bool
    failure: str | None
    created_at: InstantOut
    updated_at: InstantOut
    version: int
    counts: CountsOut | None = None

    @classmethod
    def of(cls, found: Row[Any], counts: Mapping[str, int] | None = None) -> "ImportOut":
        row = dict(found._mapping)  # noqa: SLF001 - the public name of a row's columns
        return cls.model_validate({**row, "counts": counts})


class ProgressOut(ResponseModel):
    state: ImportState
    file_rows: int
    counts: CountsOut
    failure: str | None


class PreviewRowOut(ResponseModel):
    number: int
    cells: list[str]


class PreviewOut(ResponseModel):
    """The file's first rows and what its columns seem to mean.

    `date_orders` holds, by date column, the readings that all its dates allow: with several, choose one.
    """

    encoding: str
    delimiter: str
    headers: list[str]
    rows: list[PreviewRowOut]
    columns: dict[str, str]
    date_order: DateOrder | None
    zone: str | None
    service_id: UUID | None
    duration_minutes: int | None
    remembered: bool
    date_orders: dict[str, list[DateOrder]]

    @classmethod
    def of(cls, preview: Preview) -> "PreviewOut":
        return cls(
            encoding=preview.dialect.encoding,
            delimiter=preview.dialect.delimiter,
            headers=list(preview.headers),
            rows=[PreviewRowOut(number=number, cells=list(cells)) for number, cells in preview.rows],
            columns={str(each): column for each, column in preview.mapping.columns.items()},
            date_order=preview.mapping.date_order,
            zone=preview.mapping.zone,
            service_id=preview.mapping.service_id,
            duration_minutes=preview.mapping.duration_minutes,
            remembered=preview.remembered,
            date_orders={name: list(orders) for name, orders in preview.date_orders.items()},
        )


class RowOut(ResponseModel):
    """`number` is the row as a spreadsheet counts it, `values` its cells by field; `version` changes with the row."""

    number: int
    values: dict[str, str]
    state: RowState
    reasons: list[ReasonOut]
    wish: dict[str, Any] | None
    appointment_id: UUID | None
    dropped: bool
    override_reason: str | None
    checked: bool
    outcome: Outcome | None
    outcome_reasons: list[ReasonOut]
    version: int

    @classmethod
    def of(cls, row: Row[Any]) -> "RowOut":
        return cls(
            number=row.number,
            values=row.field_values,
            state=row.state,
            reasons=_reasons(row.reasons),
            wish=row.wish,
            appointment_id=row.appointment_id,
            dropped=row.dropped,
            override_reason=row.override_reason,
            checked=not row.to_check and row.check_id is None,
            outcome=row.outcome,
            outcome_reasons=_reasons(row.outcome_reasons or ()),
            version=row.revision,
        )


def _reasons(stored: Sequence[Mapping[str, Any]]) -> list[ReasonOut]:
    return [ReasonOut.model_validate(dict(each)) for each in stored]
