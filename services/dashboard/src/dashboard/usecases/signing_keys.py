"""Keeping keys that sign access tokens."""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.domain.signing_keys import SigningKey, next_key_signs_from
from dashboard.storage import SigningKeyStore

MakeKey = Callable[[datetime], SigningKey]
"""Makes a key that signs from that instant on."""


async def ensure_signing_keys(*, session: AsyncSession, now: datetime, make_key: MakeKey) -> Sequence[SigningKey]:
    """The published keys, after making the one that is needed next."""
    store = SigningKeyStore(session)
    keys = list(await store.published(now=now))
    if next_key_signs_from(keys, now) is None:
        return keys
    await store.lock()
    keys = list(await store.published(now=now))
    signs_from = next_key_signs_from(keys, now)
    if signs_from is None:
        return keys
    key = make_key(signs_from)
    await store.add(key)
    return [*keys, key]
