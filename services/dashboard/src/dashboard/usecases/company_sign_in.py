"""Signing in by a company's provider: who the proved identity is in this one organization, and as what.

Accounts are shared by all organizations, and a company answers for its own people only. So nothing here looks at an
account or a membership: an identity leads to a user of this organization, and its session is this organization's.
"""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.domain.audit import AuditAction
from dashboard.domain.errors import IdentityRefusedError, ProviderFailedError
from dashboard.domain.identity_providers import (
    CLOCK_SKEW,
    LOGOUT_LIFETIME,
    IdentityProvider,
    LogoutNotice,
    ProvedIdentity,
    is_allowed_address,
    keeps_role,
    role_of,
)
from dashboard.domain.sessions import MAX_USER_AGENT, Session, digest_of
from dashboard.domain.users import User, UserRole, UserState
from dashboard.storage import (
    IdentityProviderStore,
    IdentityStore,
    LinkStore,
    LogoutTokenStore,
    SessionStore,
    UserStore,
)
from dashboard.usecases.audit import add_audit_entry
from dashboard.usecases.sign_in import Browser, end_replaced
from dashboard.usecases.told_users import add_user, save_user
from slotstream_servicekit.context import Actor, Context
from slotstream_servicekit.ids import new_id

_MAX_NAME = 200
_NO_LONGER_VOUCHED_FOR = ("email_not_allowed", "no_role")


async def open_company_session(
    *,
    session: AsyncSession,
    context: Context,
    provider: IdentityProvider,
    identity: ProvedIdentity,
    secret: str,
    browser: Browser,
    lifetime: timedelta,
    replaced_secret: str | None,
) -> User:
    """Raises IdentityRefusedError, with the reason that the audit trail is told."""
    # Locked: a change of the provider ends the sessions that are there, and this one is then there or not yet.
    current = await IdentityProviderStore(session).find(context.organization_id, lock=True)
    if current is None or (current.issuer, current.client_id) != (provider.issuer, provider.client_id):
        raise IdentityRefusedError("provider_changed")
    if not is_allowed_address(current, identity):
        raise IdentityRefusedError("email_not_allowed")
    user = await _user_of(session, context, current, identity)
    context = replace(context, actor=Actor(type="user", id=str(user.id)))
    user = await _with_role(session, context, current, identity, user)
    if replaced_secret is not None:
        await end_replaced(session=session, secret=replaced_secret)
    await SessionStore(session).add(
        Session(
            id=new_id(),
            account_id=None,
            organization_id=user.organization_id,
            user_id=user.id,
            address=browser.address,
            user_agent=browser.user_agent[:MAX_USER_AGENT],
            created_at=context.now,
            last_used_at=context.now,
            expires_at=context.now + lifetime,
            provider_session=identity.session,
        ),
        digest=digest_of(secret),
    )
    await UserStore(session).note_sign_in(user.organization_id, user.id, now=context.now)
    await _audit(session, context, AuditAction.SIGNED_IN, user, browser, {"how": "company"})
    return user


async def refuse_identity(
    *, session: AsyncSession, context: Context, identity: ProvedIdentity, reason: str, browser: Browser
) -> None:
    """Whom the provider no longer gives anything keeps nothing of what it gave: sessions that it opened earlier end.

    The audit trail names nobody: whoever was refused may be no user of the organization.
    """
    if reason in _NO_LONGER_VOUCHED_FOR:
        known = await IdentityStore(session).user_of(
            context.organization_id, issuer=identity.issuer, subject=identity.subject
        )
        if known is not None:
            await SessionStore(session).end_of_provider(context.organization_id, of_user=known)
    await add_audit_entry(
        session=session,
        context=context,
        action=AuditAction.IDENTITY_REFUSED,
        subject_type="identity_provider",
        subject_id=context.organization_id,
        address=browser.address,
        details={"reason": reason},
    )


async def end_company_sessions(
    *, session: AsyncSession, context: Context, provider: IdentityProvider, notice: LogoutNotice, address: str
) -> int:
    """Ends what a logout token names, as far as it was there when the token was issued; how many sessions.

    Raises ProviderFailedError where the token was used before, or the provider is no longer the organization's.
    """
    current = await IdentityProviderStore(session).find(context.organization_id, lock=True)
    if current is None or (current.issuer, current.client_id) != (provider.issuer, provider.client_id):
        raise ProviderFailedError("provider_changed")
    kept_until = context.now + LOGOUT_LIFETIME + 2 * CLOCK_SKEW
    if not await LogoutTokenStore(session).use(
        context.organization_id, provider.issuer, notice.token_id, kept_until=kept_until
    ):
        raise ProviderFailedError("token_used")
    known = None
    if notice.subject is not None:
        known = await IdentityStore(session).user_of(
            context.organization_id, issuer=provider.issuer, subject=notice.subject
        )
        if known is None:
            return 0
    ended = await SessionStore(session).end_of_provider_by(
        context.organization_id,
        of_user=known,
        provider_session=notice.session,
        opened_until=notice.issued_at + CLOCK_SKEW,
    )
    if ended:
        await add_audit_entry(
            session=session,
            context=context,
            action=AuditAction.PROVIDER_ENDED_SESSIONS,
            subject_type="user" if known is not None else "identity_provider",
            subject_id=known or context.organization_id,
            address=address,
            details={"sessions": ended},
        )
    return ended


async def _user_of(
    session: AsyncSession, context: Context, provider: IdentityProvider, identity: ProvedIdentity
) -> User:
    """By the identity; the first time by the address of a user of this organization, else anew where that is on."""
    users, identities = UserStore(session), IdentityStore(session)
    known = await identities.user_of(context.organization_id, issuer=identity.issuer, subject=identity.subject)
    if known is not None:
        return _active(await users.find(context.organization_id, known, lock=True))
    user = await users.find_by_email(context.organization_id, identity.email)
    if user is None:
        user = await _new_user(session, context, provider, identity)
    else:
        user = await _joined(session, context, await users.get(context.organization_id, user.id, lock=True))
    # A user has one identity of an issuer: an address that was given to a successor opens nothing of the former's.
    if not await identities.link(
        context.organization_id, user.id, issuer=identity.issuer, subject=identity.subject, now=context.now
    ):
        raise IdentityRefusedError("user_has_another_identity")
    return user


async def _new_user(
    session: AsyncSession, context: Context, provider: IdentityProvider, identity: ProvedIdentity
) -> User:
    role = role_of(provider, identity.claims)
    if not provider.creates_users:
        raise IdentityRefusedError("not_invited")
    if role is None:
        raise IdentityRefusedError("no_role")
    user = User(
        id=new_id(),
        organization_id=context.organization_id,
        email=identity.email,
        name=identity.name[:_MAX_NAME] or identity.email.partition("@")[0],
        locale="en",
        role=role,
        state=UserState.ACTIVE,
        business_ids=None,
        resource_id=None,
        last_sign_in_at=None,
        created_at=context.now,
        updated_at=context.now,
        version=1,
    )
    if not await add_user(session=session, cause=context.cause, user=user):
        raise IdentityRefusedError("not_invited")
    await _audit(session, context, AuditAction.USER_JOINED, user, None, {"role": str(user.role)})
    return user


async def _joined(session: AsyncSession, context: Context, user: User) -> User:
    """An invitation is accepted by it, without a password. Owners accept theirs first, so that they can sign in
    without the provider.
    """
    if user.state is not UserState.INVITED:
        return _active(user)
    if user.role is UserRole.OWNER:
        raise IdentityRefusedError("owner_has_not_accepted")
    joined = replace(user, state=UserState.ACTIVE, updated_at=context.now, version=user.version + 1)
    await save_user(session=session, cause=context.cause, user=joined)
    await LinkStore(session).revoke_invitations(user.id)
    await _audit(session, context, AuditAction.INVITATION_ACCEPTED, user, None, {"how": "company"})
    return joined


async def _with_role(
    session: AsyncSession, context: Context, provider: IdentityProvider, identity: ProvedIdentity, user: User
) -> User:
    """The role that the provider gives today; without a claim for it the user's own stays."""
    if keeps_role(user) or provider.role_claim is None:
        return user
    role = role_of(provider, identity.claims)
    if role is None:
        raise IdentityRefusedError("no_role")
    if role is user.role:
        return user
    changed = replace(user, role=role, updated_at=context.now, version=user.version + 1)
    await save_user(session=session, cause=context.cause, user=changed)
    details: dict[str, object] = {"role": {"old": str(user.role), "new": str(role)}, "how": "company"}
    await _audit(session, context, AuditAction.USER_CHANGED, user, None, details)
    return changed


def _active(user: User | None) -> User:
    if user is None or user.state is not UserState.ACTIVE:
        raise IdentityRefusedError("user_not_active")
    return user


async def _audit(
    session: AsyncSession,
    context: Context,
    action: AuditAction,
    user: User,
    browser: Browser | None,
    details: dict[str, object],
) -> None:
    await add_audit_entry(
        session=session,
        context=context,
        action=action,
        subject_type="user",
        subject_id=user.id,
        address=browser.address if browser is not None else None,
        details=details,
    )
