"""What a Kafka connection can be told, and what does not go together."""

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError
from pydantic_settings import SettingsConfigDict

from slotstream_servicekit.errors import StartError
from slotstream_servicekit.kafka import KafkaConnection, OAuthLogin, PasswordLogin, Tls
from slotstream_servicekit.kafka.clients import aiokafka_arguments, confluent_arguments
from slotstream_servicekit.settings import Port, ServiceSettings
from slotstream_servicekit.testing.certificates import CertificateAuthority


class CoffeeSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="COFFEE_")

    database_url: str = "postgresql+asyncpg://coffee_app@db/coffee"
    http_port: Port = 8000
    public_url: str = "http://localhost:8000"


SCRAM = {
    "SLOTSTREAM_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "SLOTSTREAM_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "COFFEE_KAFKA_USERNAME": "coffee",
    "COFFEE_KAFKA_PASSWORD": "hunter2",
}
OAUTH = {
    "SLOTSTREAM_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "SLOTSTREAM_KAFKA_SASL_MECHANISM": "OAUTHBEARER",
    "SLOTSTREAM_KAFKA_OAUTH_TOKEN_URL": "https://id.example.com/token",
    "COFFEE_KAFKA_OAUTH_CLIENT_ID": "coffee",
    "COFFEE_KAFKA_OAUTH_CLIENT_SECRET": "hunter2",
}


def told(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> CoffeeSettings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return CoffeeSettings()


def faults(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> set[str]:
    """The names of the settings that are refused."""
    with pytest.raises(ValidationError) as caught:
        told(monkeypatch, environment)
    assert "hunter2" not in str(caught.value)
    return {str(fault["loc"][0]) for fault in caught.value.errors()}


def test_without_settings_it_is_plain_text_without_a_login() -> None:
    kafka = CoffeeSettings().kafka_connection()
    assert kafka == KafkaConnection("localhost:9092")
    assert aiokafka_arguments(kafka) == {"bootstrap_servers": "localhost:9092", "security_protocol": "PLAINTEXT"}
    assert confluent_arguments(kafka) == {"bootstrap.servers": "localhost:9092", "security.protocol": "PLAINTEXT"}


def test_what_all_share_and_what_is_a_services_own_are_one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    kafka = told(monkeypatch, SCRAM).kafka_connection()
    login = PasswordLogin(mechanism="SCRAM-SHA-512", username="coffee", password=SecretStr("hunter2"))
    assert kafka == KafkaConnection("localhost:9092", Tls(), login)


@pytest.mark.parametrize(
    ("protocol", "tls", "login"),
    [
        ("PLAINTEXT", None, None),
        ("SSL", Tls(), None),
        ("SASL_PLAINTEXT", None, PasswordLogin(mechanism="PLAIN", username="a", password=SecretStr("b"))),
        ("SASL_SSL", Tls(), OAuthLogin(token_url="https://i", client_id="a", client_secret=SecretStr("b"))),
    ],
)
def test_both_clients_are_told_the_same_protocol(
    protocol: str, tls: Tls | None, login: PasswordLogin | OAuthLogin | None
) -> None:
    kafka = KafkaConnection("localhost:9092", tls, login)
    assert aiokafka_arguments(kafka)["security_protocol"] == protocol
    assert confluent_arguments(kafka)["security.protocol"] == protocol
    assert ("ssl_context" in aiokafka_arguments(kafka)) == (tls is not None)


def test_a_password_file_is_read_anew_for_each_client(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("old\n")
    login = PasswordLogin(mechanism="SCRAM-SHA-256", username="coffee", password=file)
    kafka = KafkaConnection("localhost:9092", login=login)
    assert aiokafka_arguments(kafka)["sasl_plain_password"] == "old"
    file.write_text("new\n")
    assert aiokafka_arguments(kafka)["sasl_plain_password"] == "new"
    assert confluent_arguments(kafka)["sasl.password"] == "new"


def test_certificates_are_named_to_both_clients(tmp_path: Path) -> None:
    authority = CertificateAuthority()
    ca, pair = tmp_path / "ca.pem", tmp_path / "pair.pem"
    ca.write_text(authority.pem)
    pair.write_text(authority.issue("coffee"))
    kafka = KafkaConnection("localhost:9092", Tls(ca_file=ca, certificate_file=pair))
    assert aiokafka_arguments(kafka)["ssl_context"].get_ca_certs()[0]["subject"] != ()
    configuration = confluent_arguments(kafka)
    assert configuration["ssl.ca.location"] == str(ca)
    assert configuration["ssl.key.location"] == configuration["ssl.certificate.location"] == str(pair)


@pytest.mark.parametrize("missing", ["KAFKA_USERNAME", "KAFKA_PASSWORD"])
def test_a_password_login_needs_a_name_and_a_password(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    rest = {name: value for name, value in SCRAM.items() if not name.endswith(missing)}
    assert faults(monkeypatch, rest) == {missing.lower()}


@pytest.mark.parametrize("missing", ["KAFKA_OAUTH_TOKEN_URL", "KAFKA_OAUTH_CLIENT_ID", "KAFKA_OAUTH_CLIENT_SECRET"])
def test_a_login_by_tokens_needs_an_issuer_and_a_client(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    rest = {name: value for name, value in OAUTH.items() if not name.endswith(missing)}
    assert faults(monkeypatch, rest) == {missing.lower()}


@pytest.mark.parametrize(
    ("also", "refused"),
    [
        ({"SLOTSTREAM_KAFKA_SECURITY_PROTOCOL": "SSL"}, {"kafka_sasl_mechanism", "kafka_username", "kafka_password"}),
        ({"COFFEE_KAFKA_PASSWORD_FILE": "/run/secrets/password"}, {"kafka_password"}),
        ({"SLOTSTREAM_KAFKA_OAUTH_SCOPE": "kafka"}, {"kafka_oauth_scope"}),
        ({"SLOTSTREAM_KAFKA_KEY_FILE": "/run/secrets/key"}, {"kafka_key_file"}),
        (
            {"SLOTSTREAM_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "SLOTSTREAM_KAFKA_CA_FILE": "/etc/ca.pem"},
            {"kafka_ca_file"},
        ),
        ({"SLOTSTREAM_KAFKA_SASL_MECHANISM": "GSSAPI"}, {"kafka_sasl_mechanism"}),
        ({"SLOTSTREAM_KAFKA_SASL_MECHANISM": ""}, {"kafka_sasl_mechanism"}),
    ],
)
def test_what_does_not_go_together_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, also: dict[str, str], refused: set[str]
) -> None:
    assert faults(monkeypatch, SCRAM | also) == refused


def test_a_password_without_a_protocol_that_uses_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who gives a password does not mean to send everything in plain text."""
    assert faults(monkeypatch, {"SLOTSTREAM_KAFKA_PASSWORD": "hunter2"}) == {"kafka_password"}


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = {"SLOTSTREAM_KAFKA_PASSWORD": "", "SLOTSTREAM_KAFKA_CA_FILE": "", "SLOTSTREAM_KAFKA_OAUTH_TOKEN_URL": ""}
    assert told(monkeypatch, empty).kafka_connection() == KafkaConnection("localhost:9092")


def test_a_file_that_cannot_be_read_is_named_with_its_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = told(monkeypatch, SCRAM | {"SLOTSTREAM_KAFKA_CA_FILE": str(tmp_path / "none.pem")})
    with pytest.raises(StartError, match=r"KAFKA_CA_FILE: .*none\.pem cannot be read"):
        settings.kafka_connection()


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = told(monkeypatch, SCRAM)
    assert "hunter2" not in repr(settings) + str(settings) + repr(settings.kafka_connection())
