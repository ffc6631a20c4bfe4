"""What is asked of a booking, and what became of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from booking.domain.appointments import Appointment
from booking.domain.changes import Override
from booking.domain.clients import ClientNote
from booking.domain.requests import BookingRequest
from booking.domain.seating import Seat
from booking.publishers import snapshot_json
from slotstream_servicekit.context import Context
from slotstream_servicekit.errors import SlotstreamError
from slotstream_servicekit.http.idempotency import KeyClaim, StoredAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Predecessor:
    """The appointment that a move replaces, why, and what of it the new one keeps."""

    appointment: Appointment
    reason: str | None = None
    seats: Mapping[UUID, Seat] = field(default_factory=dict)
    """By resource, its own seats, whose sessions the new one may enter: so it can move by less than its length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """One request to book, and on whose behalf. `answer` makes what is stored under the key of `claim`."""

    request: BookingRequest
    context: Context
    claim: KeyClaim | None = None
    answer: Callable[[Appointment, Sequence[ClientNote]], StoredAnswer] | None = None
    predecessor: Predecessor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a booking: the appointment, or the error."""

    booking: Booking
    appointment: Appointment | None = None
    override: Override | None = None
    client_notes: tuple[ClientNote, ...] = ()
    error: SlotstreamError | None = None

    def booked(self) -> Appointment:
        """The appointment. Raises the error where there is none."""
        if self.appointment is None:
            raise self.error or RuntimeError("a booking has neither an appointment nor an error")
        return self.appointment

    @property
    def snapshot(self) -> bytes:
        """The appointment as events tell it; empty where there is none. Few ask, so it is written when one does."""
        return snapshot_json(self.appointment) if self.appointment is not None else b""
