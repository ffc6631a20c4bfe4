"""Organizations' own accounts at providers: set, removed, read for sending, and rested while they do not work."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.channel_accounts import (
    API_SECRET,
    AUTH_TOKEN,
    CHANNELS_OF,
    PASSWORD,
    AccountDetails,
    ChannelAccount,
    Provider,
    SmtpDetails,
    is_its_own_to_mend,
    sealed_for,
)
from notifications.domain.channels import Channels, OwnChannel
from notifications.domain.errors import (
    ChannelAccountNotFoundError,
    ChannelAccountsUnavailableError,
    CredentialRequiredError,
    SenderMissingError,
)
from notifications.domain.retries import RetryPolicy
from notifications.storage import ChannelAccountStore, MessageStore
from notifications.usecases.failing_accounts import tell_administrators
from slotstream_servicekit.context import Context
from slotstream_servicekit.errors import VersionConflictError
from slotstream_servicekit.sealing import Sealer, UnsealableError
from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)

_WHAT: Final = "An account at a provider"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRules:
    """What this installation has for organizations' accounts.

    `sealer` None: nothing to seal credentials with. `remembers_stops`: whether a number that says STOP can be kept.
    `hears`: whether a provider reaches us.
    """

    sealer: Sealer | None
    remembers_stops: bool
    hears: bool

    def require_sealer(self, provider: Provider) -> Sealer:
        """Raises ChannelAccountsUnavailableError."""
        if self.sealer is None:
            raise ChannelAccountsUnavailableError("This installation has no key to seal credentials with")
        if provider is Provider.TWILIO and not self.remembers_stops:
            raise ChannelAccountsUnavailableError("This installation cannot remember numbers that answer STOP")
        return self.sealer


async def read_channels(*, session: AsyncSession, channels: Channels, organization_ids: Collection[UUID]) -> Channels:
    """The channels, with what these organizations have of their own."""
    if channels.accounts is None:
        return channels
    own: dict[UUID, list[OwnChannel]] = {}
    for account in await ChannelAccountStore(session).of_organizations(organization_ids):
        own.setdefault(account.organization_id, []).extend(channels.accounts.channels_of(account))
    return channels.with_own(own)


async def list_accounts(*, session: AsyncSession, context: Context) -> list[ChannelAccount]:
    context.limits.check_unlimited(_WHAT)
    return await ChannelAccountStore(session).of_organizations([context.organization_id])


async def set_account(
    *,
    session: AsyncSession,
    context: Context,
    provider: Provider,
    details: AccountDetails,
    secrets: Mapping[str, str | None],
    rules: AccountRules,
    expected_version: int | None,
) -> ChannelAccount:
    """Sets the organization's own. A secret that is None stays as it is, unless whom it is shown to changes.

    What waits for an account that did not work is tried again at once.
    """
    context.limits.check_unlimited(_WHAT)
    sealer = rules.require_sealer(provider)
    store = ChannelAccountStore(session)
    before = await store.find(context.organization_id, provider, lock=True)
    _check_version(before, expected_version)
    given = {name: secret for name, secret in secrets.items() if secret is not None}
    kept = _kept(before, details, sealer)
    known = {**kept, **given}
    _check(details, known, rules)
    wanted = {name: known[name] for name in _needed(details, known)}
    account = ChannelAccount(
        organization_id=context.organization_id,
        provider=provider,
        details=details,
        sealed_secrets=sealer.seal(json.dumps(wanted, sort_keys=True), *sealed_for(context.organization_id, provider)),
        secret_names=tuple(sorted(wanted)),
        secrets_set_at=context.now if given or before is None else before.secrets_set_at,
        updated_by=context.actor.id,
        created_at=before.created_at if before is not None else context.now,
        updated_at=context.now,
        version=before.version + 1 if before is not None else 1,
    )
    if not await store.put(account, replaces=before.version if before is not None else 0):
        current = await store.find(context.organization_id, provider)
        raise VersionConflictError(current.version if current is not None else 0)
    await _wake(session, before or account, now=context.now)
    return account


async def remove_account(
    *, session: AsyncSession, context: Context, provider: Provider, expected_version: int | None
) -> None:
    """Goes back to the installation's, by which what waits goes out as well. Raises ChannelAccountNotFoundError."""
    context.limits.check_unlimited(_WHAT)
    store = ChannelAccountStore(session)
    before = await store.find(context.organization_id, provider, lock=True)
    _check_version(before, expected_version)
    if before is None or not await store.remove(context.organization_id, provider, version=before.version):
        raise ChannelAccountNotFoundError("There is no such account")
    await _wake(session, before, now=context.now)


async def rest_account(
    *, session: AsyncSession, account: ChannelAccount, code: str, retries: RetryPolicy, now: datetime
) -> datetime:
    """The account did not work: it is left alone for a while, with all that is to go out by it. Until when."""
    failures = account.failures + 1
    until = retries.rest(failures=failures, now=now)
    store = ChannelAccountStore(session)
    failing_since = await store.fail(account, code=code, until=until, now=now)
    if failing_since is not None:
        await store.hold_due(account.organization_id, account.channels, until=until, now=now)
        if is_its_own_to_mend(code):
            await tell_administrators(session=session, account=account, failing_since=failing_since, now=now)
        log.warning("channel_account_rests", provider=account.provider.value, code=code, failures=failures)
    return until


async def account_works(*, session: AsyncSession, account: ChannelAccount, now: datetime) -> None:
    """It has taken a message again: what waits for it goes out."""
    await ChannelAccountStore(session).works(account)
    await _wake(session, account, now=now)


async def _wake(session: AsyncSession, account: ChannelAccount, *, now: datetime) -> None:
    codes = [account.failure_code] if account.failure_code is not None else []
    channels = CHANNELS_OF[account.provider]
    if await ChannelAccountStore(session).wake_held(account.organization_id, channels, codes, now=now):
        await MessageStore(session).announce_planned()


def _check_version(before: ChannelAccount | None, expected: int | None) -> None:
    version = before.version if before is not None else 0
    if expected is not None and expected != version:
        raise VersionConflictError(version)


def _kept(before: ChannelAccount | None, details: AccountDetails, sealer: Sealer) -> dict[str, str]:
    """The secrets that stay: none that would be shown to somebody else than it was typed for."""
    if before is None:
        return {}
    try:
        opened = sealer.open(before.sealed_secrets, *sealed_for(before.organization_id, before.provider))
    except UnsealableError:
        return {}
    kept: dict[str, str] = json.loads(opened)
    return {name: secret for name, secret in kept.items() if before.details.shows(name) == details.shows(name)}


def _check(details: AccountDetails, known: Mapping[str, str], rules: AccountRules) -> None:
    if isinstance(details, SmtpDetails):
        if PASSWORD not in known:
            raise CredentialRequiredError("A new server, port or user needs its password")
        return
    if details.sms_sender is None and details.voice_sender is None:
        raise SenderMissingError("Without a sender nothing could go out")
    if details.api_key is not None and API_SECRET not in known:
        raise CredentialRequiredError("A new API key needs its secret")
    if details.api_key is None and AUTH_TOKEN not in known:
        raise CredentialRequiredError("A new account needs its auth token, or an API key")
    if details.voice_sender is not None and AUTH_TOKEN not in known:
        raise CredentialRequiredError("Calls need the auth token, by which it is known that Twilio asks what to say")
    if details.voice_sender is not None and not rules.hears:
        raise ChannelAccountsUnavailableError("This installation has no address at which Twilio asks what to say")


def _needed(details: AccountDetails, known: Mapping[str, str]) -> list[str]:
    """What is kept: nothing of an API key that is not used any more."""
    if isinstance(details, SmtpDetails):
        return [PASSWORD]
    names = (AUTH_TOKEN, API_SECRET) if details.api_key is not None else (AUTH_TOKEN,)
    return [name for name in names if name in known]
