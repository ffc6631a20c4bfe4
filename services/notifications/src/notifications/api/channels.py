"""/v1/channels: what messages can be sent on here, and trying it out."""

from datetime import datetime
from typing import Final, cast

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.api.dependencies import CurrentDependencies, Reader, TemplateWriter
from notifications.domain.channels import Channels
from notifications.domain.errors import PeopleOnlyError
from notifications.domain.messages import Channel
from notifications.domain.push import PushPerson
from notifications.domain.send_limits import Pace
from notifications.schemas.channel_accounts import failure_of
from notifications.schemas.channels import ChannelOut, ChannelsOut, ChannelTestIn, ChannelTestOut
from notifications.storage import PushSubscriptionStore
from notifications.usecases.channel_accounts import account_works
from notifications.usecases.send_limits import take_allowance
from notifications.usecases.trials import find_trial_recipient, send_trial
from slotstream_servicekit.http import Principal, Router
from slotstream_servicekit.http.limits import RateLimitedError, RateLimits, rate_limited
from slotstream_servicekit.settings import Rate
from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)

TESTS: Final = "channel_tests"
RATE: Final = Rate(per_minute=3, burst=5)

router = Router(prefix="/v1/channels", tags=["channels"])


@router.get("")
async def list_channels(dependencies: CurrentDependencies, principal: Reader) -> ChannelsOut:
    """Every channel, and whether the organization can send on it: what asks for one that is not there is refused."""
    async with dependencies.database.transaction(principal) as session:
        channels = await dependencies.channels_of(session, principal)
    return ChannelsOut(items=[_out(channel, channels) for channel in Channel])


@router.post("/{channel}/test", dependencies=[rate_limited(TESTS, per_minute=RATE.per_minute, burst=RATE.burst)])
async def send_channel_test(
    request: Request,
    channel: Channel,
    body: ChannelTestIn,
    dependencies: CurrentDependencies,
    principal: TemplateWriter,
) -> ChannelTestOut:
    """Send one message, which says that it is a test, to the address that is named; by push to the caller's browsers.

    It is on no ledger: the answer says what the provider said. Whoever has ended texts (STOP) gets none.
    """
    context = dependencies.context_of(principal)
    context.limits.check_unlimited("A channel")
    async with dependencies.database.transaction(principal) as session:
        channels = await dependencies.channels_of(session, principal)
        configured = channels.require(channel)
        await _take_test(request, session, principal, context.now)
        recipient = await find_trial_recipient(
            session=session,
            channel=configured,
            given=body.address,
            person=_person(principal) if channel is Channel.PUSH else None,
            numbers=dependencies.numbers,
            organization_id=principal.organization_id,
        )
    outcome = await send_trial(
        channel=configured,
        recipient=recipient,
        organization_id=principal.organization_id,
        locale=body.locale,
        now=context.now,
    )
    if outcome.gone:
        async with dependencies.database.transaction(principal) as session:
            await PushSubscriptionStore(session).forget(principal.organization_id, outcome.gone)
    account = channels.account_of(channel)
    if account is not None and account.failures and outcome.status == "sent":
        async with dependencies.database.transaction(principal) as session:
            await account_works(session=session, account=account, now=context.now)
    log.info("channel_tested", channel=channel.value, by=principal.subject, status=outcome.status, code=outcome.code)
    return ChannelTestOut.model_validate(outcome)


async def _take_test(request: Request, session: AsyncSession, principal: Principal, now: datetime) -> None:
    """Each process counts its own requests; this holds over all of them. Raises RateLimitedError."""
    rate = cast("RateLimits", request.app.state.rate_limits).rate_of(TESTS, RATE)
    if not rate.per_minute:
        return
    pace = Pace(rate.per_minute, rate.burst)
    wait = await take_allowance(
        session=session, organization_id=principal.organization_id, what=TESTS, pace=pace, now=now
    )
    if wait:
        detail = (
            f"Your organization may try channels out {rate.per_minute} times a minute. Try again in {wait} seconds."
        )
        raise RateLimitedError(detail, extra={"retry_after": wait})


def _out(channel: Channel, channels: Channels) -> ChannelOut:
    account = channels.account_of(channel)
    return ChannelOut(
        channel=channel,
        available=channel in channels.names,
        own=account is not None,
        failure=failure_of(account) if account is not None else None,
    )


def _person(principal: Principal) -> PushPerson:
    if principal.actor_type != "user":
        raise PeopleOnlyError("Only people have browsers: a program names an address on another channel.")
    return PushPerson(organization_id=principal.organization_id, user_id=principal.subject)
