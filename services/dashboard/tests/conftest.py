"""A dashboard of one's own: real PostgreSQL, caught mails, and a clock that is turned by hand."""

import sys
from collections.abc import AsyncIterator
from ipaddress import IPv4Network
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography.fernet import Fernet
from pydantic import SecretStr

from dashboard import first_owner
from dashboard.main import create_api
from dashboard.settings import DashboardSettings
from dashboard.worker import Mailer
from slotstream_servicekit.testing.company_provider import a_company_provider
from slotstream_servicekit.testing.databases import PATIENT
from slotstream_servicekit.testing.plugin import FreshDatabaseFactory, Signer

# With importmode=importlib a tests folder is not on the path: for what several tests share.
sys.path.append(str(Path(__file__).parent))

from companies import Company
from dashboard_tenant import ORIGIN, PASSWORD, MailCatcher, Tenant, fresh_organization, owner_of, path_of
from upstream_service import Upstream


@pytest_asyncio.fixture
async def tenant(
    fresh_database: FreshDatabaseFactory, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Tenant]:
    fresh = fresh_database("dashboard")
    settings = DashboardSettings(
        database_url=fresh.app_url,
        public_url=ORIGIN,
        issuers=(signer.issuer,),
        api_database_limits=PATIENT,
        secret_keys=(SecretStr(Fernet.generate_key().decode()),),
        link_keys=(SecretStr(Fernet.generate_key().decode()),),
        upstreams={
            "booking": "http://booking.test:8001",
            "calendar-sync": "http://sync.test:8005",
            "availability": "http://availability.test:8002",
            "notifications": "http://notifications.test:8003",
        },
        proxy_max_body_bytes=100_000,
        provider_networks=(IPv4Network("127.0.0.0/8"),),
    )
    made: list[Tenant] = []
    mails, upstream = MailCatcher(), Upstream()
    tenant = Tenant(
        app=create_api(settings, clock=lambda: made[0].now, upstreams=upstream),
        upstream=upstream,
        database=fresh.database,
        settings=settings,
        signer=signer,
        mailer=Mailer(database=fresh.database, sender=mails, settings=settings, clock=lambda: made[0].now),
        mails=mails,
        organization_id=fresh_organization(),
    )
    made.append(tenant)
    monkeypatch.setattr(first_owner, "system_clock", lambda: tenant.now)
    async with tenant.app.router.lifespan_context(tenant.app):
        link = await first_owner.make_first_owner(settings, owner_of(tenant.organization_id))
        assert link is not None
        answer = await tenant.browser().submit(path_of(link), password=PASSWORD)
        assert answer.status_code == 303, answer.text
        yield tenant
        for client in tenant.clients:
            await client.aclose()


@pytest_asyncio.fixture
async def company(tenant: Tenant) -> AsyncIterator[Company]:
    async with a_company_provider(lambda: tenant.now) as provider:
        company = Company(tenant=tenant, provider=provider, organization_id=tenant.organization_id)
        await company.configure()
        yield company


@pytest_asyncio.fixture
async def other_company(tenant: Tenant) -> AsyncIterator[Company]:
    """Another organization, whose provider says what it likes."""
    organization_id = fresh_organization()
    await first_owner.make_first_owner(tenant.settings, owner_of(organization_id))
    async with a_company_provider(lambda: tenant.now) as provider:
        company = Company(tenant=tenant, provider=provider, organization_id=organization_id)
        await company.configure(creates_users=True, default_role="manager")
        yield company
