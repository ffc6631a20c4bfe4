"""Administrators are told once that an account of their organization's own does not work."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from notifications.domain.channel_accounts import ChannelAccount, Provider
from notifications.domain.messages import Draft, Kind, draft_to_user
from notifications.domain.users import User


def failing_key(provider: Provider, user_id: str, failing_since: datetime) -> str:
    """Of the message in the ledger: at most one for each time that the account begins to fail, and user."""
    return f"{Kind.ACCOUNT_FAILING}:{provider}:{user_id}:{failing_since.isoformat()}"


def is_told_by(account: ChannelAccount | None, key: str, user_id: str) -> bool:
    """Whether the message with this key is still true: it fails, and has not worked or been changed since."""
    if account is None or account.failing_since is None:
        return False
    return key == failing_key(account.provider, user_id, account.failing_since)


def provider_of(key: str) -> Provider:
    return Provider(key.split(":")[1])


def failing_drafts(
    account: ChannelAccount,
    administrators: Sequence[tuple[User, UUID]],
    *,
    failing_since: datetime,
    correlation_id: str,
    now: datetime,
) -> list[Draft]:
    """One for each of the administrators, under the id that comes with them."""
    return [
        draft_to_user(
            organization_id=account.organization_id,
            user_id=user.id,
            message_id=message_id,
            key=failing_key(account.provider, user.id, failing_since),
            kind=Kind.ACCOUNT_FAILING,
            due_at=now,
            correlation_id=correlation_id,
        )
        for user, message_id in administrators
    ]
