"""`slotstream.booking.commands.v1` and `slotstream.booking.results.v1`: how other services ask booking.

The envelope's `id` is the command's id: a command that arrives twice is answered twice with the same
result and has one effect. Results carry the command's id as `causationid` and as `command_id`.
"""

from typing import ClassVar, Literal
from uuid import UUID

from slotstream_contracts.appointments import AppointmentSnapshot, Verb
from slotstream_contracts.base import Actor, Instant, Message, Money, Origin, Reason, Source, Version
from slotstream_contracts.topics import BOOKING_COMMANDS, BOOKING_RESULTS, Topic


class Command(Message):
    topic: ClassVar[Topic] = BOOKING_COMMANDS

    actor: Actor


class ClientDetails(Message):
    """A client as the asker knows them; matched by phone, then e-mail, or created.

    The one place beside the client topic where personal data travels: commands expire after two weeks.
    """

    name: str
    phone: str | None = None
    email: str | None = None


class ForcedOverride(Message):
    reason: str


class BookingRequest(Message):
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
    notes: str | None = None
    internal_notes: str | None = None
    share_with_client: bool = True
    notify: bool = True
    quoted_price: Money | None = None
    external_id: str | None = None
    batch_id: UUID | None = None
    source: Source
    override: ForcedOverride | None = None


class CheckAppointment(Command):
    """Would this be bookable? Answered with all reasons; changes nothing."""

    type: ClassVar[str] = "slotstream.command.check_appointment"

    request: BookingRequest


class BookAppointment(Command):
    type: ClassVar[str] = "slotstream.command.book_appointment"

    appointment_id: UUID
    request: BookingRequest


class ConfirmAppointment(Command):
    type: ClassVar[str] = "slotstream.command.confirm_appointment"

    appointment_id: UUID
    expected_version: Version | None = None


class CancelAppointment(Command):
    type: ClassVar[str] = "slotstream.command.cancel_appointment"

    appointment_id: UUID
    expected_version: Version | None = None
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


class UndoBatch(Command):
    """Cancel, without telling clients, what one import created and nobody touched since."""

    type: ClassVar[str] = "slotstream.command.undo_batch"

    batch_id: UUID
    reason: str


class CommandResult(Message):
    topic: ClassVar[Topic] = BOOKING_RESULTS

    command_id: UUID
    command_type: str
    appointment_id: UUID | None = None
    batch_id: UUID | None = None


class CommandSucceeded(CommandResult):
    """`appointment` is the state after; for a check, None. `outcome` tells a repeat from a first effect."""

    type: ClassVar[str] = "slotstream.command.succeeded"

    outcome: Literal["done", "already_done", "bookable"] = "done"
    appointment: AppointmentSnapshot | None = None
    affected: int = 1
    kept_ids: tuple[UUID, ...] = ()
    """Of an undone batch: the appointments left as they are, because somebody has changed them since."""


class CommandRefused(CommandResult):
    """Refused, with all the reasons; `code` is the first one's, or the error's."""

    type: ClassVar[str] = "slotstream.command.refused"

    verb: Verb | None = None
    code: str
    detail: str
    reasons: tuple[Reason, ...] = ()
