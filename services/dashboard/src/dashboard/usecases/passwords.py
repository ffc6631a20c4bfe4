"""Choosing a new password: by a mailed link, or by somebody who is signed in and knows the present one."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.domain.audit import AuditAction
from dashboard.domain.errors import LinkInvalidError, PasswordRefusedError
from dashboard.domain.links import LinkKind, Mail, MailKind, OneTimeLink
from dashboard.domain.sessions import SignedIn, digest_of
from dashboard.domain.users import Account, Membership
from dashboard.storage import AccountStore, DelayStore, LinkStore, MailStore, PasskeyStore, SessionStore
from dashboard.usecases.audit import add_audit_entry
from dashboard.usecases.passkeys import tell_of_passkey
from dashboard.usecases.sign_in import Credentials
from slotstream_servicekit.context import Context
from slotstream_servicekit.ids import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordChanged:
    """Whose password it was, and the organizations whose audit trails tell it."""

    account: Account
    memberships: tuple[Membership, ...]
    passkeys_removed: int = 0


async def request_reset(*, session: AsyncSession, email: str, locale: str, now: datetime) -> None:
    """Notes the wish, whoever is meant: the worker looks whether there is such an account, after the answer."""
    mails = MailStore(session)
    if await mails.waiting(MailKind.RESET, email):
        return
    await mails.add(Mail(id=new_id(), kind=MailKind.RESET, recipient=email, locale=locale, due_at=now, created_at=now))


async def find_reset_link(*, session: AsyncSession, secret: str, now: datetime) -> OneTimeLink:
    """Raises LinkInvalidError. Looking uses nothing up."""
    link = await LinkStore(session).find(LinkKind.RESET, digest_of(secret), now=now)
    if link is None:
        raise LinkInvalidError("The link was used, has expired, or is not complete.")
    return link


async def reset_password(*, session: AsyncSession, secret: str, password_hash: str, now: datetime) -> PasswordChanged:
    """Sets the password, ends every session of the person, every other link and every passkey.

    Whoever has to begin anew may have been robbed: a thief's passkey must not outlive it. Raises LinkInvalidError.
    """
    link = await LinkStore(session).use(LinkKind.RESET, digest_of(secret), now=now)
    account = await AccountStore(session).find_by_email(link.email) if link is not None else None
    if account is None:
        raise LinkInvalidError("The link was used, has expired, or is not complete.")
    await AccountStore(session).set_password(account.id, password_hash=password_hash, now=now)
    await SessionStore(session).end_of_account(account.id)
    await _tell_of_change(session, account, now=now)
    removed = await PasskeyStore(session).remove_all(account.id)
    if removed:
        await tell_of_passkey(session=session, account=account, kind=MailKind.PASSKEY_REMOVED, now=now)
    memberships = await AccountStore(session).memberships(account.id)
    return PasswordChanged(account=account, memberships=tuple(memberships), passkeys_removed=removed)


async def find_password(*, session: AsyncSession, account_id: UUID, now: datetime) -> Credentials:
    """The account whose present password is about to be verified; counts the attempt until `change_password`."""
    retry_at = await DelayStore(session).admit(_attempts_of(account_id), now=now)
    return Credentials(account=await AccountStore(session).find(account_id), retry_at=retry_at)


async def change_password(
    *, session: AsyncSession, signed_in: SignedIn, account: Account, password_hash: str, now: datetime
) -> PasswordChanged:
    """Ends every other session of the person. Raises PasswordRefusedError where the password has changed meanwhile."""
    old = account.password_hash
    if old is None or not await AccountStore(session).replace_password(account.id, old=old, new=password_hash, now=now):
        raise PasswordRefusedError("The present password is another.")
    await DelayStore(session).forget(_attempts_of(account.id))
    await SessionStore(session).end_of_account(account.id, except_for=signed_in.session.id)
    await _tell_of_change(session, account, now=now)
    return PasswordChanged(account=account, memberships=tuple(await AccountStore(session).memberships(account.id)))


async def _tell_of_change(session: AsyncSession, account: Account, *, now: datetime) -> None:
    """Other links to choose a password are dead, and the person is told by mail."""
    await LinkStore(session).revoke_resets(account.email)
    await MailStore(session).add(
        Mail(
            id=new_id(),
            kind=MailKind.PASSWORD_CHANGED,
            recipient=account.email,
            locale=account.locale,
            due_at=now,
            created_at=now,
        )
    )


def _attempts_of(account_id: UUID) -> bytes:
    return digest_of(f"present-password\x00{account_id}")


async def audit_password(
    *, session: AsyncSession, context: Context, user_id: UUID, address: str, passkeys_removed: int
) -> None:
    await add_audit_entry(
        session=session,
        context=context,
        action=AuditAction.PASSWORD_SET,
        subject_type="user",
        subject_id=user_id,
        address=address,
        details={"passkeys_removed": passkeys_removed} if passkeys_removed else None,
    )
