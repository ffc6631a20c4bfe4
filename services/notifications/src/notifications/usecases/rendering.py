"""A message's text, in the recipient's language and zone."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit

from notifications.adapters.portal_links import PortalLinks
from notifications.adapters.templates import (
    Choice,
    TemplateValues,
    agenda_text,
    built_in,
    choose_template,
    closest_tag,
    failing_account_text,
    locale_of,
    render_text,
    values_of,
)
from notifications.domain.channels import Notification
from notifications.domain.messages import Audience, Channel, Kind
from notifications.domain.opt_outs import UNSUBSCRIBED
from notifications.domain.templates import Text
from notifications.usecases.eligibility import Sendable
from slotstream_servicekit.errors import TemplateRefusedError


def render_message(sendable: Sendable, *, portal: PortalLinks | None, now: datetime) -> Notification:
    """What the channel composes: the template that fits best, filled in; or the text that somebody wrote by hand.

    Without `portal` there are no links.
    """
    if sendable.agenda is not None:
        locale = locale_of(sendable.recipient.locale or sendable.business.locale or "en", sendable.business.country)
        profile = portal.profile if portal is not None else None
        text, language = agenda_text(sendable.agenda, locale=locale, profile=profile), locale.language
        links: Mapping[str, str] = {}
    elif sendable.failing is not None:
        settings = portal.channels if portal is not None else None
        failing = failing_account_text(sendable.failing, locale=sendable.recipient.locale, settings=settings)
        (text, language), links = failing, {}
    elif sendable.message.kind is Kind.AD_HOC:
        links = _links(sendable, portal, now) if sendable.message.with_variables else {}
        text, language = _written_by_hand(sendable, links), sendable.business.locale or "en"
    else:
        choice = _choice(sendable)
        links = _links(sendable, portal, now)
        text, language = _filled_in(sendable, choice, links), choice.locale
    return Notification(
        message=sendable.message,
        appointment=sendable.appointment,
        business=sendable.business,
        client_name=sendable.client_name,
        location=sendable.location,
        recipient=sendable.recipient,
        address=sendable.address,
        text=text,
        language=language,
        series=sendable.series,
        occurrence=sendable.occurrence,
        links=tuple(links.values()),
        opens=_opens(sendable, portal, now),
        may_ask=_may_ask(sendable),
        confirms_at=links.get("confirm", ""),
        unsubscribes_at=_unsubscribes_at(sendable, portal, now),
        first_mail=sendable.first_mail,
    )


def _may_ask(sendable: Sendable) -> bool:
    """As for the link to confirm: what is shared with the client and not confirmed yet."""
    appointment = sendable.appointment
    return sendable.asks_confirmation and appointment.share_with_client and appointment.status == "scheduled"


def _written_by_hand(sendable: Sendable, links: Mapping[str, str]) -> Text:
    """As it was written, or filled in, in the business's language. Raises TemplateRefusedError."""
    message, business = sendable.message, sendable.business
    text = Text(subject="", text=message.text or "")
    if message.with_variables:
        values = _values(sendable, business.locale or "en", links, sendable.appointment.previous_starts_at)
        text = render_text(text, values)
    return replace(text, subject=business.name, text=text.text.strip() + "\n")


def _choice(sendable: Sendable) -> Choice:
    template = sendable.template
    if template is not None:
        return Choice(text=template.text, locale=template.locale, template_id=template.id)
    return choose_template(
        kind=sendable.message.kind,
        audience=sendable.message.audience,
        channel=sendable.message.channel,
        business_id=sendable.appointment.business_id,
        locales=[sendable.recipient.locale, sendable.business.locale],
        templates=sendable.templates,
    )


def _links(sendable: Sendable, portal: PortalLinks | None, now: datetime) -> Mapping[str, str]:
    is_followed = sendable.message.channel is not Channel.VOICE and sendable.message.kind is not Kind.WITHDRAWN
    if portal is None or sendable.message.audience is not Audience.CLIENT or not is_followed:
        # Nobody follows a link that is read out, nor one to an appointment that is somebody else's.
        return {}
    if sendable.offer is not None:
        return portal.offer_addresses(sendable.offer, client_id=sendable.client_id, now=now)
    return portal.addresses(
        sendable.appointment, client_id=sendable.client_id, asks_confirmation=sendable.asks_confirmation, now=now
    )


def _opens(sendable: Sendable, portal: PortalLinks | None, now: datetime) -> str:
    """The page of the appointment as a client may see it, also of a message that was written by hand."""
    if sendable.message.channel is not Channel.PUSH:
        return ""
    links = _links(sendable, portal, now)
    return urlsplit(links.get("offer") or links.get("appointment") or links.get("preferences", "")).path


def _unsubscribes_at(sendable: Sendable, portal: PortalLinks | None, now: datetime) -> str:
    message = sendable.message
    is_covered = message.channel is Channel.EMAIL and message.kind in UNSUBSCRIBED
    if portal is None or message.audience is not Audience.CLIENT or not is_covered:
        return ""
    return portal.unsubscribe_address(message.organization_id, sendable.client_id, now=now)


def _filled_in(sendable: Sendable, choice: Choice, links: Mapping[str, str]) -> Text:
    language = choice.locale.partition("-")[0]
    values = _values(sendable, choice.locale, links, sendable.message.previous_starts_at)
    try:
        return render_text(choice.text, values)
    except TemplateRefusedError:
        # A template that was fine when it was saved: the news matters more than its words.
        kind, audience, channel = sendable.message.kind, sendable.message.audience, sendable.message.channel
        plain = built_in(kind, audience, language, channel) or built_in(kind, audience, "en", channel) or choice.text
        return render_text(plain, values)


def _values(
    sendable: Sendable, locale: str, links: Mapping[str, str], previous_starts_at: datetime | None
) -> TemplateValues:
    """For a text in the language of `locale`, as the recipient's country writes it, else the business's."""
    return values_of(
        appointment=sendable.appointment,
        business=sendable.business,
        client_name=sendable.client_name,
        recipient_name=sendable.recipient.name,
        location=sendable.location,
        previous_starts_at=previous_starts_at,
        locale=locale_of(
            closest_tag(locale, [sendable.recipient.locale, sendable.business.locale]), sendable.business.country
        ),
        zone=sendable.zone,
        links=links,
        series=sendable.series,
        offered_until=sendable.offer.offer_expires_at if sendable.offer is not None else None,
    )
