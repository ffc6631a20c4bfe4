"""`slotstream.booking.commands.v1` and `slotstream.booking.results.v1`: how other services ask booking.

The envelope's `id` is the command's id: a command that arrives twice is answered twice with the same
result and has one effect. Results carry the command's id as `causationid` and as `command_id`.
"""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from slotstream_contracts.appointments import AppointmentSnapshot, Verb
from slotstream_contracts.base import Actor, Instant, Location, Message, Money, Origin, Reason, Source, Version
from slotstream_contracts.topics import BOOKING_COMMANDS, BOOKING_RESULTS, Topic

if TYPE_CHECKING:
    from slotstream_contracts.envelope import Envelope


class Command(Message):
    topic: ClassVar[Topic] = BOOKING_COMMANDS

    actor: Actor


class ClientDetails(Message):
    """A client as the asker knows them; matched by phone, then e-mail, or created.

    The one place beside the client topic where personal data travels: commands expire after two days.
    """

    name: str
    phone: str | None = None
    email: str | None = None


RecordedStatus = Literal["scheduled", "completed", "cancelled", "no_show"]


class ForcedOverride(Message):
    reason: str


class AppointmentRequest(Message):
    """What is wanted. One of `service_id`/`service_name`, one of `client_id`/`client`."""

    business_id: UUID
    service_id: UUID | None = None
    service_name: str | None = None
    client_id: UUID | None = None
    client: ClientDetails | None = None
    starts_at: Instant
    duration_minutes: int | None = None
    resource_ids: tuple[UUID, ...] | None = None
    action_id: UUID | None = None
    origin: Origin = Origin()
    location: Location | None = None
    """None: at the business."""
    notes: str | None = None
    internal_notes: str | None = None
    share_with_client: bool = True
    notify: bool = True
    quoted_price: Money | None = None
    external_id: str | None = None
    batch_id: UUID | None = None
    source: Source
    override: ForcedOverride | None = None
    status: RecordedStatus = "scheduled"
    """How it stands already: an import records history of another product as it ended, and nobody is told."""


class CheckAppointment(Command):
    """Would this be bookable? Answered with all reasons; changes nothing."""

    type: ClassVar[str] = "slotstream.command.check_appointment"

    request: AppointmentRequest


class BookAppointment(Command):
    type: ClassVar[str] = "slotstream.command.book_appointment"

    appointment_id: UUID
    request: AppointmentRequest


class AppointmentItem(Message):
    """One of a batch: the id that the appointment has or would have, and what is wanted."""

    appointment_id: UUID
    request: AppointmentRequest


Items = Annotated[tuple[AppointmentItem, ...], Field(min_length=1, max_length=100)]


class CheckAppointments(Command):
    """Would these be bookable, each by itself? Answered with every item's reasons; changes nothing."""

    type: ClassVar[str] = "slotstream.command.check_appointments"

    items: Items


class BookAppointments(Command):
    """Books what can be booked, each by itself and in this order; answered with what became of every item."""

    type: ClassVar[str] = "slotstream.command.book_appointments"

    items: Items


class ConfirmAppointment(Command):
    """With a client as actor it is theirs to confirm, or refused (`not_found`), as in the portal."""

    type: ClassVar[str] = "slotstream.command.confirm_appointment"

    appointment_id: UUID
    expected_version: Version | None = None
    shown_starts_at: Instant | None = None
    """The time that the client was told: refused (`overtaken`) where the appointment has another one."""


class CancelAppointment(Command):
    """With a client as actor it is theirs to cancel, within the service's notice; `notify` is not for them to say."""

    type: ClassVar[str] = "slotstream.command.cancel_appointment"

    appointment_id: UUID
    expected_version: Version | None = None
    shown_starts_at: Instant | None = None
    """The time that the client was told: refused (`overtaken`) where the appointment has another one."""
    reason: str
    notify: bool = True


class RescheduleAppointment(Command):
    type: ClassVar[str] = "slotstream.command.reschedule_appointment"

    appointment_id: UUID
    new_appointment_id: UUID
    expected_version: Version | None = None
    starts_at: Instant
    duration_minutes: int | None = None
    resource_ids: tuple[UUID, ...] | None = None
    notify: bool = True


class UndoAppointments(Command):
    """Takes back, without telling clients, some of what one import has booked; answered with what became of each.

    One that is gone already is `already_done`. One is `refused` with `changed_since` where somebody has touched it
    since, `of_another_batch` where this import did not book it, `not_found` where there is none.
    """

    type: ClassVar[str] = "slotstream.command.undo_appointments"

    batch_id: UUID
    appointment_ids: Annotated[tuple[UUID, ...], Field(min_length=1, max_length=100)]
    reason: str


class CommandResult(Message):
    topic: ClassVar[Topic] = BOOKING_RESULTS

    command_id: UUID
    command_type: str
    appointment_id: UUID | None = None
    batch_id: UUID | None = None


class ItemResult(Message):
    """What became of one item of a batch.

    A refused one has all its reasons; `code` is the first one's, or the error's.
    """

    appointment_id: UUID
    client_id: UUID | None = None
    """Whose appointment was booked."""
    outcome: Literal["done", "already_done", "bookable", "refused"]
    code: str | None = None
    detail: str | None = None
    reasons: tuple[Reason, ...] = ()
    free_resource_ids: tuple[UUID, ...] = ()
    """Of a check that leaves a choice: who is free to be chosen."""


class CommandSucceeded(CommandResult):
    """`appointment` is the state after; for a check or a batch, None. `outcome` tells a repeat from a first effect.

    A batch succeeds although items of it are refused: `items` tells of each.
    """

    type: ClassVar[str] = "slotstream.command.succeeded"

    outcome: Literal["done", "already_done", "bookable"] = "done"
    appointment: AppointmentSnapshot | None = None
    affected: int = 1
    items: tuple[ItemResult, ...] = ()


class CommandRefused(CommandResult):
    """Refused, with all the reasons; `code` is the first one's, or the error's."""

    type: ClassVar[str] = "slotstream.command.refused"

    verb: Verb | None = None
    code: str
    detail: str
    reasons: tuple[Reason, ...] = ()


def appointments_in(event: "Envelope[Any]") -> int:
    """How many appointments a command or a result is about; 1 for what is about none."""
    data = event.data
    return len(getattr(data, "items", ()) or getattr(data, "appointment_ids", ())) or 1
