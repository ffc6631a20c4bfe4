"""Which column holds what: suggested from the headers, confirmed by the user, remembered for the next file."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from imports.domain.dates import DateOrder
from imports.domain.model import MappingError, fold


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
    ZONE = "zone"
    DURATION = "duration"
    NOTES = "notes"
    EXTERNAL_ID = "external_id"


_NAMES: Mapping[Field, tuple[str, ...]] = {
    Field.EXTERNAL_ID: ("external id", "id", "appointment id", "booking id", "reference", "ref"),
    Field.CLIENT_NAME: ("client", "client name", "name", "customer", "customer name", "full name", "patient", "kunde"),
    Field.FIRST_NAME: ("first name", "firstname", "given name", "vorname"),
    Field.LAST_NAME: ("last name", "lastname", "surname", "family name", "nachname"),
    Field.PHONE: ("phone", "phone number", "mobile", "cell", "telephone", "tel", "client phone", "telefon", "handy"),
    Field.EMAIL: ("email", "e mail", "mail", "email address", "client email"),
    Field.SERVICE: ("service", "service name", "treatment", "appointment type", "type", "leistung"),
    Field.STAFF: ("staff", "resource", "employee", "provider", "with", "mitarbeiter", "assigned to"),
    Field.STARTS_AT: ("starts at", "start", "start time", "datetime", "date time", "date and time", "begin", "beginn"),
    Field.DATE: ("date", "day", "appointment date", "start date", "datum"),
    Field.TIME: ("time", "appointment time", "hour", "uhrzeit", "zeit"),
    Field.ZONE: ("zone", "time zone", "timezone", "tz"),
    Field.DURATION: ("duration", "duration minutes", "minutes", "length", "duration min", "dauer"),
    Field.NOTES: ("notes", "note", "comment", "comments", "remarks", "notiz"),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMapping:
    """Columns by field, and what holds for every row that does not say otherwise."""

    columns: Mapping[Field, str]
    date_order: DateOrder | None = None
    zone: str | None = None
    service_id: UUID | None = None
    duration_minutes: int | None = None


def suggest(headers: Sequence[str]) -> dict[Field, str]:
    """The most telling column for each field; every column is used once at most."""
    by_name: dict[str, str] = {}
    for header in headers:
        by_name.setdefault(fold(header), header)
    found: dict[Field, str] = {}
    for each, names in _NAMES.items():
        for name in names:
            if name in by_name:
                found[each] = by_name.pop(name)
                break
    if Field.DATE in found and Field.TIME not in found and Field.STARTS_AT in found:
        # "Date" beside "Start time": the start column holds the time of day only.
        found[Field.TIME] = found.pop(Field.STARTS_AT)
    return found


def check(mapping: ColumnMapping, headers: Sequence[str]) -> None:
    """Raises MappingError unless every needed field has a column of the file."""
    unknown = sorted(set(mapping.columns.values()) - set(headers))
    if unknown:
        raise MappingError(f"The file has no column {unknown[0]!r}")
    columns = mapping.columns
    if Field.STARTS_AT not in columns and not {Field.DATE, Field.TIME} <= columns.keys():
        raise MappingError("Say where the start is: starts_at, or date and time")
    if not {Field.CLIENT_NAME, Field.FIRST_NAME, Field.LAST_NAME} & columns.keys():
        raise MappingError("Say where the client's name is")
    if Field.SERVICE not in columns and mapping.service_id is None:
        raise MappingError("Say where the service is, or give one service for all rows")


def signature(headers: Sequence[str]) -> str:
    """What files of one origin have in common: their columns, in whatever order."""
    folded = "\x1f".join(sorted(fold(header) for header in headers))
    return hashlib.sha256(folded.encode()).hexdigest()
