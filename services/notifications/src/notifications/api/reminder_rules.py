"""/v1/reminder-rules: the reminders that new appointments get."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.api.dependencies import CurrentDependencies, Reader, TemplateWriter
from notifications.domain.leads import Lead
from notifications.domain.reminders import ReminderRule
from notifications.schemas.reminder_rules import ChangeReminderRuleIn, CreateReminderRuleIn, ReminderRuleOut
from notifications.storage import ReminderRuleStore
from notifications.usecases.reminder_rules import archive_rule, change_rule, create_rule
from slotstream_servicekit.context import Context
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.etags import IfMatch
from slotstream_servicekit.http.idempotency import IdempotencyKey, idempotent
from slotstream_servicekit.http.pagination import DEFAULT_LIMIT, Cursor, Limit, Page, id_in, page_by_id
from slotstream_servicekit.http.responses import model_response
from slotstream_servicekit.ids import new_id

router = Router(prefix="/v1/reminder-rules", tags=["reminders"])

_SCOPE = "reminder-rules"


@router.post("", status_code=201, response_model=ReminderRuleOut)
async def create_reminder_rule(
    request: Request,
    body: CreateReminderRuleIn,
    dependencies: CurrentDependencies,
    principal: TemplateWriter,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Add a default reminder. The closest level that has rules decides: service, then business, then organization.

    It is for appointments that come from now on. `POST /v1/reminder-rules/{rule_id}/application` gives it to others.
    """
    await dependencies.wait_for_item(principal.organization_id, "business", body.business_id)
    await dependencies.wait_for_item(principal.organization_id, "service", body.service_id)
    context = dependencies.context_of(principal)
    rule = _rule_of(body, body.id or new_id(), context)

    async def create(session: AsyncSession) -> Response:
        channels = await dependencies.channels_of(session, principal)
        created = await create_rule(session=session, context=context, rule=rule, channels=channels.names)
        return model_response(_out(created), status=201, version=created.version)

    return await idempotent(request, database=dependencies.database, principal=principal, action=create)


@router.get("")
async def list_reminder_rules(
    dependencies: CurrentDependencies,
    principal: Reader,
    business_id: Annotated[list[UUID] | None, Query()] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[ReminderRuleOut]:
    after = id_in(cursor, scope=_SCOPE)
    async with dependencies.database.transaction(principal) as session:
        rows = await ReminderRuleStore(session).page(
            principal.organization_id, business_ids=business_id or [], after=after, limit=limit + 1
        )
    items, next_cursor = page_by_id(rows, limit=limit, scope=_SCOPE)
    return Page[ReminderRuleOut](items=[_out(rule) for rule in items], next_cursor=next_cursor)


@router.get("/{rule_id}", response_model=ReminderRuleOut)
async def get_reminder_rule(rule_id: UUID, dependencies: CurrentDependencies, principal: Reader) -> Response:
    async with dependencies.database.transaction(principal) as session:
        rule = await ReminderRuleStore(session).get(principal.organization_id, rule_id)
    return model_response(_out(rule), version=rule.version)


@router.patch("/{rule_id}", response_model=ReminderRuleOut)
async def update_reminder_rule(
    rule_id: UUID,
    body: ChangeReminderRuleIn,
    dependencies: CurrentDependencies,
    principal: TemplateWriter,
    expected_version: IfMatch,
) -> Response:
    """Change what appointments that come from now on get; what others have stays as it is."""
    async with dependencies.database.transaction(principal) as session:
        rule = await change_rule(
            session=session,
            context=dependencies.context_of(principal),
            rule_id=rule_id,
            lead=None if body.minutes_before is None else Lead.of(body.minutes_before, by_clock=body.by_clock),
            enabled=body.enabled,
            template_id=body.template_id,
            drop_template="template_id" in body.model_fields_set and body.template_id is None,
            expected_version=expected_version,
        )
    return model_response(_out(rule), version=rule.version)


@router.delete("/{rule_id}", status_code=204)
async def delete_reminder_rule(
    rule_id: UUID, dependencies: CurrentDependencies, principal: TemplateWriter, expected_version: IfMatch
) -> None:
    """Archive: appointments that have the reminder keep it."""
    async with dependencies.database.transaction(principal) as session:
        await archive_rule(
            session=session,
            context=dependencies.context_of(principal),
            rule_id=rule_id,
            expected_version=expected_version,
        )


def _rule_of(body: CreateReminderRuleIn, rule_id: UUID, context: Context) -> ReminderRule:
    return ReminderRule(
        organization_id=context.organization_id,
        id=rule_id,
        business_id=body.business_id,
        service_id=body.service_id,
        channel=body.channel,
        lead=Lead.of(body.minutes_before, by_clock=body.by_clock),
        template_id=body.template_id,
        enabled=body.enabled,
        created_at=context.now,
        updated_at=context.now,
        version=1,
    )


def _out(rule: ReminderRule) -> ReminderRuleOut:
    return ReminderRuleOut(
        id=rule.id,
        business_id=rule.business_id,
        service_id=rule.service_id,
        channel=rule.channel,
        minutes_before=rule.lead.minutes,
        by_clock=rule.lead.by_clock,
        template_id=rule.template_id,
        enabled=rule.enabled,
        created_at=rule.created_at,
        updated_at=rule.updated_at,
        version=rule.version,
    )
