"""A Kafka connection: address, TLS, and login."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import SecretStr

PasswordMechanism = Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"]
SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]

Secret = SecretStr | Path
"""A secret, or the file that has it. The file is read for every new client, so that it may change."""


def read_secret(secret: Secret) -> str:
    """Raises OSError where its file cannot be read."""
    if isinstance(secret, SecretStr):
        return secret.get_secret_value()
    return secret.read_text(encoding="utf-8").rstrip("\r\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """PEM files. Without `ca_file` the machine's authorities are trusted. A certificate file may have the key, too."""

    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordLogin:
    mechanism: PasswordMechanism
    username: str
    password: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthLogin:
    """OAUTHBEARER with tokens by the client-credentials grant (RFC 6749 §4.4)."""

    token_url: str
    client_id: str
    client_secret: Secret
    scope: str | None = None

    @property
    def mechanism(self) -> Literal["OAUTHBEARER"]:
        return "OAUTHBEARER"


@dataclass(frozen=True, slots=True)
class KafkaConnection:
    """What Kafka clients are made from. With only an address: plain text, without a login."""

    bootstrap_servers: str
    tls: Tls | None = None
    login: PasswordLogin | OAuthLogin | None = None

    @property
    def security_protocol(self) -> SecurityProtocol:
        if self.login is None:
            return "PLAINTEXT" if self.tls is None else "SSL"
        return "SASL_PLAINTEXT" if self.tls is None else "SASL_SSL"
