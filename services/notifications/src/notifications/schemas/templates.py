"""The texts of messages, as they are created, changed, tried out and shown."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from notifications.domain.messages import OF_NO_APPOINTMENT, Audience, Channel, Kind
from slotstream_servicekit.http.models import InstantOut, RequestModel, ResponseModel

LocaleTag = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(?:-[A-Za-z]{2}|-[0-9]{3})?$"), Field(examples=["de", "en-GB"])
]
"""A language, perhaps with a region (BCP 47)."""
_Subject = Annotated[str, StringConstraints(min_length=1, max_length=500)]
_Body = Annotated[str, StringConstraints(min_length=1, max_length=20_000)]


class CreateTemplateIn(RequestModel):
    """The text of one kind of message. Without `business_id` for the whole organization; without `html` the text's.

    With `is_default` false only reminders that name it use it. One of the kind `ad_hoc` is a start for messages that
    are written by hand: its subject is what it is called, and nothing uses it by itself.
    """

    id: UUID | None = None
    business_id: UUID | None = None
    kind: Kind
    audience: Audience = Audience.CLIENT
    channel: Channel = Channel.EMAIL
    locale: LocaleTag
    subject: _Subject
    text: _Body
    html: _Body | None = None
    is_default: bool = True

    @model_validator(mode="after")
    def _is_told_to_that_audience(self) -> Self:
        only_staff = {
            *(Kind.ASSIGNED, Kind.UNASSIGNED, Kind.SERIES_ASSIGNED, Kind.SERIES_UNASSIGNED),
            *(Kind.STAFF_REMINDER, Kind.CLIENT_CONFIRMED, Kind.CLIENT_WROTE),
        }
        both = {Kind.RESCHEDULED, Kind.CANCELLED, Kind.SERIES_CHANGED, Kind.SERIES_CANCELLED}
        of_staff = only_staff | both | {Kind.AD_HOC}
        of_clients = set(Kind) - only_staff - OF_NO_APPOINTMENT
        if self.kind not in (of_staff if self.audience is Audience.STAFF else of_clients):
            raise PydanticCustomError("kind_not_for_audience", "No such message goes to that audience")
        return self


class ChangeTemplateIn(RequestModel):
    """`html: null` goes back to the page that is made of the text."""

    subject: _Subject | None = None
    text: _Body | None = None
    html: _Body | None = None


class TemplateOut(ResponseModel):
    """`id` and the times are null for built-in texts."""

    id: UUID | None
    business_id: UUID | None
    kind: Kind
    audience: Audience
    channel: Channel
    locale: str
    subject: str
    text: str
    html: str | None
    is_default: bool
    created_at: InstantOut | None
    updated_at: InstantOut | None
    version: int | None


class PreviewIn(RequestModel):
    """A text to try out in place of the stored one, before it is saved. `channel`: of a text that is not stored.

    With `appointment_id` it is filled in for that appointment and its client, or with `audience: staff` for who
    performs it, without links; else with examples. Without `locale` in the business's, as a message written by hand.

    With `kind` in place of a text: what the client of that appointment is told then, from the text that is chosen for
    it, in their language.
    """

    kind: Literal[Kind.CANCELLED, Kind.DECLINED] | None = None
    channel: Channel = Channel.EMAIL
    appointment_id: UUID | None = None
    audience: Audience = Audience.CLIENT
    subject: _Subject | None = None
    text: _Body | None = None
    html: _Body | None = None
    locale: LocaleTag | None = None

    @model_validator(mode="after")
    def _is_of_an_appointment(self) -> Self:
        if self.kind is not None and (self.appointment_id is None or self.text is not None):
            raise PydanticCustomError("kind_without_appointment", "A kind is tried for an appointment, without a text")
        return self


class SmsSizeOut(ResponseModel):
    """What an SMS costs: `units` are septets in GSM-7 and 16-bit units in UCS-2."""

    encoding: Literal["GSM-7", "UCS-2"]
    units: int
    segments: int


class PreviewOut(ResponseModel):
    """Of an SMS the text as it is sent, and what it costs with these values.

    `reason`: of a `kind`, why its client is not told by this channel.
    """

    subject: str
    text: str
    html: str
    sms: SmsSizeOut | None = None
    reason: str | None = None


class VariableOut(ResponseModel):
    """A variable that templates can use, as in `{{ appointment.date }}`."""

    name: str
    description: str
    example: str
