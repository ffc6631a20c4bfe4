"""Within one process, whoever commits events wakes the relay, so that an idle one need not look often."""

import asyncio
from typing import Final
from weakref import WeakSet

_listening: Final[WeakSet[asyncio.Event]] = WeakSet()


def listen_for_publications() -> asyncio.Event:
    """An event that is set at each commit of this process that may have written to an outbox."""
    event = asyncio.Event()
    _listening.add(event)
    return event


def announce_publication() -> None:
    """Called after such a commit. Must be called from the event loop that waits."""
    for event in _listening:
        event.set()
