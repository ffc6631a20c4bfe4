"""/v1/reminder-rules/{id}/application: giving a default reminder to appointments that stand already."""

from uuid import UUID

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.api.dependencies import CurrentDependencies, Reader, TemplateWriter
from notifications.schemas.rule_applications import RuleApplicationOut, RulePreviewOut, application_out, preview_out
from notifications.usecases.rule_applications import apply_rule, preview_rule, read_application
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.etags import IfMatch
from slotstream_servicekit.http.idempotency import IdempotencyKey, idempotent
from slotstream_servicekit.http.responses import model_response

router = Router(prefix="/v1/reminder-rules/{rule_id}/application", tags=["reminders"])


@router.post("", status_code=202, response_model=RuleApplicationOut)
async def apply_reminder_rule(
    *,
    request: Request,
    rule_id: UUID,
    dependencies: CurrentDependencies,
    principal: TemplateWriter,
    expected_version: IfMatch,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Give the rule's reminder to appointments that stand already and lie ahead; the worker does it.

    Nothing is sent at once: what would be due already is `suppressed: too_late`. Whose reminders somebody has edited,
    and who has the same one, is left alone, so that asking twice plans nothing twice.
    """

    async def apply(session: AsyncSession) -> Response:
        application = await apply_rule(
            session=session,
            context=dependencies.context_of(principal),
            rule_id=rule_id,
            channels=await dependencies.channels_of(session, principal),
            expected_version=expected_version,
        )
        location = f"/v1/reminder-rules/{rule_id}/application"
        return model_response(application_out(application), status=202, location=location)

    return await idempotent(request, database=dependencies.database, principal=principal, action=apply)


@router.get("")
async def get_reminder_rule_application(
    rule_id: UUID, dependencies: CurrentDependencies, principal: Reader
) -> RuleApplicationOut:
    """How far it is, and what came of it."""
    async with dependencies.database.transaction(principal) as session:
        application = await read_application(
            session=session, context=dependencies.context_of(principal), rule_id=rule_id
        )
    return application_out(application)


@router.get("/preview")
async def preview_reminder_rule_application(
    rule_id: UUID, dependencies: CurrentDependencies, principal: Reader
) -> RulePreviewOut:
    """What it would do now, also for a rule that is switched off. Changes nothing."""
    async with dependencies.database.transaction(principal) as session:
        preview = await preview_rule(
            session=session,
            context=dependencies.context_of(principal),
            rule_id=rule_id,
            channels=await dependencies.channels_of(session, principal),
        )
    return preview_out(preview)
