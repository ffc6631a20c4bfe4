"""Accounts at providers that organizations send by instead of the installation's."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Literal
from uuid import UUID

from notifications.domain.messages import Channel

ACCOUNT_FAILING: Final = "account_failing"
"""The code of a message that waits since the organization's own account does not work."""
WAITS_FOR_ACCOUNT: Final = timedelta(hours=24)
"""How long a message that is due waits for an account that does not work, before it has failed."""


# Names of secrets, and none of them one.
PASSWORD: Final = "password"  # noqa: S105
AUTH_TOKEN: Final = "auth_token"  # noqa: S105
API_SECRET: Final = "api_secret"  # noqa: S105


class Provider(StrEnum):
    SMTP = "smtp"
    TWILIO = "twilio"


CHANNELS_OF: Final[Mapping[Provider, tuple[Channel, ...]]] = {
    Provider.SMTP: (Channel.EMAIL,),
    Provider.TWILIO: (Channel.SMS, Channel.VOICE),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpDetails:
    """All of a mail account but its password. `tls`: on connecting, or by STARTTLS; never without."""

    host: str
    port: int
    tls: Literal["starttls", "tls"]
    username: str
    sender_address: str

    def shows(self, secret: str) -> tuple[str, ...]:  # noqa: ARG002 - there is one
        """To whom a secret is shown: to nobody else than it was typed for."""
        return (self.host.lower(), str(self.port), self.username)


@dataclass(frozen=True, slots=True, kw_only=True)
class TwilioDetails:
    """All of an account at Twilio but its auth token and the API key's secret.

    A channel without a sender is the installation's, if it has it.
    """

    account_sid: str
    api_key: str | None
    sms_sender: str | None
    voice_sender: str | None

    def shows(self, secret: str) -> tuple[str, ...]:
        """Whose a secret is. All go to Twilio alone."""
        return (self.account_sid, self.api_key or "") if secret == API_SECRET else (self.account_sid,)


AccountDetails = SmtpDetails | TwilioDetails


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelAccount:
    """An organization's account at one provider. `secret_names` are the credentials that `sealed_secrets` holds.

    One that does not work is tried again at `paused_until`, after longer and longer pauses; what it was to send waits.
    """

    organization_id: UUID
    provider: Provider
    details: AccountDetails
    sealed_secrets: bytes
    secret_names: tuple[str, ...]
    secrets_set_at: datetime
    failures: int = 0
    failure_code: str | None = None
    failing_since: datetime | None = None
    paused_until: datetime | None = None
    updated_by: str
    created_at: datetime
    updated_at: datetime
    version: int

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Those that go out by it."""
        if isinstance(self.details, SmtpDetails):
            return (Channel.EMAIL,)
        senders = ((Channel.SMS, self.details.sms_sender), (Channel.VOICE, self.details.voice_sender))
        return tuple(channel for channel, sender in senders if sender is not None)

    def rests_until(self, now: datetime) -> datetime | None:
        """When it is tried again; None where it may be used."""
        return self.paused_until if self.paused_until is not None and self.paused_until > now else None


_ITS_OWN: Final = re.compile(r"smtp_authentication|smtp_5\d\d|twilio_\d+")


def is_its_own_to_mend(code: str) -> bool:
    """Whether an account failed for a reason that its organization can mend: a refused login, a suspended account.

    A provider that is not reached, or asks to come later, is nobody's to mend but its own.
    """
    return _ITS_OWN.fullmatch(code) is not None


def sealed_for(organization_id: UUID, provider: Provider) -> tuple[str, ...]:
    """What an account's secrets are bound to: copied to another organization's row they stay shut."""
    return ("channel account", str(organization_id), provider.value)
