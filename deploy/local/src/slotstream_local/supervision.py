"""Keeping parts alive: who died is noticed, said, and started again, later each time."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from slotstream_local.layout import Layout
from slotstream_servicekit.infrastructure.processes import InfrastructureError, command_of

FIRST_DELAY_SECONDS: Final = 1.0
LONGEST_DELAY_SECONDS: Final = 30.0
_STEADY_AFTER_SECONDS: Final = 60.0
_LEFTOVER_SECONDS: Final = 30.0


class Part(Protocol):
    """One process of the stack."""

    @property
    def name(self) -> str: ...
    @property
    def log(self) -> Path: ...
    @property
    def pid(self) -> int | None: ...
    def start(self) -> None:
        """Start and wait until it is useful; InfrastructureError where it is not."""

    def stop(self) -> object: ...
    def running(self) -> bool: ...


def keep_alive(
    part: Part, *, stop: threading.Event, say: Callable[[str], None], started: Callable[[], None], poll: float = 1.0
) -> None:
    """Watch `part` until `stop`; start it again whenever it has died, with a growing delay."""
    delay, since = FIRST_DELAY_SECONDS, time.monotonic()
    while not stop.wait(poll):
        if part.running():
            continue
        if time.monotonic() - since > _STEADY_AFTER_SECONDS:
            delay = FIRST_DELAY_SECONDS
        say(f"{part.name} has died; starting it again in {delay:.0f} s. Its log: {part.log}")
        if stop.wait(delay):
            return
        delay = min(delay * 2, LONGEST_DELAY_SECONDS)
        try:
            part.start()
        except InfrastructureError as error:
            say(f"{part.name} did not come back: {str(error).splitlines()[0]}")
        else:
            say(f"{part.name} is back.")
        started()
        since = time.monotonic()


def stop_all(parts: Sequence[Part]) -> None:
    """Ask all at once, and wait for all."""
    if parts:
        with ThreadPoolExecutor(len(parts)) as pool:
            list(pool.map(lambda part: part.stop(), parts))


def note_children(layout: Layout, parts: Sequence[Part]) -> None:
    """Write down which processes are ours."""
    children = [
        {"name": part.name, "pid": part.pid, "command": command_of(part.pid)} for part in parts if part.pid is not None
    ]
    unfinished = layout.children_file.with_suffix(".part")
    unfinished.write_text(json.dumps(children, indent=2))
    unfinished.replace(layout.children_file)


def end_leftovers(layout: Layout) -> list[str]:
    """End what a supervisor that was killed left running; the names of what was ended."""
    with suppress(FileNotFoundError, ValueError):
        left = [
            child
            for child in json.loads(layout.children_file.read_text())
            if child["command"] is not None and command_of(child["pid"]) == child["command"]
        ]
        for child in reversed(left):
            # PostgreSQL waits for its clients on SIGTERM; on SIGINT it sends them away.
            _send(child["pid"], signal.SIGINT if child["name"] == "postgres" else signal.SIGTERM)
        deadline = time.monotonic() + _LEFTOVER_SECONDS
        while any(command_of(child["pid"]) == child["command"] for child in left):
            if time.monotonic() > deadline:
                for child in left:
                    _send(child["pid"], signal.SIGKILL)
                break
            time.sleep(0.1)
        layout.children_file.unlink(missing_ok=True)
        return [child["name"] for child in left]
    return []


def _send(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
