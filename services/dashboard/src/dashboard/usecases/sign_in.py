"""Signing in by e-mail address and password, in three steps.

Verifying a password takes long and is done between two transactions. Whatever is known of an address, the same
statements are run and the same work is done before the answer.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.domain.audit import AuditAction
from dashboard.domain.delays import network_of
from dashboard.domain.sessions import MAX_USER_AGENT, Session, digest_of
from dashboard.domain.users import Account, User, UserRole, UserState
from dashboard.storage import AccountStore, DelayStore, IdentityProviderStore, SessionStore, UserStore
from dashboard.usecases.audit import add_audit_entry
from slotstream_servicekit.context import Context
from slotstream_servicekit.ids import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """Where a request comes from."""

    address: str
    user_agent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What is known of an address before a password is looked at. `retry_at`: it is too early to try again."""

    account: Account | None
    retry_at: datetime | None


async def find_credentials(*, session: AsyncSession, email: str, browser: Browser, now: datetime) -> Credentials:
    """Counts the attempt as a failure until `open_session` says otherwise."""
    retry_at = await DelayStore(session).admit(failures_of(email, browser), now=now)
    account = await AccountStore(session).find_by_email(email)
    return Credentials(account=account, retry_at=retry_at)


async def audit_failure(*, session: AsyncSession, context: Context, user_id: UUID, browser: Browser) -> None:
    await add_audit_entry(
        session=session,
        context=context,
        action=AuditAction.SIGN_IN_FAILED,
        subject_type="user",
        subject_id=user_id,
        address=browser.address,
    )


async def open_session(
    *,
    session: AsyncSession,
    context: Context,
    account: Account,
    user_id: UUID,
    secret: str,
    browser: Browser,
    lifetime: timedelta,
    replaced_secret: str | None = None,
    how: str = "password",
) -> User | None:
    """Opens a session under a new secret; None where the user may not sign in.

    Where an organization requires its own provider only owners sign in to it without: they mend it when it is broken.

    A session that the browser already had ends: whoever planted its cookie has nothing of it.
    """
    user = await UserStore(session).find(context.organization_id, user_id)
    if user is None or user.state is not UserState.ACTIVE:
        return None
    if user.role is not UserRole.OWNER and await IdentityProviderStore(session).is_required(user.organization_id):
        return None
    sessions = SessionStore(session)
    if replaced_secret is not None:
        await end_replaced(session=session, secret=replaced_secret)
    await sessions.add(
        Session(
            id=new_id(),
            account_id=account.id,
            organization_id=user.organization_id,
            user_id=user.id,
            address=browser.address,
            user_agent=browser.user_agent[:MAX_USER_AGENT],
            created_at=context.now,
            last_used_at=context.now,
            expires_at=context.now + lifetime,
        ),
        digest=digest_of(secret),
    )
    await DelayStore(session).forget(failures_of(account.email, browser))
    await AccountStore(session).use_membership(account.id, user.organization_id, now=context.now)
    await UserStore(session).note_sign_in(user.organization_id, user.id, now=context.now)
    await add_audit_entry(
        session=session,
        context=context,
        action=AuditAction.SIGNED_IN,
        subject_type="user",
        subject_id=user.id,
        address=browser.address,
        details={"how": how},
    )
    return user


async def end_replaced(*, session: AsyncSession, secret: str) -> None:
    sessions = SessionStore(session)
    replaced = await sessions.find(digest_of(secret))
    if replaced is not None:
        await sessions.end(replaced.id, of=replaced)


def failures_of(name: str, browser: Browser) -> bytes:
    """Under which failures of an address or a credential, from one network, are counted.

    Neither is kept in the clear.
    """
    return digest_of(f"sign-in\x00{name}\x00{network_of(browser.address)}")
