"""The service under test: one organization with a business in Berlin, two staff and two services."""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest_asyncio

from imports.main import create_api, create_import_worker
from imports.settings import ImportsSettings
from slotstream_contracts.catalogue import BusinessState, ResourceState, ServiceState
from slotstream_servicekit.testing.databases import PATIENT
from slotstream_servicekit.testing.plugin import ApiClientFactory, FreshDatabaseFactory, Signer

sys.path.append(str(Path(__file__).parent))

from imports_service import NOW, ImportsService


@pytest_asyncio.fixture
async def service(fresh_database: FreshDatabaseFactory, signer: Signer, api_client: ApiClientFactory) -> ImportsService:
    fresh = fresh_database("imports")
    settings = ImportsSettings(
        database_url=fresh.app_url,
        issuers=(signer.issuer,),
        api_database_limits=PATIENT,
        catalogue_wait=timedelta(0),
        max_rows=200_000,
        chunk_rows=100,
    )
    now = [NOW]
    app = create_api(settings, clock=lambda: now[0])
    organization_id, business_id, service_id, anna_id = uuid4(), uuid4(), uuid4(), uuid4()

    async def sign_in(**claims: Any) -> httpx2.AsyncClient:
        return await api_client(app, token=signer.token(organization_id=organization_id, **claims))

    service = ImportsService(
        database=fresh.database,
        owner_url=fresh.owner_url,
        http=await api_client(app, token=signer.token(organization_id=organization_id)),
        stranger=await api_client(app, token=signer.token(organization_id=uuid4())),
        anonymous=await api_client(app),
        staff_client=await api_client(app, token=signer.token(organization_id=organization_id, role="staff")),
        viewer=await api_client(app, token=signer.token(organization_id=organization_id, role="viewer")),
        worker=create_import_worker(settings, database=fresh.database, clock=lambda: now[0]),
        app=app,
        now=now,
        organization_id=organization_id,
        business_id=business_id,
        service_id=service_id,
        anna_id=anna_id,
        sign_in=sign_in,
    )
    common: dict[str, Any] = {"organization_id": organization_id, "updated_at": NOW, "version": 1}
    await service.receive(
        BusinessState(id=business_id, name="Mitte", zone="Europe/Berlin", phone_region="DE", currency="EUR", **common),
        ServiceState(id=service_id, name="First visit", business_id=business_id, duration_minutes=30, **common),
        ServiceState(id=uuid4(), name="Haircut", business_id=business_id, duration_minutes=45, **common),
        *(
            ResourceState(id=id_, name=name, business_ids=(business_id,), kind="staff", zone="Europe/Berlin", **common)
            for id_, name in ((anna_id, "Anna"), (uuid4(), "Ben"))
        ),
    )
    return service
