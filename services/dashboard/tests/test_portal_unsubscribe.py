"""Unsubscribing from reminders: by one click of a mail program, which has no page, and on the page of messages."""

import re
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import httpx2
import pytest
import pytest_asyncio
from dashboard_tenant import Tenant
from portal_paths import a_link, is_private, path_of, place_of, sealer_of
from portal_services import PortalServices

from slotstream_servicekit.client_links import LinkSealer

pytestmark = pytest.mark.service

ONE_CLICK = "List-Unsubscribe=One-Click"
URL_ENCODED = "application/x-www-form-urlencoded"
MULTIPART = (
    "multipart/form-data; boundary=b",
    '--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n',
)


@pytest_asyncio.fixture
async def services(tenant: Tenant) -> PortalServices:
    made = PortalServices(organization_id=tenant.organization_id)
    tenant.upstream.answer = made
    return made


async def post(
    tenant: Tenant, path: str, *, body: str = ONE_CLICK, kind: str = URL_ENCODED, address: str = "198.51.100.9"
) -> httpx2.Response:
    """As a mail provider's server does: without a cookie, an origin or a referrer."""
    http = tenant.browser_at(address).http
    return await http.post(path, content=body.encode(), headers={"Content-Type": kind, "User-Agent": "Mail-Robot"})


@pytest.mark.parametrize(("kind", "body"), [(URL_ENCODED, ONE_CLICK), MULTIPART])
async def test_a_mail_programs_post_stops_reminders_and_nothing_else(
    tenant: Tenant, services: PortalServices, kind: str, body: str
) -> None:
    appointment = services.add()
    path = f"{path_of(tenant, services)}/unsubscribe"

    answers = [await post(tenant, path, kind=kind, body=body) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [204, 204]
    assert all(is_private(answer) and "set-cookie" not in answer.headers for answer in answers)
    assert services.acts == [("unsubscribe", str(services.client_id), {})] * 2
    assert (services.opted_out, appointment["status"]) == ([], "scheduled")


async def test_opening_the_address_shows_the_choice_and_changes_nothing(
    tenant: Tenant, services: PortalServices
) -> None:
    path = path_of(tenant, services)
    browser = tenant.browser()

    page = await browser.get(f"{path}/unsubscribe")
    looked = await browser.http.head(f"{path}/unsubscribe")

    assert (page.status_code, looked.status_code) == (200, 200)
    assert f'action="{path}/preferences"' in page.text
    assert (services.acts, services.unsubscribed_at) == ([], None)
    assert (await post(tenant, f"{path}/unsubscribe")).status_code == 204


async def test_who_has_no_good_link_unsubscribes_nobody(tenant: Tenant, services: PortalServices) -> None:
    link, sealer = a_link(tenant, services, None), sealer_of(tenant)
    token = sealer.seal(link)
    forged = LinkSealer(["bm90b3Vyc25vdG91cnNub3RvdXJzbm90b3Vyc25vdG8="]).seal(link)
    elsewhere = sealer.seal(replace(link, organization_id=uuid4()))
    somebody = sealer.seal(replace(link, client_id=uuid4()))
    expired = sealer.seal(replace(link, expires_at=tenant.now - timedelta(seconds=1)))

    for bad, status in (
        *((forged, 404), (token[:-1], 404), (token + "A", 404), ("x" * 4_000, 404)),
        *((elsewhere, 410), (somebody, 410), (expired, 410)),
    ):
        assert (await post(tenant, f"/p/{bad}/unsubscribe")).status_code == status, bad
    revoked = await tenant.api().post("/v1/client-links/revoke", json={"client_id": str(services.client_id)})
    assert revoked.status_code == 204, revoked.text
    assert (await post(tenant, f"/p/{token}/unsubscribe")).status_code == 410
    assert (services.acts, services.unsubscribed_at) == ([], None)


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        (URL_ENCODED, "", 400),
        (URL_ENCODED, "List-Unsubscribe=Yes", 400),
        (URL_ENCODED, "List-Unsubscribe=one-click", 400),
        (URL_ENCODED, "list-unsubscribe=One-Click", 400),
        (URL_ENCODED, f"List-Unsubscribe=No&{'x' * 17_000}", 413),
        (URL_ENCODED, f"{ONE_CLICK}&{'x' * 17_000}", 413),
        ("application/json", '{"List-Unsubscribe": "One-Click"}', 400),
        ("text/plain", ONE_CLICK, 400),
        ("multipart/form-data", MULTIPART[1], 400),
        ("multipart/form-data; boundary=b", "--b\r\nnonsense\x00", 400),
        ("multipart/form-data; boundary=b; charset=undefined", MULTIPART[1], 400),
        ("multipart/form-data; boundary=b", MULTIPART[1].replace('Unsubscribe"', 'Unsubscribe"; filename="a"'), 400),
    ],
)
async def test_another_body_is_refused_and_does_nothing(
    tenant: Tenant, services: PortalServices, kind: str, body: str, status: int
) -> None:
    answer = await post(tenant, f"{path_of(tenant, services)}/unsubscribe", kind=kind, body=body)

    assert answer.status_code == status, answer.text
    assert services.acts == []


async def test_one_providers_servers_are_not_shut_out_by_their_number(tenant: Tenant, services: PortalServices) -> None:
    path, burst = f"{path_of(tenant, services)}/unsubscribe", tenant.settings.portal_rate.burst
    guesses = [(await post(tenant, "/p/x/unsubscribe")).status_code for _ in range(burst + 1)]

    assert (guesses[:burst], guesses[burst]) == ([404] * burst, 429)
    assert (await post(tenant, path)).status_code == 204
    # A flood of one link is slowed, wherever it comes from.
    flood = [(await post(tenant, path, body="", address=f"198.51.100.{one}")).status_code for one in range(burst)]
    assert (flood[0], flood[-1]) == (400, 429)


async def test_this_form_alone_may_come_from_anywhere(tenant: Tenant, services: PortalServices) -> None:
    path = path_of(tenant, services, services.add())
    browser = tenant.browser()

    for verb in ("confirm", "cancel", "preferences"):
        refused = await browser.submit(f"{path}/{verb}", site="cross-site", origin="https://evil.example")
        assert refused.status_code == 403, verb
    assert services.acts == []
    from_anywhere = await browser.submit(
        f"{path}/unsubscribe", site="cross-site", origin="https://mail.example", **{"List-Unsubscribe": "One-Click"}
    )
    assert from_anywhere.status_code == 204


async def test_reminders_are_taken_up_again_on_the_page(tenant: Tenant, services: PortalServices) -> None:
    path = path_of(tenant, services)
    browser = tenant.browser()
    await post(tenant, f"{path}/unsubscribe")

    page = await browser.get(f"{path}/preferences")
    assert not re.search(r'name="reminders" value="1" checked', page.text)
    asked = {"email": "1", "sms": "1", "asks_reminders": "1"}
    kept = await browser.submit(f"{path}/preferences", version="1", reminders="1", **asked)
    again = await browser.get(f"{path}/preferences")
    left = await browser.submit(f"{path}/preferences", version="2", **asked)

    assert place_of(kept) == place_of(left) == f"{path}/preferences?done=saved"
    assert re.search(r'name="reminders" value="1" checked', again.text)
    assert services.unsubscribed_at is not None


async def test_a_service_of_the_version_before_is_asked_nothing_new(tenant: Tenant, services: PortalServices) -> None:
    services.tells_reminders = False
    path = path_of(tenant, services)
    browser = tenant.browser()

    page = await browser.get(f"{path}/preferences")
    kept = await browser.submit(f"{path}/preferences", version="1", email="1", sms="1")

    assert "reminders" not in page.text.lower().replace("reminders come this way", "")
    assert place_of(kept) == f"{path}/preferences?done=saved"
