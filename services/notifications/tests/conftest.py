"""Makes the fixtures' modules importable: with importmode=importlib a tests folder is not on the path."""

import sys
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
import pytest_asyncio
from aiosmtpd.controller import Controller
from cryptography.fernet import Fernet
from pydantic import SecretStr

sys.path.append(str(Path(__file__).parent))

from notifications_mailbox import Mailbox
from notifications_phone import Phone
from notifications_push import CONTACT, PUSH_KEY, FakePushService
from notifications_salon import Salon
from notifications_staff import Ada
from notifications_twilio import ACCOUNT, TOKEN, FakeTwilio

from notifications.adapters.push import VapidKey
from notifications.channels import create_accounts, create_channels, create_push_key
from notifications.main import create_api, create_handlers, create_sender
from notifications.settings import NotificationsSettings
from notifications.storage.tables import TENANT_TABLES
from slotstream_servicekit.infrastructure.processes import free_port
from slotstream_servicekit.testing.databases import PATIENT, FreshDatabase
from slotstream_servicekit.testing.plugin import ApiClientFactory, Signer
from slotstream_servicekit.testing.spreading import each_names_the_organization

ACROSS_ORGANIZATIONS = (
    "WHERE messages.address = $",
    "FROM clients \nWHERE clients.phone = $",
    "SELECT DISTINCT catalogue.organization_id \nFROM catalogue",
)
"""What docs/spreading.md tells of: whose question a text answers, and who wrote it, is known by the number alone."""


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox(port=free_port())
    controller = Controller(box, hostname="127.0.0.1", port=box.port, ready_timeout=60)
    controller.start()
    yield box
    controller.stop()


@pytest_asyncio.fixture
async def salon(
    fresh_database: Callable[[str], FreshDatabase],
    signer: Signer,
    api_client: Callable[..., Awaitable[httpx2.AsyncClient]],
    mailbox: Mailbox,
) -> AsyncIterator[Salon]:
    fresh = fresh_database("notifications")
    settings = NotificationsSettings(
        database_url=fresh.app_url,
        issuers=(signer.issuer,),
        api_database_limits=PATIENT,
        smtp_port=mailbox.port,
        sender_address="no-reply@mail.example",
        catalogue_wait=timedelta(milliseconds=200),
        most_attempts=3,
        secret_keys=(SecretStr(Fernet.generate_key().decode()),),
    )
    organization_id = uuid4()
    made: list[Salon] = []

    def clock() -> datetime:
        return made[0].now

    app = create_api(settings, clock=clock)
    accounts = create_accounts(settings)
    channels = create_channels(settings, accounts=accounts)
    salon = Salon(
        app=app,
        database=fresh.database,
        owner_url=fresh.owner_url,
        settings=settings,
        http=await api_client(app, token=signer.token(organization_id=organization_id)),
        stranger=await api_client(app, token=signer.token(organization_id=uuid4())),
        viewer=await api_client(app, token=signer.token(organization_id=organization_id, role="viewer")),
        anonymous=await api_client(app),
        handlers=create_handlers(settings, channels=channels, clock=clock),
        sender=create_sender(settings, database=fresh.database, channels=channels, clock=clock),
        mailbox=mailbox,
        organization_id=organization_id,
        business_id=uuid4(),
        service_id=uuid4(),
        staff_id=uuid4(),
        client_id=uuid4(),
    )
    made.append(salon)
    async with each_names_the_organization(
        app.state.dependencies.database, tables=TENANT_TABLES, besides=ACROSS_ORGANIZATIONS
    ):
        await salon.receive_states(salon.business(), salon.service(), salon.staff(), salon.client())
        yield salon
    for channel in channels:
        await channel.aclose()
    await accounts.aclose()
    await salon.take_published()


@pytest_asyncio.fixture
async def twilio(salon: Salon) -> AsyncIterator[FakeTwilio]:
    """The salon texts and calls by a Twilio that keeps to its document, and so must we; Grace has a phone."""
    async with FakeTwilio().running() as fake:
        settings = salon.settings.model_copy(
            update={
                "sms": "twilio",
                "sms_sender": "+447700900777",
                "voice": "twilio",
                "voice_sender": "+447700900777",
                "twilio_account_sid": ACCOUNT,
                "twilio_auth_token": SecretStr(TOKEN),
                "twilio_base_url": fake.url,
                "twilio_callback_url": "https://msg.salon.test/api/notifications",
                "twilio_seconds": 60.0,
                "number_keys": (SecretStr(urlsafe_b64encode(bytes(32)).decode()),),
            }
        )
        accounts = create_accounts(settings)
        channels = create_channels(settings, accounts=accounts)
        salon.use(channels, settings)
        await salon.receive_states(salon.client(phone="+447700900123", version=2))
        yield fake
        for channel in channels:
            await channel.aclose()
        await accounts.aclose()
        assert fake.faults == []


@pytest.fixture
def phone(salon: Salon, twilio: FakeTwilio) -> Phone:
    return Phone(salon)


@pytest_asyncio.fixture
async def push_service(salon: Salon, tmp_path: Path) -> AsyncIterator[FakePushService]:
    """The salon pushes to a service that judges what it is sent."""
    service = FakePushService(ca_file=tmp_path / "ca.pem", public_key=VapidKey(PUSH_KEY).public_key)
    async with service.running():
        settings = salon.settings.model_copy(
            update={
                "push": "webpush",
                "push_key": SecretStr(PUSH_KEY),
                "push_contact": CONTACT,
                "push_allowed_networks": (IPv4Network("127.0.0.0/8"),),
                "push_ca_file": str(service.ca_file),
                "push_seconds": 60.0,
            }
        )
        channels = create_channels(settings)
        salon.use(channels)
        salon.app.state.dependencies = replace(
            salon.app.state.dependencies,
            push_key=create_push_key(settings),
            push_networks=settings.push_allowed_networks,
        )
        yield service
        for channel in channels:
            await channel.aclose()
        assert service.faults == []


@pytest_asyncio.fixture
async def ada(salon: Salon, api_client: ApiClientFactory, signer: Signer) -> Ada:
    user_id = uuid4()
    token = signer.token(organization_id=salon.organization_id, role="staff", subject=str(user_id))
    ada = Ada(salon=salon, http=await api_client(salon.app, token=token), user_id=user_id)
    await ada.becomes()
    await salon.receive_states(salon.staff(user_id=str(user_id), version=2))
    salon.now = datetime(2026, 3, 9, 12, tzinfo=UTC)
    return ada


@pytest_asyncio.fixture
async def grace(salon: Salon, api_client: ApiClientFactory, signer: Signer) -> httpx2.AsyncClient:
    """The client, in the portal."""
    claims = {"client": str(salon.client_id)}
    return await api_client(
        salon.app, token=signer.token(organization_id=salon.organization_id, role="client", claims=claims)
    )
