"""A setting that is wrong, a secret that is missing, a database that nobody migrated: whichever entry point meets it
ends, with an exit code that says which kind it is and one line that names it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from slotstream_cli.services import installed_names
from slotstream_servicekit.testing.databases import DatabaseForge, FreshDatabase

NOWHERE: Final = "postgresql+asyncpg://nobody:hunter2@127.0.0.1:1/nothing"
FERNET_KEYS: Final = '["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="]'
WRONG_SETTINGS, SCHEMA_TOO_OLD = 2, 4
SERVICES: Final = installed_names()
EACH_IN_ONE_ROLE: Final = [(service, ("api", "worker")[number % 2]) for number, service in enumerate(SERVICES)]
"""Both roles come the same way as far as these tests go."""
SEALING: Final = ("calendar_sync", "dashboard")
"""Services that need a key of their own to start."""


def ended(command: str, *arguments: str, **environment: str) -> tuple[int, list[str]]:
    """The exit code of a command that has only these variables, and what it said."""
    process = subprocess.run(
        [Path(sys.executable).with_name(command), *arguments],
        env={"PATH": os.environ["PATH"], **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert "hunter2" not in process.stdout
    return process.returncode, process.stdout.splitlines()


def entry(service: str) -> str:
    return f"slotstream-{service.replace('_', '-')}"


@pytest.mark.parametrize(("service", "role"), EACH_IN_ONE_ROLE)
def test_each_wrong_setting_is_named_in_a_line(service: str, role: str) -> None:
    prefix = service.upper()
    code, lines = ended(
        entry(service), "--role", role, SLOTSTREAM_DATABASE_URL="mysql://root:hunter2@db/x", SLOTSTREAM_LOG_LEVEL="loud"
    )
    assert code == WRONG_SETTINGS
    url, level = sorted(lines)
    assert url.startswith(
        f"{prefix}_DATABASE_URL (or SLOTSTREAM_DATABASE_URL): a database's URL is postgresql+asyncpg:"
    )
    assert level.startswith(f"{prefix}_LOG_LEVEL (or SLOTSTREAM_LOG_LEVEL): ")


def test_a_list_that_is_not_json_is_named() -> None:
    code, lines = ended("slotstream-booking", SLOTSTREAM_DATABASE_URL=NOWHERE, SLOTSTREAM_ISSUERS="hunter2")
    assert (code, lines) == (WRONG_SETTINGS, ["BOOKING_ISSUERS (or SLOTSTREAM_ISSUERS): is not JSON"])


@pytest.mark.parametrize("role", ["api", "worker"])
@pytest.mark.parametrize("service", SEALING)
def test_a_missing_secret_is_named(service: str, role: str) -> None:
    settings = {"SLOTSTREAM_DATABASE_URL": NOWHERE, "SLOTSTREAM_HTTP_PORT": "0"}
    code, lines = ended(entry(service), "--role", role, **settings)
    assert code == WRONG_SETTINGS
    (reason,) = {event["reason"] for line in lines if (event := json.loads(line))["level"] == "critical"}
    assert f"{service.upper()}_SECRET_KEYS" in reason


def test_a_secret_that_cannot_be_read_is_named() -> None:
    settings = {
        "SLOTSTREAM_DATABASE_URL": NOWHERE,
        "SLOTSTREAM_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "SLOTSTREAM_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "SLOTSTREAM_KAFKA_USERNAME": "somebody",
        "SLOTSTREAM_KAFKA_PASSWORD_FILE": "/nowhere/password",
    }
    code, lines = ended("slotstream-imports", "--role", "worker", **settings)
    assert code == WRONG_SETTINGS
    (reason,) = [event["reason"] for line in lines if (event := json.loads(line))["event"] == "start_failed"]
    assert reason == "KAFKA_PASSWORD_FILE: /nowhere/password cannot be read (FileNotFoundError)"


@pytest.mark.service
@pytest.mark.parametrize(("service", "role"), EACH_IN_ONE_ROLE)
def test_a_database_that_nobody_migrates_ends_a_service(database_forge: DatabaseForge, service: str, role: str) -> None:
    database_forge.make_roles(service)
    fresh = database_forge.make(service, migrated=False)
    settings = {
        "SLOTSTREAM_DATABASE_URL": fresh.app_url,
        "SLOTSTREAM_SCHEMA_WAIT_SECONDS": "0.001",
        "SLOTSTREAM_HTTP_PORT": "0",
        "SLOTSTREAM_SECRET_KEYS": FERNET_KEYS,
        "SLOTSTREAM_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    }
    code, lines = ended(entry(service), "--role", role, **settings)
    database_forge.drop(fresh.name)
    assert code == SCHEMA_TOO_OLD, lines
    (reason,) = [event["reason"] for line in lines if (event := json.loads(line))["event"] == "start_failed"]
    assert reason.startswith("the database is at revision none; this version needs ")
    assert reason.endswith(": slotstream migrate")


@pytest.mark.parametrize(
    ("url", "fault"),
    [("", "is not set"), ("postgresql://root:hunter2@db/x", "a database's URL is postgresql+asyncpg:")],
)
def test_migrating_names_the_setting(url: str, fault: str) -> None:
    code, lines = ended("slotstream", "migrate", "booking", BOOKING_OWNER_DATABASE_URL=url)
    assert (code, len(lines)) == (WRONG_SETTINGS, 1)
    assert lines[0].startswith("slotstream: BOOKING_OWNER_DATABASE_URL")
    assert fault in lines[0]


@pytest.mark.service
async def test_a_version_that_is_older_than_the_database_does_not_migrate_it(
    fresh_database: Callable[[str], FreshDatabase],
) -> None:
    fresh = fresh_database("availability")
    engine = create_async_engine(fresh.owner_url)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await engine.dispose()
    code, lines = ended("slotstream", "migrate", "availability", AVAILABILITY_OWNER_DATABASE_URL=fresh.owner_url)
    assert (code, len(lines)) == (1, 1)
    assert "availability's database cannot be migrated by this version" in lines[0]
    assert "9999" in lines[0]


def test_making_topics_names_the_setting() -> None:
    code, lines = ended("slotstream", "topics", "apply", SLOTSTREAM_KAFKA_SECURITY_PROTOCOL="hunter3")
    assert code == WRONG_SETTINGS
    assert "SLOTSTREAM_KAFKA_SECURITY_PROTOCOL" in lines[-1]
    assert "hunter3" not in " ".join(lines)
