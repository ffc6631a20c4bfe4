"""What the dashboard can be told."""

from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Literal, Self
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from slotstream_servicekit.client_links import checked_link_keys
from slotstream_servicekit.settings import Port, Rate, ServiceSettings


class DashboardSettings(ServiceSettings):
    """Settings of the dashboard; each is `DASHBOARD_<NAME>` in the environment."""

    model_config = SettingsConfigDict(env_prefix="DASHBOARD_", extra="ignore", frozen=True)

    http_port: Port = 8006
    public_url: str = "http://127.0.0.1:8006"
    """The one origin. Links in mails use it, cookies and forms are checked against it."""

    secret_keys: tuple[SecretStr, ...] = ()
    """Fernet keys, as a JSON list: the first seals, all open. Needed by both roles; there is no default key."""

    token_issuer: str | None = None
    """`iss` of the tokens signed here; the public URL where it is not set."""
    token_audience: str = "slotstream"  # noqa: S105 - no secret
    token_lifetime: timedelta = Field(default=timedelta(seconds=45), gt=timedelta(0), le=timedelta(seconds=60))
    session_memory: timedelta = Field(default=timedelta(seconds=5), ge=timedelta(0), le=timedelta(seconds=10))
    """How long a process may go on with what it last read of a session. With a token's lifetime under a minute."""
    key_lifetime: timedelta = timedelta(days=30)
    """How long one key signs. Its successor is published a day before."""

    session_idle: timedelta = timedelta(hours=12)
    session_lifetime: timedelta = timedelta(days=14)
    recent_sign_in: timedelta = Field(default=timedelta(minutes=15), gt=timedelta(0))
    """How long after signing in a passkey can be added."""
    invitation_lifetime: timedelta = timedelta(days=7)
    reset_lifetime: timedelta = timedelta(minutes=30)

    upstreams: dict[str, str] = Field(default_factory=dict)
    """The services behind `/api/<service>/v1/`: `{"booking": "http://127.0.0.1:8001"}`."""
    upstream_connect_seconds: float = Field(default=2.0, gt=0)
    upstream_seconds: float = Field(default=60.0, gt=0)
    """How long a service may be silent before its answer; streams have no limit."""
    proxy_max_body_bytes: int = Field(default=33_554_432, ge=1_024)

    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks of reverse proxies whose `X-Forwarded-For` is believed."""
    session_rate: Rate = Rate(per_minute=1_200, burst=300)
    api_client_rate: Rate = Rate(per_minute=3_000, burst=600)
    address_rate: Rate = Rate(per_minute=60, burst=60)
    """Sign-ins, resets and token requests of one address."""

    portal_rate: Rate = Rate(per_minute=300, burst=150)
    """Requests of one address to pages of clients: a practice may be behind it."""

    public_rate: Rate = Rate(per_minute=900, burst=400)
    """Requests of one address to public pages: a clinic of fifty people may be behind it."""
    public_business_rate: Rate = Rate(per_minute=1_500, burst=500)
    """Requests of everybody to the page of one business."""
    public_booking_rate: Rate = Rate(per_minute=5, burst=60)
    """Appointments that one address books on the page of one business."""
    public_unproven_rate: Rate = Rate(per_minute=1, burst=30)
    """What visitors of one business ask for who have neither a code nor a proof of work: staff have to look at each."""
    public_code_lifetime: timedelta = Field(default=timedelta(minutes=15), gt=timedelta(0), le=timedelta(hours=1))
    public_code_attempts: int = Field(default=5, ge=1, le=20)
    public_codes_per_recipient: int = Field(default=5, ge=1)
    """In an hour, whatever page they are asked for on."""
    public_codes_per_address: int = Field(default=100, ge=1)
    """In an hour, from one network address."""
    public_draft_lifetime: timedelta = Field(default=timedelta(minutes=45), gt=timedelta(0), le=timedelta(hours=12))
    """How long a visitor has for the form, be the slot kept or not."""
    public_work_bits: int = Field(default=12, ge=1, le=20)
    """How hard the proof of work is: each bit doubles it. 12 is a second or two of a browser."""

    link_keys: tuple[SecretStr, ...] = ()
    """32 bytes each in URL-safe base64, as a JSON list; the first seals links of clients, all open. Notifications has
    the same. Without one there is no portal."""
    client_link_lifetime: timedelta = Field(default=timedelta(days=30), gt=timedelta(0), le=timedelta(days=366))
    """How long a link works that staff hand over."""

    provider_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks of one's own in which companies' identity providers may be, at any port, and without https. Providers
    on the public internet need no entry."""
    provider_seconds: float = Field(default=8.0, gt=0, le=30)
    """How long a company's identity provider has for one answer."""

    smtp_host: str = "127.0.0.1"
    smtp_port: Port = 25
    smtp_tls: Literal["opportunistic", "starttls", "tls", "none"] = "opportunistic"
    smtp_ca_file: str | None = None
    smtp_username: str | None = None
    smtp_password: SecretStr | None = None
    smtp_seconds: float = Field(default=10.0, gt=0, le=60)
    sender_address: str = "no-reply@slotstream.invalid"
    mail_every: timedelta = timedelta(milliseconds=500)
    """How often the worker looks for mails that are due."""

    live_every: timedelta = timedelta(milliseconds=200)
    """How often a process with open streams looks for new events."""
    live_beat: timedelta = timedelta(seconds=15)
    """How often a stream beats; its session and its user's rights are looked at as often."""
    live_retention: timedelta = timedelta(minutes=15)
    """How far back a stream can be resumed."""
    live_streams: int = Field(default=4_000, ge=1)
    """How many streams one process holds open."""
    live_streams_per_user: int = Field(default=24, ge=1)
    """How many of them one user may have, in all browsers."""

    @field_validator("secret_keys")
    @classmethod
    def _each_is_a_fernet_key(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for key in keys:
            Fernet(key.get_secret_value())
        return keys

    @field_validator("link_keys")
    @classmethod
    def _each_is_a_link_key(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        checked_link_keys([key.get_secret_value() for key in keys])
        return keys

    @model_validator(mode="after")
    def _a_change_of_rights_bites_within_a_minute(self) -> Self:
        if self.token_lifetime + self.session_memory > timedelta(seconds=60):
            raise ValueError("token_lifetime and session_memory are more than 60 seconds together")
        return self

    @property
    def issuer(self) -> str:
        return self.token_issuer or self.public_url.rstrip("/")

    @property
    def origin(self) -> str:
        """Scheme, host and port of the public URL, as browsers write it in `Origin`."""
        parts = urlsplit(self.public_url)
        default = {"https": 443, "http": 80}.get(parts.scheme)
        port = f":{parts.port}" if parts.port not in (None, default) else ""
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return f"{parts.scheme}://{host}{port}"

    @property
    def passkey_host(self) -> str | None:
        """The host that passkeys are bound to. None: by WebAuthn an address of numbers has no passkeys."""
        host = urlsplit(self.public_url).hostname
        try:
            ip_address(host or "")
        except ValueError:
            return host
        return None

    @property
    def is_secure(self) -> bool:
        return self.public_url.startswith("https://")

    @property
    def cookie_name(self) -> str:
        """`__Host-` needs https: over plain http on localhost a browser would refuse it."""
        return "__Host-slotstream" if self.is_secure else "slotstream"

    @property
    def passkey_cookie_name(self) -> str:
        """Binds a challenge to the browser that asked for it."""
        return f"{self.cookie_name}-passkey"

    @property
    def provider_cookie_name(self) -> str:
        """Binds the answer of a company's provider to the browser that was sent there."""
        return f"{self.cookie_name}-provider"

    @property
    def company_cookie_name(self) -> str:
        """Remembers on this device which organization's provider was used last; it is no secret."""
        return f"{self.cookie_name}-company"
