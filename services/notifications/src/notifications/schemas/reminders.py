"""The reminders of one appointment, and when they come."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from notifications.domain.messages import Channel, Status
from slotstream_servicekit.http.models import InstantOut, RequestModel, ResponseModel

MinutesBefore = Annotated[int, Field(ge=1, le=366 * 24 * 60, strict=True)]
ByClock = Annotated[
    bool,
    Field(
        description="Whole days on the clock where the appointment is: `1440` with this is the day before at the same "
        "time of day, without it 24 hours that pass, which differ where clocks change in between"
    ),
]


class AddReminderIn(RequestModel):
    """One more reminder for this appointment; it moves and stops with it."""

    id: UUID | None = None
    channel: Channel = Channel.EMAIL
    minutes_before: MinutesBefore
    by_clock: ByClock = False
    template_id: UUID | None = None

    @model_validator(mode="after")
    def _is_in_days_by_the_clock(self) -> Self:
        check_whole_days(self.minutes_before, by_clock=self.by_clock)
        return self


class SetRemindersIn(RequestModel):
    """All the reminders that the appointment is to have."""

    items: Annotated[list[AddReminderIn], Field(max_length=20)]


class ReminderOut(ResponseModel):
    """A reminder and the message it has planned. `reason` says why it is suppressed.

    `minutes_before` is what was asked for; `due_at` when it is due, which quiet hours may bring forward.
    """

    id: UUID
    message_id: UUID
    appointment_id: UUID
    channel: Channel
    minutes_before: int
    by_clock: bool
    due_at: InstantOut
    status: Status
    reason: str | None
    sent_at: InstantOut | None


class RemindersOut(ResponseModel):
    items: list[ReminderOut]


def check_whole_days(minutes_before: int | None, *, by_clock: bool) -> None:
    """Raises a validation error for what is asked for by the clock and is not whole days."""
    if by_clock and (minutes_before is None or minutes_before % (24 * 60)):
        raise PydanticCustomError("not_whole_days", "By the clock, minutes_before is whole days: 1440, 2880 and so on")
