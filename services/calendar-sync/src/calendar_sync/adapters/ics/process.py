"""Expansion in a child process with hard limits of time and memory."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any

from calendar_sync.domain import BusyInstance, Expansion, ReadingFailedError, ReadingWarning, Window

KEPT_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "PYTHONPATH", "VIRTUAL_ENV", "SYSTEMROOT")


@dataclass(frozen=True, slots=True)
class ExpansionProcess:
    """`expand`, in a process of its own that sees no setting and is killed when its time is up."""

    seconds: float = 15.0
    max_memory: int = 1_073_741_824

    async def expand(self, text: bytes, *, zone: str, window: Window, charset: str | None = None) -> Expansion:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "calendar_sync.adapters.ics.child",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ},
        )
        try:
            async with asyncio.timeout(self.seconds):
                output, _ = await child.communicate(self._header(zone, window, charset) + text)
        except TimeoutError as error:
            raise ReadingFailedError(
                "expansion_timed_out", f"the calendar's rules took longer than {self.seconds:g} s"
            ) from error
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        return _parsed(output, child.returncode)

    def _header(self, zone: str, window: Window, charset: str | None) -> bytes:
        header = {
            "zone": zone,
            "charset": charset,
            "from": window.starts_at.isoformat(),
            "to": window.ends_at.isoformat(),
            # More than it is waited for: a child that is out of time is told from one that broke off.
            "processor_seconds": ceil(self.seconds) + 1,
            "max_memory": self.max_memory,
        }
        return json.dumps(header).encode() + b"\n"


def _parsed(output: bytes, returncode: int | None) -> Expansion:
    if returncode != 0:
        raise ReadingFailedError("unreadable_calendar", "reading the calendar broke off")
    answer: dict[str, Any] = json.loads(output)
    if "error" in answer:
        raise ReadingFailedError(answer["error"]["code"], answer["error"]["detail"])
    return Expansion(
        instances=tuple(
            BusyInstance(
                uid=uid,
                recurrence=recurrence,
                starts_at=datetime.fromisoformat(starts_at),
                ends_at=datetime.fromisoformat(ends_at),
            )
            for uid, recurrence, starts_at, ends_at in answer["instances"]
        ),
        warnings=answer["warnings"],
        unreadable_uids=frozenset(answer["unreadable_uids"]),
        examples=tuple(ReadingWarning(code=code, line=line, uid=uid) for code, line, uid in answer["examples"]),
        events=answer["events"],
        unread=answer["unread"],
    )
