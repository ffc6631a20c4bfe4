"""What clients and their calendars answer to mails: an acceptance becomes a command to booking, the rest is for staff.

The address proves whose answer it is, and about which calendar entry: it was given to one client alone.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.adapters.email import ReplyAddresses
from notifications.domain.answers import ForStaff, InboundMessage, InboundStatus, Meaning, kept_text
from notifications.domain.appointments import Appointment
from notifications.domain.mail_replies import (
    MOST_REPLIES_A_DAY,
    CalendarReply,
    InboundMail,
    MailOutcome,
    Participation,
    ToldEntry,
    as_heard,
    meaning_of_reply,
)
from notifications.domain.messages import Channel
from notifications.publishers import answer_command, answered_record, received_record
from notifications.storage import (
    AppointmentStore,
    ClientStore,
    GivenAddress,
    InboundStore,
    MailReplyStore,
    OptOutStore,
    SeriesStore,
)
from notifications.usecases.client_wrote import tell_staff_of
from slotstream_servicekit.context import Cause
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.outbox import enqueue

_DAY: Final = timedelta(days=1)
OLD_TIME: Final = "old_time"
"""The answer is to a time that was replaced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One date of a calendar entry: the newest appointment of it, and what the client was told last."""

    appointment: Appointment
    told: ToldEntry


async def receive_mail(
    *,
    session: AsyncSession,
    mail: InboundMail,
    addresses: ReplyAddresses,
    now: datetime,
    traceparent: str | None = None,
) -> MailOutcome:
    """What comes of a mail to one of our addresses, of the organization that its token names.

    Each is worked through once, by its Message-ID, and a calendar's answer once by what it says.
    """
    if mail.is_automatic:
        return "automatic"
    given = await _given(session, mail, addresses)
    if given is None or not await InboundStore(session).lock_client(given.token.organization_id, given.client_id):
        return "not_ours"
    if not await OptOutStore(session).claim_call(_call_id(given, mail), now=now):
        return "repeated"
    received = await MailReplyStore(session).count_received(
        given.token.organization_id, given.client_id, since=now - _DAY
    )
    if received >= MOST_REPLIES_A_DAY:
        return "too_many"
    work = _Work(session=session, given=given, mail=mail, now=now, traceparent=traceparent)
    replies = [reply for reply in mail.replies or () if reply.uid == given.calendar_uid]
    return await work.hear(replies) if replies else await work.keep_words()


async def _given(session: AsyncSession, mail: InboundMail, addresses: ReplyAddresses) -> GivenAddress | None:
    store = MailReplyStore(session)
    for token in mail.tokens:
        if (given := await store.find(token)) is None:
            continue
        if addresses.proves(token, client_id=given.client_id, calendar_uid=given.calendar_uid):
            return given
    return None


def _call_id(given: GivenAddress, mail: InboundMail) -> str:
    """Of the address as well: who makes up another's Message-ID takes nothing from them."""
    return f"mail:{hashlib.sha256(f'{given.token.digest} {mail.message_id}'.encode()).hexdigest()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """One mail that is proven to be a client's."""

    session: AsyncSession
    given: GivenAddress
    mail: InboundMail
    now: datetime
    traceparent: str | None

    async def hear(self, replies: Sequence[CalendarReply]) -> MailOutcome:
        """Each answer by itself; of several the one that somebody has to read says what came of all."""
        outcomes = [await self._hear_one(reply) for reply in replies]
        ranks: tuple[MailOutcome, ...] = ("for_staff", "answered", "noted")
        return next((outcome for outcome in ranks if outcome in outcomes), "repeated")

    async def keep_words(self) -> MailOutcome:
        """What somebody wrote by hand is for people, whatever it says."""
        written = await MailReplyStore(self.session).written_about(self.given)
        message_id, appointment_id = written or (None, None)
        inbound = replace(self._inbound(Meaning.OTHER), message_id=message_id, reason="free_text", text=self.mail.text)
        if appointment_id is not None:
            key = (self.given.token.organization_id, appointment_id)
            known = await AppointmentStore(self.session).get_all([key])
            inbound = replace(inbound, appointment_id=appointment_id if key in known else None)
        return await self._add(inbound)

    async def _hear_one(self, reply: CalendarReply) -> MailOutcome:
        entry = await self._entry(reply)
        newest = entry.told.sequence if isinstance(entry, _Entry) else reply.sequence
        store = MailReplyStore(self.session)
        if not await store.is_newer(self.given, as_heard(reply, newest=newest, now=self.now), now=self.now):
            return "repeated"
        meaning, reason = meaning_of_reply(reply)
        inbound = replace(self._inbound(meaning), text=reply.comment or self.mail.text)
        if not isinstance(entry, _Entry):
            return await self._add(replace(inbound, reason=entry))
        inbound = replace(
            inbound,
            appointment_id=entry.appointment.id,
            message_id=entry.told.message_id,
            text=_with_proposal(inbound.text or "", reply, entry.appointment),
        )
        if reply.sequence < entry.told.sequence or _has_moved(reply, entry):
            return await self._add(replace(inbound, status=InboundStatus.NOTED, reason=OLD_TIME))
        if reason is None and not entry.appointment.share_with_client:
            reason = "no_question"
        if reason is not None:
            return await self._add(replace(inbound, reason=reason))
        return await self._answer(replace(inbound, status=InboundStatus.PENDING), entry)

    async def _entry(self, reply: CalendarReply) -> _Entry | ForStaff:
        """What the answer is about; or why only people can tell."""
        organization_id = self.given.token.organization_id
        store, appointments = MailReplyStore(self.session), AppointmentStore(self.session)
        series_id = await store.series_told_as(self.given)
        if series_id is None:
            told = await store.told_of_chain(self.given)
            appointment = await appointments.get(organization_id, told.appointment_id) if told is not None else None
        else:
            if reply.recurs_at is None:
                return "whole_series"
            known = await SeriesStore(self.session).get_all([(organization_id, series_id)])
            series = known.get((organization_id, series_id))
            if series is None:
                return "no_question"
            newest = series.as_known(await appointments.of_chains(list(series.chains)))
            date = next((date for date in newest.dates if date.recurs_at == reply.recurs_at), None)
            if date is None or date.appointment is None:
                return "no_question"
            told = await store.told_of_date(self.given, series_id, date.appointment.calendar_uid)
            appointment = await appointments.get(organization_id, date.appointment.id)
        if told is None or appointment is None or not await self._is_theirs(appointment):
            return "no_question"
        return _Entry(appointment=appointment, told=told)

    async def _is_theirs(self, appointment: Appointment) -> bool:
        """Whether the appointment is still for whom the address was given to, a duplicate of theirs included."""
        organization_id = appointment.organization_id
        keys = {(organization_id, self.given.client_id), (organization_id, appointment.client_id)}
        clients = await ClientStore(self.session).get_all(keys)
        return len(clients) == len(keys) and len({client.id for client in clients.values()}) == 1

    async def _answer(self, inbound: InboundMessage, entry: _Entry) -> MailOutcome:
        """Booking judges it: the time that was told, and whether it can still be confirmed."""
        cause = self._cause(inbound)
        if await InboundStore(self.session).add(inbound):
            # Of a series the message is told by its first date; what this date's start was has been looked at.
            is_single = entry.told.appointment_id == inbound.appointment_id
            shown = entry.told.starts_at if is_single else entry.appointment.starts_at
            await enqueue(
                self.session,
                [
                    received_record(inbound, cause=cause),
                    answer_command(inbound, shown_starts_at=shown, cause=cause),
                    answered_record(inbound, cause=cause),
                ],
            )
        return "answered"

    async def _add(self, inbound: InboundMessage) -> MailOutcome:
        cause = self._cause(inbound)
        if await InboundStore(self.session).add(inbound):
            await enqueue(self.session, [received_record(inbound, cause=cause)])
            await tell_staff_of(session=self.session, inbound=inbound, cause=cause)
        return "noted" if inbound.status is InboundStatus.NOTED else "for_staff"

    def _cause(self, inbound: InboundMessage) -> Cause:
        return Cause(correlation_id=str(inbound.id), traceparent=self.traceparent)

    def _inbound(self, meaning: Meaning) -> InboundMessage:
        """For staff, unless more is known; from the address that it came from, which may be another of the client's."""
        return InboundMessage(
            organization_id=self.given.token.organization_id,
            id=new_id(),
            provider_id=None,
            channel=Channel.EMAIL,
            client_id=self.given.client_id,
            appointment_id=None,
            message_id=None,
            meaning=meaning,
            status=InboundStatus.FOR_STAFF,
            reason=None,
            text=None,
            address=self.mail.sender,
            received_at=self.now,
            updated_at=self.now,
        )


def _has_moved(reply: CalendarReply, entry: _Entry) -> bool:
    """Whether the calendar has the date at another time than it has by now."""
    if reply.participation is Participation.COUNTER or entry.told.appointment_id == entry.appointment.id:
        return False
    return reply.starts_at is not None and reply.starts_at != entry.appointment.starts_at


def _with_proposal(words: str, reply: CalendarReply, appointment: Appointment) -> str:
    """The other time that is proposed, by the business's clock, before what was written to it."""
    if reply.participation is not Participation.COUNTER or reply.starts_at is None:
        return words
    local = reply.starts_at.astimezone(ZoneInfo(appointment.zone))
    return kept_text(f"\N{RIGHTWARDS ARROW} {local:%Y-%m-%d %H:%M} {appointment.zone}\n{words}")
