"""Setting a company's provider, and removing it."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.domain.audit import AuditAction
from dashboard.domain.errors import ClientSecretRequiredError, IdentityProviderNotFoundError
from dashboard.domain.identity_providers import IdentityProvider, vouches_as_before
from dashboard.domain.protocols import KeyBox
from dashboard.domain.users import UserRole
from dashboard.storage import IdentityProviderStore, SessionStore, UserStore
from dashboard.usecases.audit import add_audit_entry
from slotstream_servicekit.context import Context
from slotstream_servicekit.errors import VersionConflictError


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderWish:
    """What an owner sets. `client_secret` None: the one that is there stays."""

    issuer: str
    client_id: str
    client_secret: str | None
    email_domains: tuple[str, ...]
    role_claim: str | None
    role_values: Mapping[str, UserRole]
    default_role: UserRole | None
    creates_users: bool
    is_required: bool


async def set_identity_provider(
    *, session: AsyncSession, context: Context, wish: ProviderWish, box: KeyBox, expected_version: int | None
) -> IdentityProvider:
    """Sessions that are no longer as the owner wants them end at once.

    A secret is never sent to another issuer than it was typed for. Raises ClientSecretRequiredError.
    """
    store = IdentityProviderStore(session)
    before = await store.find(context.organization_id, lock=True)
    if expected_version is not None and expected_version != (before.version if before is not None else 0):
        raise VersionConflictError(before.version if before is not None else 0)
    same_client = before is not None and (before.issuer, before.client_id) == (wish.issuer, wish.client_id)
    provider = IdentityProvider(
        organization_id=context.organization_id,
        issuer=wish.issuer,
        client_id=wish.client_id,
        sealed_client_secret=_sealed(context, wish, box, before if same_client else None),
        email_domains=wish.email_domains,
        role_claim=wish.role_claim,
        role_values=wish.role_values,
        default_role=wish.default_role,
        creates_users=wish.creates_users,
        is_required=wish.is_required,
        created_at=before.created_at if before is not None else context.now,
        updated_at=context.now,
        version=before.version + 1 if before is not None else 1,
    )
    await store.save(provider)
    await _end_what_it_no_longer_gives(session, context, before if same_client else None, provider)
    await _audit(session, context, AuditAction.IDENTITY_PROVIDER_SET, _told(provider))
    return provider


async def _end_what_it_no_longer_gives(
    session: AsyncSession, context: Context, before: IdentityProvider | None, provider: IdentityProvider
) -> None:
    """`before` None: another provider. What it says of somebody is known when they sign in, and so they do it anew."""
    sessions, organization_id = SessionStore(session), context.organization_id
    if before is None:
        await sessions.end_of_provider(organization_id)
    owners = [user.id for user in await UserStore(session).lock_owners(organization_id)]
    if before is not None and not vouches_as_before(before, provider):
        await sessions.end_of_provider(organization_id, except_for=owners)
    if provider.is_required:
        await sessions.end_of_accounts(organization_id, except_for=owners)


async def remove_identity_provider(*, session: AsyncSession, context: Context) -> None:
    """Its sessions end; users stay, and those without a password are invited anew once they were removed.

    Raises IdentityProviderNotFoundError.
    """
    if not await IdentityProviderStore(session).remove(context.organization_id):
        raise IdentityProviderNotFoundError("There is no identity provider.")
    await SessionStore(session).end_of_provider(context.organization_id)
    await _audit(session, context, AuditAction.IDENTITY_PROVIDER_REMOVED, {})


def secret_purpose(provider_organization: object) -> str:
    """A secret that was copied to another organization's row stays shut."""
    return f"identity provider of {provider_organization}"


def _sealed(context: Context, wish: ProviderWish, box: KeyBox, before: IdentityProvider | None) -> bytes:
    if wish.client_secret is not None:
        return box.seal(wish.client_secret, purpose=secret_purpose(context.organization_id))
    if before is None:
        raise ClientSecretRequiredError("A new issuer or client needs its client secret.")
    return before.sealed_client_secret


def _told(provider: IdentityProvider) -> dict[str, object]:
    return {
        "issuer": provider.issuer,
        "client_id": provider.client_id,
        "email_domains": list(provider.email_domains),
        "role_claim": provider.role_claim,
        "role_values": {value: str(role) for value, role in provider.role_values.items()},
        "default_role": str(provider.default_role) if provider.default_role is not None else None,
        "creates_users": provider.creates_users,
        "required": provider.is_required,
    }


async def _audit(session: AsyncSession, context: Context, action: AuditAction, details: Mapping[str, object]) -> None:
    await add_audit_entry(
        session=session,
        context=context,
        action=action,
        subject_type="identity_provider",
        subject_id=context.organization_id,
        details=details,
    )
