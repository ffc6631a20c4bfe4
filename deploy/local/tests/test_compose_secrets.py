"""The secrets of docker-compose.yml: made once, kept, one folder per service."""

import json
import shlex
from pathlib import Path

import pytest

from slotstream_local.compose import make_new_link_key, make_new_passwords, make_new_sealing_key, make_secrets
from slotstream_local.layout import SERVICES


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path, Path]:
    secrets = tmp_path / "secrets"
    for name in ("postgres", "setup", *(service.replace("_", "-") for service in SERVICES)):
        (secrets / name).mkdir(parents=True)
    return secrets, tmp_path / "state", tmp_path / "jwks.json"


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_second_start_keeps_every_secret(folders: tuple[Path, Path, Path]) -> None:
    secrets, state, jwks = folders
    make_secrets(secrets_folder=secrets, state=state, jwks=jwks)
    first = contents(secrets)
    make_secrets(secrets_folder=secrets, state=state, jwks=jwks)
    assert contents(secrets) == first


def test_no_service_is_told_another_ones_password_or_its_owners(folders: tuple[Path, Path, Path]) -> None:
    secrets, state, jwks = folders
    make_secrets(secrets_folder=secrets, state=state, jwks=jwks)
    booking = (secrets / "booking" / "env").read_text()
    assert "booking_app:" in booking
    assert "_owner:" not in booking
    assert "AVAILABILITY" not in booking


def variables(path: Path) -> dict[str, str]:
    pairs = (shlex.split(line)[0].partition("=") for line in path.read_text().splitlines())
    return {name: value for name, _, value in pairs}


def test_new_passwords_are_told_to_whom_they_concern_and_the_former_administrators_to_setup(
    folders: tuple[Path, Path, Path],
) -> None:
    secrets, state, jwks = folders
    make_secrets(secrets_folder=secrets, state=state, jwks=jwks)
    before = {service: variables(secrets / service.replace("_", "-") / "env") for service in SERVICES}
    admin_before = variables(secrets / "setup" / "env")["ADMIN_URL"]

    for _ in range(2):
        make_new_passwords(secrets_folder=secrets, state=state, jwks=jwks)

    setup = variables(secrets / "setup" / "env")
    assert admin_before in json.loads(setup["FORMER_ADMIN_URLS"])
    assert (secrets / "postgres" / "password").read_text() in setup["ADMIN_URL"]
    for service in SERVICES:
        url = f"{service.upper()}_DATABASE_URL"
        after = variables(secrets / service.replace("_", "-") / "env")
        assert after[url] != before[service][url]
        assert setup[f"{service.upper()}_APP_PASSWORD"] in after[url]
        assert {name: value for name, value in after.items() if name != url} == {
            name: value for name, value in before[service].items() if name != url
        }


def test_a_new_sealing_key_comes_first_and_the_former_one_still_opens(folders: tuple[Path, Path, Path]) -> None:
    secrets, state, jwks = folders
    make_secrets(secrets_folder=secrets, state=state, jwks=jwks)
    path = secrets / "calendar-sync" / "env"
    before = variables(path)

    make_new_sealing_key(secrets_folder=secrets)
    make_secrets(secrets_folder=secrets, state=state, jwks=jwks)

    after = variables(path)
    (newest, former), (only,) = (json.loads(each["CALENDAR_SYNC_SECRET_KEYS"]) for each in (after, before))
    assert (former, newest != only) == (only, True)
    assert after["CALENDAR_SYNC_DATABASE_URL"] == before["CALENDAR_SYNC_DATABASE_URL"]


def test_notifications_and_the_dashboard_share_the_keys_of_links_through_every_rotation(
    folders: tuple[Path, Path, Path],
) -> None:
    secrets, state, jwks = folders

    def keys() -> list[list[str]]:
        return [
            json.loads(variables(secrets / service / "env")[f"{service.upper()}_LINK_KEYS"])
            for service in ("notifications", "dashboard")
        ]

    make_secrets(secrets_folder=secrets, state=state, jwks=jwks)
    [[first], also_first] = keys()
    make_secrets(secrets_folder=secrets, state=state, jwks=jwks)
    assert keys() == [[first], [first]]
    make_new_link_key(secrets_folder=secrets)

    assert also_first == [first]
    assert keys()[0] == keys()[1]
    assert keys()[0][1:] == [first] != keys()[0][:1]
