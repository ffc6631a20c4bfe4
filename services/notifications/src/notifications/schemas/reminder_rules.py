"""Default reminders."""

from typing import Self
from uuid import UUID

from pydantic import model_validator

from notifications.domain.messages import Channel
from notifications.schemas.reminders import ByClock, MinutesBefore, check_whole_days
from slotstream_servicekit.http.models import InstantOut, RequestModel, ResponseModel


class CreateReminderRuleIn(RequestModel):
    """A default reminder: of the organization, or of one business or one service."""

    id: UUID | None = None
    business_id: UUID | None = None
    service_id: UUID | None = None
    channel: Channel = Channel.EMAIL
    minutes_before: MinutesBefore
    by_clock: ByClock = False
    template_id: UUID | None = None
    enabled: bool = True

    @model_validator(mode="after")
    def _is_in_days_by_the_clock(self) -> Self:
        check_whole_days(self.minutes_before, by_clock=self.by_clock)
        return self


class ChangeReminderRuleIn(RequestModel):
    """`template_id: null` goes back to the usual text. `by_clock` goes with `minutes_before`."""

    minutes_before: MinutesBefore | None = None
    by_clock: ByClock = False
    template_id: UUID | None = None
    enabled: bool | None = None

    @model_validator(mode="after")
    def _is_in_days_by_the_clock(self) -> Self:
        check_whole_days(self.minutes_before, by_clock=self.by_clock)
        return self


class ReminderRuleOut(ResponseModel):
    id: UUID
    business_id: UUID | None
    service_id: UUID | None
    channel: Channel
    minutes_before: int
    by_clock: bool
    template_id: UUID | None
    enabled: bool
    created_at: InstantOut
    updated_at: InstantOut
    version: int
