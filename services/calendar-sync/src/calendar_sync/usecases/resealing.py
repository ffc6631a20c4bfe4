"""Sealing every stored secret with the newest key, so that older keys can be taken away."""

from calendar_sync.adapters.sealing import SecretBox
from calendar_sync.storage import ConnectionStore
from slotstream_servicekit.database import Database
from slotstream_servicekit.sealing import PORTION, Resealed, reseal


async def reseal_secrets(*, database: Database, box: SecretBox, portion: int = PORTION) -> Resealed:
    """Goes through all connections, a portion per transaction. One that no key opens stays as it is."""
    return await reseal(database=database, box=box, store_of=ConnectionStore, portion=portion)
