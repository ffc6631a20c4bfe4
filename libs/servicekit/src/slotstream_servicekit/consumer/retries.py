"""Which errors pass by themselves, and retries with growing pauses."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from aiokafka.errors import KafkaError

from slotstream_servicekit.background import pause_for
from slotstream_servicekit.database import is_unavailable
from slotstream_servicekit.errors import RETRYABLE_KINDS, SlotstreamError

_RETRIES: Final = 8
_FIRST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 5.0


def is_transient(error: BaseException) -> bool:
    """Whether the same work may succeed later."""
    if isinstance(error, SlotstreamError):
        return error.kind in RETRYABLE_KINDS
    return is_unavailable(error) or isinstance(error, KafkaError)


async def retry_with_backoff(
    work: Callable[[], Awaitable[None]], *, stop: asyncio.Event, on_retry: Callable[[Exception], None]
) -> None:
    """Do `work`; after a transient error repeat it, with growing pauses. Raises the last error.

    All pauses together are far shorter than the poll interval after which Kafka removes a member from its group.
    """
    pause = _FIRST_PAUSE_SECONDS
    for attempt in range(_RETRIES + 1):
        try:
            await work()
        except Exception as error:
            if not is_transient(error) or attempt == _RETRIES or stop.is_set():
                raise
            on_retry(error)
            await pause_for(pause, stop)
            pause = min(pause * 2.5, _LONGEST_PAUSE_SECONDS)
        else:
            return
