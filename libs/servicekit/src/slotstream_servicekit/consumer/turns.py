"""Whose turn it is to apply a topic: running consumers share it, the end of a rebuild has it alone.

Without that, a rebuild could put back a row that a consumer has removed a moment before.
"""

import zlib
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from slotstream_servicekit.locks import LockClass

_TURNS: Final = int(LockClass.TOPIC_APPLICATION)
_TAKE = text("SELECT pg_advisory_xact_lock(:turns, :topic)")


def turn_of(topic: str) -> tuple[int, int]:
    """The advisory lock that every transaction holds, shared, which applies records of `topic`."""
    return _TURNS, zlib.crc32(topic.encode()) - 2**31


async def take_turn_alone(session: AsyncSession, topic: str) -> None:
    """Waits for the running batches of `topic` and holds back new ones until the transaction ends."""
    turns, number = turn_of(topic)
    await session.execute(_TAKE, {"turns": turns, "topic": number})
