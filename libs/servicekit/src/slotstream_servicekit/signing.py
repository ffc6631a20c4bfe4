"""Tokens for local development and tests. They are signed with a key that is made in the state folder."""

import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import orjson
from joserfc import jwt
from joserfc.jwk import ECKey

from slotstream_servicekit.settings import IssuerSettings

LOCAL_ISSUER = "https://local.slotstream.invalid"
LOCAL_AUDIENCE = "slotstream"
DEFAULT_LIFETIME = timedelta(hours=12)
_ALGORITHM = "ES256"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key, and the file with its public key."""

    key: ECKey
    jwks_path: Path

    @property
    def jwks_url(self) -> str:
        return self.jwks_path.as_uri()

    @property
    def issuer(self) -> IssuerSettings:
        """The issuer for the settings of services that are to accept tokens of this key."""
        return IssuerSettings(issuer=LOCAL_ISSUER, audience=LOCAL_AUDIENCE, jwks_url=self.jwks_url)


def ensure_signing_key(state_folder: Path) -> SigningKey:
    """The key in `<state_folder>/keys/private.jwk`, made on first use, its JWKS beside it as `jwks.json`.

    Safe to call from several processes at once: the first to finish wins.
    """
    folder = state_folder.resolve() / "keys"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    private, former, public = folder / "private.jwk", folder / "former.jwk", folder / "jwks.json"
    if not private.exists():
        _write_once(private, orjson.dumps(_new_key().as_dict(private=True)), mode=0o600)
    key = ECKey.import_key(orjson.loads(private.read_bytes()))
    published = [key.as_dict(private=False)]
    if former.exists():
        published.append(orjson.loads(former.read_bytes()))
    jwks = orjson.dumps({"keys": [{**each, "use": "sig", "alg": _ALGORITHM} for each in published]})
    if not public.exists() or public.read_bytes() != jwks:
        _replace(public, jwks, mode=0o644)
    return SigningKey(key=key, jwks_path=public)


def rotate_signing_key(state_folder: Path) -> SigningKey:
    """Makes a new key. Tokens of the last one are accepted until the next rotation, those of older ones no more."""
    former = ensure_signing_key(state_folder)
    folder = former.jwks_path.parent
    _replace(folder / "former.jwk", orjson.dumps(former.key.as_dict(private=False)), mode=0o600)
    _replace(folder / "private.jwk", orjson.dumps(_new_key().as_dict(private=True)), mode=0o600)
    return ensure_signing_key(state_folder)


def sign_token(
    signing_key: SigningKey,
    *,
    organization_id: UUID,
    role: str = "owner",
    subject: str = "local-user",
    scopes: Iterable[str] = (),
    lifetime: timedelta = DEFAULT_LIFETIME,
    now: datetime | None = None,
    claims: Mapping[str, object] | None = None,
) -> str:
    """A bearer token for `organization_id`. `claims` replaces or adds claims; None removes one."""
    issued_at = now or datetime.now(UTC)
    content: dict[str, object] = {
        "iss": LOCAL_ISSUER,
        "aud": LOCAL_AUDIENCE,
        "sub": subject,
        "org": str(organization_id),
        "role": role,
        "iat": int(issued_at.timestamp()),
        "exp": int((issued_at + lifetime).timestamp()),
    }
    if scope := " ".join(scopes):
        content["scope"] = scope
    content.update(claims or {})
    return jwt.encode(
        {"alg": _ALGORITHM, "kid": str(signing_key.key.kid)},
        {name: value for name, value in content.items() if value is not None},
        signing_key.key,
        algorithms=[_ALGORITHM],
    )


def _new_key() -> ECKey:
    return ECKey.generate_key("P-256", private=True, auto_kid=True)


def _write_once(path: Path, content: bytes, *, mode: int) -> None:
    temporary = _write_temporary(path, content, mode=mode)
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()


def _replace(path: Path, content: bytes, *, mode: int) -> None:
    _write_temporary(path, content, mode=mode).replace(path)


def _write_temporary(path: Path, content: bytes, *, mode: int) -> Path:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    temporary = Path(name)
    temporary.chmod(mode)
    return temporary
