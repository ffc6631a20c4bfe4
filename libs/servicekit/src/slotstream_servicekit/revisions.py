"""Checks whether a database has the revision that this version of a service needs."""

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import asyncpg

from slotstream_servicekit.background import BackgroundTask, pause_for
from slotstream_servicekit.database import DATABASE_AWAY
from slotstream_servicekit.errors import StartError
from slotstream_servicekit.health import Check, CheckResult
from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)

_REVISION: Final = re.compile(r'^revision(?:: str)? = "([^"]+)"$', re.MULTILINE)
_SECONDS: Final = 2.5
_NONE: Final = "none"
_UNTOLD: Final = "untold"
"""The database was migrated by a version that did not grant the service the right to read the revision."""
_LOOK_SECONDS: Final = 2.0


class SchemaTooOldError(StartError):
    """The database was not migrated within the time that the process may wait."""

    exit_code = 4


def needed_revisions(migrations: Path) -> list[str]:
    """The revisions that the code of a service knows, the newest last: the files are numbered in their order."""
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


def schema_wait(
    check: Check, *, seconds: float, every: float = _LOOK_SECONDS, clock: Callable[[], float] = time.monotonic
) -> BackgroundTask:
    """A task that raises SchemaTooOldError when the database is still too old after `seconds`; 0 waits for ever.

    A database that does not answer is not too old: that passes, and readiness tells of it.
    """

    async def wait_for_schema(stop: asyncio.Event) -> None:
        old_since: float | None = None
        while not stop.is_set():
            try:
                result = await check()
            except DATABASE_AWAY:
                await pause_for(every, stop)
                continue
            if result.ok:
                await stop.wait()
                return
            if old_since is None:
                old_since = clock()
                log.warning("schema_too_old", reason=result.detail)
            if seconds and clock() - old_since >= seconds:
                raise SchemaTooOldError(result.detail)
            await pause_for(every, stop)

    return wait_for_schema


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
