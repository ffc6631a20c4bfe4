"""Whether a claimed message may be sent, and to which address."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from notifications.domain.agenda import Agenda
from notifications.domain.appointments import Appointment, AppointmentTexts
from notifications.domain.channel_accounts import ChannelAccount
from notifications.domain.channels import (
    LANDLINE,
    NO_ADDRESS,
    Channels,
    InvalidAddressError,
    LandlineError,
    NotificationChannel,
)
from notifications.domain.contacts import CatalogueItem, Client, Contact, erased_client
from notifications.domain.mail_domains import MailDomain
from notifications.domain.messages import OF_SERIES, ORDER_CANCELLED, Audience, Channel, Kind, Message, Status
from notifications.domain.opt_outs import STOPPED_BY_NUMBER
from notifications.domain.planning import suppression_reason
from notifications.domain.quiet_hours import QUIET_HOURS, is_exempt
from notifications.domain.retries import RetryPolicy
from notifications.domain.series import Occurrence, ToldSeries, told_series
from notifications.domain.staff_choices import UNASSIGNED
from notifications.domain.templates import Template
from notifications.domain.users import USER_DEACTIVATED, USER_REMOVED, User
from notifications.domain.waiting_list import WaitingListEntry, slot_as_appointment
from notifications.storage import (
    Devices,
    Settlement,
)
from notifications.usecases.staff_eligibility import judge_choice
from notifications.usecases.staff_reminders import has_calendar
from notifications.usecases.subjects import MessageSubjects, client_id_of

_TOLD_LATER: Final = frozenset({Kind.AD_HOC, Kind.ANSWER_REFUSED, Kind.CLIENT_WROTE, Kind.FOLLOW_UP})
"""What is still told when the appointment is over."""
_WORDS_ABOUT_CLIENTS: Final = frozenset({Kind.AD_HOC, Kind.CLIENT_WROTE})
"""What somebody has written about the client, or the client to us: it goes with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sendable:
    """A message that may be sent, with all that its text needs."""

    message: Message
    channel: NotificationChannel
    account: ChannelAccount | None = None
    """The organization's own by which it goes out; None for the installation's."""
    domain: MailDomain | None = None
    """The recipient's, of a mail by the installation's mail server that has its turn there."""
    appointment: Appointment
    business: CatalogueItem
    client_id: UUID
    client_name: str
    asks_confirmation: bool
    location: str
    recipient: Contact
    address: str
    zone: str
    templates: Sequence[Template]
    template: Template | None
    series: ToldSeries | None = None
    """Of a message about a series as a whole: `appointment` is its first date then."""
    occurrence: Occurrence | None = None
    agenda: Agenda | None = None
    """Of an agenda: `appointment` is its first one then, and `business` where that is."""
    failing: ChannelAccount | None = None
    """Of the news that it fails: nothing is told of an appointment or a business then."""
    offer: WaitingListEntry | None = None
    """Of a slot that is held for the client: `appointment` is what it would become then."""
    first_mail: Message | None = None
    """The first that was mailed to the same address about the same appointment, or series."""


class _NotSendable(Exception):  # noqa: N818 - no error, but how a judgement ends early
    """A message is not to be sent now; `settlement` says what becomes of it."""

    def __init__(self, settlement: Settlement) -> None:
        super().__init__(settlement.reason or settlement.code)
        self.settlement = settlement


def judge_message(
    message: Message, subjects: MessageSubjects, *, channels: Channels, now: datetime, retries: RetryPolicy
) -> Sendable | Settlement:
    """Ready to be composed and sent; or what became of the message instead."""
    try:
        return _Judgement(message=message, subjects=subjects, channels=channels, now=now, retries=retries).sendable()
    except _NotSendable as end:
        return end.settlement


def held_back(sendable: Sendable, subjects: MessageSubjects, *, channels: Channels, now: datetime) -> Settlement | None:
    """What becomes of a message in the recipient's quiet hours: it waits for their end, but not past the start.

    What somebody has written about an appointment that begins before then does not wait, unless it is a call.
    """
    message, starts_at = sendable.message, sendable.appointment.starts_at
    if is_exempt(message.channel, message.kind, message.audience):
        return None
    own = subjects.quiet_hours.get((message.organization_id, message.channel))
    quiet = own or channels.quiet_hours_of(message.channel)
    over = quiet.over_at(now, sendable.zone) if quiet is not None else None
    if over is None:
        return None
    if message.kind is Kind.REMINDER and over >= starts_at:
        return Settlement(status=Status.SUPPRESSED, reason=QUIET_HOURS)
    if message.channel is not Channel.VOICE and now < starts_at <= over:
        return None
    return Settlement(status=Status.PLANNED, code=QUIET_HOURS, next_attempt_at=over, due_at=over)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judgement:
    """One message judged by what is known now. Its methods raise _NotSendable."""

    message: Message
    subjects: MessageSubjects
    channels: Channels
    now: datetime
    retries: RetryPolicy

    def sendable(self) -> Sendable:
        message, subjects = self.message, self.subjects
        if (message.organization_id, message.order_id) in subjects.withdrawn_orders:
            raise _suppressed(ORDER_CANCELLED)
        channels = self.channels.of(message.organization_id)
        channel = channels.get(message.channel)
        if channel is None:
            raise _suppressed("channel_unavailable")
        appointment, texts = self._appointment()
        series, occurrence = self._told_series(), self._occurrence(appointment)
        if series is not None:
            appointment = _first_date(appointment, series)
        client = self._client(client_id_of(message, appointment))
        business = subjects.catalogue.get((message.organization_id, "business", appointment.business_id))
        if business is None:
            raise self._not_known_yet("business")
        recipient = self._staff(appointment) if message.audience is Audience.STAFF else self._consenting(client)
        address = _address(channel, recipient)
        if message.channel in STOPPED_BY_NUMBER and subjects.has_stopped(message.organization_id, address):
            raise _suppressed("opted_out")
        named = subjects.named_templates
        return Sendable(
            message=self._as_heard(appointment),
            channel=channel,
            account=channels.account_of(message.channel),
            appointment=_as_told(message, appointment, texts),
            business=business,
            client_id=client.id,
            client_name=client.name,
            # One link cannot confirm many dates.
            asks_confirmation=series is None and self._asks_confirmation(appointment),
            location="" if message.kind is Kind.WITHDRAWN else location_of(appointment, texts, business),
            recipient=recipient,
            address=address,
            zone=recipient.zone or appointment.zone,
            templates=[item for item in subjects.templates if item.organization_id == message.organization_id],
            template=named.get((message.organization_id, message.template_id)) if message.template_id else None,
            series=series,
            occurrence=occurrence,
            offer=subjects.offers.get((message.organization_id, message.appointment_id)),
            first_mail=subjects.first_mails.get((message.organization_id, message.id), {}).get(address),
        )

    def _told_series(self) -> ToldSeries | None:
        message = self.message
        if message.kind not in OF_SERIES or message.series_id is None:
            return None
        series = self.subjects.series.get((message.organization_id, message.series_id))
        if series is None:
            raise self._not_known_yet("series")
        told = told_series(message.kind, series, resource_id=message.resource_id, now=self.now)
        if told is None:
            raise _suppressed("superseded")
        return told

    def _occurrence(self, appointment: Appointment) -> Occurrence | None:
        """Which date of a series the appointment is. Calendars know it by that, so nothing is said of it before."""
        message = self.message
        if message.kind in OF_SERIES or message.series_id is None:
            return None
        series = self.subjects.series.get((message.organization_id, message.series_id))
        recurs_at = series.recurs_at(appointment.calendar_uid) if series is not None else None
        if series is None or recurs_at is None:
            raise self._not_known_yet("series")
        return Occurrence(calendar_uid=series.calendar_uid, recurs_at=recurs_at)

    def _slot(self) -> Appointment:
        """What a slot that is held for the client would become."""
        message, catalogue = self.message, self.subjects.catalogue
        offer = self.subjects.offers.get((message.organization_id, message.appointment_id))
        if offer is None or not offer.offers(message.appointment_id, now=self.now):
            raise _suppressed("offer_over")
        business = catalogue.get((offer.organization_id, "business", offer.business_id))
        service = catalogue.get((offer.organization_id, "service", offer.service_id))
        slot = slot_as_appointment(offer, business=business, service=service)
        if slot is None or service is None:
            raise self._not_known_yet("service")
        return slot

    def _appointment(self) -> tuple[Appointment, AppointmentTexts | None]:
        message = self.message
        if message.kind is Kind.SLOT_OFFERED:
            return self._slot(), None
        appointment = self.subjects.appointments.get((message.organization_id, message.appointment_id))
        if appointment is None:
            raise self._not_known_yet("appointment")
        is_of_series = message.kind in OF_SERIES
        reason = suppression_reason(
            message.kind, appointment, resource_id=message.resource_id, client_id=message.client_id
        )
        if reason is None and (message.organization_id, message.id) in self.subjects.repeated:
            reason = "same_time"
        if reason is None and message.kind is Kind.WITHDRAWN and not self._has_heard_of_it(appointment):
            reason = "never_told"
        if reason is None and appointment.ends_at <= self.now and message.kind not in _TOLD_LATER and not is_of_series:
            reason = "appointment_over"
        if reason is not None:
            raise _suppressed(reason)
        texts = self.subjects.texts.get((message.organization_id, message.appointment_id))
        if appointment.has_texts and (texts is None or texts.version < appointment.version):
            raise self._not_known_yet("appointment")
        return appointment, texts

    def _has_heard_of_it(self, appointment: Appointment) -> bool:
        return (appointment.organization_id, appointment.id, self.message.client_id) in self.subjects.told

    def _as_heard(self, appointment: Appointment) -> Message:
        """Of a move a client reads the time that they were told of last, and none where that is the new one.

        What was never told was no time of theirs; of a date of a series, the series itself may have told.
        """
        message = self.message
        if message.kind is not Kind.RESCHEDULED or message.audience is not Audience.CLIENT:
            return message
        heard = self.subjects.last_told.get((message.organization_id, message.id))
        if heard is None and message.series_id is not None:
            return message
        return replace(message, previous_starts_at=heard if heard != appointment.starts_at else None)

    def _asks_confirmation(self, appointment: Appointment) -> bool:
        """A service that has not arrived yet asks for nothing."""
        if appointment.service_id is None:
            return False
        service = self.subjects.catalogue.get((appointment.organization_id, "service", appointment.service_id))
        return service is not None and service.client_confirms

    def _client(self, client_id: UUID | None) -> Client:
        if client_id is None:
            raise self._not_known_yet("client")
        client = self.subjects.clients.get((self.message.organization_id, client_id))
        if client is None and client_id in self.subjects.erased_clients:
            return self._erased(client_id)
        if client is None:
            raise self._not_known_yet("client")
        return client

    def _erased(self, client_id: UUID) -> Client:
        """Staff are told what becomes of their time whoever it was for: their own calendars would keep it."""
        if self.message.audience is not Audience.STAFF or self.message.kind in _WORDS_ABOUT_CLIENTS:
            raise _suppressed("client_erased")
        return erased_client(self.message.organization_id, client_id)

    def _consenting(self, client: Client) -> Contact:
        if not client.may_be_reached_by(self.message.channel):
            raise _suppressed("no_consent")
        for client_id in (self.message.client_id or client.id, client.id):
            preference = self.subjects.preferences.get((client.organization_id, client_id))
            if preference is not None and preference.stops(self.message.channel, self.message.kind):
                raise _suppressed("opted_out")
        return self._with_browsers(client.contact, self.subjects.browsers.get((client.organization_id, client.id), ()))

    def _staff(self, appointment: Appointment) -> Contact:
        resource_id = self.message.resource_id or UUID(int=0)
        resource = self.subjects.catalogue.get((self.message.organization_id, "resource", resource_id))
        if resource is None:
            raise self._not_known_yet("resource")
        if resource.archived:
            raise _suppressed("recipient_archived")
        is_reminder = self.message.kind is Kind.STAFF_REMINDER
        key = (resource.organization_id, (self.message.user_id if is_reminder else resource.user_id) or "")
        if key in self.subjects.removed_users:
            raise _suppressed(USER_REMOVED)
        user = self.subjects.users.get(key)
        if user is not None and user.is_shut_out:
            raise _suppressed(USER_DEACTIVATED)
        contact = self._reminded(user, resource, appointment) if is_reminder else resource.contact
        chosen = self.subjects.staff_preferences.get(key)
        if user is not None and (end := judge_choice(self.message, user, chosen, appointment, now=self.now)):
            raise _NotSendable(end)
        return self._with_browsers(contact, self.subjects.user_browsers.get(key, ()))

    def _reminded(self, user: User | None, calendar: CatalogueItem, appointment: Appointment) -> Contact:
        """Reminders go to users, at the address that the dashboard has, while the calendar is theirs."""
        if user is None:
            raise self._not_known_yet("user")
        if not user.is_active:
            raise _suppressed(USER_DEACTIVATED)
        if not has_calendar(user, calendar):
            raise _suppressed(UNASSIGNED)
        return user.contact(calendar.zone or appointment.zone)

    def _with_browsers(self, contact: Contact, browsers: Devices) -> Contact:
        return replace(contact, devices=browsers) if self.message.channel is Channel.PUSH else contact

    def _not_known_yet(self, what: str) -> _NotSendable:
        """Another topic brings it: the message waits for it, but not for ever."""
        code, planned_at = f"{what}_unknown", max(self.message.created_at, self.message.due_at)
        next_attempt_at = self.retries.look_again(planned_at=planned_at, now=self.now)
        if next_attempt_at is None:
            detail = f"the {what} did not become known in time"
            return _NotSendable(Settlement(status=Status.FAILED, code=code, detail=detail))
        return _NotSendable(Settlement(status=Status.PLANNED, code=code, next_attempt_at=next_attempt_at, waits=True))


def _as_told(message: Message, appointment: Appointment, texts: AppointmentTexts | None) -> Appointment:
    """With the name that was typed for it. Who is no longer assigned is told the time that they lose; whose it never
    was, the time alone, since all else may be what it is for somebody else.
    """
    if message.kind is Kind.WITHDRAWN:
        return replace(appointment, service_name="", action_name=None, staff=())
    if texts is not None and texts.service_name:
        appointment = replace(appointment, service_name=texts.service_name)
    if message.kind is Kind.UNASSIGNED and message.previous_starts_at and message.previous_ends_at:
        appointment = replace(appointment, starts_at=message.previous_starts_at, ends_at=message.previous_ends_at)
    return appointment


def _first_date(anchor: Appointment, series: ToldSeries) -> Appointment:
    """The first of the dates that are told; what it is and where, as its fellow says."""
    first = series.first
    return replace(anchor, id=first.id, starts_at=first.starts_at, ends_at=first.ends_at, status=first.status)


def location_of(appointment: Appointment, texts: AppointmentTexts | None, business: CatalogueItem) -> str:
    """Where it takes place. A client's own address is personal, and does not travel: it is left out."""
    if appointment.location_kind == "business":
        return business.address or ""
    return texts.location if texts is not None else ""


def _address(channel: NotificationChannel, recipient: Contact) -> str:
    try:
        address = channel.address_of(recipient)
    except LandlineError as error:
        raise _suppressed(LANDLINE) from error
    except InvalidAddressError as error:
        detail = f"nothing can be sent by {channel.name} to the recipient's address"
        raise _NotSendable(Settlement(status=Status.FAILED, code="invalid_address", detail=detail)) from error
    if address is None:
        raise _suppressed(NO_ADDRESS)
    return address


def _suppressed(reason: str) -> _NotSendable:
    return _NotSendable(Settlement(status=Status.SUPPRESSED, reason=reason))
