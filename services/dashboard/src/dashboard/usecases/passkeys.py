"""Adding, removing and using passkeys."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.domain.audit import AuditAction
from dashboard.domain.errors import (
    PasskeyExistsError,
    PasskeyInvalidError,
    PasskeyNotFoundError,
    TooManyPasskeysError,
)
from dashboard.domain.links import Mail, MailKind
from dashboard.domain.passkeys import (
    MAX_PASSKEYS,
    NewCredential,
    Passkey,
    PasskeyChallenge,
    new_challenge,
    new_user_handle,
)
from dashboard.domain.sessions import digest_of
from dashboard.domain.users import Account, Membership
from dashboard.storage import AccountStore, DelayStore, MailStore, PasskeyStore
from dashboard.usecases.audit import add_audit_entry
from dashboard.usecases.sign_in import Browser, failures_of
from slotstream_servicekit.context import Context
from slotstream_servicekit.ids import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What a page needs to have a device make a passkey. `known`: credentials that the account has."""

    challenge: PasskeyChallenge
    account: Account
    known: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What is known when somebody comes with a passkey, before it is verified. `retry_at`: it is too early."""

    challenge: PasskeyChallenge | None
    passkey: Passkey | None
    account: Account | None
    retry_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyChange:
    """Whose passkeys changed, and the organizations whose audit trails tell it."""

    passkey_id: UUID
    memberships: tuple[Membership, ...]


async def begin_registration(
    *, session: AsyncSession, account_id: UUID, session_secret: str, now: datetime
) -> Registration:
    """The challenge is found again by the session's secret alone. Raises TooManyPasskeysError."""
    account = await _account(session, account_id)
    known = await PasskeyStore(session).of_account(account_id)
    if len(known) >= MAX_PASSKEYS:
        raise TooManyPasskeysError(f"There are {MAX_PASSKEYS} passkeys: remove one first.")
    handle = known[0].user_handle if known else new_user_handle()
    challenge = new_challenge(now=now, user_handle=handle)
    await PasskeyStore(session).set_challenge(challenge, digest=_registration(session_secret))
    return Registration(challenge=challenge, account=account, known=tuple(passkey.credential_id for passkey in known))


async def take_registration(*, session: AsyncSession, session_secret: str, now: datetime) -> PasskeyChallenge:
    """Raises PasskeyInvalidError where none waits."""
    challenge = await PasskeyStore(session).take_challenge(_registration(session_secret), now=now)
    if challenge is None or challenge.user_handle is None:
        raise PasskeyInvalidError("This took too long, or was sent twice. Begin again.")
    return challenge


async def add_passkey(
    *,
    session: AsyncSession,
    account_id: UUID,
    user_handle: bytes,
    credential: NewCredential,
    name: str,
    now: datetime,
) -> tuple[Passkey, PasskeyChange]:
    """A mail tells of it. Raises PasskeyExistsError, TooManyPasskeysError."""
    account = await _account(session, account_id)
    store = PasskeyStore(session)
    if len(await store.of_account(account_id, lock=True)) >= MAX_PASSKEYS:
        raise TooManyPasskeysError(f"There are {MAX_PASSKEYS} passkeys: remove one first.")
    passkey = Passkey(
        id=new_id(),
        account_id=account_id,
        user_handle=user_handle,
        credential_id=credential.credential_id,
        public_key=credential.public_key,
        sign_count=credential.sign_count,
        name=name,
        created_at=now,
        last_used_at=None,
    )
    if not await store.add(passkey):
        raise PasskeyExistsError("This passkey is in use already.")
    await tell_of_passkey(session=session, account=account, kind=MailKind.PASSKEY_ADDED, now=now)
    return passkey, await _change(session, account_id, passkey.id)


async def remove_passkey(*, session: AsyncSession, account_id: UUID, passkey_id: UUID, now: datetime) -> PasskeyChange:
    """A mail tells of it. Raises PasskeyNotFoundError."""
    if not await PasskeyStore(session).remove(passkey_id, account_id=account_id):
        raise PasskeyNotFoundError("There is no such passkey.")
    account = await _account(session, account_id)
    await tell_of_passkey(session=session, account=account, kind=MailKind.PASSKEY_REMOVED, now=now)
    return await _change(session, account_id, passkey_id)


async def begin_sign_in(*, session: AsyncSession, secret: str, now: datetime) -> PasskeyChallenge:
    """The same for everybody: which accounts there are is not looked at. `secret` is the browser's."""
    challenge = new_challenge(now=now)
    await PasskeyStore(session).set_challenge(challenge, digest=_sign_in(secret))
    return challenge


async def find_attempt(
    *, session: AsyncSession, secret: str, credential_id: bytes, browser: Browser, now: datetime
) -> Attempt:
    """Uses the challenge up, and counts the attempt as a failure until the session is opened."""
    challenge = await PasskeyStore(session).take_challenge(_sign_in(secret), now=now)
    retry_at = await DelayStore(session).admit(failures_of(credential_id.hex(), browser), now=now)
    passkey = await PasskeyStore(session).find(credential_id)
    account = await AccountStore(session).find(passkey.account_id if passkey is not None else UUID(int=0))
    return Attempt(challenge=challenge, passkey=passkey, account=account, retry_at=retry_at)


async def use_passkey(
    *, session: AsyncSession, passkey: Passkey, sign_count: int, browser: Browser, now: datetime
) -> bool:
    """Whether the device's count has grown. Where it has not, the passkey may have been copied."""
    if not await PasskeyStore(session).use(passkey.id, sign_count=sign_count, now=now):
        return False
    await DelayStore(session).forget(failures_of(passkey.credential_id.hex(), browser))
    return True


async def tell_of_passkey(*, session: AsyncSession, account: Account, kind: MailKind, now: datetime) -> None:
    await MailStore(session).add(
        Mail(id=new_id(), kind=kind, recipient=account.email, locale=account.locale, due_at=now, created_at=now)
    )


async def audit_passkey(
    *,
    session: AsyncSession,
    context: Context,
    action: AuditAction,
    user_id: UUID,
    passkey_id: UUID,
    address: str,
) -> None:
    await add_audit_entry(
        session=session,
        context=context,
        action=action,
        subject_type="user",
        subject_id=user_id,
        address=address,
        details={"passkey": str(passkey_id)},
    )


async def _account(session: AsyncSession, account_id: UUID) -> Account:
    account = await AccountStore(session).find(account_id)
    if account is None:
        raise PasskeyNotFoundError("The account is gone.")
    return account


async def _change(session: AsyncSession, account_id: UUID, passkey_id: UUID) -> PasskeyChange:
    memberships = await AccountStore(session).memberships(account_id)
    return PasskeyChange(passkey_id=passkey_id, memberships=tuple(memberships))


def _registration(session_secret: str) -> bytes:
    return digest_of(f"passkey-registration\x00{session_secret}")


def _sign_in(secret: str) -> bytes:
    return digest_of(f"passkey-sign-in\x00{secret}")
