"""The secrets of docker-compose.yml: made once, kept, one folder per service."""

from pathlib import Path

import pytest

from slotstream_local.compose import make_secrets
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
