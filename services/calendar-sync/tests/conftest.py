"""A calendar-sync of one's own: real PostgreSQL, a clock that is turned by hand, and a real ICS server."""

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from uuid import uuid4

import pytest_asyncio
from cryptography.fernet import Fernet
from pydantic import SecretStr

from calendar_sync.adapters.ics.process import ExpansionProcess
from calendar_sync.adapters.ics.reader import IcsReader
from calendar_sync.domain import ConnectionKind
from calendar_sync.main import create_api, create_poller
from calendar_sync.settings import CalendarSyncSettings
from slotstream_servicekit.http.guarded import GuardedHttp
from slotstream_servicekit.testing.databases import PATIENT
from slotstream_servicekit.testing.plugin import ApiClientFactory, FreshDatabaseFactory, Signer

# With importmode=importlib a tests folder is not on the path: for what several tests share.
sys.path.append(str(Path(__file__).parent))

from calendar_tenant import IcsServer, Tenant


@pytest_asyncio.fixture
async def ics() -> AsyncIterator[IcsServer]:
    state = IcsServer()
    server = await asyncio.start_server(state.serve, "127.0.0.1", 0)
    state.port = server.sockets[0].getsockname()[1]
    state.show()
    async with server:
        yield state


@pytest_asyncio.fixture
async def tenant(
    fresh_database: FreshDatabaseFactory, signer: Signer, api_client: ApiClientFactory
) -> AsyncIterator[Tenant]:
    fresh = fresh_database("calendar_sync")
    settings = CalendarSyncSettings(
        database_url=fresh.app_url,
        public_url="https://sync.example.com",
        issuers=(signer.issuer,),
        api_database_limits=PATIENT,
        secret_keys=(SecretStr(Fernet.generate_key().decode()),),
        allowed_networks=(ip_network("127.0.0.0/8"),),
        fetch_seconds=30,
        fetch_max_bytes=2_000_000,
        resource_wait=timedelta(milliseconds=200),
    )
    organization_id, stranger_id = uuid4(), uuid4()
    made: list[Tenant] = []
    app = create_api(settings, clock=lambda: made[0].now)
    guarded = GuardedHttp(
        allowed=settings.allowed_networks, seconds=60, connect_seconds=5, max_bytes=settings.fetch_max_bytes
    )
    tenant = Tenant(
        app=app,
        database=fresh.database,
        settings=settings,
        http=await api_client(app, token=signer.token(organization_id=organization_id)),
        stranger=await api_client(app, token=signer.token(organization_id=stranger_id)),
        anonymous=await api_client(app),
        poller=create_poller(
            settings,
            database=fresh.database,
            readers={ConnectionKind.ICS: IcsReader(guarded, ExpansionProcess(seconds=60))},
            clock=lambda: made[0].now,
        ),
        organization_id=organization_id,
        stranger_id=stranger_id,
        resource_id=uuid4(),
        business_id=uuid4(),
    )
    made.append(tenant)
    await tenant.know_resource()
    yield tenant
    await guarded.aclose()
