"""Makes `kit_world` and `listening` importable: with importmode=importlib a tests folder is not on the path."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

sys.path.append(str(Path(__file__).parent))

from kit_world import World, create_tables, make_topic

from slotstream_servicekit.testing.databases import DatabaseForge


@pytest_asyncio.fixture
async def world(database_forge: DatabaseForge) -> AsyncIterator[World]:
    """A fresh database with the tables of a service that keeps notes."""
    database_forge.make_roles("kit")
    fresh = database_forge.make("kit", migrated=False)
    await create_tables(fresh.owner_url)
    yield World(fresh)
    await fresh.database.dispose()
    database_forge.drop(fresh.name)


@pytest.fixture
def new_topic(kafka: str) -> Callable[..., Awaitable[str]]:
    async def make(name: str = "notes", *, partitions: int = 3, cleanup: str = "delete") -> str:
        return await make_topic(kafka, name, partitions=partitions, cleanup=cleanup)

    return make
