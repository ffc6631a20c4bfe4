"""Accepting an invitation."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.domain.audit import AuditAction
from dashboard.domain.errors import LinkInvalidError
from dashboard.domain.links import LinkKind, OneTimeLink
from dashboard.domain.sessions import digest_of
from dashboard.domain.users import Account, Membership, User, UserState
from dashboard.storage import AccountStore, LinkStore, OrganizationStore, UserStore
from dashboard.usecases.audit import add_audit_entry
from dashboard.usecases.told_users import save_user
from slotstream_servicekit.context import Context
from slotstream_servicekit.ids import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInvitation:
    """What the page shows to whoever holds the link. `has_password`: they sign in elsewhere already."""

    link: OneTimeLink
    user: User
    organization_name: str
    has_password: bool


async def find_invitation_link(*, session: AsyncSession, secret: str, now: datetime) -> OneTimeLink:
    """Raises LinkInvalidError. Looking uses nothing up: mail scanners open every link."""
    link = await LinkStore(session).find(LinkKind.INVITATION, digest_of(secret), now=now)
    if link is None:
        raise LinkInvalidError("The link was used, has expired, or is not complete.")
    return link


async def read_invitation(*, session: AsyncSession, link: OneTimeLink) -> OpenInvitation:
    """Within the organization of the link. Raises LinkInvalidError."""
    assert link.organization_id is not None  # noqa: S101 - the table's constraint
    assert link.user_id is not None  # noqa: S101 - likewise
    user = await UserStore(session).find(link.organization_id, link.user_id)
    if user is None or user.state is not UserState.INVITED:
        raise LinkInvalidError("The link was used, has expired, or is not complete.")
    account = await AccountStore(session).find_by_email(user.email)
    return OpenInvitation(
        link=link,
        user=user,
        organization_name=await OrganizationStore(session).name_of(link.organization_id),
        has_password=account is not None and account.password_hash is not None,
    )


async def accept_invitation(
    *, session: AsyncSession, context: Context, secret: str, invitation: OpenInvitation, password_hash: str | None
) -> Account:
    """Makes the account, where there is none, and the user active. Raises LinkInvalidError.

    A password is taken only where the account has none: an invitation is no way to change somebody's password.
    """
    link = await LinkStore(session).use(LinkKind.INVITATION, digest_of(secret), now=context.now)
    users = UserStore(session)
    user = await users.find(context.organization_id, invitation.user.id, lock=True)
    if link is None or user is None or user.state is not UserState.INVITED:
        raise LinkInvalidError("The link was used, has expired, or is not complete.")
    accounts = AccountStore(session)
    account = await accounts.ensure(account_id=new_id(), email=user.email, locale=user.locale, now=context.now)
    if account.password_hash is None:
        if password_hash is None:
            raise LinkInvalidError("The link was used, has expired, or is not complete.")
        await accounts.set_password(account.id, password_hash=password_hash, now=context.now)
    membership = Membership(account_id=account.id, organization_id=user.organization_id, user_id=user.id)
    await accounts.join(membership, now=context.now)
    joined = replace(user, state=UserState.ACTIVE, updated_at=context.now, version=user.version + 1)
    await save_user(session=session, cause=context.cause, user=joined)
    await LinkStore(session).revoke_invitations(user.id)
    await add_audit_entry(
        session=session,
        context=context,
        action=AuditAction.INVITATION_ACCEPTED,
        subject_type="user",
        subject_id=user.id,
    )
    return account
