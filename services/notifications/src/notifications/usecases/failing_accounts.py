"""Telling an organization's administrators that an account of its own does not work, by the installation's account."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.adapters.templates import SAMPLE_APPOINTMENT
from notifications.domain.channel_accounts import ChannelAccount
from notifications.domain.channels import Channels, InvalidAddressError
from notifications.domain.contacts import CatalogueItem
from notifications.domain.failing_accounts import failing_drafts, is_told_by, provider_of
from notifications.domain.messages import Message, Status
from notifications.domain.staff_choices import NOT_PERMITTED
from notifications.domain.users import USER_DEACTIVATED, USER_REMOVED, User
from notifications.publishers import records_of
from notifications.storage import ChannelAccountStore, MessageStore, Settlement, UserStore
from notifications.usecases.eligibility import Sendable
from slotstream_servicekit.http.rights import RIGHTS_OF_ROLE, Right
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.outbox import enqueue

ACCOUNT_WORKS: Final = "account_works"
"""Why it is not told any more: the account has worked again, or was changed or removed."""
_ADMINISTRATORS: Final = frozenset(role.value for role, rights in RIGHTS_OF_ROLE.items() if Right.ADMINISTER in rights)
_NOBODY: Final = UUID(int=0)
_SENDER_NAME: Final = "Slotstream"


async def tell_administrators(
    *, session: AsyncSession, account: ChannelAccount, failing_since: datetime, now: datetime
) -> None:
    """Plans one mail to each of them, once for each time that the account begins to fail."""
    administrators = await UserStore(session).unlimited(account.organization_id, _ADMINISTRATORS)
    drafts = failing_drafts(
        account,
        [(user, new_id()) for user in administrators],
        failing_since=failing_since,
        correlation_id=str(new_id()),
        now=now,
    )
    planned = await MessageStore(session).plan(drafts, now=now) if drafts else []
    await enqueue(session, records_of(planned))


async def judge_failing_account(
    *, session: AsyncSession, message: Message, channels: Channels
) -> Sendable | Settlement:
    """Ready to be sent by the installation's own account, never by the one that fails; or what becomes of it."""
    channel = channels.get(message.channel)
    if channel is None:
        return _suppressed("channel_unavailable")
    user = await _user(session, message)
    if isinstance(user, Settlement):
        return user
    account = await ChannelAccountStore(session).find(message.organization_id, provider_of(message.key))
    if account is None or not is_told_by(account, message.key, user.id):
        return _suppressed(ACCOUNT_WORKS)
    recipient = user.contact("UTC")
    try:
        address = channel.address_of(recipient)
    except InvalidAddressError:
        detail = "nothing can be sent by email to the recipient's address"
        return Settlement(status=Status.FAILED, code="invalid_address", detail=detail)
    if address is None:
        return _suppressed("no_address")
    return Sendable(
        message=message,
        channel=channel,
        appointment=SAMPLE_APPOINTMENT,
        business=CatalogueItem(
            organization_id=message.organization_id, kind="business", id=_NOBODY, name=_SENDER_NAME, version=1
        ),
        client_id=_NOBODY,
        client_name="",
        asks_confirmation=False,
        location="",
        recipient=recipient,
        address=address,
        zone="UTC",
        templates=[],
        template=None,
        failing=account,
    )


async def _user(session: AsyncSession, message: Message) -> User | Settlement:
    key = (message.organization_id, message.user_id or "")
    user = (await UserStore(session).get_all([key])).get(key)
    if user is None:
        return _suppressed(USER_REMOVED)
    if not user.is_active:
        return _suppressed(USER_DEACTIVATED)
    return user if user.role in _ADMINISTRATORS and user.is_unlimited else _suppressed(NOT_PERMITTED)


def _suppressed(reason: str) -> Settlement:
    return Settlement(status=Status.SUPPRESSED, reason=reason)
