"""What users choose for themselves."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from slotstream_servicekit.http.models import InstantOut, RequestModel, ResponseModel

ClockTime = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$"), Field(examples=["07:00"])]
StaffChannels = Annotated[list[Literal["email", "push"]], Field(max_length=2)]


class StaffToldIn(RequestModel):
    """The channels on which the caller is told of each event; null for those of who has chosen nothing."""

    assigned: StaffChannels | None = None
    unassigned: StaffChannels | None = None
    """An appointment is no longer theirs."""
    rescheduled: StaffChannels | None = None
    cancelled: StaffChannels | None = None
    answered: StaffChannels | None = None
    """The client has confirmed, or has written what somebody has to read."""


class StaffToldOut(ResponseModel):
    assigned: list[Literal["email", "push"]]
    unassigned: list[Literal["email", "push"]]
    rescheduled: list[Literal["email", "push"]]
    cancelled: list[Literal["email", "push"]]
    answered: list[Literal["email", "push"]]


class LeadIn(RequestModel):
    """How long before the start. With `by_clock` counted on the clock of the business: a day before is at the same time
    of day, also where clocks change in between.
    """

    minutes_before: Annotated[int, Field(ge=1, le=30 * 24 * 60, strict=True)]
    by_clock: bool = False


class LeadOut(ResponseModel):
    minutes_before: int
    by_clock: bool


class StaffRemindersIn(RequestModel):
    """When the caller is reminded of their appointments, by channel; null: not at all."""

    email: LeadIn | None = None
    push: LeadIn | None = None


class StaffRemindersOut(ResponseModel):
    email: LeadOut | None
    push: LeadOut | None


class StaffPreferencesIn(RequestModel):
    """All that the caller chooses for themselves. Without `told_by` or `reminders` these stay as they are."""

    agenda_at: ClockTime | None
    """The time of the daily agenda on the clock where the caller's calendar is; null for none."""
    agenda_ahead: bool = False
    """Whether it comes on the day before."""
    told_by: StaffToldIn | None = None
    reminders: StaffRemindersIn | None = None


class StaffPreferencesOut(ResponseModel):
    agenda_at: str | None = Field(examples=["07:00"])
    agenda_ahead: bool
    agenda_zone: str | None
    """The zone of the hour; null while no calendar is the caller's, and so no agenda is sent."""
    agenda_next_at: InstantOut | None
    """When the next one is due. A day without appointments is passed over then."""
    told_by: StaffToldOut
    reminders: StaffRemindersOut
    version: int
