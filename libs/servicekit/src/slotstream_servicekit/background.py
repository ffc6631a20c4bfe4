"""What a process does by the clock, until it is told to stop."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from slotstream_servicekit.errors import SlotstreamError
from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)

BackgroundTask = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
"""A named async function that works until the event is set, then returns."""


def repeatedly(name: str, work: Callable[[], Awaitable[object]], *, every: float) -> BackgroundTask:
    """A task that does `work` again at once where it returns something truthy, else after `every` seconds.

    Errors that the kit knows, such as a database that is away, are told as `<name>_postponed` and waited out.
    """
    postponed = f"{name}_postponed"

    async def repeat(stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                if await work():
                    continue
            except SlotstreamError as error:
                log.warning(postponed, code=error.code)
            await pause_for(every, stop)

    repeat.__name__ = name
    return repeat


async def pause_for(seconds: float, stop: asyncio.Event) -> None:
    """Sleep, unless told to stop meanwhile."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
