"""/v1/templates: the texts of messages."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.adapters.templates import (
    BUILT_IN_LOCALES,
    DEFAULTS,
    PUSH_LOCALES,
    SPOKEN_LOCALES,
    VARIABLES,
    TemplateValues,
    built_in,
    sample_values,
)
from notifications.api.dependencies import CurrentDependencies, Reader, TemplateWriter
from notifications.domain.messages import Channel, Kind
from notifications.domain.sms import sms_size
from notifications.domain.templates import Template, Text
from notifications.schemas.templates import (
    ChangeTemplateIn,
    CreateTemplateIn,
    PreviewIn,
    PreviewOut,
    SmsSizeOut,
    TemplateOut,
    VariableOut,
)
from notifications.storage import TemplateStore
from notifications.usecases.templates import (
    appointment_values,
    archive_template,
    change_template,
    create_template,
    news_for_client,
    preview_template,
)
from slotstream_servicekit.context import Context
from slotstream_servicekit.http import Principal, Router
from slotstream_servicekit.http.etags import IfMatch
from slotstream_servicekit.http.idempotency import IdempotencyKey, idempotent
from slotstream_servicekit.http.pagination import DEFAULT_LIMIT, Cursor, Limit, Page, id_in, page_by_id
from slotstream_servicekit.http.responses import model_response
from slotstream_servicekit.ids import new_id

router = Router(prefix="/v1/templates", tags=["templates"])

_SCOPE = "templates"
_LOCALES = {Channel.PUSH: PUSH_LOCALES, Channel.VOICE: SPOKEN_LOCALES}
"""Where there are built-in texts in other languages than those of mails."""


@router.post("", status_code=201, response_model=TemplateOut)
async def create_message_template(
    request: Request,
    body: CreateTemplateIn,
    dependencies: CurrentDependencies,
    principal: TemplateWriter,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Write a text of one's own in place of the built-in one."""
    await dependencies.wait_for_item(principal.organization_id, "business", body.business_id)
    context = dependencies.context_of(principal)
    template = _template_of(body, body.id or new_id(), context)

    async def create(session: AsyncSession) -> Response:
        channels = await dependencies.channels_of(session, principal)
        created = await create_template(session=session, context=context, template=template, channels=channels.names)
        return model_response(_out(created), status=201, version=created.version)

    return await idempotent(request, database=dependencies.database, principal=principal, action=create)


@router.get("")
async def list_message_templates(
    dependencies: CurrentDependencies,
    principal: Reader,
    kind: Annotated[list[Kind] | None, Query()] = None,
    locale: Annotated[list[str] | None, Query()] = None,
    business_id: Annotated[list[UUID] | None, Query()] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[TemplateOut]:
    """The organization's own templates; `/v1/templates/built-in` lists what is used without them."""
    after = id_in(cursor, scope=_SCOPE)
    async with dependencies.database.transaction(principal) as session:
        rows = await TemplateStore(session).page(
            principal.organization_id,
            kinds=kind or [],
            locales=locale or [],
            business_ids=business_id or [],
            after=after,
            limit=limit + 1,
        )
    items, next_cursor = page_by_id(rows, limit=limit, scope=_SCOPE)
    return Page[TemplateOut](items=[_out(template) for template in items], next_cursor=next_cursor)


@router.get("/built-in")
async def list_built_in_templates(
    principal: Reader,
    kind: Annotated[list[Kind] | None, Query()] = None,
    locale: Annotated[list[str] | None, Query()] = None,
    channel: Annotated[Literal["email", "sms", "voice", "push"], Query()] = "email",
) -> Page[TemplateOut]:
    """The built-in texts, as a start for one's own."""
    of_channel = Channel(channel)
    items = [
        TemplateOut(
            id=None,
            business_id=None,
            kind=built_in_kind,
            audience=audience,
            channel=of_channel,
            locale=language,
            subject=text.subject,
            text=text.text,
            html=None,
            is_default=True,
            created_at=None,
            updated_at=None,
            version=None,
        )
        for language in _LOCALES.get(of_channel, BUILT_IN_LOCALES)
        if not locale or language in locale
        for built_in_kind, audience in DEFAULTS
        if not kind or built_in_kind in kind
        if (text := built_in(built_in_kind, audience, language, of_channel)) is not None
    ]
    return Page[TemplateOut](items=items, next_cursor=None)


@router.get("/variables")
async def list_template_variables(
    principal: Reader,
) -> list[VariableOut]:
    """What templates can name."""
    examples = sample_values("en")
    return [
        VariableOut(name=f"{group}.{name}", description=description, example=examples[group][name])
        for group, names in VARIABLES.items()
        for name, description in names.items()
    ]


@router.post("/preview", response_model=PreviewOut)
async def preview_text(body: PreviewIn, dependencies: CurrentDependencies, principal: Reader) -> Response:
    """Try out a text that is not stored; or see what news of one appointment its client gets."""
    if body.kind is not None and body.appointment_id is not None:
        async with dependencies.database.transaction(principal) as session:
            news = await news_for_client(
                session=session,
                organization_id=principal.organization_id,
                appointment_id=body.appointment_id,
                kind=body.kind,
                channel=body.channel,
            )
        return _preview(news.text, news.locale, body.channel, news.values, news.reason)
    text = Text(subject=body.subject or "", text=body.text or "", html=body.html)
    async with dependencies.database.transaction(principal) as session:
        values = await _values_for(session, principal, body, body.locale)
    return _preview(text, body.locale or "en", body.channel, values)


@router.get("/{template_id}", response_model=TemplateOut)
async def get_message_template(template_id: UUID, dependencies: CurrentDependencies, principal: Reader) -> Response:
    async with dependencies.database.transaction(principal) as session:
        template = await TemplateStore(session).get(principal.organization_id, template_id)
    return model_response(_out(template), version=template.version)


@router.patch("/{template_id}", response_model=TemplateOut)
async def update_message_template(
    template_id: UUID,
    body: ChangeTemplateIn,
    dependencies: CurrentDependencies,
    principal: TemplateWriter,
    expected_version: IfMatch,
) -> Response:
    async with dependencies.database.transaction(principal) as session:
        template = await change_template(
            session=session,
            context=dependencies.context_of(principal),
            template_id=template_id,
            subject=body.subject,
            text=body.text,
            html=body.html,
            drop_html="html" in body.model_fields_set and body.html is None,
            expected_version=expected_version,
        )
    return model_response(_out(template), version=template.version)


@router.delete("/{template_id}", status_code=204)
async def delete_message_template(
    template_id: UUID, dependencies: CurrentDependencies, principal: TemplateWriter, expected_version: IfMatch
) -> None:
    """Archive: the next template in line is used from now on."""
    async with dependencies.database.transaction(principal) as session:
        await archive_template(
            session=session,
            context=dependencies.context_of(principal),
            template_id=template_id,
            expected_version=expected_version,
        )


@router.post("/{template_id}/preview", response_model=PreviewOut)
async def preview_message_template(
    template_id: UUID, body: PreviewIn, dependencies: CurrentDependencies, principal: Reader
) -> Response:
    """See the template filled in; pieces in the body are tried out in place of the stored ones."""
    async with dependencies.database.transaction(principal) as session:
        stored = await TemplateStore(session).get(principal.organization_id, template_id)
        locale = body.locale or stored.locale
        values = await _values_for(session, principal, body, locale)
    text = Text(
        subject=body.subject or stored.text.subject,
        text=body.text or stored.text.text,
        html=body.html if "html" in body.model_fields_set else stored.text.html,
    )
    return _preview(text, locale, stored.channel, values)


async def _values_for(
    session: AsyncSession, principal: Principal, body: PreviewIn, locale: str | None
) -> TemplateValues | None:
    if body.appointment_id is None:
        return None
    return await appointment_values(
        session=session,
        organization_id=principal.organization_id,
        appointment_id=body.appointment_id,
        audience=body.audience,
        locale=locale,
    )


def _preview(
    text: Text, locale: str, channel: Channel, values: TemplateValues | None, reason: str | None = None
) -> Response:
    shown = preview_template(text, locale=locale, channel=channel, values=values)
    size = SmsSizeOut.model_validate(sms_size(shown.text)) if channel is Channel.SMS else None
    return model_response(
        PreviewOut(subject=shown.subject, text=shown.text, html=shown.html or "", sms=size, reason=reason)
    )


def _template_of(body: CreateTemplateIn, template_id: UUID, context: Context) -> Template:
    return Template(
        organization_id=context.organization_id,
        id=template_id,
        business_id=body.business_id,
        kind=body.kind,
        audience=body.audience,
        channel=body.channel,
        locale=body.locale,
        text=Text(subject=body.subject, text=body.text, html=body.html),
        is_default=body.is_default and body.kind is not Kind.AD_HOC,
        created_at=context.now,
        updated_at=context.now,
        version=1,
    )


def _out(template: Template) -> TemplateOut:
    return TemplateOut(
        id=template.id,
        business_id=template.business_id,
        kind=template.kind,
        audience=template.audience,
        channel=template.channel,
        locale=template.locale,
        subject=template.text.subject,
        text=template.text.text,
        html=template.text.html,
        is_default=template.is_default,
        created_at=template.created_at,
        updated_at=template.updated_at,
        version=template.version,
    )
