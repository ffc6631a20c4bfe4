"""Deciding whether a claimed message may be sent, and writing it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.adapters.email import (
    InvalidAddressError,
    Invitation,
    Letter,
    checked_address,
    invitation_of,
    mail_of,
    message_id_of,
)
from notifications.adapters.email.ics import Method, Party
from notifications.adapters.wording import Choice, built_in, choose_template, facts_of, locale_of, render_text
from notifications.domain import (
    Appointment,
    Audience,
    CatalogueItem,
    Client,
    Kind,
    Mail,
    Message,
    Preference,
    RetryPolicy,
    Status,
    Template,
    TemplateRefusedError,
    Text,
    still_true,
)
from notifications.storage import (
    AppointmentStore,
    CatalogueStore,
    ClientStore,
    PreferenceStore,
    Settlement,
    TemplateStore,
)

_METHODS: Mapping[Kind, Method] = {
    Kind.CREATED: "REQUEST",
    Kind.CONFIRMED: "REQUEST",
    Kind.RESCHEDULED: "REQUEST",
    Kind.ASSIGNED: "REQUEST",
    Kind.CANCELLED: "CANCEL",
    Kind.UNASSIGNED: "CANCEL",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Whom a message goes to; locale and zone are theirs, where known."""

    name: str
    address: str
    locale: str | None
    zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A message that may be sent, with all that its text needs."""

    message: Message
    appointment: Appointment
    business: CatalogueItem
    client_name: str
    recipient: Recipient
    templates: Sequence[Template]
    template: Template | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is known around a batch of messages."""

    appointments: Mapping[tuple[UUID, UUID], Appointment]
    clients: Mapping[tuple[UUID, UUID], Client]
    catalogue: Mapping[tuple[UUID, str, UUID], CatalogueItem]
    preferences: Mapping[tuple[UUID, UUID], Preference]
    templates: Sequence[Template]
    named_templates: Mapping[tuple[UUID, UUID], Template]

    @classmethod
    async def read(cls, session: AsyncSession, messages: Sequence[Message]) -> "Surroundings":
        appointments = await AppointmentStore(session).get_all(
            {(each.organization_id, each.appointment_id) for each in messages}
        )
        clients = {(each.organization_id, each.client_id) for each in messages}
        items = {(each.organization_id, "business", each.business_id) for each in appointments.values()}
        items |= {(each.organization_id, "resource", each.resource_id) for each in messages if each.resource_id}
        known_clients = await ClientStore(session).get_all(clients)
        surviving = {(each.organization_id, each.id) for each in known_clients.values()}
        named = {(each.organization_id, each.template_id) for each in messages if each.template_id}
        templates = TemplateStore(session)
        return cls(
            appointments=appointments,
            clients=known_clients,
            catalogue=await CatalogueStore(session).get_all(items),
            preferences=await PreferenceStore(session).get_all(clients | surviving),
            templates=await templates.of_organizations({each.organization_id for each in messages}),
            named_templates=await templates.named(named) if named else {},
        )


def judge(message: Message, around: Surroundings, *, now: datetime, retries: RetryPolicy) -> Ready | Settlement:
    """Ready to be written and sent; or what became of the message instead."""
    organization = message.organization_id
    appointment = around.appointments.get((organization, message.appointment_id))
    if appointment is None:
        return _wait("appointment_unknown", message, now, retries)
    why = still_true(message.kind, appointment, resource_id=message.resource_id)
    if why is None and appointment.ends_at <= now:
        why = "appointment_over"
    if why is not None:
        return _suppressed(why)
    client = around.clients.get((organization, message.client_id))
    if client is None:
        return _wait("client_unknown", message, now, retries)
    business = around.catalogue.get((organization, "business", appointment.business_id))
    if business is None:
        return _wait("business_unknown", message, now, retries)
    if message.audience is Audience.CLIENT:
        recipient = _client(message, client, appointment, around)
    else:
        recipient = _staff(message, appointment, around, now, retries)
    if isinstance(recipient, Settlement):
        return recipient
    return Ready(
        message=message,
        appointment=appointment,
        business=business,
        client_name=client.name,
        recipient=recipient,
        templates=[each for each in around.templates if each.organization_id == organization],
        template=around.named_templates.get((organization, message.template_id)) if message.template_id else None,
    )


def _client(message: Message, client: Client, appointment: Appointment, around: Surroundings) -> Recipient | Settlement:
    if client.erased:
        return _suppressed("client_erased")
    if message.channel not in client.consent:
        return _suppressed("no_consent")
    for client_id in (message.client_id, client.id):
        preference = around.preferences.get((client.organization_id, client_id))
        if preference is not None and message.channel in preference.opted_out:
            return _suppressed("opted_out")
    return _reachable(client.name, client.email, locale=client.locale, zone=client.zone or appointment.zone)


def _staff(
    message: Message, appointment: Appointment, around: Surroundings, now: datetime, retries: RetryPolicy
) -> Recipient | Settlement:
    resource_id = message.resource_id or UUID(int=0)
    resource = around.catalogue.get((message.organization_id, "resource", resource_id))
    if resource is None:
        return _wait("resource_unknown", message, now, retries)
    if resource.archived:
        return _suppressed("recipient_archived")
    return _reachable(resource.name, resource.email, locale=None, zone=resource.zone or appointment.zone)


def _reachable(name: str, email: str | None, *, locale: str | None, zone: str) -> Recipient | Settlement:
    if not email:
        return _suppressed("no_address")
    try:
        address = checked_address(email)
    except InvalidAddressError:
        return Settlement(
            status=Status.FAILED, code="invalid_address", detail="no mail can be sent to the recipient's address"
        )
    return Recipient(name=name, address=address, locale=locale, zone=zone)


def _suppressed(why: str) -> Settlement:
    return Settlement(status=Status.SUPPRESSED, why=why)


def _wait(code: str, message: Message, now: datetime, retries: RetryPolicy) -> Settlement:
    """For a state that another topic brings: wait for it, but not for ever."""
    next_attempt_at = retries.look_again(planned_at=max(message.created_at, message.due_at), now=now)
    if next_attempt_at is None:
        what = code.removesuffix("_unknown")
        return Settlement(status=Status.FAILED, code=code, detail=f"the {what} did not become known in time")
    return Settlement(status=Status.PLANNED, code=code, next_attempt_at=next_attempt_at, waits=True)


def compose(ready: Ready, *, sender: str, now: datetime) -> Mail:
    """The finished mail, in the recipient's language and zone."""
    message, business = ready.message, ready.business
    choice = _choice(ready)
    text = _written(ready, choice)
    reply_to = _reply_to(business.email)
    letter = Letter(
        sender=sender,
        sender_name=business.name,
        recipient=ready.recipient.address,
        recipient_name=ready.recipient.name,
        reply_to=reply_to,
        message_id=message_id_of(message, domain=sender.rpartition("@")[2]),
        text=text,
        language=choice.locale,
        invitation=_invitation(ready, text, organizer=Party(business.name, sender), now=now),
    )
    return mail_of(letter, now=now)


def _choice(ready: Ready) -> Choice:
    if ready.template is not None:
        return Choice(text=ready.template.text, locale=ready.template.locale, template_id=ready.template.id)
    return choose_template(
        kind=ready.message.kind,
        audience=ready.message.audience,
        channel=ready.message.channel,
        business_id=ready.appointment.business_id,
        locales=[ready.recipient.locale, ready.business.locale],
        templates=ready.templates,
    )


def _written(ready: Ready, choice: Choice) -> Text:
    language = choice.locale.partition("-")[0]
    wished = (each for each in (ready.recipient.locale, ready.business.locale) if each)
    tag = next((each for each in wished if each.replace("_", "-").lower().split("-")[0] == language), choice.locale)
    facts = facts_of(
        appointment=ready.appointment,
        business=ready.business,
        client_name=ready.client_name,
        recipient_name=ready.recipient.name,
        previous_starts_at=ready.message.previous_starts_at,
        locale=locale_of(tag, ready.business.country),
        zone=ready.recipient.zone,
    )
    try:
        return render_text(choice.text, facts)
    except TemplateRefusedError:
        # A template that was fine when it was saved: the news matters more than its wording.
        plain = built_in(ready.message.kind, ready.message.audience, language)
        return render_text(plain or built_in(ready.message.kind, ready.message.audience, "en") or choice.text, facts)


def _reply_to(address: str | None) -> str | None:
    try:
        return checked_address(parseaddr(address)[1]) if address else None
    except InvalidAddressError:
        return None


def _invitation(ready: Ready, text: Text, *, organizer: Party, now: datetime) -> Invitation | None:
    method = _METHODS.get(ready.message.kind)
    if method is None:
        return None
    other = ready.business.name if ready.message.audience is Audience.CLIENT else ready.client_name
    return invitation_of(
        ready.appointment,
        method=method,
        organizer=organizer,
        attendee=Party(ready.recipient.name, ready.recipient.address),
        summary=f"{ready.appointment.service_name}, {other}",
        description=text.text,
        location=ready.business.address or ready.business.name,
        now=now,
    )
