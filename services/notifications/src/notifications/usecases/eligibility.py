"""Whether a claimed message may be sent, and to which address."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain import (
    Appointment,
    Audience,
    CatalogueItem,
    Channels,
    Client,
    Contact,
    InvalidAddressError,
    Kind,
    Message,
    NotificationChannel,
    Preference,
    RetryPolicy,
    Status,
    Template,
    suppression_reason,
)
from notifications.storage import (
    AppointmentStore,
    CatalogueStore,
    ClientStore,
    PreferenceStore,
    Settlement,
    TemplateStore,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sendable:
    """A message that may be sent, with all that its text needs."""

    message: Message
    channel: NotificationChannel
    appointment: Appointment
    business: CatalogueItem
    client_name: str
    recipient: Contact
    address: str
    zone: str
    templates: Sequence[Template]
    template: Template | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSubjects:
    """What a batch of messages is about: appointments, people, businesses and templates, by organization and id."""

    appointments: Mapping[tuple[UUID, UUID], Appointment]
    clients: Mapping[tuple[UUID, UUID], Client]
    erased_clients: frozenset[UUID]
    catalogue: Mapping[tuple[UUID, str, UUID], CatalogueItem]
    preferences: Mapping[tuple[UUID, UUID], Preference]
    templates: Sequence[Template]
    named_templates: Mapping[tuple[UUID, UUID], Template]


async def read_subjects(*, session: AsyncSession, messages: Sequence[Message]) -> MessageSubjects:
    appointments = await AppointmentStore(session).get_all(
        {(message.organization_id, message.appointment_id) for message in messages}
    )
    client_keys = {(message.organization_id, message.client_id) for message in messages}
    clients = await ClientStore(session).get_all(client_keys)
    items = {
        (appointment.organization_id, "business", appointment.business_id) for appointment in appointments.values()
    }
    items |= {(message.organization_id, "resource", message.resource_id) for message in messages if message.resource_id}
    survivors = {(client.organization_id, client.id) for client in clients.values()}
    named = {(message.organization_id, message.template_id) for message in messages if message.template_id}
    templates = TemplateStore(session)
    return MessageSubjects(
        appointments=appointments,
        clients=clients,
        erased_clients=await ClientStore(session).erased({client_id for _, client_id in client_keys - clients.keys()}),
        catalogue=await CatalogueStore(session).get_all(items),
        preferences=await PreferenceStore(session).get_all(client_keys | survivors),
        templates=await templates.of_organizations({message.organization_id for message in messages}),
        named_templates=await templates.named(named) if named else {},
    )


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
        channel = self.channels.get(message.channel)
        if channel is None:
            raise _suppressed("channel_unavailable")
        appointment = self._appointment()
        client = self._client()
        business = subjects.catalogue.get((message.organization_id, "business", appointment.business_id))
        if business is None:
            raise self._not_known_yet("business")
        recipient = self._staff() if message.audience is Audience.STAFF else self._consenting(client)
        named = subjects.named_templates
        return Sendable(
            message=message,
            channel=channel,
            appointment=appointment,
            business=business,
            client_name=client.name,
            recipient=recipient,
            address=_address(channel, recipient),
            zone=recipient.zone or appointment.zone,
            templates=[item for item in subjects.templates if item.organization_id == message.organization_id],
            template=named.get((message.organization_id, message.template_id)) if message.template_id else None,
        )

    def _appointment(self) -> Appointment:
        message = self.message
        appointment = self.subjects.appointments.get((message.organization_id, message.appointment_id))
        if appointment is None:
            raise self._not_known_yet("appointment")
        reason = suppression_reason(message.kind, appointment, resource_id=message.resource_id)
        if reason is None and appointment.ends_at <= self.now and message.kind is not Kind.AD_HOC:
            reason = "appointment_over"
        if reason is not None:
            raise _suppressed(reason)
        return appointment

    def _client(self) -> Client:
        client = self.subjects.clients.get((self.message.organization_id, self.message.client_id))
        if client is None and self.message.client_id in self.subjects.erased_clients:
            raise _suppressed("client_erased")
        if client is None:
            raise self._not_known_yet("client")
        return client

    def _consenting(self, client: Client) -> Contact:
        if self.message.channel not in client.consent:
            raise _suppressed("no_consent")
        for client_id in (self.message.client_id, client.id):
            preference = self.subjects.preferences.get((client.organization_id, client_id))
            if preference is not None and self.message.channel in preference.opted_out:
                raise _suppressed("opted_out")
        return client.contact

    def _staff(self) -> Contact:
        resource_id = self.message.resource_id or UUID(int=0)
        resource = self.subjects.catalogue.get((self.message.organization_id, "resource", resource_id))
        if resource is None:
            raise self._not_known_yet("resource")
        if resource.archived:
            raise _suppressed("recipient_archived")
        return resource.contact

    def _not_known_yet(self, what: str) -> _NotSendable:
        """Another topic brings it: the message waits for it, but not for ever."""
        code, planned_at = f"{what}_unknown", max(self.message.created_at, self.message.due_at)
        next_attempt_at = self.retries.look_again(planned_at=planned_at, now=self.now)
        if next_attempt_at is None:
            detail = f"the {what} did not become known in time"
            return _NotSendable(Settlement(status=Status.FAILED, code=code, detail=detail))
        return _NotSendable(Settlement(status=Status.PLANNED, code=code, next_attempt_at=next_attempt_at, waits=True))


def _address(channel: NotificationChannel, recipient: Contact) -> str:
    try:
        address = channel.address_of(recipient)
    except InvalidAddressError as error:
        detail = f"nothing can be sent by {channel.name} to the recipient's address"
        raise _NotSendable(Settlement(status=Status.FAILED, code="invalid_address", detail=detail)) from error
    if address is None:
        raise _suppressed("no_address")
    return address


def _suppressed(reason: str) -> _NotSendable:
    return _NotSendable(Settlement(status=Status.SUPPRESSED, reason=reason))
