"""The shapes of imports over HTTP."""

from collections.abc import Iterable, Sequence
from typing import Annotated
from uuid import UUID

from pydantic import Field as Member
from pydantic import model_validator

from imports.domain.catalogue import fold
from imports.domain.dates import DateOrder
from imports.domain.imports import Import, ImportState
from imports.domain.locations import Kind
from imports.domain.mapping import ColumnMapping, Field
from imports.domain.rows import ImportRow, Outcome, RequestedAppointment, RowCounts, RowState
from imports.domain.statuses import FinalStatus
from imports.usecases.files import Preview
from imports.usecases.review import RowChange
from slotstream_servicekit.errors import Reason
from slotstream_servicekit.http.models import (
    DurationMinutes,
    InstantOut,
    RequestModel,
    ResponseModel,
    ShortText,
    ZoneName,
)

ColumnName = Annotated[str, Member(min_length=1, max_length=10_000)]
OptionName = Annotated[str, Member(pattern=r"^[a-z_]{1,30}$")]
OptionValue = Annotated[str, Member(min_length=1, max_length=60)]
OptionChoice = Annotated[str, Member(pattern=r"^[a-z_]{1,30}:[^\r\n]{1,60}$")]
"""`name:value`"""
StatusWord = Annotated[str, Member(min_length=1, max_length=100)]
Cell = Annotated[str, Member(max_length=10_000)]


def chosen_options(choices: Iterable[str]) -> dict[str, str]:
    return {name: value for name, _, value in (choice.partition(":") for choice in choices)}


class MappingIn(RequestModel):
    """Columns by field; what is set beside them holds for rows that do not say otherwise.

    `reading` chooses how the file is read, by the names of the preview's options. `statuses` says what the file's own
    words for statuses mean: each that is not known has to be named.
    `time_ranges` says whether `10:00-11:00` is a range, not a time with its offset from UTC.
    """

    columns: dict[Field, ColumnName] = Member(min_length=1, max_length=30)
    date_order: DateOrder | None = None
    time_ranges: bool | None = None
    zone: ZoneName | None = None
    service_id: UUID | None = None
    duration_minutes: DurationMinutes | None = None
    statuses: dict[StatusWord, FinalStatus] = Member(default_factory=dict, max_length=100)
    reading: dict[OptionName, OptionValue] = Member(default_factory=dict, max_length=10)

    def to_mapping(self) -> ColumnMapping:
        return ColumnMapping(
            columns=self.columns,
            date_order=self.date_order,
            time_ranges=self.time_ranges,
            zone=self.zone,
            service_id=self.service_id,
            duration_minutes=self.duration_minutes,
            statuses={fold(word): status for word, status in self.statuses.items()},
        )


class ChangeRowIn(RequestModel):
    """What to change of a row: `values` by field, `dropped`, or an `override_reason` (null withdraws it)."""

    values: dict[Field, Cell] | None = Member(default=None, max_length=30)
    dropped: bool | None = None
    override_reason: ShortText | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> "ChangeRowIn":
        if not self.model_fields_set:
            raise ValueError("Say what to change: values, dropped or override_reason")
        return self

    def to_change(self) -> RowChange:
        return RowChange(
            values=self.values,
            dropped=self.dropped,
            override_reason=self.override_reason,
            withdraws_override="override_reason" in self.model_fields_set and self.override_reason is None,
        )


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
    booked or to be, `overridden` the conflicts with an override of their own. Of `unknown` ones booking's answer did
    not come before the import was cancelled.
    """

    rows: int
    dropped: int
    ok: int
    warnings: int
    conflicts: int
    overridden: int
    invalid: int
    unchecked: int
    chosen: int
    booked: int
    new: int
    already_done: int
    failed: int
    undone: int
    unknown: int


class MappingOut(ResponseModel):
    columns: dict[str, str]
    date_order: DateOrder | None
    time_ranges: bool | None
    zone: str | None
    service_id: UUID | None
    duration_minutes: int | None
    statuses: dict[str, FinalStatus]

    @classmethod
    def of(cls, mapping: ColumnMapping) -> "MappingOut":
        return cls(
            columns={str(name): column for name, column in mapping.columns.items()},
            date_order=mapping.date_order,
            time_ranges=mapping.time_ranges,
            zone=mapping.zone,
            service_id=mapping.service_id,
            duration_minutes=mapping.duration_minutes,
            statuses=dict(mapping.statuses),
        )


class ImportOut(ResponseModel):
    """`reading` says how the file is read, by option; `warnings` what of it was doubtful or is left out."""

    id: UUID
    business_id: UUID
    state: ImportState
    file_name: str
    format: str
    reading: dict[str, str]
    headers: list[str]
    file_rows: int
    warnings: list[ReasonOut]
    mapping: MappingOut | None
    notify: bool
    failure: str | None
    created_at: InstantOut
    updated_at: InstantOut
    version: int
    counts: CountsOut | None = None

    @classmethod
    def of(cls, imported: Import, counts: RowCounts | None = None) -> "ImportOut":
        return cls(
            id=imported.id,
            business_id=imported.business_id,
            state=imported.state,
            file_name=imported.file_name,
            format=imported.format,
            reading=dict(imported.reading),
            headers=list(imported.headers),
            file_rows=imported.file_rows,
            warnings=_reasons(imported.warnings),
            mapping=None if imported.mapping is None else MappingOut.of(imported.mapping),
            notify=imported.notify,
            failure=imported.failure,
            created_at=imported.created_at,
            updated_at=imported.updated_at,
            version=imported.version,
            counts=None if counts is None else CountsOut.model_validate(counts),
        )


class ProgressOut(ResponseModel):
    state: ImportState
    file_rows: int
    counts: CountsOut
    failure: str | None

    @classmethod
    def of(cls, imported: Import, counts: RowCounts) -> "ProgressOut":
        return cls(
            state=imported.state,
            file_rows=imported.file_rows,
            counts=CountsOut.model_validate(counts),
            failure=imported.failure,
        )


class ReadingOptionOut(ResponseModel):
    """Something about reading the file that can be chosen; `choices` are suggestions."""

    name: str
    value: str
    choices: list[str]


class PreviewRowOut(ResponseModel):
    number: int
    cells: list[str]


class PreviewOut(ResponseModel):
    """Some of the file's rows, those with unusual letters first, and what its columns seem to mean.

    `date_orders` holds, by date column, the readings that its dates allow: with several, choose one. `unmapped` are
    columns that hold something and are not used, with the number of such rows; `words` those of the status column with
    what they are taken for, null where nobody knows.
    """

    format: str
    reading: list[ReadingOptionOut]
    headers: list[str]
    columns: dict[str, str]
    date_order: DateOrder | None
    time_ranges: bool | None
    zone: str | None
    service_id: UUID | None
    duration_minutes: int | None
    statuses: dict[str, FinalStatus]
    rows: list[PreviewRowOut]
    remembered: bool
    date_orders: dict[str, list[DateOrder]]
    unmapped: dict[str, int]
    words: dict[str, FinalStatus | None]
    warnings: list[ReasonOut]

    @classmethod
    def of(cls, preview: Preview) -> "PreviewOut":
        table, survey = preview.table, preview.survey
        return cls(
            format=table.format,
            reading=[
                ReadingOptionOut(name=option.name, value=option.value, choices=list(option.choices))
                for option in table.options
            ],
            headers=list(table.headers),
            columns={str(name): column for name, column in preview.mapping.columns.items()},
            date_order=preview.mapping.date_order,
            time_ranges=preview.mapping.time_ranges,
            zone=preview.mapping.zone,
            service_id=preview.mapping.service_id,
            duration_minutes=preview.mapping.duration_minutes,
            statuses=dict(preview.mapping.statuses),
            rows=[PreviewRowOut(number=row.number, cells=list(row.cells)) for row in survey.preview()],
            remembered=preview.remembered,
            date_orders={name: list(orders) for name, orders in survey.date_orders.items()},
            unmapped=survey.unmapped,
            words=survey.statuses,
            warnings=_reasons((*table.warnings, *survey.warnings())),
        )


class LocationOut(ResponseModel):
    kind: Kind
    text: str | None
    url: str | None


class RequestedOut(ResponseModel):
    """The appointment that a row asks for."""

    client_name: str
    phone: str | None
    email: str | None
    service_id: UUID
    resource_id: UUID | None
    starts_at: InstantOut
    duration_minutes: int
    notes: str | None
    external_id: str | None
    status: FinalStatus
    location: LocationOut | None


class RowOut(ResponseModel):
    """`number` is the row as a spreadsheet counts it, `values` its cells by field; `version` changes with the row."""

    number: int
    values: dict[str, str]
    state: RowState
    reasons: list[ReasonOut]
    requested: RequestedOut | None
    appointment_id: UUID | None
    dropped: bool
    override_reason: str | None
    checked: bool
    outcome: Outcome | None
    outcome_reasons: list[ReasonOut]
    version: int

    @classmethod
    def of(cls, row: ImportRow) -> "RowOut":
        return cls(
            number=row.number,
            values={str(name): value for name, value in row.values.items()},
            state=row.state,
            reasons=_reasons(row.reasons),
            requested=_requested(row.requested),
            appointment_id=row.appointment_id,
            dropped=row.dropped,
            override_reason=None if row.override is None else row.override.reason,
            checked=not row.to_check and row.check_id is None,
            outcome=row.outcome,
            outcome_reasons=_reasons(row.outcome_reasons),
            version=row.revision,
        )


def _requested(requested: RequestedAppointment | None) -> RequestedOut | None:
    return None if requested is None else RequestedOut.model_validate(requested)


def _reasons(reasons: Sequence[Reason]) -> list[ReasonOut]:
    return [
        ReasonOut(code=reason.code, detail=reason.detail, conflicts_with=list(reason.conflicts_with))
        for reason in reasons
    ]
