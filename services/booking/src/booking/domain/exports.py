"""What an export of appointments can show: its columns, as data."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from booking.domain.appointments import Appointment
from slotstream_scheduling import zone_of

Cell = str | int | Decimal | datetime | None
"""A datetime is aware, in the business's zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedAppointment:
    """An appointment with the names that go with it. `shows_internal_notes` says whether the reader may see them."""

    appointment: Appointment
    business_name: str
    client_name: str
    client_phone: str | None
    client_email: str | None
    shows_internal_notes: bool
    business_address: str | None = None

    @property
    def place(self) -> str:
        """Where it takes place, in words: what was typed for it, else the business's address or the kind."""
        location = self.appointment.location
        if location.kind == "business":
            return self.business_address or self.business_name
        return location.text or location.url or location.kind.replace("_", " ")


class Format(StrEnum):
    CSV = "csv"
    XLSX = "xlsx"
    ICS = "ics"


class Writer(Protocol):
    """Turns rows into a file, piece by piece, in bounded memory."""

    media_type: str

    def begin(self) -> Iterator[bytes]: ...
    def add(self, rows: Sequence[ExportedAppointment]) -> Iterator[bytes]: ...
    def finish(self) -> Iterator[bytes]: ...
    def discard(self) -> None:
        """Gives up what the writer holds, finished or not."""


def _local(instant: datetime, zone: str) -> datetime:
    return instant.astimezone(zone_of(zone))


COLUMNS: Mapping[str, Callable[[ExportedAppointment], Cell]] = {
    "id": lambda row: str(row.appointment.id),
    "starts_at": lambda row: _local(row.appointment.starts_at, row.appointment.zone),
    "ends_at": lambda row: _local(row.appointment.ends_at, row.appointment.zone),
    "zone": lambda row: row.appointment.zone,
    "duration_minutes": lambda row: int(row.appointment.duration.total_seconds() // 60),
    "status": lambda row: row.appointment.status.value,
    "cancellation_reason": lambda row: row.appointment.cancellation_reason,
    "business": lambda row: row.business_name,
    "service": lambda row: row.appointment.service_name,
    "staff": lambda row: ", ".join(resource.name for resource in row.appointment.resources),
    "client_name": lambda row: row.client_name,
    "client_phone": lambda row: row.client_phone,
    "client_email": lambda row: row.client_email,
    "action": lambda row: row.appointment.action_name,
    "source": lambda row: row.appointment.source,
    "location": lambda row: row.place,
    "origin": lambda row: row.appointment.origin_kind,
    "origin_reference_id": lambda row: row.appointment.origin_reference_id,
    "origin_url": lambda row: row.appointment.origin_url,
    "quoted_price": lambda row: row.appointment.quoted_amount,
    "quoted_currency": lambda row: row.appointment.quoted_currency,
    "actual_price": lambda row: row.appointment.actual_amount,
    "actual_currency": lambda row: row.appointment.actual_currency,
    "notes": lambda row: row.appointment.notes,
    "internal_notes": lambda row: row.appointment.internal_notes if row.shows_internal_notes else None,
    "external_id": lambda row: row.appointment.external_id,
    "series_id": lambda row: str(row.appointment.series_id) if row.appointment.series_id else None,
    "created_at": lambda row: _local(row.appointment.created_at, row.appointment.zone),
    "updated_at": lambda row: _local(row.appointment.updated_at, row.appointment.zone),
}


def cells_of(row: ExportedAppointment, columns: Sequence[str]) -> list[Cell]:
    return [COLUMNS[name](row) for name in columns]
