"""Lets no more tasks use connections than the pool has."""

import asyncio

from slotstream_servicekit.database.unavailable import is_unavailable
from slotstream_servicekit.errors import DatabaseUnavailableError


class Turns:
    """As many turns at once as there are connections; other tasks wait in the order in which they came.

    Raises DatabaseUnavailableError where the wait takes too long, or where an error inside the turn says that the
    database is not available now.
    """

    def __init__(self, count: int, seconds: float) -> None:
        self._free = asyncio.Semaphore(count)
        self._seconds = seconds
        self.taken = 0
        self.waiting = 0

    async def __aenter__(self) -> None:
        if not self._free.locked():
            await self._free.acquire()
        else:
            self.waiting += 1
            try:
                async with asyncio.timeout(self._seconds):
                    await self._free.acquire()
            except TimeoutError as error:
                raise DatabaseUnavailableError from error
            finally:
                self.waiting -= 1
        self.taken += 1

    async def __aexit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        self.taken -= 1
        self._free.release()
        if isinstance(error, Exception) and is_unavailable(error):
            raise DatabaseUnavailableError from error
