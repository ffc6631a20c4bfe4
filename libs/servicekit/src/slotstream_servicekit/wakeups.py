"""Commits of a process wake the relay of the same process, so that an idle relay need not query often."""

import asyncio
from typing import Final
from weakref import WeakSet

_listening: Final[WeakSet[asyncio.Event]] = WeakSet()


def listen_for_publications() -> asyncio.Event:
    """An event that is set after each commit of this process that may have written to an outbox."""
    event = asyncio.Event()
    _listening.add(event)
    return event


def announce_publication() -> None:
    """Sets these events. Call it after such a commit, in the event loop that waits."""
    for event in _listening:
        event.set()
