"""Authentication and rights as FastAPI dependencies.

`principal: CurrentPrincipal` for any member of the organization;
`principal: Annotated[Principal, requires(Right.BOOK)]` for a caller with a right. Both are checked before the body of
the request is read.
"""

import re
from dataclasses import dataclass, replace
from typing import Annotated, Any, cast

from fastapi import Depends, Request
from starlette.types import Scope

from slotstream_servicekit.errors import ForbiddenError
from slotstream_servicekit.http.principal import ActorType, Principal
from slotstream_servicekit.http.problems import MalformedRequestError
from slotstream_servicekit.http.rights import (
    RIGHTS_OF_ROLE,
    RIGHTS_OF_SCOPE,
    Right,
    Role,
    rights_of,
)
from slotstream_servicekit.http.tokens import (
    Authenticator,
    TokenExpiredError,
    TokenInvalidError,
    TokenMalformedError,
    TokenMissingError,
    UnauthenticatedError,
)
from slotstream_servicekit.telemetry import bind_organization

__all__ = [
    "RIGHTS_OF_ROLE",
    "RIGHTS_OF_SCOPE",
    "ActorType",
    "Authenticator",
    "CurrentPrincipal",
    "ForbiddenError",
    "Principal",
    "Right",
    "Role",
    "TokenExpiredError",
    "TokenInvalidError",
    "TokenMalformedError",
    "TokenMissingError",
    "UnauthenticatedError",
    "authenticate",
    "requires",
    "requires_any",
    "rights_of",
]

_PRINCIPAL_KEY = "slotstream.principal"
_CALL_ID = re.compile(r"[\x21-\x7e]{1,128}")


@dataclass(frozen=True, slots=True)
class Requirement:
    """A dependency that gives the principal, if it has any of `rights`.

    Without `rights` any member of the organization is admitted. Clients and visitors are not members.
    """

    rights: frozenset[Right] = frozenset()

    async def __call__(self, request: Request) -> Principal:
        return await self.settle(request.scope)

    async def settle(self, scope: Scope) -> Principal:
        principal = await authenticate(scope)
        if self.rights:
            principal.require_any(*self.rights)
        elif not self.admits(principal):
            raise ForbiddenError("Clients use their portal and visitors the public page, and nothing else.")
        return principal

    def admits(self, principal: Principal) -> bool:
        return not (principal.is_outsider if not self.rights else self.rights.isdisjoint(principal.rights))


def requires(right: Right) -> Any:
    """A dependency that requires one right and gives the principal.

    `principal: Annotated[Principal, requires(Right.BOOK)]`, or in the `dependencies` of a route.
    """
    return Depends(Requirement(frozenset({right})))


def requires_any(*rights: Right) -> Any:
    """Like `requires`, but any one of several rights is enough. The use case then decides which is needed."""
    return Depends(Requirement(frozenset(rights)))


CurrentPrincipal = Annotated[Principal, Depends(Requirement())]
"""`principal: CurrentPrincipal`: any member of the organization, and every program of it."""


async def authenticate(scope: Scope) -> Principal:
    """The principal of the request. The token is verified once per request."""
    settled = scope.get(_PRINCIPAL_KEY)
    if settled is not None:
        return cast("Principal", settled)
    token, call_id = _credentials(scope)
    authenticator = cast("Authenticator", scope["app"].state.authenticator)
    principal = await authenticator.authenticate(token)
    if call_id is not None:
        principal = _with_call_id(principal, call_id)
    bind_organization(principal.organization_id)
    scope[_PRINCIPAL_KEY] = principal
    return principal


def _credentials(scope: Scope) -> tuple[str, str | None]:
    """The bearer token and the call id, as they were sent."""
    authorization: bytes | None = None
    call_id: str | None = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            if authorization is not None:
                raise TokenMalformedError("There is more than one Authorization header")
            authorization = value
        elif name == b"slotstream-call-id":
            call_id = value.decode("latin-1")
    if authorization is None:
        raise TokenMissingError("A bearer token is needed: Authorization: Bearer <token>")
    scheme, _, token = authorization.decode("latin-1").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenMalformedError("The Authorization header is not of the form: Bearer <token>")
    return token.strip(), call_id


def _with_call_id(principal: Principal, call_id: str) -> Principal:
    if principal.role is not Role.AGENT:
        raise MalformedRequestError(
            "Slotstream-Call-Id is for AI agents: this token's role is another", code="call_id_not_allowed"
        )
    if not _CALL_ID.fullmatch(call_id):
        raise MalformedRequestError(
            "Slotstream-Call-Id holds 1 to 128 printable ASCII characters", code="invalid_call_id"
        )
    return replace(principal, call_id=call_id)
