"""Keeping templates, and trying them out."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.adapters.email.mime import html_of
from notifications.adapters.wording import check_text, render_text, sample_facts
from notifications.domain import Audience, BusinessUnknownError, Channel, DuplicateError, Kind, Template, Text
from notifications.storage import CatalogueStore, TemplateStore
from slotstream_servicekit.errors import VersionConflictError


async def create_template(
    session: AsyncSession,
    *,
    organization_id: UUID,
    template_id: UUID,
    business_id: UUID | None,
    kind: Kind,
    audience: Audience,
    channel: Channel,
    locale: str,
    text: Text,
    is_default: bool,
    now: datetime,
) -> Template:
    """Raises TemplateRefusedError for wording that is not allowed, DuplicateError where its place is taken."""
    check_text(text)
    if business_id is not None:
        await require_business(session, organization_id, business_id)
    template = Template(
        organization_id=organization_id,
        id=template_id,
        business_id=business_id,
        kind=kind,
        audience=audience,
        channel=channel,
        locale=locale,
        text=text,
        is_default=is_default,
        created_at=now,
        updated_at=now,
        version=1,
    )
    if not await TemplateStore(session).add(template):
        raise DuplicateError("There is a template for this business, kind, audience, channel and locale already")
    return template


async def change_template(
    session: AsyncSession,
    *,
    organization_id: UUID,
    template_id: UUID,
    subject: str | None,
    text: str | None,
    html: str | None,
    drop_html: bool,
    expected_version: int | None,
    now: datetime,
) -> Template:
    store = TemplateStore(session)
    old = await store.get(organization_id, template_id, lock=True)
    _check_version(old, expected_version)
    wording = Text(
        subject=old.text.subject if subject is None else subject,
        text=old.text.text if text is None else text,
        html=None if drop_html else old.text.html if html is None else html,
    )
    check_text(wording)
    if wording == old.text:
        return old
    new = replace(old, text=wording, updated_at=now, version=old.version + 1)
    await store.replace(new)
    return new


async def archive_template(
    session: AsyncSession, *, organization_id: UUID, template_id: UUID, expected_version: int | None, now: datetime
) -> None:
    """It is not chosen any more; reminders that name it keep its wording."""
    store = TemplateStore(session)
    old = await store.get(organization_id, template_id, lock=True)
    _check_version(old, expected_version)
    await store.replace(replace(old, updated_at=now, version=old.version + 1), archived=True)


def preview(text: Text, *, locale: str) -> Text:
    """The wording with example facts filled in, the HTML as it would be sent. Raises TemplateRefusedError."""
    rendered = render_text(text, sample_facts(locale))
    return replace(rendered, html=rendered.html or html_of(rendered.text, locale))


def _check_version(old: Template, expected: int | None) -> None:
    if expected is not None and expected != old.version:
        raise VersionConflictError(old.version)


async def require_business(session: AsyncSession, organization_id: UUID, business_id: UUID) -> None:
    business = await CatalogueStore(session).get(organization_id, "business", business_id)
    if business is None or business.archived:
        raise BusinessUnknownError("There is no such business")
