"""/v1/providers/mail/inbound: mails to the addresses that clients answer at, as a mail server hands them on."""

import asyncio
import base64
import binascii
import hmac
from typing import Annotated, Any, Final

from fastapi import Query, Request
from prometheus_client import Counter
from starlette.datastructures import Headers
from starlette.types import Scope

from notifications.adapters.email import MailUnreadableError, read_mail
from notifications.api.dependencies import CurrentDependencies, Dependencies
from notifications.domain.mail_replies import MailOutcome
from notifications.schemas.inbound_mail import InboundMailOut
from notifications.usecases.mail_replies import receive_mail
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.openapi import problem_response
from slotstream_servicekit.http.problems import MalformedRequestError
from slotstream_servicekit.http.routes import StrictRoute
from slotstream_servicekit.http.tokens import TokenInvalidError, TokenMissingError
from slotstream_servicekit.telemetry import current_traceparent, get_logger

log = get_logger(__name__)

MAILS = Counter("slotstream_inbound_mails", "Mails to addresses that clients answer at", ("outcome",))

router = Router(prefix="/v1/providers/mail", tags=["providers"])

_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {status: problem_response(status) for status in (400, 401, 413)}
_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {"message/rfc822": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class MailRoute(StrictRoute):
    """The installation's secret entitles here, as a bearer token or as the password of an address."""

    async def admit(self, scope: Scope) -> None:
        dependencies: Dependencies = scope["app"].state.dependencies
        given = _secret_in(Headers(scope=scope).get("authorization", ""))
        if given is None:
            raise TokenMissingError("The secret of inbound mail is missing")
        inbound = dependencies.inbound_mail
        if inbound is None or not hmac.compare_digest(given.encode(), inbound.secret.encode()):
            raise TokenInvalidError("This is not the secret of inbound mail")
        await super().admit(scope)

    def most_bytes(self, request: Request) -> int:
        inbound = request.app.state.dependencies.inbound_mail
        return inbound.most_bytes if inbound is not None else super().most_bytes(request)


def _secret_in(authorization: str) -> str | None:
    scheme, _, credentials = authorization.partition(" ")
    match scheme.lower():
        case "bearer":
            return credentials.strip() or None
        case "basic":
            try:
                decoded = base64.b64decode(credentials, validate=True).decode()
            except (binascii.Error, ValueError):
                return None
            return decoded.partition(":")[2] or None
    return None


async def receive_inbound_mail(
    request: Request,
    dependencies: CurrentDependencies,
    recipient: Annotated[
        str, Query(max_length=320, description="The envelope's recipient, where the mail does not name it")
    ] = "",
) -> InboundMailOut:
    """One mail as it travels (RFC 5322). The answer says what came of it; all but an error is final.

    A calendar that accepts confirms; what it declines or proposes, and what people write, staff read.
    """
    inbound = dependencies.require_inbound_mail()
    raw = await request.body()
    try:
        # A long mail keeps nobody else waiting.
        mail = await asyncio.to_thread(
            read_mail, raw, addresses=inbound.addresses, own_domain=inbound.own_domain, recipient=recipient
        )
    except MailUnreadableError as error:
        raise MalformedRequestError(f"The mail cannot be read: {error}", code="mail_unreadable") from None
    outcome: MailOutcome = "not_ours"
    organizations = list(dict.fromkeys(token.organization_id for token in mail.tokens))
    for organization_id in organizations:
        async with dependencies.database.transaction(organization_id) as session:
            outcome = await receive_mail(
                session=session,
                mail=mail,
                addresses=inbound.addresses,
                now=dependencies.clock(),
                traceparent=current_traceparent(),
            )
        if outcome != "not_ours":
            break
    MAILS.labels(outcome).inc()
    log.info("mail_received", outcome=outcome)
    return InboundMailOut(outcome=outcome)


router.add_api_route(
    "/inbound",
    receive_inbound_mail,
    methods=["POST"],
    route_class_override=MailRoute,
    response_model=InboundMailOut,
    responses=_REFUSALS,
    openapi_extra=_BODY,
)
