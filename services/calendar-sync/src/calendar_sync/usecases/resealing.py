"""Sealing every stored secret with the newest key, so that older keys can be taken away."""

from dataclasses import dataclass
from uuid import UUID

from calendar_sync.adapters.sealing import SecretBox, UnsealableError
from calendar_sync.storage import ConnectionStore
from slotstream_servicekit.database import Database

_PORTION = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Resealed:
    """How many secrets were sealed anew, and how many no key opens."""

    sealed: int
    unreadable: int


async def reseal_secrets(*, database: Database, box: SecretBox) -> Resealed:
    """Goes through all connections, a portion per transaction. One that no key opens stays as it is."""
    sealed = unreadable = 0
    after: UUID | None = None
    while True:
        async with database.system_transaction() as session:
            store = ConnectionStore(session)
            portion = await store.sealed_secrets(after=after, limit=_PORTION)
            for connection_id, former in portion:
                after = connection_id
                try:
                    anew = box.sealed_anew(former)
                except UnsealableError:
                    unreadable += 1
                    continue
                if anew is not None:
                    sealed += await store.replace_secret(connection_id, former=former, sealed=anew)
        if len(portion) < _PORTION:
            return Resealed(sealed=sealed, unreadable=unreadable)
