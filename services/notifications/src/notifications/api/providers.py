"""/v1/providers/twilio: what Twilio calls. Its signature is the only proof of who asks, and comes before all else."""

import re
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Header, Request, Response
from prometheus_client import Counter
from starlette.types import Scope

from notifications.adapters.twilio import checked_number, form_of, is_signed
from notifications.api.dependencies import CurrentDependencies, Dependencies
from notifications.domain import InvalidAddressError, SignatureInvalidError
from notifications.usecases.answers import receive_text
from notifications.usecases.provider_calls import receive_status
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.bodies import bounded
from slotstream_servicekit.http.openapi import problem_response
from slotstream_servicekit.http.routes import StrictRoute
from slotstream_servicekit.telemetry import current_traceparent, get_logger

log = get_logger(__name__)

ANSWERS = Counter("slotstream_sms_answers", "Texts written to our number, by what they say", ("answer",))

router = Router(prefix="/v1/providers/twilio", tags=["providers"])

_MAX_BYTES: Final = 65_536
_NOTHING_TO_SAY: Final = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
_SID: Final = re.compile(r"(?:SM|MM)[0-9a-fA-F]{32}")
_CODE: Final = re.compile(r"[0-9]{5}")
_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {status: problem_response(status) for status in (403, 413)}

Signature = Annotated[str, Header(alias="X-Twilio-Signature")]


class _SignedRoute(StrictRoute):
    """A signed address may hold any query: it is judged as a whole."""

    async def admit(self, scope: Scope) -> None:
        """Lets every call in: its signature is judged with its body."""
        del scope


async def sms_status(request: Request, dependencies: CurrentDependencies, signature: Signature = "") -> Response:
    """What became of a text. Our message's id is in the address, which the signature covers."""
    form = await _signed_form(request, dependencies, signature)
    organization_id, message_id = (_id(request.query_params.get(name)) for name in ("organization", "message"))
    sid, code = form.get("MessageSid", ""), form.get("ErrorCode", "")
    if organization_id is None or message_id is None or not _SID.fullmatch(sid):
        return Response(status_code=204)
    async with dependencies.database.transaction(organization_id) as session:
        changed = await receive_status(
            session=session,
            organization_id=organization_id,
            message_id=message_id,
            provider_id=sid,
            status=form.get("MessageStatus", ""),
            code=int(code) if _CODE.fullmatch(code) else None,
            now=dependencies.clock(),
        )
    if changed is not None:
        log.info("message_reported", message=str(message_id), status=changed.status)
    return Response(status_code=204)


async def inbound_sms(request: Request, dependencies: CurrentDependencies, signature: Signature = "") -> Response:
    """A text to our number: STOP and START, a plain answer to our last text, or something for staff to read."""
    form = await _signed_form(request, dependencies, signature)
    number, sid = _number(form.get("From", "")), form.get("MessageSid", "")
    if number is not None and _SID.fullmatch(sid):
        # Across organizations, by a signed call alone: they share the number that was written to.
        async with dependencies.database.system_transaction() as session:
            heard = await receive_text(
                session=session,
                call_id=sid,
                number=number,
                text=form.get("Body", ""),
                numbers=dependencies.numbers,
                now=dependencies.clock(),
                traceparent=current_traceparent(),
            )
        ANSWERS.labels(heard).inc()
        log.info("sms_answered", answer=heard)
    return Response(_NOTHING_TO_SAY, media_type="text/xml")


for _path, _endpoint in (("/sms-status", sms_status), ("/inbound-sms", inbound_sms)):
    router.add_api_route(
        _path,
        _endpoint,
        methods=["POST"],
        route_class_override=_SignedRoute,
        status_code=204 if _endpoint is sms_status else 200,
        response_class=Response,
        responses=_REFUSALS,
    )


async def _signed_form(request: Request, dependencies: Dependencies, signature: str) -> dict[str, str]:
    """The form of a call that is Twilio's. Raises SignatureInvalidError, and a 413 before all of a long body is read.

    The address is the configured one with the path and query as they were sent: never what a Host header says.
    """
    body = await Request(request.scope, bounded(request.scope, request.receive, _MAX_BYTES)).body()
    token, base = dependencies.twilio_token, dependencies.twilio_callback_url
    try:
        form = form_of(body)
        url = f"{(base or '').rstrip('/')}{_raw_target(request.scope)}"
        if token is None or base is None or not is_signed(signature, token=token, url=url, form=form):
            raise SignatureInvalidError("The call is not signed by the SMS provider")
    except ValueError:
        raise SignatureInvalidError("The call is not a form that the SMS provider signs") from None
    return dict(form)


def _raw_target(scope: Scope) -> str:
    raw: bytes = (scope.get("raw_path") or scope["path"].encode()).partition(b"?")[0]
    query: bytes = scope["query_string"]
    return (raw + b"?" + query if query else raw).decode("ascii")


def _id(value: str | None) -> UUID | None:
    try:
        return UUID(value) if value else None
    except ValueError:
        return None


def _number(value: str) -> str | None:
    try:
        return checked_number(value)
    except InvalidAddressError:
        return None
