"""Connections that go from who has used one to who waits for one, past the pool's own lending."""

import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import PoolProxiedConnection

_KEPT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Kept:
    pooled: PoolProxiedConnection
    since: float
    """When the pool lent it, on the monotonic clock in seconds."""


class KeptConnections:
    """Connections that the pool has lent, on their way from who has used one to who waits for one.

    Lending one and taking it back costs the pool a greenlet and five per cent of a booking. It gets them back as soon
    as nobody waits, and after a while in any case, so that it renews what has grown old. A session goes to the pool,
    which must have one for it: `give_one_back` first.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._free: list[Kept] = []

    async def take(self) -> Kept:
        """The one used last, which is most likely to be alive."""
        now = time.monotonic()
        while self._free:
            kept = self._free.pop()
            driver: Any = kept.pooled.driver_connection
            if not driver.is_closed() and now - kept.since < _KEPT_SECONDS:
                return kept
            kept.pooled.close()
        return Kept(await self._engine.raw_connection(), now)

    def keep(self, kept: Kept) -> None:
        self._free.append(kept)

    def give_one_back(self) -> None:
        if self._free:
            self._free.pop(0).pooled.close()

    def give_all_back(self) -> None:
        while self._free:
            self.give_one_back()
