"""A passkey of a device that Chromium plays: added in the profile, used on the sign-in page, taken away again."""

from collections.abc import AsyncIterator

import pytest_asyncio
from harness.desk import see, watched
from harness.practice import PASSWORD, Practice
from playwright.async_api import Browser, Page, StorageState

from slotstream_local.services import ServiceProcess
from slotstream_servicekit.infrastructure.processes import free_port

_DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def origin(practice: Practice, signed_in: StorageState) -> AsyncIterator[str]:
    """The dashboard once more, by a name: at an address of numbers browsers know no passkeys."""
    port = free_port()
    origin = f"http://localhost:{port}"
    process = ServiceProcess(
        service="dashboard",
        role="api",
        port=port,
        environment=practice.platform.processes["dashboard"].environment
        | {"DASHBOARD_HTTP_PORT": str(port), "DASHBOARD_PUBLIC_URL": origin, "DASHBOARD_TOKEN_ISSUER": practice.url},
        log=practice.platform.folder / "dashboard-by-name.log",
    )
    process.start()
    process.wait_ready(within=180)
    try:
        yield origin
    finally:
        process.kill()


async def test_a_passkey_signs_in_until_it_is_removed(browser: Browser, practice: Practice, origin: str) -> None:
    async with await browser.new_context(locale="en-GB", viewport={"width": 1360, "height": 900}) as context:
        context.set_default_timeout(15_000)
        page = await context.new_page()
        device = await context.new_cdp_session(page)
        await device.send("WebAuthn.enable")
        added = await device.send("WebAuthn.addVirtualAuthenticator", {"options": _DEVICE})
        with watched(page):
            await _sign_in_by_password(page, practice, origin)
            await page.goto(f"{origin}/settings/profile")
            await page.get_by_label("Name of the device").fill("Front desk")
            await page.get_by_role("button", name="Add a passkey").click()
            await see(page.get_by_role("status").filter(has_text="The passkey is added")).to_be_visible()
            held = await device.send("WebAuthn.getCredentials", {"authenticatorId": added["authenticatorId"]})
            assert [credential["rpId"] for credential in held["credentials"]] == ["localhost"]

            await context.clear_cookies()
            await page.goto(f"{origin}/settings/profile")
            await page.get_by_role("button", name="Sign in with a passkey").click()
            await see(page.get_by_text("Front desk")).to_be_visible()
            assert page.url == f"{origin}/settings/profile"

            await page.get_by_role("button", name="Remove: Front desk").click()
            await see(page.get_by_text("Front desk")).to_have_count(0)
            await context.clear_cookies()
            await page.goto(f"{origin}/sign-in")
            await page.get_by_role("button", name="Sign in with a passkey").click()
            await see(page.get_by_role("alert").filter(has_text="does not fit")).to_be_visible()


async def test_without_a_device_the_page_goes_on_by_password(browser: Browser, practice: Practice, origin: str) -> None:
    async with await browser.new_context(locale="en-GB") as context:
        page = await context.new_page()
        with watched(page):
            await _sign_in_by_password(page, practice, origin)


async def _sign_in_by_password(page: Page, practice: Practice, origin: str) -> None:
    await page.goto(f"{origin}/sign-in")
    await page.get_by_label("E-mail").fill(practice.email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await page.wait_for_url(lambda url: "/sign-in" not in url)
