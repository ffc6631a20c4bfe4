"""What booking refuses, each with its stable code."""

from collections.abc import Sequence
from uuid import UUID

from slotstream_servicekit.errors import ErrorKind, Reason, SlotstreamError


class InvalidTransitionError(SlotstreamError):
    code = "invalid_transition"
    kind = ErrorKind.conflict


class ReasonRequiredError(SlotstreamError):
    code = "reason_required"
    kind = ErrorKind.invalid


class NotStartedError(SlotstreamError):
    code = "not_started_yet"
    kind = ErrorKind.conflict


class TooLateError(SlotstreamError):
    """A client or agent is past the service's notice for cancelling or rescheduling."""

    code = "notice_passed"
    kind = ErrorKind.conflict


class OverrideForbiddenError(SlotstreamError):
    code = "override_forbidden"
    kind = ErrorKind.forbidden


class UnknownReferenceError(SlotstreamError):
    """The request names a business, service, client … that this organization does not have."""

    code = "unknown_reference"
    kind = ErrorKind.invalid

    def __init__(self, what: str, identity: object) -> None:
        super().__init__(f"There is no {what} {identity} in this organization.")
        self.code = f"unknown_{what}"


class InvalidBookingError(SlotstreamError):
    """The request contradicts itself or leaves the bounds of what an appointment can be."""

    code = "invalid_appointment"
    kind = ErrorKind.invalid

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class AlreadyExistsError(SlotstreamError):
    code = "already_exists"
    kind = ErrorKind.conflict


class DuplicateClientError(SlotstreamError):
    """Another client has this phone number or e-mail address."""

    code = "duplicate_client"
    kind = ErrorKind.conflict

    def __init__(self, client_ids: Sequence[UUID]) -> None:
        detail = "Another client has this phone number or e-mail address: merge the two, if they are one person."
        super().__init__(detail, reasons=(Reason(self.code, detail, tuple(map(str, client_ids))),))


class NotBookedError(SlotstreamError):
    """A date of a series has no appointment: it was skipped."""

    code = "not_booked"
    kind = ErrorKind.conflict


class IdTakenError(SlotstreamError):
    """The id that a caller chose is in use where the caller cannot see it. Tells nothing else."""

    code = "id_taken"
    kind = ErrorKind.conflict

    def __init__(self) -> None:
        super().__init__("This id cannot be used; choose another, or leave it out.")


class HoldGoneError(SlotstreamError):
    code = "hold_expired"
    kind = ErrorKind.conflict


class BusyBookError(SlotstreamError):
    """The slot kept changing hands while it was being taken; asking again is right."""

    code = "try_again"
    kind = ErrorKind.transient


class InvalidRangeError(SlotstreamError):
    code = "invalid_range"
    kind = ErrorKind.invalid


class NotReachableError(SlotstreamError):
    """Nobody can be sent the message: no address, no consent, or no recipient at all."""

    kind = ErrorKind.conflict

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
