"""Calls of Twilio: its signature is the only proof of who asks, and comes before all else."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Header, Request
from starlette.types import Scope

from notifications.adapters.twilio import form_of, is_signed
from notifications.api.dependencies import Dependencies
from notifications.domain.channel_accounts import AUTH_TOKEN, Provider
from notifications.domain.errors import SignatureInvalidError
from notifications.storage import ChannelAccountStore
from slotstream_servicekit.http.bodies import bounded
from slotstream_servicekit.http.openapi import problem_response
from slotstream_servicekit.http.routes import StrictRoute
from slotstream_servicekit.sealing import UnsealableError
from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)

REFUSALS: Final[dict[int | str, dict[str, Any]]] = {status: problem_response(status) for status in (403, 413)}
_MAX_BYTES: Final = 65_536
_ATTEMPT: Final = re.compile(r"[1-9][0-9]{0,3}")

Signature = Annotated[str, Header(alias="X-Twilio-Signature")]


class SignedRoute(StrictRoute):
    """A signed address may hold any query: it is judged as a whole."""

    async def admit(self, scope: Scope) -> None:
        """Lets every call in: its signature is judged with its body."""
        del scope


@dataclass(frozen=True, slots=True)
class SignedForm:
    """The form of a call that is Twilio's.

    `organization_id`: whose own account has signed it; None: the installation's. Who knows an account's token can sign
    anything by it: such a call is believed of its organization alone.
    """

    fields: Mapping[str, str]
    organization_id: UUID | None

    def get(self, name: str) -> str:
        return self.fields.get(name, "")


async def signed_form(request: Request, dependencies: Dependencies, signature: str) -> SignedForm:
    """Raises SignatureInvalidError, and a 413 before all of a long body is read.

    The address is the configured one with the path and query as they were sent: never what a Host header says. Which
    organization's token may have signed it is said in the query, which the signature covers.
    """
    body = await Request(request.scope, bounded(request.scope, request.receive, _MAX_BYTES)).body()
    base = dependencies.twilio_callback_url
    try:
        form = form_of(body)
        url = f"{(base or '').rstrip('/')}{_raw_target(request.scope)}"
    except ValueError:
        raise SignatureInvalidError("The call is not a form that the SMS provider signs") from None
    if base is not None:
        token = dependencies.twilio_token
        if token is not None and is_signed(signature, token=token, url=url, form=form):
            return SignedForm(dict(form), None)
        organization_id = id_of(request.query_params.get("organization"))
        own = await _own_token(dependencies, organization_id) if organization_id is not None else None
        if own is not None and is_signed(signature, token=own, url=url, form=form):
            return SignedForm(dict(form), organization_id)
    raise SignatureInvalidError("The call is not signed by the SMS provider")


async def _own_token(dependencies: Dependencies, organization_id: UUID) -> str | None:
    """The token of the organization's own account; None where it has none."""
    async with dependencies.database.transaction(organization_id) as session:
        account = await ChannelAccountStore(session).find(organization_id, Provider.TWILIO)
    try:
        return dependencies.accounts.secret_of(account, AUTH_TOKEN) if account is not None else None
    except UnsealableError:
        log.exception("account_unreadable", organization=str(organization_id), provider="twilio")
        return None


def _raw_target(scope: Scope) -> str:
    raw: bytes = (scope.get("raw_path") or scope["path"].encode()).partition(b"?")[0]
    query: bytes = scope["query_string"]
    return (raw + b"?" + query if query else raw).decode("ascii")


def attempt_of(value: str | None) -> int | None:
    """For the how manieth time a message was handed over."""
    return int(value) if value and _ATTEMPT.fullmatch(value) else None


def id_of(value: str | None) -> UUID | None:
    try:
        return UUID(value) if value else None
    except ValueError:
        return None
