"""How the service is wired, and what its origin tells browsers."""

import subprocess
import sys

import pytest
from cryptography.fernet import Fernet
from dashboard_tenant import Tenant, owner_of
from pydantic import SecretStr, ValidationError

from dashboard.domain.errors import UnsealableError
from dashboard.first_owner import make_first_owner
from dashboard.main import create_api, create_worker
from dashboard.settings import DashboardSettings
from slotstream_servicekit.errors import StartError

CREATE_THE_API = """
import sys
from dashboard.main import create_api
from dashboard.settings import DashboardSettings
create_api(DashboardSettings(database_url="postgresql+asyncpg://nobody@localhost/nothing", http_port=0))
print(", ".join(sorted({"aiokafka", "faststream"} & sys.modules.keys())))
"""
NOWHERE = "postgresql+asyncpg://nobody@localhost/nothing"


def test_the_api_role_holds_no_kafka_client() -> None:
    created = subprocess.run([sys.executable, "-c", CREATE_THE_API], capture_output=True, text=True, check=False)

    assert (created.stdout.strip(), created.stderr) == ("", "")


async def test_neither_role_starts_without_a_key() -> None:
    app = create_api(DashboardSettings(database_url=NOWHERE))
    with pytest.raises(StartError, match="DASHBOARD_SECRET_KEYS"):
        async with app.router.lifespan_context(app):
            pass
    with pytest.raises(StartError, match="DASHBOARD_SECRET_KEYS"):
        create_worker(DashboardSettings(database_url=NOWHERE))


def test_settings_by_which_a_changed_role_would_bite_too_late_are_refused() -> None:
    with pytest.raises(ValidationError, match="60 seconds"):
        DashboardSettings.model_validate({"database_url": NOWHERE, "token_lifetime": 60, "session_memory": 5})


@pytest.mark.parametrize(
    ("public_url", "origin", "cookie"),
    [
        ("https://desk.example.com/", "https://desk.example.com", "__Host-slotstream"),
        ("https://desk.example.com:443", "https://desk.example.com", "__Host-slotstream"),
        ("https://desk.example.com:8443", "https://desk.example.com:8443", "__Host-slotstream"),
        ("http://localhost:8160", "http://localhost:8160", "slotstream"),
        ("http://[::1]:8160", "http://[::1]:8160", "slotstream"),
    ],
)
def test_the_origin_is_written_as_browsers_write_it(public_url: str, origin: str, cookie: str) -> None:
    settings = DashboardSettings(database_url=NOWHERE, public_url=public_url)

    assert (settings.origin, settings.cookie_name) == (origin, cookie)


@pytest.mark.service
async def test_the_worker_mails_renews_sweeps_and_consumes(tenant: Tenant) -> None:
    worker = create_worker(tenant.settings)
    try:
        assert [task.__name__ for task in worker.tasks] == [
            "mails",
            "signing_keys",
            "untold_users",
            "housekeeping",
            "dead_letter_count",
        ]
        assert worker.consumers is not None
        assert worker.relay is not None
    finally:
        await worker.dispose()


@pytest.mark.service
async def test_pages_and_data_carry_what_protects_them(tenant: Tenant) -> None:
    browser = await tenant.signed_in()
    shown = await browser.get("/")
    data = await browser.get("/api/session")
    missing = await browser.get("/nowhere")

    policy = shown.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert data.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    for answer in (shown, data, missing):
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["strict-transport-security"].startswith("max-age=")
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert (await browser.get("/docs")).status_code == 404
    assert (await browser.get("/openapi.json")).status_code == 200


@pytest.mark.service
async def test_whoever_is_not_signed_in_is_led_to_sign_in(tenant: Tenant) -> None:
    answer = await tenant.browser().get("/")

    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


@pytest.mark.service
async def test_the_first_owner_is_made_once_and_only_an_owner_ends_that(tenant: Tenant) -> None:
    """The fixture's owner has accepted already."""
    assert await make_first_owner(tenant.settings, owner_of(tenant.organization_id)) is None


@pytest.mark.service
async def test_another_key_does_not_open_what_was_sealed_with_the_first(tenant: Tenant) -> None:
    own = create_api(tenant.settings, clock=lambda: tenant.now)
    async with own.router.lifespan_context(own):
        await own.state.dependencies.key_ring.signer()
    others = tenant.settings.model_copy(update={"secret_keys": (SecretStr(Fernet.generate_key().decode()),)})
    app = create_api(others, clock=lambda: tenant.now)
    async with app.router.lifespan_context(app):
        with pytest.raises(UnsealableError):
            await app.state.dependencies.key_ring.signer()
