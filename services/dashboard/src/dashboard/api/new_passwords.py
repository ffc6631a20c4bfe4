"""The steps of choosing a new password, between which passwords are hashed without a transaction."""

import math

from dashboard.api.dependencies import Dependencies
from dashboard.domain.errors import PasswordRefusedError, SignInDelayedError
from dashboard.domain.sessions import SignedIn
from dashboard.domain.users import check_new_password, normal_password
from dashboard.storage import NO_ORGANIZATION
from dashboard.usecases.passwords import PasswordChanged, audit_password, change_password, find_password


async def replace_password(
    dependencies: Dependencies, signed_in: SignedIn, *, current: str, new: str
) -> PasswordChanged:
    """Raises PasswordTooWeakError, PasswordRefusedError, and SignInDelayedError after several wrong ones."""
    new_hash = await hash_of_new(dependencies, new, email=signed_in.user.email)
    now = dependencies.clock()
    async with dependencies.database.transaction(NO_ORGANIZATION) as session:
        found = await find_password(session=session, account_id=signed_in.account_id, now=now)
    if found.retry_at is not None:
        wait = max(1, math.ceil((found.retry_at - now).total_seconds()))
        raise SignInDelayedError("Too many attempts.", extra={"retry_after": wait})
    stored = found.account.password_hash if found.account is not None else None
    fits = await dependencies.hasher.verify(normal_password(current), stored)
    if found.account is None or not fits:
        raise PasswordRefusedError("The present password is another.")
    async with dependencies.database.transaction(NO_ORGANIZATION) as session:
        return await change_password(
            session=session, signed_in=signed_in, account=found.account, password_hash=new_hash, now=now
        )


async def hash_of_new(dependencies: Dependencies, password: str, *, email: str) -> str:
    """Raises PasswordTooWeakError."""
    password = normal_password(password)
    check_new_password(password, email=email)
    return await dependencies.hasher.hash(password)


async def audit_new_password(dependencies: Dependencies, changed: PasswordChanged, address: str) -> None:
    """In the audit trail of every organization that the person is in."""
    for membership in changed.memberships:
        async with dependencies.database.transaction(membership.organization_id) as session:
            await audit_password(
                session=session,
                context=dependencies.context_of_user(membership.organization_id, membership.user_id),
                user_id=membership.user_id,
                address=address,
                passkeys_removed=changed.passkeys_removed,
            )
