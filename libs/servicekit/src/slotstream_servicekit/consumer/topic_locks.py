"""An advisory lock for each topic: consumers hold it in shared mode, the last step of a rebuild exclusively.

Without it, a rebuild could put back a row that a consumer has removed a moment before.
"""

import zlib

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from slotstream_servicekit.locks import LockClass

_LOCK = text("SELECT pg_advisory_xact_lock(:class, :topic)")


def topic_lock(topic: str) -> tuple[int, int]:
    """The lock that a transaction holds, in shared mode, while it applies records of `topic`."""
    return int(LockClass.TOPIC_APPLICATION), zlib.crc32(topic.encode()) - 2**31


async def lock_topic_alone(session: AsyncSession, topic: str) -> None:
    """Waits for running batches of `topic`, and blocks new ones until the transaction ends."""
    lock_class, key = topic_lock(topic)
    await session.execute(_LOCK, {"class": lock_class, "topic": key})
