"""/v1/identity-provider: the organization's own provider of identities (OpenID Connect). For owners."""

from uuid import UUID

from starlette.responses import Response

from dashboard.adapters.oidc import is_provider_address
from dashboard.api.company_sign_in import logout_address, return_address, sign_in_address
from dashboard.api.dependencies import Administrator, CurrentDependencies, Dependencies
from dashboard.domain.errors import IdentityProviderNotFoundError, IssuerInvalidError, ProviderFailedError
from dashboard.domain.identity_providers import IdentityProvider
from dashboard.domain.users import UserRole
from dashboard.schemas import IdentityProviderIn, IdentityProviderOut, IdentityProviderTestOut
from dashboard.storage import IdentityProviderStore
from dashboard.usecases.identity_providers import (
    ProviderWish,
    remove_identity_provider,
    set_identity_provider,
)
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.etags import IfMatch
from slotstream_servicekit.http.responses import model_response

router = Router(prefix="/v1/identity-provider", tags=["identity-provider"])


@router.get("", response_model=IdentityProviderOut)
async def get_identity_provider(dependencies: CurrentDependencies, principal: Administrator) -> Response:
    """What is set; the client secret is never told."""
    return _answer(dependencies, await _provider(dependencies, principal.organization_id))


@router.put("", response_model=IdentityProviderOut)
async def put_identity_provider(
    body: IdentityProviderIn,
    dependencies: CurrentDependencies,
    principal: Administrator,
    expected_version: IfMatch,
) -> Response:
    """Set it. Sessions that the provider opened end with another issuer or client; with `required`, those that owners
    have not opened otherwise.
    """
    context = dependencies.context(principal)
    if not is_provider_address(body.issuer, dependencies.settings.provider_networks):
        raise IssuerInvalidError("The issuer is an https address without a query.")
    async with dependencies.database.transaction(principal.organization_id) as session:
        provider = await set_identity_provider(
            session=session,
            context=context,
            wish=_wish_of(body),
            box=dependencies.box,
            expected_version=expected_version,
        )
    dependencies.sessions.forget()
    return _answer(dependencies, provider)


@router.delete("", status_code=204)
async def delete_identity_provider(dependencies: CurrentDependencies, principal: Administrator) -> None:
    """Nobody signs in by it any more, and the sessions that it opened end."""
    async with dependencies.database.transaction(principal.organization_id) as session:
        await remove_identity_provider(session=session, context=dependencies.context(principal))
    dependencies.sessions.forget()


@router.post("/test")
async def check_identity_provider(
    dependencies: CurrentDependencies, principal: Administrator
) -> IdentityProviderTestOut:
    """Read its discovery document and its keys, and say what is wrong with them."""
    dependencies.context(principal)
    provider = await _provider(dependencies, principal.organization_id)
    try:
        metadata = await dependencies.providers.metadata(provider.issuer, anew=True)
        await dependencies.providers.check_keys(metadata)
    except ProviderFailedError as error:
        return IdentityProviderTestOut(ok=False, reason=error.reason)
    return IdentityProviderTestOut(ok=True, reason=None)


async def _provider(dependencies: Dependencies, organization_id: UUID) -> IdentityProvider:
    async with dependencies.database.transaction(organization_id) as session:
        provider = await IdentityProviderStore(session).find(organization_id)
    if provider is None:
        raise IdentityProviderNotFoundError("There is no identity provider.")
    return provider


def _wish_of(body: IdentityProviderIn) -> ProviderWish:
    return ProviderWish(
        issuer=body.issuer,
        client_id=body.client_id,
        client_secret=body.client_secret.get_secret_value() if body.client_secret is not None else None,
        email_domains=tuple(dict.fromkeys(body.email_domains)),
        role_claim=body.role_claim,
        role_values={value: UserRole(role) for value, role in body.role_values.items()},
        default_role=UserRole(body.default_role) if body.default_role is not None else None,
        creates_users=body.creates_users,
        is_required=body.required,
    )


def _answer(dependencies: Dependencies, provider: IdentityProvider) -> Response:
    told = IdentityProviderOut(
        issuer=provider.issuer,
        client_id=provider.client_id,
        email_domains=list(provider.email_domains),
        role_claim=provider.role_claim,
        role_values={value: role.value for value, role in provider.role_values.items()},
        default_role=provider.default_role.value if provider.default_role is not None else None,
        creates_users=provider.creates_users,
        required=provider.is_required,
        sign_in_url=sign_in_address(dependencies, provider.organization_id),
        redirect_uri=return_address(dependencies, provider.organization_id),
        backchannel_logout_uri=logout_address(dependencies, provider.organization_id),
        updated_at=provider.updated_at,
        version=provider.version,
    )
    return model_response(told, version=provider.version)
