"""The shapes that notifications takes and gives over HTTP."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from notifications.account_schemas import AccountFailureOut
from notifications.domain import (
    OF_NO_APPOINTMENT,
    Audience,
    Channel,
    Decision,
    InboundStatus,
    Kind,
    MailOutcome,
    Meaning,
    Status,
    Unsubscriber,
)
from slotstream_servicekit.http.models import InstantOut, RequestModel, ResponseModel

LocaleTag = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(?:-[A-Za-z]{2}|-[0-9]{3})?$"), Field(examples=["de", "en-GB"])
]
"""A language, perhaps with a region (BCP 47)."""
MinutesBefore = Annotated[int, Field(ge=1, le=366 * 24 * 60, strict=True)]
ByClock = Annotated[
    bool,
    Field(
        description="Whole days on the clock where the appointment is: `1440` with this is the day before at the same "
        "time of day, without it 24 hours that pass, which differ where clocks change in between"
    ),
]
MinutesAfter = Annotated[int, Field(ge=1, le=30 * 24 * 60, strict=True)]
ClockTime = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$"), Field(examples=["07:00"])]
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
    """

    channel: Channel = Channel.EMAIL
    appointment_id: UUID | None = None
    audience: Audience = Audience.CLIENT
    subject: _Subject | None = None
    text: _Body | None = None
    html: _Body | None = None
    locale: LocaleTag | None = None


class SmsSizeOut(ResponseModel):
    """What an SMS costs: `units` are septets in GSM-7 and 16-bit units in UCS-2."""

    encoding: Literal["GSM-7", "UCS-2"]
    units: int
    segments: int


class PreviewOut(ResponseModel):
    """Of an SMS the text as it is sent, and what it costs with these values."""

    subject: str
    text: str
    html: str
    sms: SmsSizeOut | None = None


class VariableOut(ResponseModel):
    """A variable that templates can use, as in `{{ appointment.date }}`."""

    name: str
    description: str
    example: str


def _whole_days(minutes_before: int | None, *, by_clock: bool) -> None:
    if by_clock and (minutes_before is None or minutes_before % (24 * 60)):
        raise PydanticCustomError("not_whole_days", "By the clock, minutes_before is whole days: 1440, 2880 and so on")


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
        _whole_days(self.minutes_before, by_clock=self.by_clock)
        return self


class ChangeReminderRuleIn(RequestModel):
    """`template_id: null` goes back to the usual text. `by_clock` goes with `minutes_before`."""

    minutes_before: MinutesBefore | None = None
    by_clock: ByClock = False
    template_id: UUID | None = None
    enabled: bool | None = None

    @model_validator(mode="after")
    def _is_in_days_by_the_clock(self) -> Self:
        _whole_days(self.minutes_before, by_clock=self.by_clock)
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


class CreateFollowUpRuleIn(RequestModel):
    """A message to who did not come: of the organization, or of one business or one service."""

    id: UUID | None = None
    business_id: UUID | None = None
    service_id: UUID | None = None
    channel: Channel = Channel.EMAIL
    minutes_after: MinutesAfter
    template_id: UUID | None = None
    enabled: bool = True


class ChangeFollowUpRuleIn(RequestModel):
    """`template_id: null` goes back to the usual text."""

    minutes_after: MinutesAfter | None = None
    template_id: UUID | None = None
    enabled: bool | None = None


class FollowUpRuleOut(ResponseModel):
    id: UUID
    business_id: UUID | None
    service_id: UUID | None
    channel: Channel
    minutes_after: int
    """From the time at which it was noted that the client did not come."""
    template_id: UUID | None
    enabled: bool
    created_at: InstantOut
    updated_at: InstantOut
    version: int


class AddReminderIn(RequestModel):
    """One more reminder for this appointment; it moves and stops with it."""

    id: UUID | None = None
    channel: Channel = Channel.EMAIL
    minutes_before: MinutesBefore
    by_clock: ByClock = False
    template_id: UUID | None = None

    @model_validator(mode="after")
    def _is_in_days_by_the_clock(self) -> Self:
        _whole_days(self.minutes_before, by_clock=self.by_clock)
        return self


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


class ChannelOut(ResponseModel):
    channel: Channel
    available: bool
    own: bool
    """Whether it goes out by an account of the organization's own."""
    failure: AccountFailureOut | None
    """Why that does not work at present; what is to go out by it waits."""


class ChannelsOut(ResponseModel):
    items: list[ChannelOut]


class ChannelTestIn(RequestModel):
    """`address`: an e-mail address, or a number in international form; none by push. `locale`: of what it says."""

    address: Annotated[str, StringConstraints(min_length=1, max_length=320)] | None = None
    locale: LocaleTag = "en"


class ChannelTestOut(ResponseModel):
    """`sent`: the provider has taken it. Else `code` and `detail` say why not, or why nobody knows."""

    status: Literal["sent", "failed", "unknown"]
    provider_id: str | None
    code: str | None
    detail: str | None


class SendLimitIn(RequestModel):
    per_minute: Annotated[int, Field(ge=1, le=1_000_000, strict=True)]


class SendLimitOut(ResponseModel):
    """`most` is the installation's; null: none. `is_default`: the organization has not set its own."""

    channel: Channel
    per_minute: int | None
    most: int | None
    is_default: bool
    version: int


class SendLimitsOut(ResponseModel):
    items: list[SendLimitOut]


_ClockTime = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$"), Field(examples=["21:00"])]


class QuietHoursIn(RequestModel):
    """Wall-clock times, from `begins` up to and without `ends`; over midnight where it ends earlier. The same: none."""

    begins: _ClockTime
    ends: _ClockTime


class ChannelQuietHoursOut(ResponseModel):
    """`is_default`: the installation's, since the organization has not set its own."""

    channel: Channel
    begins: str
    ends: str
    is_default: bool
    version: int


class QuietHoursOut(ResponseModel):
    items: list[ChannelQuietHoursOut]
    exempt: list[Kind]
    """What goes out by text, mail and push at any hour, as all does that is for staff. Of calls nothing does."""


class PushKeysIn(RequestModel):
    """As browsers tell them, in base64url."""

    p256dh: Annotated[str, StringConstraints(max_length=200)]
    auth: Annotated[str, StringConstraints(max_length=100)]


class SubscribePushIn(RequestModel):
    """What `PushSubscription.toJSON()` says in a browser, and what the person is to know it by."""

    endpoint: Annotated[str, StringConstraints(min_length=1, max_length=1024)]
    keys: PushKeysIn
    device: Annotated[str, StringConstraints(max_length=200)] | None = None
    replaces: Annotated[str, StringConstraints(max_length=1024)] | None = None
    """The endpoint that the browser had before (`pushsubscriptionchange`): the person's subscription with it goes."""


class PushSubscriptionOut(ResponseModel):
    """One browser. `service` is the host of its push service."""

    id: UUID
    service: str
    device: str | None
    created_at: InstantOut


class PushSubscriptionsOut(ResponseModel):
    items: list[PushSubscriptionOut]


class PushKeyOut(ResponseModel):
    public_key: str
    """An uncompressed point of P-256 in base64url (RFC 8292)."""


class CostOut(ResponseModel):
    amount: str = Field(examples=["0.0079"])
    currency: str = Field(examples=["USD"])


class DecisionOut(ResponseModel):
    decision: Decision
    user_id: str
    at: InstantOut


class MessageOut(ResponseModel):
    """One row of the ledger. `code` and `detail` say what went wrong, `reason` why it was not sent."""

    id: UUID
    appointment_id: UUID | None
    """Null for what is about no appointment: an agenda, an account that fails."""
    client_id: UUID | None
    resource_id: UUID | None
    user_id: str | None
    """Of an agenda: whose it is."""
    audience: Audience
    channel: Channel
    kind: Kind
    status: Status
    reason: str | None
    code: str | None
    detail: str | None
    recipient_name: str | None
    """To whom it went, as of the last attempt; null before the first and after an erase."""
    address: str | None
    due_at: InstantOut
    next_attempt_at: InstantOut | None
    attempts: int
    sent_at: InstantOut | None
    text: str | None
    """As it was handed over, last, with links that open nothing; null before that and after an erase."""
    segments: int | None
    """Of an SMS: how many parts it is sent in."""
    cost: CostOut | None
    """Where the provider has told it."""
    decision: DecisionOut | None
    """The last that somebody took while it was `unknown`, which they say with `confirm-sent`, `send-again` and
    `give-up`. A state on their word alone has the code `said_sent` or `said_not_sent`."""
    reminder_id: UUID | None
    order_id: UUID | None
    """The bulk order of booking's that it is one of."""
    created_at: InstantOut
    updated_at: InstantOut
    version: int


class MessageCountsOut(ResponseModel):
    """States without a message are left out."""

    total: int
    by_status: dict[Status, int]


class AppointmentMessageCountsOut(MessageCountsOut):
    appointment_id: UUID


class AppointmentMessagesOut(ResponseModel):
    items: list[AppointmentMessageCountsOut]


class InboundMessageOut(ResponseModel):
    """What somebody wrote back. `reason` says why it is for staff, or is the code of booking's refusal."""

    id: UUID
    client_id: UUID | None
    """Null for a number that no client has, or that several have."""
    client_name: str | None
    """As the client is called now; null for nobody's, and after an erase."""
    appointment_id: UUID | None
    """Of the message that it follows."""
    message_id: UUID | None
    """The message of ours that it follows."""
    channel: Channel
    meaning: Meaning
    status: InboundStatus
    reason: str | None
    text: str | None
    """As it was written; null after an erase."""
    address: str | None
    """The number, or where the mail says that it came from."""
    received_at: InstantOut
    read_at: InstantOut | None
    """When a member of staff has first seen it."""
    updated_at: InstantOut
    version: int


class InboundMailOut(ResponseModel):
    """What came of a mail: nothing of `repeated`, `automatic`, `not_ours` and `too_many`."""

    outcome: MailOutcome


class ReadIn(RequestModel):
    ids: Annotated[list[UUID], Field(min_length=1, max_length=100)]


class UnreadOut(ResponseModel):
    unread: int
    """How many messages wait for somebody to read them, of those that the caller may see; 1000 stands for more."""


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


class PreferencesIn(RequestModel):
    """All channels that the client does not want to be written to on."""

    opted_out: Annotated[list[Channel], Field(max_length=4)]
    reminders: bool | None = None
    """Whether reminders and follow-ups are mailed; left as it is where nothing is said."""


class PreferencesOut(ResponseModel):
    client_id: UUID
    opted_out: dict[Channel, InstantOut]
    """Since when, by channel."""
    unsubscribed_at: InstantOut | None
    """Since when no reminders and follow-ups are mailed; all else is."""
    unsubscribed_by: Unsubscriber | None
    stopped: dict[Channel, InstantOut]
    """Since when the client's own phone has stopped a channel (STOP). Only the client opens it again (START)."""
    version: int
