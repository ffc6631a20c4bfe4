"""/v1/channel-accounts: accounts of the organization's own at providers, for its owners alone."""

from fastapi import Response
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.adapters.email import checked_address
from notifications.api.dependencies import Administrator, CurrentDependencies, Dependencies
from notifications.domain.channel_accounts import API_SECRET, AUTH_TOKEN, PASSWORD, Provider, SmtpDetails, TwilioDetails
from notifications.domain.channels import InvalidAddressError
from notifications.domain.errors import AddressInvalidError
from notifications.schemas.channel_accounts import (
    ChannelAccountsOut,
    SmtpAccountIn,
    SmtpAccountOut,
    TwilioAccountIn,
    TwilioAccountOut,
)
from notifications.usecases.channel_accounts import list_accounts, remove_account, set_account
from notifications.usecases.organization_channels import tell_channels
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.etags import IfMatch
from slotstream_servicekit.http.principal import Principal
from slotstream_servicekit.http.responses import model_response
from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)

router = Router(prefix="/v1/channel-accounts", tags=["channels"])


@router.get("")
async def list_channel_accounts(dependencies: CurrentDependencies, principal: Administrator) -> ChannelAccountsOut:
    """What the organization has of its own, without credentials, and whether it works."""
    async with dependencies.database.transaction(principal) as session:
        accounts = await list_accounts(session=session, context=dependencies.context_of(principal))
    known = {account.provider: account for account in accounts}
    smtp, twilio = known.get(Provider.SMTP), known.get(Provider.TWILIO)
    rules = dependencies.account_rules
    return ChannelAccountsOut(
        smtp=SmtpAccountOut.of(smtp) if smtp is not None else None,
        twilio=TwilioAccountOut.of(twilio) if twilio is not None else None,
        smtp_available=rules.sealer is not None,
        twilio_available=rules.sealer is not None and rules.remembers_stops,
        inbound_sms_url=dependencies.inbound_sms_url(principal.organization_id),
    )


@router.put("/smtp", response_model=SmtpAccountOut)
async def set_smtp_account(
    body: SmtpAccountIn, dependencies: CurrentDependencies, principal: Administrator, expected_version: IfMatch
) -> Response:
    """Set the organization's own mail server. It is not tried out: `POST /v1/channels/email/test` does that."""
    try:
        sender_address = checked_address(body.sender_address)
    except InvalidAddressError as error:
        raise AddressInvalidError("Nothing can be sent from this address") from error
    async with dependencies.database.transaction(principal) as session:
        account = await set_account(
            session=session,
            context=dependencies.context_of(principal),
            provider=Provider.SMTP,
            details=SmtpDetails(
                host=body.host, port=body.port, tls=body.tls, username=body.username, sender_address=sender_address
            ),
            secrets={PASSWORD: body.password.get_secret_value() if body.password is not None else None},
            rules=dependencies.account_rules,
            expected_version=expected_version,
        )
        await _tell(session, dependencies, principal)
    log.info("channel_account_set", provider="smtp", host=body.host, by=principal.subject, version=account.version)
    return model_response(SmtpAccountOut.of(account), version=account.version)


@router.put("/twilio", response_model=TwilioAccountOut)
async def set_twilio_account(
    body: TwilioAccountIn, dependencies: CurrentDependencies, principal: Administrator, expected_version: IfMatch
) -> Response:
    """Set the organization's own account at Twilio, for texts, calls, or both."""
    async with dependencies.database.transaction(principal) as session:
        account = await set_account(
            session=session,
            context=dependencies.context_of(principal),
            provider=Provider.TWILIO,
            details=TwilioDetails(
                account_sid=body.account_sid,
                api_key=body.api_key,
                sms_sender=body.sms_sender,
                voice_sender=body.voice_sender,
            ),
            secrets={
                AUTH_TOKEN: body.auth_token.get_secret_value() if body.auth_token is not None else None,
                API_SECRET: body.api_secret.get_secret_value() if body.api_secret is not None else None,
            },
            rules=dependencies.account_rules,
            expected_version=expected_version,
        )
        await _tell(session, dependencies, principal)
    log.info(
        "channel_account_set",
        provider="twilio",
        account=body.account_sid,
        by=principal.subject,
        version=account.version,
    )
    return model_response(TwilioAccountOut.of(account), version=account.version)


@router.delete("/{provider}", status_code=204)
async def remove_channel_account(
    provider: Provider, dependencies: CurrentDependencies, principal: Administrator, expected_version: IfMatch
) -> None:
    """Forget it with its credentials, and go back to the installation's."""
    async with dependencies.database.transaction(principal) as session:
        await remove_account(
            session=session,
            context=dependencies.context_of(principal),
            provider=provider,
            expected_version=expected_version,
        )
        await _tell(session, dependencies, principal)
    log.info("channel_account_removed", provider=provider.value, by=principal.subject)


async def _tell(session: AsyncSession, dependencies: Dependencies, principal: Principal) -> None:
    await tell_channels(
        session=session,
        channels=dependencies.channels,
        organization_id=principal.organization_id,
        cause=dependencies.context_of(principal).cause,
        clock=dependencies.clock,
    )
