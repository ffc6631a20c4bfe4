"""What notifications can be told."""

from collections.abc import Mapping
from datetime import time, timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Literal

from cryptography.fernet import Fernet
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from notifications.domain.messages import Channel
from slotstream_servicekit.client_links import checked_link_keys
from slotstream_servicekit.settings import Port, ServiceSettings


class DomainRate(BaseModel):
    """What one domain of recipients is sent. None: as all are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    per_minute: int | None = Field(default=None, ge=0, le=600_000)
    at_once: int | None = Field(default=None, ge=0, le=1_000)


class NotificationsSettings(ServiceSettings):
    """Settings of notifications; each is `NOTIFICATIONS_<NAME>` in the environment."""

    model_config = SettingsConfigDict(env_prefix="NOTIFICATIONS_", extra="ignore", frozen=True)

    http_port: Port = 8003
    public_url: str = "http://127.0.0.1:8003"

    smtp_host: str = "127.0.0.1"
    smtp_port: Port = 25
    smtp_tls: Literal["opportunistic", "starttls", "tls", "none"] = "opportunistic"
    """`opportunistic` upgrades where the server offers it; credentials need `starttls` or `tls`."""
    smtp_ca_file: str | None = None
    smtp_username: str | None = None
    smtp_password: SecretStr | None = None
    smtp_connections: int = Field(default=8, ge=1, le=100)
    smtp_seconds: float = Field(default=10.0, gt=0, le=20)
    """How long the server may take for each answer before the mail's content is handed over."""
    smtp_data_seconds: float = Field(default=60.0, gt=0, le=600)
    """How long it may take to accept the content; after that the outcome is unknown."""
    sender_address: str = "no-reply@slotstream.invalid"
    """The address in From; the name beside it is the business's."""

    reply_mailbox: str = ""
    """Where clients and their calendars answer mails: `reply@in.example.com`, at most 11 characters before the @.

    Each client gets an address of their own for each calendar entry, `reply+<token>@…`, so the mail server has to take
    them all and hand them to `/v1/providers/mail/inbound`. Empty: answers go to the business's address, unread here.
    """
    reply_keys: tuple[SecretStr, ...] = ()
    """What those addresses are made with: 32 bytes each in URL-safe base64, as a JSON list. The first makes them, all
    are known: a key that is taken away ends the addresses that were made with it."""
    inbound_mail_secret: SecretStr | None = None
    """What the mail server shows that hands mails in, as a bearer token or as a password: 32 characters at least."""
    inbound_mail_bytes: int = Field(default=10_485_760, ge=65_536, le=67_108_864)
    """How long a mail may be that is taken."""

    secret_keys: tuple[SecretStr, ...] = ()
    """Fernet keys, as a JSON list: the first seals credentials of organizations' own accounts, all open. Without one,
    organizations have none of their own."""
    smtp_allowed_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks that organizations' own mail servers may be in, at any port, though not public."""
    smtp_own_ca_file: str | None = None
    """An authority that organizations' own mail servers may have their certificates from, beside the public ones."""

    per_minute: Mapping[Channel, Annotated[int, Field(ge=0, le=1_000_000)]] = Field(
        default={Channel.EMAIL: 6_000, Channel.SMS: 600, Channel.VOICE: 60, Channel.PUSH: 6_000}
    )
    """How much one organization sends on a channel in a minute; a quarter of it at once. 0, or none: all it has."""

    domain_per_minute: int = Field(default=6_000, ge=0, le=600_000)
    """How much the mail server is handed in a minute for one domain of recipients, by all workers; a quarter of it at
    once. 0: whatever there is."""
    domain_at_once: int = Field(default=20, ge=0, le=1_000)
    """How many mails to one domain may be under way, at all workers. 0: as many as there are connections."""
    domains: Mapping[str, DomainRate] = {}
    """Of single domains: `{"gmail.com": {"per_minute": 600, "at_once": 5}}`; what is not said is as above."""

    sms: Literal["none", "console", "twilio"] = "none"
    """How SMS go out. `console` is for development: each becomes a mail to an address that does not exist."""
    sms_sender: str = ""
    """A number (E.164), a short code, a name of up to 11 characters, or a messaging service's SID (`MG…`)."""
    sms_answers: bool = True
    """Whether clients can answer the sender. A name they cannot, whatever this says; false as well for a messaging
    service that has a name among its senders, which Twilio chooses where it may."""
    voice: Literal["none", "console", "twilio"] = "none"
    """How calls go out. `console` is for development: each becomes a mail to an address that does not exist."""
    voice_sender: str = ""
    """The number that calls come from (E.164): one of Twilio's, or one that is verified there."""
    voice_again: int = Field(default=2, ge=0, le=10)
    """How often somebody who is busy or does not answer is called once more."""
    voice_pause: timedelta = Field(default=timedelta(minutes=10), ge=timedelta(minutes=1), le=timedelta(days=1))
    voice_within: timedelta = Field(default=timedelta(hours=1), ge=timedelta(0), le=timedelta(days=1))
    """How long after it was due a call may be made again; a reminder's never after the start."""
    voice_quiet_from: time = time(21)
    voice_quiet_until: time = time(8)
    """Nobody is called in between, by the clock where they are. The same time twice: whenever it is due."""
    twilio_account_sid: str = ""
    twilio_auth_token: SecretStr | None = None
    """Signs what Twilio tells this service, and sends where there is no API key."""
    twilio_api_key: str | None = None
    twilio_api_secret: SecretStr | None = None
    twilio_base_url: str = "https://api.twilio.com"
    twilio_callback_url: str | None = None
    """Where Twilio reaches this service: `https://book.example.com/api/notifications` by the dashboard's origin.

    Without it nothing is heard of what became of an SMS, nor of those who answer STOP, and there are no calls.
    """
    number_keys: tuple[SecretStr, ...] = ()
    """By which numbers that have opted out are remembered: 32 bytes each in URL-safe base64, as a JSON list.

    The first makes digests, all are looked up. A key that is taken away forgets who stopped under it.
    """
    twilio_seconds: float = Field(default=20.0, gt=0, le=120)
    """How long Twilio may take to answer; after that the outcome is unknown."""

    push: Literal["none", "console", "webpush"] = "none"
    """How push messages go out. `console` is for development: each becomes a mail to an address that does not exist."""
    push_key: SecretStr | None = None
    """The key by which push services know this installation: 32 bytes in URL-safe base64. Browsers that subscribed
    under another one have to subscribe again."""
    push_contact: str = ""
    """Where push services reach whoever runs this: `mailto:ops@example.com`, or an https address."""
    push_allowed_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks that browsers may name push services in, at any port, though not public: one's own, a test's."""
    push_ca_file: str | None = None
    push_seconds: float = Field(default=10.0, gt=0, le=60)
    """How long a push service may take to answer; after that the outcome is unknown."""

    poll_every: timedelta = timedelta(seconds=5)
    """How often the sender looks for messages that are due although nothing has told it of any."""
    claim_lease: timedelta = timedelta(seconds=30)
    """After this a message whose worker died before handing it over is taken by another."""
    recover_every: timedelta = timedelta(seconds=5)
    first_retry: timedelta = timedelta(seconds=10)
    longest_retry: timedelta = timedelta(minutes=30)
    most_attempts: int = Field(default=10, ge=1, le=50)
    state_wait: timedelta = timedelta(minutes=10)
    """How long a message waits for a client or a business that has not arrived yet."""
    news_lifetime: timedelta = timedelta(hours=24)
    """News that arrives later than this after it happened is not told any more."""
    passed_over_after: timedelta = timedelta(days=7)
    """Events older than this are not even put into the ledger: only the state that they tell is kept."""
    ledger_retention: timedelta = timedelta(days=730)
    """How long messages that are settled, and what is known of past appointments, are kept."""
    notify_staff: bool = True
    portal_url: str | None = None
    """Where clients' browsers find the dashboard, which opens the links of messages. Without it there are none."""
    link_keys: tuple[SecretStr, ...] = ()
    """The dashboard's: 32 bytes each in URL-safe base64, as a JSON list; the first seals. Without one, no links."""
    catalogue_wait: timedelta = timedelta(seconds=2)
    """How long a request waits for a business or service that was created a moment ago to arrive over Kafka."""

    @field_validator("secret_keys")
    @classmethod
    def _each_is_a_fernet_key(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for key in keys:
            Fernet(key.get_secret_value())
        return keys

    @field_validator("link_keys", "number_keys", "reply_keys")
    @classmethod
    def _each_is_a_link_key(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        checked_link_keys([key.get_secret_value() for key in keys])
        return keys
