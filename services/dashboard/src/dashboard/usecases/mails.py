"""The mails of sign-in: what is due, and the link that goes into it."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.domain.links import LinkKind, Mail, OneTimeLink, Prepared
from dashboard.domain.sessions import digest_of
from dashboard.domain.users import UserState
from dashboard.storage import AccountStore, LinkStore, OrganizationStore, UserStore

RESETS_APART = timedelta(minutes=5)
"""Whoever asks for resets of somebody's password again and again fills no mailbox."""


async def prepare_reset(
    *, session: AsyncSession, mail: Mail, secret: str, now: datetime, lifetime: timedelta
) -> Prepared | None:
    """None where nobody is to be written to."""
    account = await AccountStore(session).find_by_email(mail.recipient)
    links = LinkStore(session)
    if account is None or (mail.attempts <= 1 and await links.reset_made_since(account.email, now - RESETS_APART)):
        return None
    await links.revoke_resets(account.email)
    await links.add(
        OneTimeLink(
            kind=LinkKind.RESET,
            email=account.email,
            organization_id=None,
            user_id=None,
            created_at=now,
            expires_at=now + lifetime,
        ),
        digest=digest_of(secret),
    )
    return Prepared(recipient=account.email, locale=account.locale, secret=secret)


async def prepare_invitation(
    *, session: AsyncSession, mail: Mail, secret: str, now: datetime, lifetime: timedelta
) -> Prepared | None:
    """Within the organization that invites. None where the invitation was accepted or taken back meanwhile."""
    assert mail.organization_id is not None  # noqa: S101 - an invitation has one
    assert mail.user_id is not None  # noqa: S101 - likewise
    user = await UserStore(session).find(mail.organization_id, mail.user_id)
    if user is None or user.state is not UserState.INVITED:
        return None
    links = LinkStore(session)
    await links.revoke_invitations(user.id)
    await links.add(
        OneTimeLink(
            kind=LinkKind.INVITATION,
            email=user.email,
            organization_id=user.organization_id,
            user_id=user.id,
            created_at=now,
            expires_at=now + lifetime,
        ),
        digest=digest_of(secret),
    )
    return Prepared(
        recipient=user.email,
        locale=user.locale,
        organization_name=await OrganizationStore(session).name_of(user.organization_id),
        secret=secret,
    )


def prepare_notice(mail: Mail) -> Prepared:
    """A mail without a link."""
    return Prepared(recipient=mail.recipient, locale=mail.locale)
