"""Databases and roles: limits that hold for whoever sets none, and passwords that change."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import asyncpg
import pytest

from slotstream_local.databases import change_admin_password, create_databases, wait_for_server

pytestmark = pytest.mark.service

SERVICE = "rotated"


def url_as(postgres: str, role: str, password: str, database: str = "postgres") -> str:
    server = urlsplit(postgres)
    return f"postgresql://{role}:{password}@{server.hostname}:{server.port}/{database}"


def asked(url: str, question: str) -> object:
    async def ask() -> object:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(question)
        finally:
            await connection.close()

    return asyncio.run(ask())


@pytest.fixture
def admin(postgres: str) -> Iterator[str]:
    """The URL of an administrator of this test's own."""
    asked(postgres, "CREATE ROLE admin_of_rotated SUPERUSER LOGIN PASSWORD 'first'")
    yield url_as(postgres, "admin_of_rotated", "first")
    asked(postgres, f"DROP DATABASE IF EXISTS {SERVICE}")
    for role in (f"{SERVICE}_owner", f"{SERVICE}_app", "admin_of_rotated"):
        asked(postgres, f"DROP ROLE IF EXISTS {role}")


def test_whoever_connects_as_a_services_role_is_limited(admin: str) -> None:
    create_databases(admin, services=[SERVICE], password="app", owner_password="owner")

    for role, limits in (("app", ("2min", "30s", "2min")), ("owner", ("1h", "30s", "5min"))):
        url = url_as(admin, f"{SERVICE}_{role}", role, SERVICE)
        names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
        assert tuple(asked(url, f"SHOW {name}") for name in names) == limits


def test_two_may_make_them_at_once(admin: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = [
            pool.submit(create_databases, admin, services=[SERVICE], password="app", owner_password="owner")
            for _ in range(4)
        ]
    for each in made:
        each.result()

    assert asked(url_as(admin, f"{SERVICE}_app", "app", SERVICE), "SELECT 1") == 1


def test_a_server_is_waited_for_and_whoever_refuses_is_there(admin: str) -> None:
    wait_for_server(url_as(admin, "nobody", "wrong"), seconds=5)
    with pytest.raises(OSError, match=r"does not answer at 127\.0\.0\.1:1 "):
        wait_for_server("postgresql://postgres:secret@127.0.0.1:1/postgres", seconds=0)


def test_passwords_are_changed_by_doing_it_again(admin: str) -> None:
    create_databases(admin, services=[SERVICE], password="former")
    create_databases(admin, services=[SERVICE], password="new")

    assert asked(url_as(admin, f"{SERVICE}_app", "new", SERVICE), "SELECT 1") == 1
    with pytest.raises(asyncpg.InvalidPasswordError):
        asked(url_as(admin, f"{SERVICE}_app", "former", SERVICE), "SELECT 1")


def test_the_administrators_password_is_changed_once_and_found_changed_later(admin: str) -> None:
    wanted = admin.replace(":first@", ":it's new@")
    never_set = admin.replace(":first@", ":never set@")

    for _ in range(2):
        change_admin_password(wanted, former_urls=[never_set, admin])

    assert asked(wanted, "SELECT 1") == 1
    with pytest.raises(asyncpg.InvalidPasswordError):
        change_admin_password(never_set, former_urls=[admin])
