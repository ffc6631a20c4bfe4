"""One verb, or one message, for many appointments: each succeeds or fails by itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal
from uuid import UUID, uuid5

from booking.domain.errors import InvalidBookingError, WorkFailure
from booking.domain.lifecycle import Verb
from slotstream_servicekit.context import Context
from slotstream_servicekit.errors import ErrorKind, Reason, SlotstreamError

MOST = 10_000
"""How many appointments one order names or finds."""
AT_ONCE = 200
"""Up to so many are done before the answer; more by the worker, in portions, while the caller looks on."""


MessageChannel = Literal["email", "sms", "voice", "push"]


class BulkVerb(StrEnum):
    COMPLETE = "complete"
    DISMISS = "dismiss"
    ARCHIVE = "archive"
    CANCEL = "cancel"
    CONFIRM = "confirm"
    SMS_CLIENT = "sms_client"
    SMS_STAFF = "sms_staff"
    CALL_CLIENT = "call_client"
    CALL_STAFF = "call_staff"
    EMAIL_CLIENT = "email_client"
    EMAIL_STAFF = "email_staff"
    PUSH_CLIENT = "push_client"
    PUSH_STAFF = "push_staff"

    @property
    def channel(self) -> MessageChannel | None:
        """Of a message: how it goes out."""
        return _CHANNELS.get(self)

    @property
    def is_message(self) -> bool:
        return self.channel is not None

    @property
    def is_to_client(self) -> bool:
        return self in _TO_CLIENTS


_CHANNELS: Mapping[BulkVerb, MessageChannel] = {
    BulkVerb.SMS_CLIENT: "sms",
    BulkVerb.SMS_STAFF: "sms",
    BulkVerb.CALL_CLIENT: "voice",
    BulkVerb.CALL_STAFF: "voice",
    BulkVerb.EMAIL_CLIENT: "email",
    BulkVerb.EMAIL_STAFF: "email",
    BulkVerb.PUSH_CLIENT: "push",
    BulkVerb.PUSH_STAFF: "push",
}
_TO_CLIENTS = frozenset({BulkVerb.SMS_CLIENT, BulkVerb.CALL_CLIENT, BulkVerb.EMAIL_CLIENT, BulkVerb.PUSH_CLIENT})


VERBS: Mapping[BulkVerb, Verb] = {
    BulkVerb.COMPLETE: Verb.COMPLETE,
    BulkVerb.DISMISS: Verb.DISMISS,
    BulkVerb.ARCHIVE: Verb.ARCHIVE,
    BulkVerb.CANCEL: Verb.CANCEL,
    BulkVerb.CONFIRM: Verb.CONFIRM,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkOrder:
    """What is to be done with each. None of `notify` leaves it as each appointment has it."""

    id: UUID
    verb: BulkVerb
    reason: str | None = None
    notify: bool | None = None
    tell_client: bool | None = None
    cancels_open: bool = False
    """Of archiving: what is still open is cancelled before, for the reason."""
    text: str | None = None
    with_variables: bool = False
    """The text says another thing of each appointment."""
    is_long: bool = False
    """It was taken on for the worker: it can be looked at, and cancelled."""

    def message_id(self, recipient_id: UUID, appointment_id: UUID) -> UUID:
        """One recipient gets one message, whichever of their appointments are among those ordered; or one for each."""
        name = f"{recipient_id}:{appointment_id}" if self.with_variables else str(recipient_id)
        return uuid5(self.id, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkProgress:
    """How far a long order is: `running`, `finished` or `cancelled`."""

    id: UUID
    organization_id: UUID
    verb: BulkVerb
    status: str
    total: int
    succeeded: int
    refused: int
    created_at: datetime
    updated_at: datetime
    last_failure: WorkFailure | None = None
    """Why its next portion waits; None where the last one was done."""
    cancelled_at: datetime | None = None
    cancelled_by: str | None = None
    """The id of whoever stopped it; what was done before stays done."""

    @property
    def done(self) -> int:
        return self.succeeded + self.refused


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkJob:
    """An order under way, for whom it is done, and how far it is."""

    order: BulkOrder
    context: Context
    progress: BulkProgress


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkProblem:
    """Why an appointment was refused."""

    code: str
    detail: str
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkItem:
    """What became of one appointment of a long order, the `position`th that was named or found."""

    position: int
    appointment_id: UUID
    problem: BulkProblem | None


class BulkFinishedError(SlotstreamError):
    """All that was ordered is done: appointments that were changed are not changed back."""

    code = "bulk_finished"
    kind = ErrorKind.conflict


class TooManyAppointmentsError(InvalidBookingError):
    def __init__(self) -> None:
        super().__init__("too_many_appointments", f"At most {MOST} appointments at a time; narrow the filter.")
