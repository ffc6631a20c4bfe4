"""Keeping templates, and trying them out."""

from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.adapters.templates import (
    TemplateValues,
    check_text,
    choose_template,
    closest_tag,
    fitting_locales,
    html_page,
    locale_of,
    render_text,
    sample_values,
    values_of,
)
from notifications.domain.appointments import Appointment
from notifications.domain.calls import MOST_SPOKEN, spoken
from notifications.domain.channels import NO_ADDRESS, require_channel
from notifications.domain.contacts import CatalogueItem, Client, Contact, Preference
from notifications.domain.errors import BusinessUnknownError, DuplicateError, TooManyTemplatesError
from notifications.domain.messages import Audience, Channel, Kind
from notifications.domain.sms import MAX_UNITS, bounded_sms, normalised_sms
from notifications.domain.templates import MOST_TEMPLATES, Template, Text
from notifications.storage import (
    AppointmentStore,
    AppointmentTextStore,
    CatalogueStore,
    ClientStore,
    PreferenceStore,
    TemplateStore,
)
from notifications.usecases.eligibility import location_of
from notifications.usecases.limits import check_setting
from slotstream_servicekit.context import Context
from slotstream_servicekit.errors import NotFoundError, TemplateRefusedError, VersionConflictError


async def create_template(
    *, session: AsyncSession, context: Context, template: Template, channels: frozenset[Channel]
) -> Template:
    """Raises TemplateRefusedError for a text that is not allowed, DuplicateError where its place is taken,
    TooManyTemplatesError.
    """
    check_setting(context.limits, template.business_id, what="A template for all businesses")
    require_channel(template.channel, channels)
    check_text(template.text)
    _check_length(template)
    if template.business_id is not None:
        await require_business(
            session=session, organization_id=context.organization_id, business_id=template.business_id
        )
    store = TemplateStore(session)
    if not await store.add(template):
        raise DuplicateError("There is a template for this business, kind, audience, channel and locale already")
    if await store.count_alone(context.organization_id) > MOST_TEMPLATES:
        raise TooManyTemplatesError(f"There are {MOST_TEMPLATES} templates already: delete one first")
    return template


async def change_template(
    *,
    session: AsyncSession,
    context: Context,
    template_id: UUID,
    subject: str | None,
    text: str | None,
    html: str | None,
    drop_html: bool,
    expected_version: int | None,
) -> Template:
    """Replaces the pieces that are given. Raises TemplateRefusedError for a text that is not allowed."""
    store = TemplateStore(session)
    old = await store.get(context.organization_id, template_id, lock=True)
    check_setting(context.limits, old.business_id, what="A template for all businesses")
    _check_version(old, expected_version)
    changed = Text(
        subject=old.text.subject if subject is None else subject,
        text=old.text.text if text is None else text,
        html=None if drop_html else old.text.html if html is None else html,
    )
    check_text(changed)
    _check_length(replace(old, text=changed))
    if changed == old.text:
        return old
    new = replace(old, text=changed, updated_at=context.now, version=old.version + 1)
    await store.replace(new)
    return new


async def archive_template(
    *, session: AsyncSession, context: Context, template_id: UUID, expected_version: int | None
) -> None:
    """It is not chosen any more; reminders that name it keep its text."""
    store = TemplateStore(session)
    old = await store.get(context.organization_id, template_id, lock=True)
    check_setting(context.limits, old.business_id, what="A template for all businesses")
    _check_version(old, expected_version)
    await store.replace(replace(old, updated_at=context.now, version=old.version + 1), archived=True)


async def appointment_values(
    *, session: AsyncSession, organization_id: UUID, appointment_id: UUID, audience: Audience, locale: str | None
) -> TemplateValues:
    """What a template says of one appointment to its client, or to the first of its staff, without links.

    Raises NotFoundError. `locale` None: the business's.
    """
    told = await _told_of(session, organization_id, appointment_id)
    recipient = told.client.contact
    if audience is Audience.STAFF and told.appointment.staff:
        member = await CatalogueStore(session).get(organization_id, "resource", told.appointment.staff[0].id)
        recipient = member.contact if member is not None else recipient
    tag = locale or closest_tag(told.business.locale or "en", [recipient.locale, told.business.locale])
    return told.values(recipient, tag)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsPreview:
    """What a client would be told. `reason`: why they are not told by that channel."""

    text: Text
    locale: str
    values: TemplateValues
    reason: str | None


async def news_for_client(
    *, session: AsyncSession, organization_id: UUID, appointment_id: UUID, kind: Kind, channel: Channel
) -> NewsPreview:
    """The text that is chosen for this news of one appointment, in its client's language.

    Raises NotFoundError.
    """
    told = await _told_of(session, organization_id, appointment_id)
    business, client = told.business, told.client
    wanted = [client.contact.locale, business.locale]
    choice = choose_template(
        kind=kind,
        audience=Audience.CLIENT,
        channel=channel,
        business_id=business.id,
        locales=wanted,
        templates=await TemplateStore(session).fitting(
            [(organization_id, kind, Audience.CLIENT, channel)],
            business_ids=[business.id],
            locales=fitting_locales(wanted),
        ),
    )
    preference = await PreferenceStore(session).get(organization_id, client.id)
    return NewsPreview(
        text=choice.text,
        locale=choice.locale,
        values=told.values(client.contact, closest_tag(choice.locale, wanted)),
        reason=_why_not_told(client, preference, kind, channel),
    )


def _why_not_told(client: Client, preference: Preference, kind: Kind, channel: Channel) -> str | None:
    """As when it is sent (`eligibility`), as far as it is known of the client alone."""
    if not client.may_be_reached_by(channel):
        return "no_consent"
    if preference.stops(channel, kind):
        return "opted_out"
    address = client.contact.email if channel is Channel.EMAIL else client.contact.phone
    return NO_ADDRESS if channel is not Channel.PUSH and not address else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """One appointment, and what else its texts name."""

    appointment: Appointment
    business: CatalogueItem
    client: Client
    location: str

    def values(self, recipient: Contact, tag: str) -> TemplateValues:
        return values_of(
            appointment=self.appointment,
            business=self.business,
            client_name=self.client.name,
            recipient_name=recipient.name,
            location=self.location,
            previous_starts_at=self.appointment.previous_starts_at,
            locale=locale_of(tag, self.business.country),
            zone=recipient.zone or self.appointment.zone,
        )


async def _told_of(session: AsyncSession, organization_id: UUID, appointment_id: UUID) -> _Told:
    key = organization_id, appointment_id
    appointment = (await AppointmentStore(session).get_all([key])).get(key)
    if appointment is None:
        raise NotFoundError(f"There is no appointment {appointment_id}")
    texts = (await AppointmentTextStore(session).get_all([key])).get(key)
    business = await CatalogueStore(session).get(organization_id, "business", appointment.business_id)
    client = await ClientStore(session).get(organization_id, appointment.client_id)
    if business is None or client is None:
        raise NotFoundError(f"Whose appointment {appointment_id} is, is not known any more")
    if texts is not None and texts.service_name:
        appointment = replace(appointment, service_name=texts.service_name)
    location = location_of(appointment, texts, business)
    return _Told(appointment=appointment, business=business, client=client, location=location)


def preview_template(text: Text, *, locale: str, channel: Channel, values: TemplateValues | None = None) -> Text:
    """The text filled in, with examples for want of `values`, as it would be sent or spoken.

    Raises TemplateRefusedError.
    """
    rendered = render_text(text, values or sample_values(locale))
    if channel is Channel.VOICE:
        return replace(rendered, text=spoken(rendered.text), html=None)
    if channel is Channel.SMS:
        return replace(rendered, text=normalised_sms(rendered.text), html=None)
    if channel is Channel.PUSH:
        return replace(rendered, html=None)
    return replace(rendered, html=rendered.html or html_page(rendered, locale))


def _check_length(template: Template) -> None:
    """Raises TemplateRefusedError for an SMS or a call that is too long with example values already."""
    if template.channel not in (Channel.SMS, Channel.VOICE):
        return
    text = render_text(template.text, sample_values(template.locale)).text
    if template.channel is Channel.VOICE and len(" ".join(text.split())) > MOST_SPOKEN:
        raise TemplateRefusedError(f"The text is longer than the {MOST_SPOKEN} characters of a call")
    if template.channel is Channel.SMS and bounded_sms(shown := normalised_sms(text)) != shown:
        raise TemplateRefusedError(f"The text is longer than the {MAX_UNITS} characters of an SMS")


def _check_version(old: Template, expected: int | None) -> None:
    if expected is not None and expected != old.version:
        raise VersionConflictError(old.version)


async def require_business(*, session: AsyncSession, organization_id: UUID, business_id: UUID) -> None:
    business = await CatalogueStore(session).get(organization_id, "business", business_id)
    if business is None or business.archived:
        raise BusinessUnknownError(f"There is no business {business_id}")
