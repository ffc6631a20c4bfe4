"""Signing in by a company's own provider: set by an owner, used by a colleague, refused to a stranger."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest_asyncio
from harness.desk import Desk, OpenDesk, see
from harness.practice import Practice
from harness.world import expect
from playwright.async_api import Page

from slotstream_servicekit.testing.company_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    CompanyProvider,
    Person,
    a_company_provider,
)


@pytest_asyncio.fixture(loop_scope="session")
async def provider() -> AsyncIterator[CompanyProvider]:
    async with a_company_provider(lambda: datetime.now(UTC)) as running:
        yield running


async def test_a_companys_people_sign_in_by_its_own_provider(
    desk: Desk, open_desk: OpenDesk, practice: Practice, provider: CompanyProvider
) -> None:
    """The owner sets it up and tries it; a colleague who has no password comes in, and next time from the sign-in page."""
    provider.person = Person(subject="olga", email="olga@nord.example")
    await _invite(practice, "olga@nord.example")
    address = await _set_up(desk, provider, domains="nord.example")
    await _copies_each_address(desk, address)
    await desk.button("Test").click()
    await see(desk.page.get_by_text("The provider answers as it should.")).to_be_visible()

    async with open_desk(storage_state=None) as colleague:
        page = colleague.page
        await page.goto(f"{address}?next=/appointments%3Fperiod%3Dall")
        await see(page.get_by_role("heading", name="Appointments")).to_be_visible()
        assert page.url == f"{practice.url}/appointments?period=all"
        await colleague.goto("/settings/profile")
        await see(page.get_by_role("heading", name="Settings")).to_be_visible()
        # Who has no password here has none to change.
        await see(page.get_by_label("New password")).to_have_count(0)

        await page.context.clear_cookies(name="slotstream")
        await colleague.goto("/appointments?period=all")
        await page.get_by_role("link", name="Sign in with your company").click()
        await see(page.get_by_role("heading", name="Appointments")).to_be_visible()
        assert provider.refused == []

    await _remove(desk)


async def test_whom_nobody_invited_is_told_so_and_gets_no_session(
    desk: Desk, open_desk: OpenDesk, practice: Practice, provider: CompanyProvider
) -> None:
    provider.person = Person(subject="steve", email="steve@nord.example")
    address = await _set_up(desk, provider, domains="nord.example")

    async with open_desk(storage_state=None) as stranger:
        await stranger.page.goto(address)
        await see(stranger.page.get_by_text("you may not sign in here")).to_be_visible()
        await _has_no_session(stranger.page, practice)

        # An answer that was meant for another browser opens nothing here.
        query = {"redirect_uri": f"{address}/callback", "state": "x" * 43, "client_id": CLIENT_ID, "nonce": "y"}
        await stranger.page.goto(provider.send_back(query))
        await see(stranger.page.get_by_text("did not work out")).to_be_visible()
        await _has_no_session(stranger.page, practice)

    await _remove(desk)
    async with open_desk(storage_state=None) as late:
        await late.page.goto(address)
        await see(late.page.get_by_text("sign-in is not available")).to_be_visible()


async def _set_up(desk: Desk, provider: CompanyProvider, *, domains: str) -> str:
    """The owner fills the form; the answer is where the company's people sign in."""
    await desk.goto("/settings/identity-provider")
    for label, text in (
        ("Issuer", provider.issuer),
        ("Client id", CLIENT_ID),
        ("Client secret", CLIENT_SECRET),
        ("E-mail domains", domains),
    ):
        await desk.page.get_by_label(label).fill(text)
    await desk.button("Save").click()
    address = desk.page.get_by_role("textbox", name="Where your people sign in")
    await see(address).to_be_visible()
    await see(desk.page.get_by_label("Client secret")).to_have_value("")
    return await address.input_value()


async def _copies_each_address(desk: Desk, address: str) -> None:
    """What is to be registered at the provider: where people come back to, and where it tells of a sign-out."""
    await desk.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    for label, wanted in (("Redirect address", f"{address}/callback"), ("Sign-out address", f"{address}/logout")):
        await desk.page.get_by_role("button", name=f"Copy: {label}").click()
        await desk.page.wait_for_function("async text => await navigator.clipboard.readText() === text", arg=wanted)


async def _remove(desk: Desk) -> None:
    await desk.button("Remove").click()
    await see(desk.page.get_by_label("Where your people sign in")).to_have_count(0)


async def _invite(practice: Practice, email: str) -> None:
    body = {"email": email, "name": "Olga Nord", "role": "manager"}
    expect(await practice.world.dashboard.post("/v1/users", json=body, headers=practice.world.fresh_key()), 201)


async def _has_no_session(page: Page, practice: Practice) -> None:
    assert (await page.request.get(f"{practice.url}/api/session")).status == 401
