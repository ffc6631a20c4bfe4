"""Whether a database has been brought to the revision that this version of a service needs."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import asyncpg

from slotstream_servicekit.health import Check, CheckResult

_REVISION: Final = re.compile(r'^revision(?:: str)? = "([^"]+)"$', re.MULTILINE)
_SECONDS: Final = 2.5
_NONE: Final = "none"
_UNTOLD: Final = "untold"
"""Migrated by a version that did not let the service read this."""


def needed_revisions(migrations: Path) -> list[str]:
    """The revisions that a service's code knows, the newest last: files are numbered in the order they apply."""
    texts = (path.read_text(encoding="utf-8") for path in sorted((migrations / "versions").glob("*.py")))
    return [found[1] for text in texts if (found := _REVISION.search(text))]


def schema_check(url: str, revisions: Sequence[str]) -> Check:
    """Ready once the database is at the newest of `revisions`, or at one that only a newer version knows.

    Asked over a connection of its own until that is so, and never again: a database does not go back.
    """
    plain = url.replace("+asyncpg", "", 1)
    there: list[str] = []

    async def check() -> CheckResult:
        if not there:
            there.append(await _revision(plain))
        revision, newest = there[0], revisions[-1]
        if revision in revisions[:-1] or revision == _NONE:
            there.clear()
            wanted = f"the database is at revision {revision}; this version needs {newest}: slotstream migrate"
            return CheckResult(ok=False, detail=wanted)
        return CheckResult(ok=True, facts={"revision": revision})

    return check


async def _revision(url: str) -> str:
    connection = await asyncpg.connect(url, timeout=_SECONDS, command_timeout=_SECONDS)
    try:
        return await connection.fetchval("SELECT max(version_num) FROM alembic_version") or _NONE
    except asyncpg.UndefinedTableError:
        return _NONE
    except asyncpg.InsufficientPrivilegeError:
        return _UNTOLD
    finally:
        await connection.close()
