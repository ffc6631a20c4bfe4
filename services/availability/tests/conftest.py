"""The town, and clients of its API."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio

# With importmode=importlib a tests folder is not on the path.
sys.path.append(str(Path(__file__).parent))

from availability_town import WORK_WEEK, FakeClock, Town

from availability.main import create_api
from availability.settings import AvailabilitySettings
from availability.storage import SCHEMA
from slotstream_servicekit.settings import Rate
from slotstream_servicekit.testing.databases import PATIENT
from slotstream_servicekit.testing.plugin import ApiClientFactory, FreshDatabaseFactory, Signer
from slotstream_servicekit.testing.spreading import each_names_the_organization


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest_asyncio.fixture
async def town(fresh_database: FreshDatabaseFactory, signer: Signer, clock: FakeClock) -> AsyncIterator[Town]:
    """A business with two staff and a service of an hour; nobody has set any hours."""
    fresh = fresh_database("availability")
    settings = AvailabilitySettings(
        database_url=fresh.app_url,
        issuers=(signer.issuer,),
        api_database_limits=PATIENT,
        catalogue_wait_seconds=0,
        freshness_seconds=0,
        http_port=0,
        rate_limits={"slots": Rate(per_minute=0, burst=1)},
    )
    app = create_api(settings, clock=clock)
    town = Town(fresh, app, clock)
    states = town.a_business(), town.a_service(), town.a_resource(town.anna, user_id="anna"), town.a_resource(town.ben)
    async with each_names_the_organization(app.state.dependencies.database, tables=SCHEMA.tenant_tables):
        await town.catalogue(*states)
        yield town


@pytest_asyncio.fixture
async def client(town: Town, api_client: ApiClientFactory, signer: Signer) -> httpx2.AsyncClient:
    """The owner's client."""
    return await api_client(town.app, token=signer.token(organization_id=town.organization))


@pytest_asyncio.fixture
async def open_client(client: httpx2.AsyncClient, town: Town) -> httpx2.AsyncClient:
    """The owner's client, in a business that is open 9 to 12 on working days."""
    answer = await client.put(f"/v1/businesses/{town.business}/schedule", json={"weekly": WORK_WEEK})
    assert answer.status_code == 200, answer.text
    return client
