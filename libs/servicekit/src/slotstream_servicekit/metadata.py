"""Patience with a cluster that has no leaders yet."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

_PAUSE_SECONDS: Final = 0.25


def calm_metadata(client: Any) -> None:
    """Let an aiokafka client ask for metadata once in a while only, as long as a partition has no leader.

    Its fetcher and its sender ask again as soon as they are answered. All clients of a cluster together then keep a
    broker that is just starting, and has no leaders yet, from ever finishing.
    """
    force: Callable[[], Awaitable[Any]] = client.force_metadata_update
    pending: asyncio.Task[Any] | None = None

    async def after_a_pause() -> Any:
        await asyncio.sleep(_PAUSE_SECONDS)
        return await force()

    def calmly() -> asyncio.Future[Any]:
        nonlocal pending
        if pending is None or pending.done():
            pending = asyncio.ensure_future(after_a_pause())
        return asyncio.shield(pending)

    client.force_metadata_update = calmly
