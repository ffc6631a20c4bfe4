"""What reports answer."""

from decimal import Decimal
from uuid import UUID

from slotstream_servicekit.http.models import InstantOut, ResponseModel


class ReportLine(ResponseModel):
    """`key`: an id, or the value itself (weekday 0 is Monday, `0-09` is Monday at 9).

    `name` is what people call it, where it has a name.
    """

    key: str
    name: str | None


class NoShowLine(ReportLine):
    no_shows: int
    completed: int
    rate: float
    """No-shows among those that were either kept or missed, 0 to 1."""


class NoShowReport(ResponseModel):
    by: str
    items: list[NoShowLine]


class VolumeLine(ReportLine):
    appointments: int
    completed: int
    cancelled: int
    no_shows: int


class VolumeReport(ResponseModel):
    by: str
    items: list[VolumeLine]


class RevenueLine(ReportLine):
    """`earned`: completed, at the actual price or else the quoted; `lost`: cancelled or missed, as quoted."""

    currency: str
    earned: Decimal
    expected: Decimal
    lost: Decimal


class RevenueReport(ResponseModel):
    by: str
    items: list[RevenueLine]


class UtilisationLine(ResponseModel):
    resource_id: UUID
    name: str
    kind: str
    open_minutes: int
    booked_minutes: int
    rate: float | None
    """Booked of open; null for who does not work in the range."""


class UtilisationReport(ResponseModel):
    items: list[UtilisationLine]


class FollowUpLine(ResponseModel):
    client_id: UUID
    name: str
    phone: str | None
    email: str | None
    appointment_id: UUID
    """The last one, which came to nothing."""
    status: str
    starts_at: InstantOut
    zone: str
    service_name: str


class FollowUpReport(ResponseModel):
    items: list[FollowUpLine]
