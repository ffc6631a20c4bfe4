"""The pages for operators name everything there is: every database that a backup needs, every secret that is changed."""

import re
from importlib import import_module
from pathlib import Path
from typing import Final

import pytest
import yaml

from slotstream_contracts.topics import SERVICES
from slotstream_servicekit.settings import ServiceSettings

ROOT: Final = Path(__file__).parents[2]
BACKUP: Final = (ROOT / "docs/backup.md").read_text(encoding="utf-8")
SECRETS: Final = (ROOT / "docs/secrets.md").read_text(encoding="utf-8")
KAFKA: Final = (ROOT / "docs/kafka-security.md").read_text(encoding="utf-8")
COMPOSE: Final = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))


def secrets_of(service: str) -> set[str]:
    """The settings of a service that are secrets, by the names of their variables."""
    module = import_module(f"{service}.settings")
    kinds = [kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, ServiceSettings)]
    return {
        f"{kind.model_config['env_prefix']}{name}".upper()
        for kind in kinds
        if kind is not ServiceSettings
        for name, field in kind.model_fields.items()
        if "SecretStr" in str(field.annotation)
    }


def test_a_dump_is_of_every_database() -> None:
    [dumped] = re.findall(r"^for service in (.*); do$", BACKUP, re.MULTILINE)
    assert dumped.split() == list(SERVICES)


@pytest.mark.parametrize("service", SERVICES)
def test_the_page_says_how_every_secret_of_a_service_is_changed(service: str) -> None:
    secrets = secrets_of(service)
    assert len(secrets) >= 2, "that of Kafka at least"
    for secret in secrets:
        shared = secret.removeprefix(f"{service.upper()}_")
        assert f"`{shared}`" in KAFKA if shared.startswith("KAFKA_") else f"`{secret}`" in SECRETS, secret


def test_every_section_about_a_secret_is_in_the_table() -> None:
    told = set(re.findall(r"\]\(#([\w-]+)\)", SECRETS))
    sections = re.findall(r"^## (.*)$", SECRETS, re.MULTILINE)
    assert {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in sections} <= told


def test_whoever_logs_in_at_a_database_is_restarted_with_its_new_password() -> None:
    restart = re.search(r"compose passwords\n.*?docker compose restart (.*?)\n```", SECRETS, re.DOTALL)
    assert restart is not None
    processes = {name for name in COMPOSE["services"] if name.endswith(("-api", "-worker"))}
    assert set(restart[1].replace("\\", " ").split()) == processes
    assert len(processes) == 2 * len(SERVICES)
