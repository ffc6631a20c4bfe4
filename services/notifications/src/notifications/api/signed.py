"""Calls of Twilio: its signature is the only proof of who asks, and comes before all else."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Header, Request
from starlette.types import Scope

from notifications.adapters.twilio import form_of, is_signed
from notifications.api.dependencies import Dependencies
from notifications.domain import SignatureInvalidError
from slotstream_servicekit.http.bodies import bounded
from slotstream_servicekit.http.openapi import problem_response
from slotstream_servicekit.http.routes import StrictRoute

REFUSALS: Final[dict[int | str, dict[str, Any]]] = {status: problem_response(status) for status in (403, 413)}
_MAX_BYTES: Final = 65_536

Signature = Annotated[str, Header(alias="X-Twilio-Signature")]


class SignedRoute(StrictRoute):
    """A signed address may hold any query: it is judged as a whole."""

    async def admit(self, scope: Scope) -> None:
        """Lets every call in: its signature is judged with its body."""
        del scope


async def signed_form(request: Request, dependencies: Dependencies, signature: str) -> dict[str, str]:
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


def id_of(value: str | None) -> UUID | None:
    try:
        return UUID(value) if value else None
    except ValueError:
        return None
