"""Settings come from the service's own variables, then from those that all share."""

import pytest
from pydantic import ValidationError
from pydantic_settings import SettingsConfigDict

from slotstream_servicekit.settings import IssuerSettings, Port, ServiceSettings


class CoffeeSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="COFFEE_")

    http_port: Port = 8000
    public_url: str = "http://localhost:8000"
    beans: str = "arabica"


URL = "postgresql+asyncpg://coffee_app:hunter2@db/coffee"


def test_the_services_own_variable_wins_over_the_shared_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COFFEE_DATABASE_URL", URL)
    monkeypatch.setenv("SLOTSTREAM_DATABASE_URL", "postgresql+asyncpg://other@db/other")
    monkeypatch.setenv("SLOTSTREAM_KAFKA_BOOTSTRAP_SERVERS", "kafka:9092")
    monkeypatch.setenv("SLOTSTREAM_BEANS", "robusta")
    settings = CoffeeSettings()
    assert settings.database_url == URL
    assert settings.kafka_bootstrap_servers == "kafka:9092"
    assert settings.beans == "robusta"


def test_issuers_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "SLOTSTREAM_ISSUERS",
        '[{"issuer": "https://id.example.com", "audience": "slotstream", "jwks_url": "https://id.example.com/jwks"}]',
    )
    (issuer,) = CoffeeSettings(database_url=URL).issuers
    assert issuer.audience == "slotstream"


@pytest.mark.parametrize("url", ["ftp://x/jwks", "/etc/jwks.json", "javascript:1", ""])
def test_a_jwks_url_of_another_scheme_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        IssuerSettings(issuer="x", audience="y", jwks_url=url)


def test_no_issuer_is_trusted_by_default() -> None:
    assert CoffeeSettings(database_url=URL).issuers == ()


def test_passwords_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = CoffeeSettings(database_url=URL, owner_database_url=URL)
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(settings)
    monkeypatch.setenv("COFFEE_DATABASE_URL", URL)
    monkeypatch.setenv("COFFEE_HTTP_PORT", "hunter2")
    with pytest.raises(ValidationError) as caught:
        CoffeeSettings()
    assert "hunter2" not in str(caught.value)
