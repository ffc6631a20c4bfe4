"""`…_KAFKA_…`: the settings of a Kafka connection. Settings that contradict each other are refused by name."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from slotstream_servicekit.errors import StartError
from slotstream_servicekit.kafka.connection import (
    KafkaConnection,
    OAuthLogin,
    PasswordLogin,
    PasswordMechanism,
    Secret,
    SecurityProtocol,
    Tls,
)

Mechanism = PasswordMechanism | Literal["OAUTHBEARER"]
Fault = tuple[str, str]
"""The name of a field, and what is wrong with it."""

_TLS_FIELDS: Final = ("kafka_ca_file", "kafka_certificate_file", "kafka_key_file")
_PASSWORD_FIELDS: Final = ("kafka_username", "kafka_password", "kafka_password_file")
_OAUTH_FIELDS: Final = (
    "kafka_oauth_token_url",
    "kafka_oauth_client_id",
    "kafka_oauth_client_secret",
    "kafka_oauth_client_secret_file",
    "kafka_oauth_scope",
)
_FILE_FIELDS: Final = (*_TLS_FIELDS, "kafka_password_file", "kafka_oauth_client_secret_file")


class KafkaSettings(BaseSettings):
    """The settings of a Kafka connection: address, TLS, and login."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    kafka_bootstrap_servers: str = "localhost:9092"
    kafka_security_protocol: SecurityProtocol = "PLAINTEXT"
    kafka_sasl_mechanism: Mechanism | None = None
    kafka_username: str | None = None
    kafka_password: SecretStr | None = None
    kafka_password_file: Path | None = None
    kafka_ca_file: Path | None = None
    """PEM; without it the machine's own authorities count."""
    kafka_certificate_file: Path | None = None
    """PEM, of the client; the broker's principal is then its distinguished name."""
    kafka_key_file: Path | None = None
    kafka_oauth_token_url: str | None = Field(default=None, pattern="^https?://")
    kafka_oauth_client_id: str | None = None
    kafka_oauth_client_secret: SecretStr | None = None
    kafka_oauth_client_secret_file: Path | None = None
    kafka_oauth_scope: str | None = None

    @field_validator("kafka_sasl_mechanism", *_TLS_FIELDS, *_PASSWORD_FIELDS, *_OAUTH_FIELDS, mode="before")
    @classmethod
    def _empty_is_absent(cls, value: Any) -> Any:
        return None if value == "" else value

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if faults := [*self._tls_faults(), *self._login_faults()]:
            errors = [
                InitErrorDetails(
                    type=PydanticCustomError("kafka_setting", "{fault}", {"fault": fault}), loc=(field,), input=None
                )
                for field, fault in faults
            ]
            raise ValidationError.from_exception_data(type(self).__name__, errors, hide_input=True)
        return self

    def kafka_connection(self) -> KafkaConnection:
        """The connection. Raises StartError with the name of the setting whose file cannot be read."""
        for field in self._given(_FILE_FIELDS):
            path: Path = getattr(self, field)
            try:
                path.read_bytes()
            except OSError as error:
                raise StartError(f"{field.upper()}: {path} cannot be read ({type(error).__name__})") from None
        return KafkaConnection(self.kafka_bootstrap_servers, self._tls(), self._login())

    def _tls(self) -> Tls | None:
        if not self.kafka_security_protocol.endswith("SSL"):
            return None
        return Tls(
            ca_file=self.kafka_ca_file, certificate_file=self.kafka_certificate_file, key_file=self.kafka_key_file
        )

    def _login(self) -> PasswordLogin | OAuthLogin | None:
        mechanism = self.kafka_sasl_mechanism
        if mechanism is None:
            return None
        if mechanism == "OAUTHBEARER":
            return OAuthLogin(
                token_url=self.kafka_oauth_token_url or "",
                client_id=self.kafka_oauth_client_id or "",
                client_secret=_secret(self.kafka_oauth_client_secret, self.kafka_oauth_client_secret_file),
                scope=self.kafka_oauth_scope,
            )
        return PasswordLogin(
            mechanism=mechanism,
            username=self.kafka_username or "",
            password=_secret(self.kafka_password, self.kafka_password_file),
        )

    def _given(self, fields: tuple[str, ...]) -> list[str]:
        return [field for field in fields if getattr(self, field) is not None]

    def _tls_faults(self) -> Iterator[Fault]:
        if not self.kafka_security_protocol.endswith("SSL"):
            for field in self._given(_TLS_FIELDS):
                yield field, f"has no meaning with KAFKA_SECURITY_PROTOCOL={self.kafka_security_protocol}"
        elif self.kafka_key_file is not None and self.kafka_certificate_file is None:
            yield "kafka_key_file", "needs KAFKA_CERTIFICATE_FILE beside it"

    def _login_faults(self) -> Iterator[Fault]:
        protocol, mechanism = self.kafka_security_protocol, self.kafka_sasl_mechanism
        if not protocol.startswith("SASL_"):
            for field in self._given(("kafka_sasl_mechanism", *_PASSWORD_FIELDS, *_OAUTH_FIELDS)):
                yield field, f"has no meaning with KAFKA_SECURITY_PROTOCOL={protocol}: a login needs SASL_SSL"
        elif mechanism is None:
            yield "kafka_sasl_mechanism", f"KAFKA_SECURITY_PROTOCOL={protocol} needs it"
        elif mechanism == "OAUTHBEARER":
            yield from self._meaningless(_PASSWORD_FIELDS)
            yield from self._missing("kafka_oauth_token_url", "kafka_oauth_client_id")
            yield from self._one_secret("kafka_oauth_client_secret")
        else:
            yield from self._meaningless(_OAUTH_FIELDS)
            yield from self._missing("kafka_username")
            yield from self._one_secret("kafka_password")

    def _meaningless(self, fields: tuple[str, ...]) -> Iterator[Fault]:
        for field in self._given(fields):
            yield field, f"has no meaning with KAFKA_SASL_MECHANISM={self.kafka_sasl_mechanism}"

    def _missing(self, *fields: str) -> Iterator[Fault]:
        for field in fields:
            if getattr(self, field) is None:
                yield field, f"KAFKA_SASL_MECHANISM={self.kafka_sasl_mechanism} needs it"

    def _one_secret(self, field: str) -> Iterator[Fault]:
        given = self._given((field, f"{field}_file"))
        if not given:
            yield field, f"KAFKA_SASL_MECHANISM={self.kafka_sasl_mechanism} needs it, or {field.upper()}_FILE"
        elif len(given) == 2:
            yield field, f"is given twice: here and as {field.upper()}_FILE"


def _secret(value: SecretStr | None, file: Path | None) -> Secret:
    return value or file or SecretStr("")
