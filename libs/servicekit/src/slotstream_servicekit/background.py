"""Background tasks: work that a process repeats until it is told to stop."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from prometheus_client import Counter

from slotstream_servicekit.errors import SlotstreamError
from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)

BACKGROUND_FAILURES = Counter("slotstream_background_failures", "Failed runs of a background task", ("task",))

BackgroundTask = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
"""A named async function that works until the event is set, then returns."""


LONGEST_PAUSE_SECONDS: Final = 300.0


def repeatedly(
    name: str, work: Callable[[], Awaitable[object]], *, every: float, wake: asyncio.Event | None = None
) -> BackgroundTask:
    """A task that repeats `work`: at once where it returned something truthy, else after `every` seconds.

    Setting `wake` ends the pause between two runs, but not the pause after a failure.

    No error ends the task. A SlotstreamError, such as an unavailable database, is logged as `<name>_postponed`, any
    other error as `<name>_failed` with its stack. Then it tries again within five minutes, also where `every` is a day.
    """
    postponed, failed = f"{name}_postponed", f"{name}_failed"

    async def repeat(stop: asyncio.Event) -> None:
        failures = 0
        while not stop.is_set():
            if wake is not None:
                wake.clear()
            try:
                if await work():
                    failures = 0
                    continue
                failures = 0
            except Exception as error:
                failures += 1
                BACKGROUND_FAILURES.labels(name).inc()
                if isinstance(error, SlotstreamError):
                    log.warning(postponed, code=error.code)
                else:
                    log.exception(failed)
            ends = [stop] if wake is None or failures else [stop, wake]
            await pause_for(pause_after(failures, every), *ends)

    repeat.__name__ = name
    return repeat


def pause_after(failures: int, every: float) -> float:
    """Seconds to wait: `every`, doubled by each failure in a row after the first, but five minutes at most."""
    if failures == 0:
        return every
    return float(min(every * 2 ** min(failures - 1, 32), LONGEST_PAUSE_SECONDS))


async def pause_for(seconds: float, *ends: asyncio.Event) -> None:
    """Sleeps for `seconds`, or until one of `ends` is set."""
    if len(ends) == 1:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ends[0].wait(), seconds)
        return
    waiting = [asyncio.ensure_future(end.wait()) for end in ends]
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiter in waiting:
            waiter.cancel()
