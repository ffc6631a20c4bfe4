"""The steps of signing in, between which a password is verified without a transaction."""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from dashboard.api.dependencies import Dependencies
from dashboard.domain.errors import SignInDelayedError, SignInRefusedError
from dashboard.domain.sessions import new_secret
from dashboard.domain.users import MAX_PASSWORD, Account, Membership, normal_email, normal_password
from dashboard.storage import NO_ORGANIZATION, AccountStore
from dashboard.usecases.sign_in import Browser, audit_failure, find_credentials, open_session
from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)

MAX_EMAIL = 254

Afterwards = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Nobody was signed in. `afterwards` is what remains to be done once the answer is on its way."""

    error: SignInRefusedError | SignInDelayedError
    afterwards: Afterwards | None = None


async def sign_in(
    dependencies: Dependencies, *, email: str, password: str, browser: Browser, replaced_secret: str | None
) -> str | Refused:
    """The new session's secret. Whatever is wrong, it is refused in the same words and after the same work."""
    email, password = normal_email(email), normal_password(password)
    readable = 0 < len(email) <= MAX_EMAIL and len(password) <= MAX_PASSWORD and "\x00" not in email
    if not readable:
        email, password = "", ""
    now = dependencies.clock()
    async with dependencies.database.transaction(NO_ORGANIZATION) as session:
        found = await find_credentials(session=session, email=email, browser=browser, now=now)
    if found.retry_at is not None:
        return too_early(found.retry_at, now)
    account = found.account
    fits = await dependencies.hasher.verify(password, account.password_hash if account is not None else None)
    if account is not None and fits:
        await _use_newer_parameters(dependencies, account, password)
        secret = await open_first(
            dependencies, account=account, browser=browser, replaced_secret=replaced_secret, how="password"
        )
        if secret is not None:
            return secret
    return refusal(dependencies, account, browser)


def too_early(retry_at: datetime, now: datetime) -> Refused:
    seconds = max(1, math.ceil((retry_at - now).total_seconds()))
    return Refused(error=SignInDelayedError("Too many attempts.", extra={"retry_after": seconds}))


def refusal(dependencies: Dependencies, account: Account | None, browser: Browser) -> Refused:
    """In the same words whatever is wrong; where there is an account its audit trails tell it, after the answer."""
    error = SignInRefusedError("This does not fit, or the account is not active.")
    return Refused(error=error, afterwards=_audit(dependencies, account, browser) if account is not None else None)


async def open_first(
    dependencies: Dependencies, *, account: Account, browser: Browser, replaced_secret: str | None, how: str
) -> str | None:
    """Opens a session in the organization that was used last; None where the account is active in none."""
    async with dependencies.database.transaction(NO_ORGANIZATION) as session:
        memberships = await AccountStore(session).memberships(account.id)
    secret = new_secret()
    for membership in memberships:
        async with dependencies.database.transaction(membership.organization_id) as session:
            user = await open_session(
                session=session,
                context=dependencies.context_of_user(membership.organization_id, membership.user_id),
                account=account,
                user_id=membership.user_id,
                secret=secret,
                browser=browser,
                lifetime=dependencies.settings.session_lifetime,
                replaced_secret=replaced_secret,
                how=how,
            )
        if user is not None:
            dependencies.sessions.forget()
            return secret
    return None


async def _use_newer_parameters(dependencies: Dependencies, account: Account, password: str) -> None:
    stored = account.password_hash
    if stored is None or not dependencies.hasher.needs_rehash(stored):
        return
    newer = await dependencies.hasher.hash(password)
    async with dependencies.database.transaction(NO_ORGANIZATION) as session:
        await AccountStore(session).rehash(account.id, old=stored, new=newer)


def _audit(dependencies: Dependencies, account: Account, browser: Browser) -> Afterwards:
    async def audit() -> None:
        async with dependencies.database.transaction(NO_ORGANIZATION) as session:
            memberships = await AccountStore(session).memberships(account.id)
        for membership in memberships:
            await _audit_in(dependencies, membership, browser)

    return audit


async def _audit_in(dependencies: Dependencies, membership: Membership, browser: Browser) -> None:
    async with dependencies.database.transaction(membership.organization_id) as session:
        await audit_failure(
            session=session,
            context=dependencies.context_of_user(membership.organization_id, membership.user_id),
            user_id=membership.user_id,
            browser=browser,
        )
