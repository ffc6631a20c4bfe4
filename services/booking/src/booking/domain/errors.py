"""What booking refuses, each with its stable code."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from slotstream_servicekit.errors import ErrorKind, Reason, SlotstreamError


class InvalidTransitionError(SlotstreamError):
    code = "invalid_transition"
    kind = ErrorKind.conflict


class ReasonRequiredError(SlotstreamError):
    code = "reason_required"
    kind = ErrorKind.invalid


class ClientErasedError(SlotstreamError):
    """The person was erased: nothing is asked for, done again or written about them any more."""

    code = "client_erased"
    kind = ErrorKind.conflict


class CommandExpiredError(SlotstreamError):
    """A command that was sent so long ago that nobody knows any more who was erased since."""

    code = "command_expired"
    kind = ErrorKind.conflict


class CancelFirstError(SlotstreamError):
    """An appointment that is open, or takes time that is to come, is not hidden: nobody would see that time taken."""

    code = "cancel_first"
    kind = ErrorKind.conflict


class ClientOfSeriesError(SlotstreamError):
    """One date of a series is for whom the series is for: it cannot be another's alone."""

    code = "client_of_series"
    kind = ErrorKind.conflict


class NothingChangedError(SlotstreamError):
    """The appointment is moved to where it is."""

    code = "nothing_changed"
    kind = ErrorKind.conflict


class CurrencyMismatchError(SlotstreamError):
    """What was quoted and what was paid are of two currencies."""

    code = "currency_mismatch"
    kind = ErrorKind.invalid


class NotStartedError(SlotstreamError):
    code = "not_started_yet"
    kind = ErrorKind.conflict


class OvertakenError(SlotstreamError):
    """The client acts upon a time that the appointment does not have any more."""

    code = "overtaken"
    kind = ErrorKind.conflict


class NotOfferedError(SlotstreamError):
    """A client asks for a time that they cannot have. Tells the codes, and nothing of whom it belongs to."""

    code = "refused"
    kind = ErrorKind.conflict

    def __init__(self, codes: Sequence[str]) -> None:
        detail = "This time is not offered any more: choose another."
        super().__init__(detail, reasons=tuple(Reason(code, detail) for code in codes))
        if codes:
            self.code = codes[0]


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

    def __init__(self, kind: str, entry_id: object, *, archived_name: str | None = None) -> None:
        super().__init__(
            f"There is no {kind} {entry_id} in this organization."
            if archived_name is None
            else f"The {kind} {archived_name!r} ({entry_id}) is archived: nothing new is booked with it."
        )
        self.code = f"unknown_{kind}"


class ForeignServiceError(SlotstreamError):
    """The service is of another business than the one that is named."""

    code = "unknown_service"
    kind = ErrorKind.invalid


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


class ExternalIdTakenError(SlotstreamError):
    """Another appointment of the business and source has this external id."""

    code = "external_id_taken"
    kind = ErrorKind.conflict

    def __init__(self, external_id: str, appointment_id: UUID) -> None:
        detail = f"The external id {external_id!r} is the one of the appointment {appointment_id}."
        super().__init__(
            detail,
            reasons=(Reason(self.code, detail, (str(appointment_id),)),),
            extra={"existing_id": str(appointment_id)},
        )


class DuplicateClientError(SlotstreamError):
    """Another client has this phone number or e-mail address."""

    code = "duplicate_client"
    kind = ErrorKind.conflict

    def __init__(self, client_ids: Sequence[UUID]) -> None:
        detail = "Another client has this phone number or e-mail address: merge the two, if they are one person."
        super().__init__(detail, reasons=(Reason(self.code, detail, tuple(map(str, client_ids))),))


class ActionExistsError(SlotstreamError):
    """There is an action of this name, whatever its case."""

    code = "action_exists"
    kind = ErrorKind.conflict

    def __init__(self, *, name: str, action_id: UUID) -> None:
        detail = f"There is an action called {name!r} already."
        super().__init__(detail, reasons=(Reason(self.code, detail, (str(action_id),)),))


class ClientMergedError(SlotstreamError):
    """The client is a duplicate that was merged into another."""

    code = "client_merged"
    kind = ErrorKind.conflict

    def __init__(self, client_id: UUID, survivor_id: UUID) -> None:
        detail = f"The client {client_id} was merged into {survivor_id}: change that one."
        super().__init__(detail, reasons=(Reason(self.code, detail, (str(survivor_id),)),))


class ClientHasAppointmentsError(SlotstreamError):
    """The client still has appointments or series ahead of them."""

    code = "client_has_appointments"
    kind = ErrorKind.conflict

    def __init__(self, *, appointment_ids: Sequence[UUID], series_ids: Sequence[UUID]) -> None:
        reasons = tuple(
            Reason(code, f"{len(ids)} {what} still ahead of the client.", tuple(map(str, ids)))
            for code, what, ids in (
                ("open_appointments", "appointments are", appointment_ids),
                ("active_series", "series are", series_ids),
            )
            if ids
        )
        super().__init__("The client still has appointments: cancel them, or have them cancelled.", reasons=reasons)


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


class ChangedSinceError(SlotstreamError):
    """Somebody has changed the appointment since it was imported: an undo leaves it as it is."""

    code = "changed_since"
    kind = ErrorKind.conflict


class OfAnotherBatchError(SlotstreamError):
    """The import that is undone has not booked the appointment."""

    code = "of_another_batch"
    kind = ErrorKind.conflict


class HoldGoneError(SlotstreamError):
    code = "hold_expired"
    kind = ErrorKind.conflict


class TooManyHoldsError(SlotstreamError):
    """The public page keeps as many slots as it may, for this visitor or in sum: this one is booked without."""

    code = "too_many_holds"
    kind = ErrorKind.conflict


class NotPublicError(SlotstreamError):
    """Not on the business's public page, or there is no such page. The same for all that is not there."""

    code = "not_found"
    kind = ErrorKind.not_found

    def __init__(self) -> None:
        super().__init__("There is no such public page, or nothing like this on it.")


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


class AlreadyWaitingError(SlotstreamError):
    """The client waits for the same service in an overlapping window: they would be offered one slot twice."""

    code = "already_waiting"
    kind = ErrorKind.conflict

    def __init__(self, entry_id: UUID) -> None:
        detail = "The client waits for this service already."
        super().__init__(detail, reasons=(Reason(self.code, detail, (str(entry_id),)),))


class TooManyWaitingError(SlotstreamError):
    code = "too_many_waiting"
    kind = ErrorKind.conflict


class OfferOverError(SlotstreamError):
    """The slot is not held for the client any more."""

    code = "offer_over"
    kind = ErrorKind.conflict


class WorkFailedError(Exception):
    """What the worker took up by itself failed, whatever the cause: that is put off, and the others go on."""

    def __init__(self, organization_id: UUID, identity: UUID) -> None:
        super().__init__(str(identity))
        self.organization_id = organization_id
        self.id = identity

    @property
    def code(self) -> str:
        """What may be shown of the cause, which can speak of people: no more than its code."""
        return self.__cause__.code if isinstance(self.__cause__, SlotstreamError) else "internal_error"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkFailure:
    """That the worker could not do something the last time; it tries again by itself."""

    code: str
    failed_at: datetime
