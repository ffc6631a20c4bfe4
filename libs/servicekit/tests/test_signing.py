"""The local stack's key: made once, kept private, good for tokens that services accept."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from slotstream_servicekit.http.auth import Authenticator, TokenExpiredError
from slotstream_servicekit.signing import ensure_signing_key, sign_token


def test_the_key_is_made_once_and_kept(tmp_path: Path) -> None:
    first, second = ensure_signing_key(tmp_path), ensure_signing_key(tmp_path)
    assert first.key.as_dict(private=True) == second.key.as_dict(private=True)
    assert first.jwks_path == tmp_path / "keys" / "jwks.json"


def test_the_private_half_is_the_owners_to_read_and_not_in_the_jwks(tmp_path: Path) -> None:
    ensure_signing_key(tmp_path)
    private = tmp_path / "keys" / "private.jwk"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    (published,) = json.loads((tmp_path / "keys" / "jwks.json").read_text())["keys"]
    assert "d" not in published
    assert (published["kty"], published["alg"], published["use"]) == ("EC", "ES256", "sig")


def test_processes_that_begin_together_agree_on_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        keys = list(threads.map(lambda _: ensure_signing_key(tmp_path), range(16)))
    assert len({str(key.key.as_dict(private=True)) for key in keys}) == 1
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == ["jwks.json", "private.jwk"]


def test_a_lost_jwks_is_written_again(tmp_path: Path) -> None:
    before = ensure_signing_key(tmp_path).jwks_path.read_bytes()
    (tmp_path / "keys" / "jwks.json").unlink()
    assert ensure_signing_key(tmp_path).jwks_path.read_bytes() == before


async def test_a_signed_token_is_accepted_until_it_expires(tmp_path: Path) -> None:
    key, organization_id = ensure_signing_key(tmp_path), uuid4()
    authenticator = Authenticator([key.issuer])
    token = sign_token(key, organization_id=organization_id, role="integration", scopes=["slots:read"])
    principal = await authenticator.authenticate(token)
    assert principal.organization_id == organization_id
    assert principal.scopes == {"slots:read"}
    with pytest.raises(TokenExpiredError):
        await authenticator.authenticate(
            sign_token(key, organization_id=organization_id, lifetime=timedelta(seconds=-1))
        )
    await authenticator.aclose()
