"""Waiting for the Kafka clients, but not for longer than a deadline: while Kafka is away they may wait for ever."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from aiokafka.errors import KafkaError

from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)

T = TypeVar("T")


async def answer_within(seconds: float, asking: Coroutine[Any, Any, T]) -> T:
    """The result of `asking`. Raises TimeoutError where it is late; it is then cancelled and no longer waited for."""
    task = asyncio.ensure_future(asking)
    await asyncio.wait({task}, timeout=seconds)
    _abandon_unless_done(task)
    if not task.done() or task.cancelled():
        raise TimeoutError
    return task.result()


async def end_within(seconds: float, ending: Coroutine[Any, Any, None]) -> None:
    """Waits for the end of something. Where it is late, it is cancelled and no longer waited for."""
    task = asyncio.ensure_future(ending)
    await asyncio.wait({task}, timeout=seconds)
    _abandon_unless_done(task)
    if not task.done():
        log.warning("consumer_left_behind", seconds=seconds)
    elif task.cancelled():
        # aiokafka cancels tasks that it waits for itself. Raised here, that would end the member silently.
        log.warning("consumer_end_cancelled")
    elif (error := task.exception()) is not None and not isinstance(error, KafkaError | OSError | TimeoutError):
        raise error


def _abandon_unless_done(task: "asyncio.Task[Any]") -> None:
    if not task.done():
        task.cancel()
        task.add_done_callback(_retrieve)


def _retrieve(task: "asyncio.Task[Any]") -> None:
    """Retrieves the error of an abandoned task, so that asyncio does not report it."""
    if not task.cancelled():
        task.exception()
