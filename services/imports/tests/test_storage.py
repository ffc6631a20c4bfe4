from typing import Any

from sqlalchemy.ext.asyncio import create_async_engine

from imports.storage.tables import metadata
from slotstream_servicekit.migrations import differences_from_models


async def test_the_migrations_equal_the_models(fresh_database: Any) -> None:
    engine = create_async_engine(fresh_database("imports").owner_url)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences_from_models, metadata) == []
    await engine.dispose()
