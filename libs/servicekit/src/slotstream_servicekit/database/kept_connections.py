"""Hands connections from one task to the next without giving them back to the pool."""

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
    """When the pool lent it, in seconds of the monotonic clock."""


class KeptConnections:
    """Connections that the pool has lent and that a task has finished with while others wait for one.

    A checkout and a checkin of the pool cost a greenlet, and five per cent of a booking. The pool gets the connections
    back as soon as nobody waits, and after a minute in any case, so that it can renew old ones. Sessions take theirs
    from the pool, so it must have one for them: call `give_one_back` first.
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
