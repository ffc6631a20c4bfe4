"""/v1/follow-up-rules: what is sent to who did not come."""

from datetime import timedelta
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.api.dependencies import CurrentDependencies, Reader, TemplateWriter
from notifications.domain.follow_ups import FollowUpRule
from notifications.schemas.follow_up_rules import ChangeFollowUpRuleIn, CreateFollowUpRuleIn, FollowUpRuleOut
from notifications.storage import FollowUpRuleStore
from notifications.usecases.follow_up_rules import add_follow_up_rule, archive_follow_up_rule, change_follow_up_rule
from slotstream_servicekit.context import Context
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.etags import IfMatch
from slotstream_servicekit.http.idempotency import IdempotencyKey, idempotent
from slotstream_servicekit.http.pagination import DEFAULT_LIMIT, Cursor, Limit, Page, id_in, page_by_id
from slotstream_servicekit.http.responses import model_response
from slotstream_servicekit.ids import new_id

router = Router(prefix="/v1/follow-up-rules", tags=["follow-ups"])

_SCOPE = "follow-up-rules"


@router.post("", status_code=201, response_model=FollowUpRuleOut)
async def create_follow_up_rule(
    request: Request,
    body: CreateFollowUpRuleIn,
    dependencies: CurrentDependencies,
    principal: TemplateWriter,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Write to each no-show from now on. The closest level that has rules decides: service, business, organization."""
    await dependencies.wait_for_item(principal.organization_id, "business", body.business_id)
    await dependencies.wait_for_item(principal.organization_id, "service", body.service_id)
    context = dependencies.context_of(principal)
    rule = _rule_of(body, body.id or new_id(), context)

    async def create(session: AsyncSession) -> Response:
        channels = await dependencies.channels_of(session, principal)
        created = await add_follow_up_rule(session=session, context=context, rule=rule, channels=channels.names)
        return model_response(_out(created), status=201, version=created.version)

    return await idempotent(request, database=dependencies.database, principal=principal, action=create)


@router.get("")
async def list_follow_up_rules(
    dependencies: CurrentDependencies,
    principal: Reader,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[FollowUpRuleOut]:
    after = id_in(cursor, scope=_SCOPE)
    async with dependencies.database.transaction(principal) as session:
        rows = await FollowUpRuleStore(session).page(principal.organization_id, after=after, limit=limit + 1)
    items, next_cursor = page_by_id(rows, limit=limit, scope=_SCOPE)
    return Page[FollowUpRuleOut](items=[_out(rule) for rule in items], next_cursor=next_cursor)


@router.get("/{rule_id}", response_model=FollowUpRuleOut)
async def get_follow_up_rule(rule_id: UUID, dependencies: CurrentDependencies, principal: Reader) -> Response:
    async with dependencies.database.transaction(principal) as session:
        rule = await FollowUpRuleStore(session).get(principal.organization_id, rule_id)
    return model_response(_out(rule), version=rule.version)


@router.patch("/{rule_id}", response_model=FollowUpRuleOut)
async def update_follow_up_rule(
    rule_id: UUID,
    body: ChangeFollowUpRuleIn,
    dependencies: CurrentDependencies,
    principal: TemplateWriter,
    expected_version: IfMatch,
) -> Response:
    """Change what no-shows from now on lead to."""
    async with dependencies.database.transaction(principal) as session:
        rule = await change_follow_up_rule(
            session=session,
            context=dependencies.context_of(principal),
            rule_id=rule_id,
            after=None if body.minutes_after is None else timedelta(minutes=body.minutes_after),
            enabled=body.enabled,
            template_id=body.template_id,
            drop_template="template_id" in body.model_fields_set and body.template_id is None,
            expected_version=expected_version,
        )
    return model_response(_out(rule), version=rule.version)


@router.delete("/{rule_id}", status_code=204)
async def delete_follow_up_rule(
    rule_id: UUID, dependencies: CurrentDependencies, principal: TemplateWriter, expected_version: IfMatch
) -> None:
    """Archive: what is planned already is sent."""
    async with dependencies.database.transaction(principal) as session:
        await archive_follow_up_rule(
            session=session,
            context=dependencies.context_of(principal),
            rule_id=rule_id,
            expected_version=expected_version,
        )


def _rule_of(body: CreateFollowUpRuleIn, rule_id: UUID, context: Context) -> FollowUpRule:
    return FollowUpRule(
        organization_id=context.organization_id,
        id=rule_id,
        business_id=body.business_id,
        service_id=body.service_id,
        channel=body.channel,
        after=timedelta(minutes=body.minutes_after),
        template_id=body.template_id,
        enabled=body.enabled,
        created_at=context.now,
        updated_at=context.now,
        version=1,
    )


def _out(rule: FollowUpRule) -> FollowUpRuleOut:
    return FollowUpRuleOut(
        id=rule.id,
        business_id=rule.business_id,
        service_id=rule.service_id,
        channel=rule.channel,
        minutes_after=rule.after // timedelta(minutes=1),
        template_id=rule.template_id,
        enabled=rule.enabled,
        created_at=rule.created_at,
        updated_at=rule.updated_at,
        version=rule.version,
    )
