"""The shapes of organizations' own accounts at providers. No credential is in any answer."""

from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, StringConstraints

from notifications.domain.channel_accounts import API_SECRET, AUTH_TOKEN, ChannelAccount, SmtpDetails, TwilioDetails
from slotstream_servicekit.http.models import InstantOut, RequestModel, ResponseModel

Credential = Annotated[SecretStr, Field(min_length=1, max_length=1_000)]
_Host = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9A-Za-z_:](?:[0-9A-Za-z_.:-]{0,251}[0-9A-Za-z_:])?$"),
    Field(examples=["smtp.example.com"]),
]
_Port = Annotated[int, Field(ge=1, le=65_535, strict=True, examples=[587])]
_Username = Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]+$", max_length=320)]
_SmsSender = Annotated[
    str,
    StringConstraints(
        pattern=r"^(?:\+[1-9][0-9]{6,14}|[0-9]{3,8}|MG[0-9a-fA-F]{32}|[0-9 ]{0,10}[A-Za-z][0-9A-Za-z ]{0,10})$",
        max_length=34,
    ),
    Field(examples=["+447700900777"]),
]
"""A number (E.164), a short code, a name of up to 11 characters, or a messaging service's SID."""
_Number = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$"), Field(examples=["+447700900777"])]


class AccountFailureOut(ResponseModel):
    """Why the account does not work, in the words of the ledger's codes. What is to go out by it waits."""

    code: str
    since: InstantOut
    next_attempt_at: InstantOut | None


class SmtpAccountIn(RequestModel):
    """The organization's own mail server. Without `password` the one that is set stays."""

    host: _Host
    port: _Port = 587
    tls: Literal["starttls", "tls"] = "starttls"
    """By STARTTLS, or on connecting; never without."""
    username: _Username
    password: Credential | None = Field(
        default=None, description="Absent: the one that is set stays. Another host, port or user needs its own"
    )
    sender_address: Annotated[str, StringConstraints(min_length=3, max_length=320)]


class SmtpAccountOut(ResponseModel):
    host: str
    port: int
    tls: Literal["starttls", "tls"]
    username: str
    sender_address: str
    password_set_at: InstantOut
    failure: AccountFailureOut | None
    updated_by: str
    updated_at: InstantOut
    version: int

    @classmethod
    def of(cls, account: ChannelAccount) -> Self:
        details = account.details
        assert isinstance(details, SmtpDetails)  # noqa: S101 - the provider says so
        return cls(
            host=details.host,
            port=details.port,
            tls=details.tls,
            username=details.username,
            sender_address=details.sender_address,
            password_set_at=account.secrets_set_at,
            failure=failure_of(account),
            updated_by=account.updated_by,
            updated_at=account.updated_at,
            version=account.version,
        )


class TwilioAccountIn(RequestModel):
    """The organization's own account at Twilio. A secret that is absent stays as it is, if it is still needed.

    Without the auth token nothing is believed that Twilio tells: neither what became of a text nor an answer, and there
    are no calls.
    """

    account_sid: Annotated[str, StringConstraints(pattern=r"^AC[0-9a-fA-F]{32}$")]
    auth_token: Credential | None = None
    api_key: Annotated[str, StringConstraints(pattern=r"^SK[0-9a-fA-F]{32}$")] | None = None
    """Sends instead of the auth token."""
    api_secret: Credential | None = None
    sms_sender: _SmsSender | None = None
    """Null: texts go out by the installation's sender, if it has one."""
    voice_sender: _Number | None = None


class TwilioAccountOut(ResponseModel):
    account_sid: str
    api_key: str | None
    sms_sender: str | None
    voice_sender: str | None
    auth_token_is_set: bool
    api_secret_is_set: bool
    secrets_set_at: InstantOut
    failure: AccountFailureOut | None
    updated_by: str
    updated_at: InstantOut
    version: int

    @classmethod
    def of(cls, account: ChannelAccount) -> Self:
        details = account.details
        assert isinstance(details, TwilioDetails)  # noqa: S101 - the provider says so
        return cls(
            account_sid=details.account_sid,
            api_key=details.api_key,
            sms_sender=details.sms_sender,
            voice_sender=details.voice_sender,
            auth_token_is_set=AUTH_TOKEN in account.secret_names,
            api_secret_is_set=API_SECRET in account.secret_names,
            secrets_set_at=account.secrets_set_at,
            failure=failure_of(account),
            updated_by=account.updated_by,
            updated_at=account.updated_at,
            version=account.version,
        )


class ChannelAccountsOut(ResponseModel):
    """Null where the organization has none of its own. `smtp_available` and `twilio_available`: one can be set."""

    smtp: SmtpAccountOut | None
    twilio: TwilioAccountOut | None
    smtp_available: bool
    twilio_available: bool
    inbound_sms_url: str | None
    """Where Twilio is to POST what comes in at the organization's own number; null where it does not reach us."""


def failure_of(account: ChannelAccount) -> AccountFailureOut | None:
    if account.failure_code is None or account.failing_since is None:
        return None
    return AccountFailureOut(
        code=account.failure_code, since=account.failing_since, next_attempt_at=account.paused_until
    )
