"""An organization's beginning: its first owner."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.domain.audit import AuditAction
from dashboard.domain.links import LinkKind, OneTimeLink
from dashboard.domain.sessions import digest_of
from dashboard.domain.users import User, UserRole, UserState
from dashboard.storage import LinkStore, OrganizationStore, UserStore
from dashboard.usecases.audit import add_audit_entry
from dashboard.usecases.told_users import add_user
from slotstream_servicekit.context import Context
from slotstream_servicekit.ids import new_id


async def create_first_owner(
    *, session: AsyncSession, context: Context, name: str, email: str, secret: str, lifetime: timedelta
) -> User | None:
    """The invited first owner, reachable by a link with `secret`; None where an owner can sign in already.

    Asked again before the owner has accepted, it makes another link, and the earlier one is dead.
    """
    users = UserStore(session)
    if await OrganizationStore(session).add(context.organization_id, name=name, now=context.now):
        await add_audit_entry(
            session=session,
            context=context,
            action=AuditAction.ORGANIZATION_CREATED,
            subject_type="organization",
            subject_id=context.organization_id,
        )
    owners = await users.lock_owners(context.organization_id)
    if any(owner.is_acting_owner for owner in owners):
        return None
    owner = next((owner for owner in owners if owner.email == email), None) or User(
        id=new_id(),
        organization_id=context.organization_id,
        email=email,
        name=email.partition("@")[0],
        locale="en",
        role=UserRole.OWNER,
        state=UserState.INVITED,
        business_ids=None,
        resource_id=None,
        last_sign_in_at=None,
        created_at=context.now,
        updated_at=context.now,
        version=1,
    )
    await add_user(session=session, cause=context.cause, user=owner)
    links = LinkStore(session)
    await links.revoke_invitations(owner.id)
    await links.add(
        OneTimeLink(
            kind=LinkKind.INVITATION,
            email=owner.email,
            organization_id=owner.organization_id,
            user_id=owner.id,
            created_at=context.now,
            expires_at=context.now + lifetime,
        ),
        digest=digest_of(secret),
    )
    return owner
