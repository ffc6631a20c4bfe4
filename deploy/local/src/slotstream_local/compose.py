"""The one-shot jobs of docker-compose.yml: make the secrets, then databases, migrations and topics. What makes the
databases is a Job of deploy/kubernetes/overlays/local as well.

Nothing has a default password: the first start makes each, and keeps it in a volume of its own.
"""

import argparse
import json
import os
import secrets
import shlex
import shutil
import subprocess
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from slotstream_local.databases import change_admin_password, create_databases, wait_for_server
from slotstream_local.layout import SERVICES
from slotstream_servicekit.signing import LOCAL_AUDIENCE, LOCAL_ISSUER, ensure_signing_key

_STATE: Final = Path("/state")
_JWKS: Final = Path("/jwks/jwks.json")
_SECRETS: Final = Path("/secrets")
_SERVER: Final = "postgres:5432"
_FORMER: Final = "FORMER_ADMIN_URLS"
_FORMER_KEPT: Final = 5
_WAIT_SECONDS: Final = 300.0
_DASHBOARD: Final = "http://dashboard-api:8000"
_SEALING: Final = ("calendar_sync", "dashboard", "notifications")
"""Services that keep secrets, each sealed with a key of its own."""
_LINKING: Final = ("notifications", "dashboard")
"""Services that share the keys of clients' links: one makes them, the other opens them."""
_PUSHING: Final = "notifications"
"""The service that browsers' push services know by a key: a new one would end every subscription, so it is kept."""


def make_secrets(
    *, secrets_folder: Path = _SECRETS, state: Path = _STATE, jwks: Path = _JWKS, server: str = _SERVER
) -> None:
    """Passwords, keys and each service's own settings file. What is there already stays as it is."""
    shutil.copyfile(ensure_signing_key(state).jwks_path, jwks)
    jwks.chmod(0o644)
    admin = secrets_folder / "postgres" / "password"
    if not admin.exists():
        _write(admin, secrets.token_urlsafe(24))
    setup = secrets_folder / "setup" / "env"
    kept = read_variables(setup)
    owners = {"ADMIN_URL": _admin_url(admin.read_text(), server), _FORMER: kept.get(_FORMER, "[]")}
    link_keys = _link_keys(secrets_folder)
    for service in SERVICES:
        prefix = service.upper()
        owner, app = f"{prefix}_OWNER_PASSWORD", f"{prefix}_APP_PASSWORD"
        for name in (owner, app):
            owners[name] = kept.get(name) or secrets.token_urlsafe(24)
        owners[f"{prefix}_OWNER_DATABASE_URL"] = _url(service, "owner", owners[owner], server)
        _write_variables(
            secrets_folder / service.replace("_", "-") / "env",
            {
                f"{prefix}_DATABASE_URL": _url(service, "app", owners[app], server),
                **_issuers(jwks),
                **(_secret_keys(prefix) if service in _SEALING else {}),
                **({f"{prefix}_LINK_KEYS": link_keys} if service in _LINKING else {}),
                **({f"{prefix}_PUSH_KEY": _sealing_key()} if service == _PUSHING else {}),
            },
            keep=(f"{prefix}_SECRET_KEYS", f"{prefix}_PUSH_KEY"),
        )
    _write_variables(setup, owners)


def make_secrets_once() -> None:
    make_secrets()
    print("Secrets are in their volumes.")


def make_new_passwords(*, secrets_folder: Path = _SECRETS, server: str = _SERVER, **places: Path) -> None:
    """New passwords for every role of the database; `setup` then sets them."""
    admin, setup = secrets_folder / "postgres" / "password", secrets_folder / "setup" / "env"
    # Several, since the database still has an earlier one where `setup` did not run after the last time.
    former = [_admin_url(admin.read_text(), server), *json.loads(read_variables(setup).get(_FORMER, "[]"))]
    _write(admin, secrets.token_urlsafe(24))
    _write_variables(setup, {_FORMER: json.dumps(former[:_FORMER_KEPT])})
    make_secrets(secrets_folder=secrets_folder, server=server, **places)


def make_new_sealing_key(*, secrets_folder: Path = _SECRETS) -> None:
    """A new key for each that seals: it seals with it from its next start on; the former one still opens."""
    for service in _SEALING:
        path, name = secrets_folder / service.replace("_", "-") / "env", f"{service.upper()}_SECRET_KEYS"
        variables = read_variables(path)
        former = json.loads(variables.get(name, "[]"))[:1]
        _write_variables(path, {**variables, name: json.dumps([_sealing_key(), *former])})


def make_new_link_key(*, secrets_folder: Path = _SECRETS) -> None:
    """A new key for links of clients; those that were made with the former one still open."""
    former = json.loads(_link_keys(secrets_folder))[0]
    keys = json.dumps([_sealing_key(), former])
    for service in _LINKING:
        path = secrets_folder / service / "env"
        _write_variables(path, {**read_variables(path), f"{service.upper()}_LINK_KEYS": keys})


def make_databases() -> None:
    """Databases and roles with their passwords, once the server answers; safe to run again, and by two at once."""
    wait_for_server(os.environ["ADMIN_URL"], seconds=_WAIT_SECONDS)
    change_admin_password(os.environ["ADMIN_URL"], former_urls=json.loads(os.environ[_FORMER]))
    for service in SERVICES:
        create_databases(
            os.environ["ADMIN_URL"],
            services=[service],
            password=os.environ[f"{service.upper()}_APP_PASSWORD"],
            owner_password=os.environ[f"{service.upper()}_OWNER_PASSWORD"],
        )
    print("Databases and roles are there.")


def set_up() -> None:
    """Databases, migrations, topics; safe to run again."""
    make_databases()
    subprocess.run(["slotstream", "migrate", "--wait", "30", *SERVICES], check=True)
    subprocess.run(["slotstream", "topics", "apply", "--wait", "60"], check=True)
    print("Databases and topics are ready.")


def _admin_url(password: str, server: str) -> str:
    return f"postgresql://postgres:{password}@{server}/postgres"


def _url(service: str, role: str, password: str, server: str) -> str:
    return f"postgresql+asyncpg://{service}_{role}:{password}@{server}/{service}"


def _issuers(jwks: Path) -> dict[str, str]:
    """Developers' tokens, and those that the dashboard signs for its users and API clients."""
    developers = {"issuer": LOCAL_ISSUER, "audience": LOCAL_AUDIENCE, "jwks_url": jwks.as_uri()}
    dashboard = {
        "issuer": _DASHBOARD,
        "audience": LOCAL_AUDIENCE,
        "jwks_url": f"{_DASHBOARD}/.well-known/jwks.json",
    }
    return {"SLOTSTREAM_ISSUERS": json.dumps([developers, dashboard])}


def _secret_keys(prefix: str) -> dict[str, str]:
    return {f"{prefix}_SECRET_KEYS": json.dumps([_sealing_key()])}


def _link_keys(secrets_folder: Path) -> str:
    """The dashboard's, which opens with them; a first one where there is none yet."""
    kept = read_variables(secrets_folder / "dashboard" / "env")
    return kept.get("DASHBOARD_LINK_KEYS") or json.dumps([_sealing_key()])


def _sealing_key() -> str:
    return urlsafe_b64encode(secrets.token_bytes(32)).decode()


def read_variables(path: Path) -> dict[str, str]:
    """What a settings file gives; nothing where there is none yet."""
    if not path.exists():
        return {}
    pairs = (shlex.split(line)[0].partition("=") for line in path.read_text().splitlines() if line)
    return {name: value for name, _, value in pairs}


def _write_variables(path: Path, variables: Mapping[str, str], *, keep: tuple[str, ...] = ()) -> None:
    before = read_variables(path)
    merged = {**variables, **{name: before[name] for name in keep if name in before}}
    _write(path, "".join(f"{name}={shlex.quote(value)}\n" for name, value in merged.items()))


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


_JOBS: Final[Mapping[str, Callable[[], None]]] = {
    "secrets": make_secrets_once,
    "passwords": make_new_passwords,
    "sealing-key": make_new_sealing_key,
    "link-key": make_new_link_key,
    "databases": make_databases,
    "setup": set_up,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m slotstream_local.compose", description=__doc__)
    parser.add_argument("job", choices=sorted(_JOBS))
    _JOBS[parser.parse_args().job]()


if __name__ == "__main__":
    main()
