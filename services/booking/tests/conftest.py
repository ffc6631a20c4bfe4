"""The organization that tests book in."""

import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
import pytest_asyncio

from booking.main import create_api
from booking.settings import BookingSettings
from booking.storage.tables import TENANT_TABLES
from slotstream_contracts.testing import assert_valid_message
from slotstream_servicekit.testing.databases import PATIENT
from slotstream_servicekit.testing.plugin import ApiClientFactory, FreshDatabaseFactory, Signer
from slotstream_servicekit.testing.spreading import each_names_the_organization

# With importmode=importlib a tests folder is not on the path: for what several tests share.
sys.path.append(str(Path(__file__).parent))

from booking_fixtures import NOW, Tenant

SettingsFactory = Callable[..., BookingSettings]


@pytest.fixture
def settings_of(signer: Signer) -> SettingsFactory:
    def make(database_url: str, **more: Any) -> BookingSettings:
        values: dict[str, Any] = {"message_channels": frozenset({"email", "sms"}), "database_pool_size": 40, **more}
        return BookingSettings(
            database_url=database_url, issuers=(signer.issuer,), api_database_limits=PATIENT, **values
        )

    return make


@pytest_asyncio.fixture
async def tenant(
    fresh_database: FreshDatabaseFactory, api_client: ApiClientFactory, signer: Signer, settings_of: SettingsFactory
) -> AsyncIterator[Tenant]:
    fresh = fresh_database("booking")
    now = [NOW]
    app = create_api(settings_of(fresh.app_url), clock=lambda: now[0])
    organization_id = uuid4()

    async def client_as(
        role: str = "owner", *, organization: UUID | None = None, headers: dict[str, str] | None = None, **more: Any
    ) -> httpx2.AsyncClient:
        token = signer.token(organization_id=organization or organization_id, role=role, **more)
        return await api_client(app, token=token, **(headers or {}))

    made = Tenant(
        organization_id=organization_id,
        api=await client_as(),
        database=fresh.database,
        now=now,
        client_as=client_as,
        app=app,
        owner_url=fresh.owner_url,
    )
    async with each_names_the_organization(app.state.dependencies.database, tables=TENANT_TABLES):
        await made.set_up()
        yield made
    # Whatever a test has booking say is valid by its closed schema; of each type, the last that was said.
    for record in {record.type: record for record in await made.published()}.values():
        assert_valid_message(record)
