"""Which column holds what: suggested from the headers, confirmed by the user, remembered for the next file."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as member
from enum import StrEnum
from uuid import UUID

from imports.domain.catalogue import fold
from imports.domain.dates import DateOrder
from imports.domain.statuses import FinalStatus
from slotstream_servicekit.errors import ErrorKind, SlotstreamError


class MappingError(SlotstreamError):
    code = "invalid_mapping"
    kind = ErrorKind.invalid


class AmbiguousDatesError(MappingError):
    """Several readings of a date column survive: the user chooses."""

    code = "ambiguous_dates"


class AmbiguousTimesError(MappingError):
    """`10:00-11:00` may be a range or a time with its offset from UTC: the user chooses."""

    code = "ambiguous_times"


class UnknownStatusesError(MappingError):
    """The status column holds words that nobody knows: the user says what they mean."""

    code = "unknown_statuses"


class Field(StrEnum):
    CLIENT_NAME = "client_name"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    PHONE = "phone"
    EMAIL = "email"
    SERVICE = "service"
    STAFF = "staff"
    STARTS_AT = "starts_at"
    DATE = "date"
    TIME = "time"
    ENDS_AT = "ends_at"
    END_DATE = "end_date"
    ZONE = "zone"
    DURATION = "duration"
    STATUS = "status"
    LOCATION = "location"
    NOTES = "notes"
    EXTERNAL_ID = "external_id"


DATED = (Field.DATE, Field.STARTS_AT, Field.END_DATE, Field.ENDS_AT)
"""Fields whose columns hold dates, at least sometimes."""

_NAMES: Mapping[Field, tuple[str, ...]] = {
    Field.EXTERNAL_ID: ("external id", "id", "appointment id", "booking id", "reference", "ref"),
    Field.CLIENT_NAME: ("client", "client name", "name", "customer", "customer name", "full name", "patient", "kunde"),
    Field.FIRST_NAME: ("first name", "firstname", "given name", "vorname"),
    Field.LAST_NAME: ("last name", "lastname", "surname", "family name", "nachname"),
    Field.PHONE: ("phone", "phone number", "mobile", "cell", "telephone", "tel", "client phone", "telefon", "handy"),
    Field.EMAIL: ("email", "e mail", "mail", "email address", "client email"),
    Field.SERVICE: ("service", "service name", "treatment", "appointment type", "type", "leistung"),
    Field.STAFF: ("staff", "resource", "employee", "provider", "with", "mitarbeiter", "assigned to"),
    Field.STARTS_AT: ("starts at", "start", "start time", "datetime", "date time", "date and time", "begin", "beginn",
                      "von"),
    Field.DATE: ("date", "day", "appointment date", "start date", "datum"),
    Field.TIME: ("time", "appointment time", "hour", "uhrzeit", "zeit"),
    Field.ENDS_AT: ("ends at", "end", "end time", "ende", "endzeit", "bis", "until", "finish", "finish time", "fin"),
    Field.END_DATE: ("end date", "enddatum"),
    Field.ZONE: ("zone", "time zone", "timezone", "tz"),
    Field.DURATION: ("duration", "duration minutes", "minutes", "length", "duration min", "dauer"),
    Field.STATUS: ("status", "appointment status", "booking status"),
    Field.LOCATION: ("location", "place", "where", "ort", "venue"),
    Field.NOTES: ("notes", "note", "comment", "comments", "remarks", "notiz"),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMapping:
    """Columns by field, and what holds for every row that does not say otherwise.

    `time_ranges` says whether `10:00-11:00` is a range rather than a time with its offset. `statuses` are the file's
    own words, folded, beside the usual ones.
    """

    columns: Mapping[Field, str]
    date_order: DateOrder | None = None
    time_ranges: bool | None = None
    zone: str | None = None
    service_id: UUID | None = None
    duration_minutes: int | None = None
    statuses: Mapping[str, FinalStatus] = member(default_factory=dict)

    def places(self, headers: Sequence[str]) -> dict[Field, int]:
        """The position of each field's column."""
        return {name: headers.index(column) for name, column in self.columns.items() if column in headers}

    def ranks(self, headers: Sequence[str]) -> dict[Field, int]:
        """Each field's column by its rank among all, as `signature` sorts them: so a mapping is told without words."""
        ranked = sorted(headers, key=fold)
        return {name: ranked.index(column) for name, column in self.columns.items() if column in ranked}


def columns_at(ranks: Mapping[Field, int], headers: Sequence[str]) -> dict[Field, str]:
    """The columns that `ColumnMapping.ranks` told, in a file with the same signature."""
    ranked = sorted(headers, key=fold)
    return {name: ranked[rank] for name, rank in ranks.items() if rank < len(ranked)}


def suggest(headers: Sequence[str]) -> dict[Field, str]:
    """The most telling column for each field; every column is used once at most."""
    by_name: dict[str, str] = {}
    for header in headers:
        by_name.setdefault(fold(header), header)
    columns: dict[Field, str] = {}
    for name, words in _NAMES.items():
        word = next((word for word in words if word in by_name), None)
        if word is not None:
            columns[name] = by_name.pop(word)
    if Field.DATE in columns and Field.TIME not in columns and Field.STARTS_AT in columns:
        # "Date" beside "Start time": the start column holds the time of day only.
        columns[Field.TIME] = columns.pop(Field.STARTS_AT)
    return columns


def check(mapping: ColumnMapping, headers: Sequence[str]) -> None:
    """Raises MappingError unless every needed field has a column of the file."""
    unknown = sorted(set(mapping.columns.values()) - set(headers))
    if unknown:
        raise MappingError(f"The file has no column {unknown[0]!r}")
    columns = mapping.columns
    if Field.STARTS_AT not in columns and not {Field.DATE, Field.TIME} <= columns.keys():
        raise MappingError("Say where the start is: starts_at, or date and time")
    if Field.END_DATE in columns and Field.ENDS_AT not in columns:
        raise MappingError("An end date needs the time of the end: map ends_at as well")
    if not {Field.CLIENT_NAME, Field.FIRST_NAME, Field.LAST_NAME} & columns.keys():
        raise MappingError("Say where the client's name is")
    if Field.SERVICE not in columns and mapping.service_id is None:
        raise MappingError("Say where the service is, or give one service for all rows")


def signature(headers: Sequence[str]) -> str:
    """What files of one origin have in common: their columns, in whatever order."""
    folded = "\x1f".join(sorted(fold(header) for header in headers))
    return hashlib.sha256(folded.encode()).hexdigest()
