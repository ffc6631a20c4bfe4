"""/v1/providers/twilio: what Twilio tells of texts."""

import re
from contextlib import AbstractAsyncContextManager
from typing import Final
from uuid import UUID

from fastapi import Request, Response
from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.adapters.twilio import checked_number
from notifications.api.dependencies import CurrentDependencies, Dependencies
from notifications.api.signed import REFUSALS, Signature, SignedRoute, attempt_of, id_of, signed_form
from notifications.domain.channels import InvalidAddressError
from notifications.usecases.answers import receive_text
from notifications.usecases.provider_calls import receive_status
from slotstream_servicekit.http import Router
from slotstream_servicekit.telemetry import current_traceparent, get_logger

log = get_logger(__name__)

ANSWERS = Counter("slotstream_sms_answers", "Texts written to our number, by what they say", ("answer",))

router = Router(prefix="/v1/providers/twilio", tags=["providers"])

_NOTHING_TO_SAY: Final = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
_SID: Final = re.compile(r"(?:SM|MM)[0-9a-fA-F]{32}")
_CODE: Final = re.compile(r"[0-9]{5}")


async def sms_status(request: Request, dependencies: CurrentDependencies, signature: Signature = "") -> Response:
    """What became of a text. Our message's id is in the address, which the signature covers."""
    form = await signed_form(request, dependencies, signature)
    organization_id, message_id = (id_of(request.query_params.get(name)) for name in ("organization", "message"))
    sid, code = form.get("MessageSid"), form.get("ErrorCode")
    if organization_id is None or message_id is None or not _SID.fullmatch(sid):
        return Response(status_code=204)
    async with dependencies.database.transaction(organization_id) as session:
        changed = await receive_status(
            session=session,
            organization_id=organization_id,
            message_id=message_id,
            provider_id=sid,
            attempt=attempt_of(request.query_params.get("attempt")),
            status=form.get("MessageStatus"),
            code=int(code) if _CODE.fullmatch(code) else None,
            now=dependencies.clock(),
        )
    if changed is not None:
        log.info("message_reported", message=str(message_id), status=changed.status)
    return Response(status_code=204)


async def inbound_sms(request: Request, dependencies: CurrentDependencies, signature: Signature = "") -> Response:
    """A text to our number: STOP and START, a plain answer to our last text, or something for staff to read."""
    form = await signed_form(request, dependencies, signature)
    number, sid = _number(form.get("From")), form.get("MessageSid")
    if number is not None and _SID.fullmatch(sid):
        # Across organizations where they share the number that was written to, by a call that the installation's
        # account has signed; else within the one whose account has.
        async with _transaction(dependencies, form.organization_id) as session:
            heard = await receive_text(
                session=session,
                call_id=sid,
                number=number,
                text=form.get("Body"),
                numbers=dependencies.numbers,
                now=dependencies.clock(),
                traceparent=current_traceparent(),
                organization_id=form.organization_id,
            )
        ANSWERS.labels(heard).inc()
        log.info("sms_answered", answer=heard)
    return Response(_NOTHING_TO_SAY, media_type="text/xml")


for _path, _endpoint in (("/sms-status", sms_status), ("/inbound-sms", inbound_sms)):
    router.add_api_route(
        _path,
        _endpoint,
        methods=["POST"],
        route_class_override=SignedRoute,
        status_code=204 if _endpoint is sms_status else 200,
        response_class=Response,
        responses=REFUSALS,
    )


def _transaction(dependencies: Dependencies, organization_id: UUID | None) -> AbstractAsyncContextManager[AsyncSession]:
    database = dependencies.database
    return database.transaction(organization_id) if organization_id is not None else database.system_transaction()


def _number(value: str) -> str | None:
    try:
        return checked_number(value)
    except InvalidAddressError:
        return None
