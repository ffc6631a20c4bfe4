"""Argon2id, outside the event loop, a few at a time."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from argon2 import PasswordHasher as Argon2
from argon2 import Type
from argon2.exceptions import InvalidHashError, VerificationError

from slotstream_servicekit.errors import TransientError

ResultT = TypeVar("ResultT")

_WAITING: Final = 64
"""How many may wait for their turn; the next ones are told to come back."""


class HashingBusyError(TransientError):
    code = "sign_in_busy"


class Argon2PasswordHasher:
    """OWASP's second choice of parameters: 19 MiB and two passes, about 20 ms.

    `parallel` hashes at once bound the memory, and the queue bounds the wait.
    """

    def __init__(self, *, parallel: int = 2, memory_kib: int = 19_456, passes: int = 2) -> None:
        self._argon2 = Argon2(time_cost=passes, memory_cost=memory_kib, parallelism=1, type=Type.ID)
        self._threads = ThreadPoolExecutor(parallel, thread_name_prefix="argon2")
        self._waiting = 0
        self._nobodys = self._argon2.hash("nobody's password")

    async def hash(self, password: str) -> str:
        return await self._in_turn(lambda: self._argon2.hash(password))

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether it fits. With no stored hash the same work is done, and the answer is no."""
        fits = await self._in_turn(lambda: self._verify(password, stored or self._nobodys))
        return fits and stored is not None

    def needs_rehash(self, stored: str) -> bool:
        return self._argon2.check_needs_rehash(stored)

    def close(self) -> None:
        self._threads.shutdown(wait=False)

    def _verify(self, password: str, stored: str) -> bool:
        try:
            return self._argon2.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_turn(self, work: Callable[[], ResultT]) -> ResultT:
        if self._waiting >= _WAITING:
            raise HashingBusyError("Too many people sign in at this moment. Try again in a second.")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1
